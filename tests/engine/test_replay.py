"""What comes next, by records alone: every rule of replay is a row.

Nothing here has a store, a clock or a bot; a dialog and a list of records are all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_dialog import Chat, Dialog, messages
from wechat_dialog.core.dialog.question_ids import wait_id
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.replay.records import (
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    Record,
    Returned,
    TextRecord,
)
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Ended, Raised
from wechat_dialog.errors import Cancelled, ReplayMismatch, StepFailed, TooManyAttempts

USER, ACCOUNT, BEGUN = "oEngine", "gh_engine", 1_700_000_000


def said(text: str, question: str = "", *, kind: str = "a", late: int = 0) -> Record:
    """An accepted answer to a question; without one, the message that starts the dialog."""
    wait = wait_id(kind, None, question) if question else ""
    return TextRecord(wait, late, 1, BEGUN, text)


def thrown(what: str) -> Record:
    return TextRecord(f"!{what}", 0, 1, BEGUN, "")


def returned(name: str, result: object) -> Record:
    return Returned(name, msgspec.Raw(msgspec.json.encode(result)))


def gathered(slot: int, name: str, result: object) -> Record:
    return GatheredReturned(slot, name, msgspec.Raw(msgspec.json.encode(result)))


def fetch(city: str) -> int:
    raise AssertionError("the engine runs nothing")


def order(chat: Chat) -> Dialog[str]:
    size = yield from chat.ask("大小？")
    if size == "大":
        sure = yield from chat.ask("真的？")
        return f"大，{sure}"
    return size


async def order_too(chat: Chat) -> str:
    size = await chat.ask("大小？")
    if size == "大":
        sure = await chat.ask("真的？")
        return f"大，{sure}"
    return size


def counted(chat: Chat) -> Dialog[str]:
    number = yield from chat.ask("几个？", int)
    return str(number + 1)


def bare(chat: Chat) -> Dialog[str]:
    answer = yield "说点什么？"
    return f"{answer.text}，{chat.message.created}"


def priced(chat: Chat) -> Dialog[str]:
    try:
        price = yield from chat.step(fetch, "上海")
    except StepFailed as error:
        return f"没有：{error.type}：{error.message}"
    except ValueError as error:
        return f"不对：{error}"
    return f"{price} 元"


def both(chat: Chat) -> Dialog[str]:
    one, two = yield from chat.gather(chat.step(fetch, "北京"), chat.step(fetch, "上海"))
    return f"{one}，{two}"


def careful(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.ask("一？")
    except Cancelled:
        return "取消了"
    except TooManyAttempts as error:
        return f"{error.attempts} 次"
    finally:
        yield from chat.step(fetch, "收拾")
    return "好"


def sub(chat: Chat) -> Dialog[int]:
    return (yield from chat.ask("里面？", int))


def outer(chat: Chat) -> Dialog[int]:
    return (yield from sub(chat)) + (yield from sub(chat))


def broken(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    raise KeyError("bug")


def plain(chat: Chat) -> str:
    return chat.message.kind


def nothing(chat: Chat) -> Dialog[None]:
    yield from chat.gather()


START = said("开始")


def run(fn: Callable[..., Any], records: Sequence[Record]) -> Run:
    message = messages.Text(
        user=USER, account=ACCOUNT, created=BEGUN, msg_id="1", raw={}, text="开始"
    )
    chat = Chat(USER, message, account=ACCOUNT, id="c1", arrived=BEGUN * 1000)
    # By other code than the dialog's: then a question that only reads otherwise is another one.
    made = Run(RegisteredDialog(fn.__name__, fn), chat, {}, account=ACCOUNT, code="older")
    made.replay(records)
    return made


def place(at: object) -> object:
    """Where a dialog stands, as a value that rows compare whole."""
    if isinstance(at, Wait):
        return "waits", at.prompt
    if isinstance(at, StepCall):
        return "step", at.args[0]
    if isinstance(at, Gather):
        return "gathers", len(at.calls)
    if isinstance(at, Ended):
        return "ended", at.value
    assert isinstance(at, Raised)
    return "raised", type(at.error)


@pytest.mark.parametrize(
    ("dialog", "records", "stands"),
    [
        pytest.param(order, [START], ("waits", "大小？"), id="a new user"),
        pytest.param(order, [START, said("小", "大小？")], ("ended", "小"), id="branch not taken"),
        pytest.param(order, [START, said("大", "大小？")], ("waits", "真的？"), id="branch taken"),
        pytest.param(
            order,
            [START, said("大", "大小？"), said("嗯", "真的？")],
            ("ended", "大，嗯"),
            id="to the end",
        ),
        pytest.param(order_too, [START], ("waits", "大小？"), id="a coroutine"),
        pytest.param(
            order_too, [START, said("大", "大小？")], ("waits", "真的？"), id="a coroutine goes on"
        ),
        pytest.param(
            counted, [START, said("两个", "几个？")], ("ended", "3"), id="an answer is read again"
        ),
        pytest.param(
            bare,
            [START, said("喂", "说点什么？", kind="y")],
            ("ended", f"喂，{BEGUN}"),
            id="a bare yield gives the message",
        ),
        pytest.param(plain, [START], ("ended", "text"), id="a function that only returns"),
        pytest.param(priced, [START], ("step", "上海"), id="a step is asked for, not run"),
        pytest.param(
            priced, [START, returned("fetch", 12)], ("ended", "12 元"), id="a step's result"
        ),
        pytest.param(
            priced,
            [START, Failed("fetch", "builtins:ValueError", ["贵"], "贵")],
            ("ended", "不对：贵"),
            id="a step's error is raised again as what it was",
        ),
        pytest.param(
            priced,
            [START, Failed("fetch", "gone:Away", None, "没了")],
            ("ended", "没有：gone.Away：没了"),
            id="an error whose class is gone",
        ),
        pytest.param(both, [START], ("gathers", 2), id="two steps at once"),
        pytest.param(
            both, [START, gathered(1, "fetch", 2)], ("gathers", 2), id="one of them has ended"
        ),
        pytest.param(
            both,
            [START, gathered(1, "fetch", 2), gathered(0, "fetch", 1)],
            ("ended", "1，2"),
            id="both, in whatever order they ended",
        ),
        pytest.param(
            both,
            [
                START,
                GatheredFailed(0, "fetch", "builtins:ValueError", ["贵"], "贵"),
                gathered(1, "fetch", 2),
            ],
            ("raised", ValueError),
            id="one of two raised, and the other was waited for",
        ),
        pytest.param(nothing, [START], ("ended", None), id="a gathering of nothing"),
        pytest.param(careful, [START, thrown("cancel")], ("step", "收拾"), id="cancelled"),
        pytest.param(
            careful,
            [START, thrown("cancel"), returned("fetch", 1)],
            ("ended", "取消了"),
            id="cancelled, cleaned up",
        ),
        pytest.param(
            careful,
            [START, thrown("attempts:3"), returned("fetch", 1)],
            ("ended", "3 次"),
            id="too many attempts",
        ),
        pytest.param(careful, [START, Killed(5)], ("step", "收拾"), id="ended by the operator"),
        pytest.param(outer, [START, said("1", "里面？")], ("waits", "里面？"), id="a sub-dialog"),
        pytest.param(
            outer,
            [START, said("1", "里面？"), said("2", "里面？")],
            ("ended", 3),
            id="what sub-dialogs return",
        ),
        pytest.param(broken, [START, said("好", "一？")], ("raised", KeyError), id="a bug"),
    ],
)
def test_the_records_alone_decide_what_comes_next(
    dialog: Callable[..., Any], records: list[Record], stands: object
) -> None:
    assert place(run(dialog, records).at) == stands


@pytest.mark.parametrize(
    ("dialog", "records", "position", "expected", "found"),
    [
        pytest.param(
            order,
            [START, said("小", "颜色？")],
            1,
            "an answer to ask",
            "大小？",
            id="another question",
        ),
        pytest.param(
            order,
            [START, said("小", "大小？", kind="c")],
            1,
            "an answer to choose",
            "大小？",
            id="another kind of question",
        ),
        pytest.param(
            order,
            [START, said("小", "大小？"), said("嗯", "真的？")],
            2,
            "an answer to ask",
            None,
            id="an end where an answer is left",
        ),
        pytest.param(
            counted,
            [START, said("很多", "几个？")],
            1,
            "an answer that no longer fits",
            "几个？",
            id="an answer that is none any more",
        ),
        pytest.param(
            priced, [START, returned("pay", 12)], 1, "step 'pay'", "step 'fetch'", id="another step"
        ),
        pytest.param(
            priced,
            [START, returned("fetch", "很多")],
            1,
            "a result of step 'fetch' that no longer fits",
            "step 'fetch'",
            id="a result of another type",
        ),
        pytest.param(
            priced, [START, said("好", "一？")], 1, "an answer to ask", "step", id="a step is new"
        ),
        pytest.param(
            order, [START, returned("fetch", 1)], 1, "step 'fetch'", "大小？", id="a step is gone"
        ),
        pytest.param(
            both,
            [START, gathered(2, "fetch", 1)],
            1,
            "slot 2",
            "a gathering",
            id="a slot that is gone",
        ),
        pytest.param(
            both,
            [START, gathered(0, "fetch", 1), gathered(0, "fetch", 1)],
            2,
            "slot 0",
            "a gathering",
            id="a slot twice",
        ),
        pytest.param(
            broken,
            [START, said("好", "一？"), said("好", "二？")],
            2,
            "an answer to ask",
            "raise KeyError",
            id="it raises where an answer is left",
        ),
        pytest.param(order, [START, START], 1, "the start", "大小？", id="a second start"),
    ],
)
def test_a_difference_is_told_with_its_place(
    dialog: Callable[..., Any],
    records: list[Record],
    position: int,
    expected: str,
    found: str | None,
) -> None:
    with pytest.raises(ReplayMismatch) as told:
        run(dialog, records)
    error = told.value
    assert (error.dialog, error.position) == (dialog.__name__, position)
    assert expected in error.expected
    assert error.found is None if found is None else found in (error.found or "")


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip()), max_size=12), st.data())
def test_any_prefix_asks_what_a_live_run_asked_there(words: list[str], data: st.DataObject) -> None:
    def dialog(chat: Chat) -> Dialog[str]:
        seen: list[str] = []
        while len(seen) < len(words):
            number = chat.random.randint(0, 9)
            seen.append((yield from chat.ask(f"{number} {'/'.join(seen)}？")))
        return "/".join(seen)

    live, asked = run(dialog, [START]), list[object]()
    records: list[Record] = [START]
    for word in words:
        asked.append(place(live.at))
        assert isinstance(live.at, Wait)
        records.append(TextRecord(live.at.id, 0, 1, BEGUN, word))
        live.feed(records[-1])
    asked.append(place(live.at))
    length = data.draw(st.integers(0, len(words)))
    assert place(run(dialog, records[: length + 1]).at) == asked[length]


def test_what_a_dialog_knows_comes_from_its_records() -> None:
    def dialog(chat: Chat) -> Dialog[str]:
        first = chat.now()
        yield from chat.ask("一？")
        return f"{(chat.now() - first).total_seconds():g} {chat.replaying}"

    records = [said("开始", late=100), said("好", "一？", late=2600)]
    assert place(run(dialog, records).at) == ("ended", "2.5 True")
