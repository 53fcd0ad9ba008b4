"""The work grows linearly with the input, whatever the input is.

There are two ways to measure it without a wall clock. Of code in Python the bytecodes are counted,
for an input and one four times as long. Of code in C (regular expressions, expat) only the
processor time is known: the input is so long that a quadratic algorithm would take many minutes,
and the kernel ends the process after a number of seconds that is generous for a linear one.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.cli.command import environment
from wechat_dialog import Chat, messages
from wechat_dialog.core.dialog.menu import Menu
from wechat_dialog.core.dialog.options import pairs
from wechat_dialog.core.dialog.questions import View
from wechat_dialog.core.pages.markup import html_of
from wechat_dialog.core.printable import block, one_line
from wechat_dialog.core.secrecy import without_secrets
from wechat_dialog.core.wire import json, xml
from wechat_dialog.core.wire.codec import Codec, read_query
from wechat_dialog.errors import Refused
from wechat_dialog.formats import wechat_text
from wechat_dialog.parsers import match_choice, match_choices
from wechat_dialog.parsers.kinds import parser_for
from wechat_dialog.platform.display import parts_of, plain_parts
from wechat_dialog.replies.splitting import pages
from wechat_dialog.replies.words import labels_only

OURS = str(Path(match_choice.__code__.co_filename).parents[1])
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def menu(count: int, *, many: bool = False) -> Menu[str]:
    nobody = messages.Text(user="o", account="gh", created=0, msg_id="", raw={}, text="")
    labels, values = pairs([f"第{number}号①店 {'x' * (number % 7)}" for number in range(count)])
    return Menu(Chat("o", nobody), "哪家？", labels, values, many=many)


def shows(count: int) -> None:
    menu(count).shown(View(3, ()))


def shows_ticks(count: int) -> None:
    one = menu(count, many=True)
    view = View(0, tuple(range(count)))
    one.shown(view)
    one.ticked_labels("好了", view)
    one.view_after("不是这些", view)


def reads(word: str) -> Callable[[int], None]:
    def read(count: int) -> None:
        labels = menu(count).labels
        for reading in (match_choice, match_choices):
            _refused(lambda labels: reading(word, labels), labels)  # noqa: B023 - called at once

    return read


COUNTED: dict[str, Callable[[int], object]] = {
    "a menu is shown": shows,
    "a menu with all of its options ticked": shows_ticks,
    "an answer that is a part of every label": reads("店"),
    "an answer that is the last option": reads("最后一个"),
    "an answer that is none": reads("天气"),
    "a text is cut into parts": lambda n: pages("🇨🇳好。\n" * n, 200),
    "a text of nothing but flags": lambda n: pages("🇨🇳" * n, 200),
    "a text of links that do not end": lambda n: pages("<a href='x'>" * n, 200),
    "XML of nothing but references": lambda n: _refused(xml.parse, b"<xml>" + b"&#1;" * n),
    "XML of nothing but elements": lambda n: xml.parse(b"<xml>" + b"<a/>" * n + b"</xml>"),
    "JSON of nothing but arrays": lambda n: json.parse(b'{"a":[' + b"[],0," * n + b"0]}"),
    "what is shown of a text": lambda n: parts_of("<a href='http://x'>好</a>/:)http://y " * n),
}


def _refused(work: Callable[[Any], object], given: object) -> None:
    with contextlib.suppress(Refused, ValueError):
        work(given)


def bytecodes(work: Callable[[int], object], count: int) -> int:
    """How many of our own are run."""
    found = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal found
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        found += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(count)
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize("what", COUNTED)
def test_work_in_python_grows_with_its_input_and_no_faster(what: str) -> None:
    work = COUNTED[what]
    work(10)  # what is imported or made once
    few, many = bytecodes(work, 150), bytecodes(work, 600)
    assert many <= 6 * few, f"{many / few:.1f} times the work for 4 times the input"


# Whoever reaches the server -----------------------------------------------------------------------

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
BODIES = {
    "tags": b"<xml>" + b"<a/>" * 16000,
    "references": b"<xml>" + b"&#1;" * 16000,
    "CDATA": b"<xml>" + b"<![CDATA[" * 7000,
    "text": b"<xml><Encrypt>" + b"A" * 65000 + b"</Encrypt></xml>",
    "arrays": b'{"a":[' + b"[]," * 20000 + b"0]}",
    "depth": b'{"a":' + b"[" * 60000,
    "numbers": b'{"a":[' + b"0," * 30000 + b"0]}",
    "no UTF-8": b"<xml>" + b"\xff" * 65000,
}
QUERIES = {
    "none": "",
    "pairs": "&" * 65000,
    "escapes": "%41&+" * 13000,
    "names": "&".join(f"{n}=" for n in range(12000)),
    "long": "a" * 65000,
    "signed like ours": "signature=0&timestamp=1&nonce=1&encrypt_type=aes&msg_signature="
    + "0" * 40,
}
MOST = 3000
"""At most so many bytecodes for an unsigned request; a text that is answered takes some 6 000."""


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
@pytest.mark.parametrize("query", QUERIES)
def test_an_unsigned_request_costs_almost_nothing(query: str, mode: Any) -> None:
    settings: dict[str, Any] = {} if mode == "plain" else {"app_id": "wx1", "aes_key": KEY}
    codec = Codec("token", mode=mode, **settings)

    def opens(name: str) -> None:
        with pytest.raises(Refused):
            codec.open(BODIES[name], QUERIES[query], now=0)

    for name in BODIES:
        opens(name)
        assert bytecodes(lambda _: opens(name), 0) < MOST, name  # noqa: B023 - called at once


# In C ---------------------------------------------------------------------------------------------

LONG = 1_000_000
SECONDS = 40
"""Seconds of processor time for all of it: 6 are needed, and quadratic work needs hundreds."""


def answers(kind: Any) -> Callable[[str], None]:
    read = parser_for(kind)
    return lambda text: _refused(lambda text: read(text, NOW), text)


UNITS = (
    "1", "一", "1,", "就", "我要", "。", "谢谢", "好了", "吗", "1 ", "十", "年", "a.", "点半", "，",
    "明天下午",
)  # fmt: skip

MEASURED: dict[str, tuple[Callable[[Any], object], Any]] = {
    "CDATA that does not end": (xml._repair, b"<![CDATA["),
    "references": (xml._repair, b"&#0000000000"),
    "forbidden characters": (xml._repair, b"\x01<![CDATA[\x01]]>&#1;"),
    "links without an end": (parts_of, "<a "),
    "links that are not closed": (parts_of, "<a href='http://x'>"),
    "labels of links without an end": (labels_only, "<a "),
    "labels of links that are not closed": (labels_only, "<a href='http://x'>"),
    "links in links": (plain_parts, "<a x><b"),
    "addresses": (parts_of, "http://....(.("),
    "pauses": (pages, "。”\n\r\n 12.x "),
    "blanks": (pages, " "),
    "CDATA in a reply": (xml.cdata, "]]]>\x01"),
    "control characters": (one_line, "\x9b"),
    "lines": (block, "\n\u202e"),
    "bold with wide blanks": (wechat_text, "a**" + "\u3000" * 400 + "重\n"),
    "one of them": (wechat_text, "\u3000**"),
    "marks of a heading": (wechat_text, " #"),
    "marks behind a heading": (lambda text: wechat_text(f"##一{text}x"), " #"),
    "a fence in a fence": (wechat_text, "```md\n"),
    "bold on a page": (html_of, "a**" + "\u3000" * 400 + "重\n"),
    "a heading on a page": (lambda text: html_of(f"##一{text}x"), " #"),
    "a URL": (without_secrets, "redis://@"),
    **{f"a text as {kind}": (answers(kind), "明天，") for kind in (str, int, bool, datetime)},
}


def test_no_pattern_takes_quadratic_time() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_linear"],
        env=environment(), capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),
    )  # fmt: skip
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0, f"ended in {last}: {done.stderr}"
    assert last == ["done"]


def main() -> None:
    """Run all of it; the last line of the output is what was begun last."""
    for name, (work, unit) in MEASURED.items():
        print(name, flush=True)
        work(unit * (LONG // len(unit)))
    kinds = (int, float, bool, datetime, int | None)
    # All that a parser looks at, which is enough for a pattern that backtracks.
    for unit in UNITS:
        for kind in kinds:
            for end in ("", "x", " x", "1"):
                print(f"{unit!r} as {kind}, then {end!r}", flush=True)
                answers(kind)((unit * 200)[: 200 - len(end)] + end)
    _refused(read_query, "&" * LONG)
    print("done")


if __name__ == "__main__":
    main()
