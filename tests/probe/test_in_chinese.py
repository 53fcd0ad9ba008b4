"""The probe in a Chinese terminal: every case, outcome and reason is in Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from wechat_dialog.platform import probe
from wechat_dialog.platform.probe.checklist import CHECKLIST
from wechat_dialog.platform.probe.in_chinese import CASES, translated
from wechat_dialog.platform.probe.probe import PartResult, Result
from wechat_dialog.platform.probe.report import show

CHINESE = re.compile("[\u4e00-\u9fff]")
SOURCE = Path(probe.__file__).parent


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)


def literal(node: ast.expr) -> str:
    """A text as it is raised, with a 5 for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "'5'"
            for part in node.values
        ).replace("status '5'", "status 5").replace("not in '5'", "not in 5")  # fmt: skip
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def reasons() -> Iterator[str]:
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name, args = node.func.id, node.args
                if name in ("Skipped", "Failed"):
                    yield literal(args[0 if name == "Skipped" else 1])


REASONS = sorted({one for one in reasons() if " " in one})


def test_many_reasons_are_found() -> None:
    assert len(REASONS) > 30


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_told_in_chinese(reason: str) -> None:
    filled = re.sub("'5'(?= (s|requests|bytes|is taken|in an))|(?<=for )'5'", "5", reason)
    filled = filled.replace("within '5'", "within 5").replace("MsgId '5'", "MsgId 5")
    said = translated(filled)
    assert CHINESE.search(said), f"nobody has translated {filled!r}"
    assert said.count("5") == filled.count("5")


def test_every_title_is_told_in_chinese_and_no_translation_is_left_over() -> None:
    for entry in CHECKLIST.values():
        assert CHINESE.search(translated(entry.title)), entry.title
        assert not entry.unseen or CHINESE.search(translated(entry.unseen)), entry.unseen
    source = "".join(
        "".join(re.split(r'"\n\s+f?"', path.read_text("utf-8")))
        for path in SOURCE.glob("*.py")
        if path.name != "in_chinese.py"
    )
    assert [one for one in CASES if one not in source.replace('\\"', '"')] == []


def test_in_a_narrow_terminal_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    results = [
        Result(number, entry, (PartResult("", "skipped", entry.unseen or REASONS[number]),))
        for number, entry in CHECKLIST.items()
        if number < len(REASONS)
    ]
    show(results, Console(width=60))
    assert "…" not in capsys.readouterr().out


def test_the_report_is_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    failed = PartResult("", "failed", "HTTP status 500, not 200", "5.3")
    skipped = PartResult("", "skipped", "not in plain mode")
    results = [
        Result(5, CHECKLIST[5], (failed,)),
        Result(8, CHECKLIST[8], (skipped,)),
        Result(38, CHECKLIST[38], (PartResult("", "passed"),)),
    ]
    show(results, Console(width=120))
    said = capsys.readouterr().out
    assert "5: 文字得到平台接受的回复\n  HTTP 状态是 500，不是 200（协议 5.3）" in said
    assert "明文模式下查不了" in said
    assert "1 通过, 1 失败, 1 跳过" in said
    assert not re.search(r"\b(the|is|a|not|case|passed)\b", said), said
