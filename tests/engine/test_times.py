"""Timers and signals in a journal: every rule of their replay is a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.engine.test_replay import ACCOUNT, BEGUN, START, USER, fetch, returned, said, thrown
from wechat_dialog import Chat, Dialog, messages
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.reading import reading
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.requests import Remind, Start, Stop
from wechat_dialog.core.dialog.rivals import LIMIT, TimerRival
from wechat_dialog.core.dialog.steps import StepCall
from wechat_dialog.core.replay.header import Frame, StoredRival
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import (
    Data,
    Killed,
    Record,
    Rewind,
    SignalRecord,
    TextRecord,
    TimerRecord,
    effective,
    encode_record,
)
from wechat_dialog.core.replay.redacted_records import decode_redacted, redact
from wechat_dialog.core.replay.redacted_run import RedactedRun
from wechat_dialog.core.replay.rivals import stored_rivals
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Ended, Raised
from wechat_dialog.core.replay.strict import compare
from wechat_dialog.core.replay.unawaited import WatchedRun, made_more
from wechat_dialog.core.replay.verdict import decide
from wechat_dialog.core.replay.withheld import Hidden
from wechat_dialog.errors import (
    Cancelled,
    CannotTell,
    NoAnswer,
    NotRepeatable,
    NotSayable,
    NotWaitedFor,
    ReplayMismatch,
    SignalMisfit,
)
from wechat_dialog.messages import Begun
from wechat_dialog.replies import to_reply

NOW = (BEGUN + 3600) * 1000
BEGAN = {"MsgType": "begun", "CreateTime": str(BEGUN)}


class Payment(msgspec.Struct):
    fee: int


def fired(wait: str, branch: int = 0, *, due: int = NOW, now: int = NOW) -> Record:
    return TimerRecord(wait, branch, due, now)


def signal(
    data: object, wait: str = "w=paid", branch: int = 0, *, match: str = "", misfit: str = ""
) -> Record:
    encoded = msgspec.Raw(msgspec.json.encode(data))
    which = digest(match) if match else ""
    return SignalRecord(wait, branch, "paid", which, encoded, NOW, misfit)


def clock(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(3600)
    return f"{chat.now():%H:%M} {chat.message.kind}"


def pays(chat: Chat) -> Dialog[str]:
    payment = yield from chat.wait_for("paid", Payment)
    return f"{payment.fee} {chat.message.kind}"


async def pays_too(chat: Chat) -> str:
    return str((await chat.wait_for("paid", Payment)).fee)


def pays_for(chat: Chat) -> Dialog[str]:
    payment = yield from chat.wait_for("paid", match="A1")
    return str(payment)


def patient(chat: Chat) -> Dialog[str]:
    try:
        answer = yield from chat.ask("几位？", within=900)
    except NoAnswer as over:
        yield from chat.step(fetch, "放回")
        return f"超时 {over.due:%H:%M}"
    return answer


def strict_about(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("几位？", within=900))


def offered(chat: Chat) -> Dialog[str]:
    race = chat.race(chat.wait_for("paid", Payment), chat.ask("或回复“已付”。"), chat.sleep(900))
    match (yield from race):
        case 0, payment:
            return f"收到 {payment.fee}"
        case 1, answer:
            return f"您说 {answer}"
        case _:
            return "没等到"


async def offered_too(chat: Chat) -> str:
    race = chat.race(chat.wait_for("paid", Payment), chat.ask("或回复“已付”。"), chat.sleep(900))
    match await race:
        case 0, payment:
            return f"收到 {payment.fee}"
        case 1, answer:
            return f"您说 {answer}"
        case _:
            return "没等到"


def within_another(chat: Chat) -> Dialog[str]:
    return (yield from offered(chat)) + (yield from pays(chat))


def counting(chat: Chat) -> Dialog[str]:
    number, value = yield from chat.race(chat.sleep(60), chat.ask("几个？", int))
    return f"{number}:{value}"


def quiet(chat: Chat) -> Dialog[str]:
    number, _ = yield from chat.race(chat.wait_for("paid", within=60), chat.sleep(90))
    return str(number)


def often(chat: Chat) -> Dialog[str]:
    question = chat.ask("好了吗？")
    for _ in range(3):
        number, answer = yield from chat.race(question, chat.sleep(60))
        if number == 0:
            return str(answer)
    return "算了"


def misfits(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.wait_for("paid", Payment)
    except SignalMisfit as wrong:
        return str(wrong)
    return "好"


def leaves(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.sleep(3600)
    except Cancelled:
        yield from chat.sleep(60)
    finally:
        yield from chat.step(fetch, "收拾")
    return "好"


def remembers(chat: Chat) -> Dialog[str]:
    kept = chat.data
    yield from chat.sleep(60)
    kept["seen"] = kept.get("visits")
    return str(chat.data)


def run(
    fn: Callable[..., Any], records: Sequence[Record], *, code: str = "older",
    runs: type[Run] = Run,
) -> Run:  # fmt: skip
    message = messages.Text(
        user=USER, account=ACCOUNT, created=BEGUN, msg_id="1", raw={}, text="开始"
    )
    chat = runs.chats(USER, message, account=ACCOUNT, id="c1", arrived=BEGUN * 1000)
    made = runs(RegisteredDialog(fn.__name__, fn), chat, {}, account=ACCOUNT, code=code)
    made.replay(records)
    return made


def place(at: object) -> object:
    if isinstance(at, Background):
        return "sleeps" if at.kind == "s" else "waits aside"
    if isinstance(at, Wait):
        return "waits", at.prompt
    if isinstance(at, StepCall):
        return "step", at.args[0]
    if isinstance(at, Raised):
        return "raised", type(at.error)
    assert isinstance(at, Ended)
    return "ended", at.value


ASKED = "或回复“已付”。"
QUESTION = Wait(Chat(USER, START.message(USER, ACCOUNT)), "a", ASKED, reading(str)).id  # type: ignore[union-attr]
LIMITED = Wait(Chat(USER, START.message(USER, ACCOUNT)), "a", "几位？", reading(str)).id  # type: ignore[union-attr]
HOW_MANY = said("3", "几个？")
READY = said("好了", "好了吗？")
assert isinstance(HOW_MANY, TextRecord)
assert isinstance(READY, TextRecord)


@pytest.mark.parametrize(
    ("dialog", "records", "stands"),
    [
        pytest.param(clock, [START], "sleeps", id="a sleep"),
        pytest.param(
            clock, [START, fired("s")], ("ended", "23:13 text"), id="now is when it fired"
        ),
        pytest.param(pays, [START], "waits aside", id="a wait for a signal"),
        pytest.param(pays, [START, signal({"fee": 5})], ("ended", "5 text"), id="a signal"),
        pytest.param(pays_too, [START, signal({"fee": 5})], ("ended", "5"), id="in a coroutine"),
        pytest.param(
            pays, [START, fired("w=paid", LIMIT)], ("raised", NoAnswer), id="30 days are over"
        ),
        pytest.param(
            pays_for, [START, signal({"fee": 5}, f"w~{digest('A1')}=paid", match="A1")],
            ("ended", "{'fee': 5}"), id="a signal with a match, as it is",
        ),
        pytest.param(patient, [START], ("waits", "几位？"), id="a limited question"),
        pytest.param(
            patient, [START, said("两位", "几位？")], ("ended", "两位"), id="answered in time"
        ),
        pytest.param(
            patient, [START, fired(LIMITED, LIMIT)], ("step", "放回"), id="the limit is over"
        ),
        pytest.param(
            patient, [START, fired(LIMITED, LIMIT, due=NOW - 60_000), returned("fetch", 1)],
            ("ended", "超时 23:12"), id="and says when it fell due",
        ),
        pytest.param(
            strict_about, [START, fired(LIMITED, LIMIT)], ("raised", NoAnswer), id="not caught"
        ),
        pytest.param(offered, [START], ("waits", ASKED), id="a race stands at its question"),
        pytest.param(
            offered, [START, signal({"fee": 5}, QUESTION)], ("ended", "收到 5"), id="a signal wins"
        ),
        pytest.param(
            offered, [START, said("付了", ASKED)], ("ended", "您说 付了"), id="the answer wins"
        ),
        pytest.param(
            offered, [START, fired(QUESTION, 2)], ("ended", "没等到"), id="the time wins"
        ),
        pytest.param(
            offered_too, [START, signal({"fee": 5}, QUESTION)], ("ended", "收到 5"),
            id="a signal wins in a coroutine",
        ),
        pytest.param(
            offered_too, [START, said("付了", ASKED)], ("ended", "您说 付了"),
            id="the answer wins in a coroutine",
        ),
        pytest.param(
            within_another, [START, fired(QUESTION, 2), signal({"fee": 5})],
            ("ended", "没等到5 text"), id="in sub-dialogs",
        ),
        pytest.param(
            offered, effective([START, said("付了", ASKED), Rewind(1, "back")]), ("waits", ASKED),
            id="an answer in a race that was taken back",
        ),
        pytest.param(counting, [START, said("3", "几个？")], ("ended", "1:3"), id="it is parsed"),
        pytest.param(
            counting, [START, fired(HOW_MANY.wait)], ("ended", "0:None"), id="a sleep gives None"
        ),
        pytest.param(quiet, [START], "waits aside", id="a race without a question"),
        pytest.param(
            often, [START, fired(READY.wait, 1), fired(READY.wait, 1), READY], ("ended", "好了"),
            id="one question in several races",
        ),
        pytest.param(
            often, [START, *[fired(READY.wait, 1)] * 3], ("ended", "算了"), id="and none answered"
        ),
        pytest.param(
            misfits, [START, signal(5, misfit="no object")],
            ("ended", "signal 'paid' does not fit what is waited for: no object"),
            id="a kept signal that does not fit",
        ),
        pytest.param(
            misfits, [START, signal({"fee": 5}, misfit="no object")],
            ("ended", "signal 'paid' does not fit what is waited for: no object"),
            id="nor does it once the code would take it",
        ),
        pytest.param(leaves, [START, thrown("cancel s")], "sleeps", id="cancelled, it may sleep"),
        pytest.param(
            leaves, [START, thrown("end s")], ("step", "收拾"), id="ended, it is not slept for"
        ),
        pytest.param(leaves, [START, Killed(5)], ("step", "收拾"), id="nor where killed"),
        pytest.param(
            remembers, [Data({"visits": 1}), START, Data({"visits": 2}), fired("s")],
            ("ended", "{'visits': 2, 'seen': 2}"), id="data that changed since, in the same object",
        ),
    ],
)  # fmt: skip
def test_the_records_alone_decide_what_comes_next(
    dialog: Callable[..., Any], records: list[Record], stands: object
) -> None:
    assert place(run(dialog, records).at) == stands


@pytest.mark.parametrize(
    ("dialog", "records", "position", "expected", "found"),
    [
        pytest.param(
            strict_about, [START, fired("s")], 1, "a timer at sleep", "ask '几位？'",
            id="a sleep turned into a question",
        ),
        pytest.param(
            strict_about, [START, fired(HOW_MANY.wait, LIMIT)], 1, "a limit at ask",
            "ask '几位？'", id="the limit of another question",
        ),
        pytest.param(
            clock, [START, said("两位", "几位？")], 1, "an answer to ask", "sleep",
            id="a question turned into a sleep",
        ),
        pytest.param(
            pays, [START, fired("s")], 1, "a timer at sleep", "wait_for 'paid'",
            id="a sleep turned into a wait",
        ),
        pytest.param(
            pays, [START, SignalRecord("w=sent", 0, "sent", "", msgspec.Raw(b"1"), NOW)], 1,
            "signal 'sent' at wait_for 'sent'", "wait_for 'paid'", id="a wait of another name",
        ),
        pytest.param(
            pays_for, [START, signal({"fee": 5}, f"w~{digest('A2')}=paid", match="A2")], 1,
            "signal 'paid' at wait_for 'paid'", "wait_for 'paid'", id="a wait of another match",
        ),
        pytest.param(
            pays, [START, signal({"fee": "five"})], 1, "data of signal 'paid'", "wait_for 'paid'",
            id="data that no longer fit",
        ),
        pytest.param(
            counting, [START, fired(HOW_MANY.wait, 2)], 1, "a timer in branch 2", "ask '几个？'",
            id="a race that lost a branch",
        ),
        pytest.param(
            counting, [START, signal(1, HOW_MANY.wait)], 1, "signal 'paid' at ask", "ask '几个？'",
            id="a branch that is another",
        ),
        pytest.param(
            offered, [START, signal({"fee": 5}, QUESTION, match="A1")], 1, "with another match",
            "ask", id="a branch of another match",
        ),
        pytest.param(
            counting, [START, fired(HOW_MANY.wait, LIMIT)], 1, "a limit at ask",
            "ask '几个？'", id="a question that lost its limit",
        ),
        pytest.param(
            quiet, [START, fired("r1")], 1, "a timer at a race",
            "a race of wait_for 'paid', a limit, sleep", id="a race of other branches",
        ),
        pytest.param(
            clock, [START, fired("s"), fired("s")], 2, "a timer at sleep", None, id="it has ended"
        ),
    ],
)  # fmt: skip
def test_a_record_that_does_not_belong_is_a_difference(
    dialog: Callable[..., Any],
    records: list[Record],
    position: int,
    expected: str,
    found: str | None,
) -> None:
    with pytest.raises(ReplayMismatch) as raised:
        run(dialog, records)
    mismatch = raised.value
    assert mismatch.position == position
    assert expected in mismatch.expected
    assert (found is None) == (mismatch.found is None)
    assert found is None or found in (mismatch.found or "")


def test_what_did_not_belong_leaves_the_run_as_it_was() -> None:
    at = run(offered, [START])
    with pytest.raises(ReplayMismatch):
        at.feed(fired(QUESTION, 5))
    at.feed(fired(QUESTION, 2))
    assert place(at.at) == ("ended", "没等到")


def test_a_race_in_other_words_is_the_same_where_the_code_is() -> None:
    at = run(offered, [START], code="")
    at.feed(fired("a1", 2))
    assert place(at.at) == ("ended", "没等到")


# Where it waits -------------------------------------------------------------------------------


def test_the_wait_of_a_header_is_compared_and_its_rivals_where_that_is_asked_for() -> None:
    at = run(offered, [START])
    kept = stored_rivals(at.at, 0)  # type: ignore[arg-type]
    at.must_wait_at(QUESTION, "", kept)
    more = StoredRival(LIMIT, 5)
    at.must_wait_at(QUESTION, "")
    with pytest.raises(ReplayMismatch, match="the journal has a limit at ask"):
        at.must_wait_at(QUESTION, "", [*kept, more])
    asleep = run(clock, [START])
    asleep.must_wait_at("s")
    with pytest.raises(ReplayMismatch, match="the journal has wait_for 'paid', now it does sleep"):
        asleep.must_wait_at("w=paid")


# What must not be lost ------------------------------------------------------------------------


@pytest.mark.parametrize("record", [fired("s"), signal({"fee": 5})])
def test_a_timer_or_a_signal_is_lost_no_more_than_a_step(record: Record) -> None:
    assert decide("resume", [START, HOW_MANY, record], 1, pure=True) == "park"
    assert decide("resume", [START, HOW_MANY, record], 3, pure=True) == "resume"
    assert decide("resume", [START, HOW_MANY], 1, pure=True) == "resume"


# What is called and not awaited ---------------------------------------------------------------


def asks_for_much(chat: Chat) -> Dialog[str]:
    chat.start(clock, {"order": "A1"}, key="visit")
    yield from chat.ask("一？")
    chat.say("好")
    chat.remind(60, "到点了", key="r")
    chat.stop("visit")
    yield from chat.step(fetch, "x")
    chat.remind(datetime(2023, 11, 15, tzinfo=UTC), "明天", key="")
    yield from chat.ask("二？")
    return "完"


ONE, TWO = said("1", "一？"), said("2", "二？")
REMINDED = (Remind, Stop, Remind)


def test_requests_are_those_of_the_turn_at_hand() -> None:
    at = run(asks_for_much, [START])
    assert list(at.chat.requests) == [Start(clock, {"order": "A1"}, "visit")]
    at.feed(ONE)
    assert list(map(type, at.chat.requests)) == [Remind, Stop]
    at.feed(returned("fetch", 1))
    assert tuple(map(type, at.chat.requests)) == REMINDED
    first = at.chat.requests[0]
    assert isinstance(first, Remind)
    assert first.when == TimerRival(branch=0, seconds=60.0)
    at.feed(TWO)
    assert not at.chat.requests
    assert not at.chat.outbox


@pytest.mark.parametrize(
    ("records", "kinds"),
    [
        pytest.param([START, ONE], (Remind, Stop), id="cut off in its step"),
        pytest.param([START, ONE, returned("fetch", 1)], REMINDED, id="behind it"),
        pytest.param([START, ONE, returned("fetch", 1), TWO], (), id="in a later turn"),
    ],
)
def test_a_replay_has_the_requests_of_its_last_turn_only(
    records: list[Record], kinds: tuple[type, ...]
) -> None:
    assert tuple(map(type, run(asks_for_much, records).chat.requests)) == kinds


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda chat: chat.start("visit"), TypeError, "a dialog of the bot is wanted, not str"),
        (lambda chat: chat.start(clock, {"at": {1, 2}, "n": object()}), TypeError, "no JSON data"),
        (lambda chat: chat.start(clock, key=7), TypeError, "a key is a text"),
        (lambda chat: chat.stop(""), ValueError, "the key is empty"),
        (lambda chat: chat.remind(60, " "), ValueError, "nothing to say"),
        (lambda chat: chat.remind(60, 7), NotSayable, "answered int"),
        (lambda chat: chat.remind("soon", "到点了"), TypeError, "str is no time"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_on_its_authors_line(
    ask: Callable[[Chat], None], error: type[Exception], says: str
) -> None:
    def wrong(chat: Chat) -> None:
        ask(chat)

    at = run(wrong, [START]).at
    assert isinstance(at, Raised)
    assert isinstance(at.error, error)
    assert says in str(at.error)
    assert "test_times.py:" in str(at.error)


def waits_on_its_way_out(chat: Chat) -> Dialog[None]:
    try:
        yield from chat.sleep(60)
    finally:
        yield from chat.race(chat.sleep(5), chat.ask("还在吗？"))
        yield from chat.wait_for("paid")
        raise AssertionError("it is only put away")


async def waits_on_its_way_out_too(chat: Chat) -> None:
    try:
        await chat.sleep(60)
    finally:
        await chat.race(chat.sleep(5), chat.ask("还在吗？"))
        raise AssertionError("it is only put away")


@pytest.mark.parametrize("dialog", [waits_on_its_way_out, waits_on_its_way_out_too])
def test_a_dialog_that_is_put_away_waits_for_nothing(
    dialog: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "wechat_dialog")
    run(dialog, [START]).close()
    assert caplog.text == ""


def test_a_timer_begins_a_turn() -> None:
    def sleeps(chat: Chat) -> Dialog[None]:
        chat.say("等一下")
        chat.stop("visit")
        yield from chat.sleep(60)
        yield from chat.ask("一？")

    at = run(sleeps, [START])
    assert list(at.chat.requests) == [Stop("visit")]
    at.feed(fired("s"))
    assert not at.chat.requests
    assert not at.chat.outbox


def test_a_dialog_that_is_put_away_asks_for_nothing() -> None:
    def tidy(chat: Chat) -> Dialog[None]:
        try:
            yield from chat.ask("一？")
        finally:
            chat.stop("visit")

    at = run(tidy, [START])
    at.close()
    assert not at.chat.requests


# Looking again --------------------------------------------------------------------------------


def watched(fn: Callable[..., Any]) -> WatchedRun:
    made = run(fn, [], runs=WatchedRun, code="")
    assert isinstance(made, WatchedRun)
    return made


def compared(fn: Callable[..., Any], records: list[Record]) -> None:
    live = run(fn, [], code="")
    live.keep_trail()
    for record in records:
        live.feed(record)
    at = live.at if isinstance(live.at, (Wait, Background)) else None
    said = [reply for one in live.chat.outbox if (reply := to_reply(one)) is not None]
    compare(live, lambda: watched(fn), records, at, said, live.chat.requests)


TOGGLE = {"on": False}


def flips(chat: Chat) -> Dialog[None]:
    TOGGLE["on"] = not TOGGLE["on"]
    yield from (chat.sleep(5) if TOGGLE["on"] else chat.wait_for("paid"))


def limits_at_random(chat: Chat) -> Dialog[None]:
    TOGGLE["on"] = not TOGGLE["on"]
    yield from (chat.ask("几位？", within=5) if TOGGLE["on"] else chat.ask("几位？"))


def limits_later(chat: Chat) -> Dialog[None]:
    TOGGLE["on"] = not TOGGLE["on"]
    yield from (chat.ask("几位？") if TOGGLE["on"] else chat.ask("几位？", within=5))


def starts_at_random(chat: Chat) -> Dialog[None]:
    TOGGLE["on"] = not TOGGLE["on"]
    chat.start(clock, {"on": TOGGLE["on"]})
    yield from chat.ask("几位？")


@pytest.mark.parametrize(
    ("dialog", "says"),
    [
        pytest.param(flips, "first sleep, then wait_for 'paid'", id="another wait"),
        pytest.param(limits_at_random, "first a limit at ask '几位？', then ask", id="a limit"),
        pytest.param(limits_later, "first ask '几位？', then a limit at", id="no limit"),
        pytest.param(
            starts_at_random, "first chat.start of clock with {'on': True}, then chat.start",
            id="another request",
        ),
    ],
)  # fmt: skip
def test_strict_mode_sees_what_a_clock_or_chance_does(
    dialog: Callable[..., Any], says: str
) -> None:
    TOGGLE["on"] = False
    with pytest.raises(NotRepeatable) as raised:
        compared(dialog, [START])
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("dialog", "records"),
    [
        (clock, [START]),
        (offered, [START, signal({"fee": 5}, QUESTION)]),
        (often, [START, fired(READY.wait, 1)]),
        (quiet, [START]),
        (asks_for_much, [START, ONE, returned("fetch", 1)]),
        (remembers, [Data({"visits": 1}), START, Data({"visits": 2}), fired("s")]),
    ],
)
def test_strict_mode_lets_through_what_repeats(
    dialog: Callable[..., Any], records: list[Record]
) -> None:
    compared(dialog, records)


def forgets_later(chat: Chat) -> Dialog[None]:
    yield from chat.sleep(60)
    chat.ask("一？")
    yield from chat.ask("二？")


def forgets_a_race(chat: Chat) -> Dialog[None]:
    chat.race(chat.ask("一？"), chat.sleep(5))
    yield from chat.ask("二？")


@pytest.mark.parametrize(
    ("dialog", "records", "more"),
    [
        (clock, [START], False),
        (offered, [START], False),
        (offered, [START, signal({"fee": 5}, QUESTION)], False),
        (remembers, [Data({"visits": 1}), START, Data({"visits": 2}), fired("s")], False),
        (forgets_a_race, [START], True),
        (forgets_later, [Data({"visits": 1}), START, Data({"visits": 2}), fired("s")], True),
    ],
)
def test_what_was_made_and_not_waited_for_is_counted(
    dialog: Callable[..., Any], records: list[Record], more: bool
) -> None:
    assert made_more(run(dialog, records)) is more


def test_due_times_are_told_in_the_bots_time_zone() -> None:
    over = NoAnswer(datetime.fromtimestamp(BEGUN, UTC))
    assert str(over) == "nothing came until 2023-11-14 22:13:20"
    assert not issubclass(NoAnswer, Exception), "an `except Exception` does not swallow it"
    assert issubclass(NotWaitedFor, Exception)


# Without what was said ------------------------------------------------------------------------


def orders(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("谁？")
    chat.start(clock, {"who": name}, key="visit")
    hours = yield from chat.ask("几小时后？", int)
    yield from chat.sleep(hours * 3600)
    number, paid = yield from chat.race(chat.wait_for("paid", Payment, match=name), chat.ask("？"))
    if number == 0:
        chat.remind(60, f"{name} 付了 {paid}")
    yield from chat.wait_for("sent", match=name, within=3600)
    return "好"


def orders_and_looks(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("谁？")
    chat.start(clock, {"who": name}, key="visit")
    hours = yield from chat.ask("几小时后？", int)
    yield from chat.sleep(hours * 3600)
    race = chat.race(chat.wait_for("paid", Payment, match=name), chat.ask("？"))
    number, paid = yield from race
    if isinstance(paid, Payment) and paid.fee > 100:
        return "太贵"
    yield from chat.wait_for("sent", match=name, within=3600)
    return str(number)


def race_id(text: str) -> str:
    record = said("x", text)
    assert isinstance(record, TextRecord)
    return record.wait


ORDERED = [
    START, said("诸葛孔明", "谁？"), said("1234", "几小时后？"), fired("s"),
    signal({"fee": 12345}, race_id("？"), match="诸葛孔明"),
]  # fmt: skip
SENT = f"w~{digest('诸葛孔明')}=sent"
PENDING = (StoredRival(0, 0, "sent", "诸葛孔明"), StoredRival(LIMIT, NOW))


def hidden(
    fn: Callable[..., Any], records: list[Record], frame: Frame
) -> tuple[list[Record], Frame]:
    def replays(redacted: bool) -> Run:
        if redacted:
            return run(fn, [], runs=RedactedRun, code="")
        return run(fn, [], code="")

    return redact(records, replays, frame)


def test_a_redacted_journal_has_neither_data_nor_matches_and_leads_to_the_same_wait() -> None:
    frame = Frame("c1", "orders", wait=SENT, rivals=PENDING)
    records, left = hidden(orders, ORDERED, frame)
    written = b" ".join(map(encode_record, records)) + msgspec.json.encode(left)
    for secret in ("诸葛孔明", "1234", digest("诸葛孔明")):
        assert secret.encode() not in written, secret
    assert [rival.branch for rival in left.rivals] == [0, LIMIT]
    assert encode_record(records[3]) == encode_record(ORDERED[3]), "a time names nobody"
    again = run(orders, [], runs=RedactedRun, code="older")
    again.replay(decode_redacted([msgspec.Raw(encode_record(one)) for one in records]))
    again.must_wait_at(left.wait, "", left.rivals)
    with pytest.raises(CannotTell, match="a redacted value is told by its type after record 5"):
        run(orders_and_looks, records, runs=RedactedRun, code="older")


def test_without_the_code_a_redacted_header_names_no_match() -> None:
    frame = Frame("c1", "orders", wait=SENT, rivals=PENDING)
    assert not redact(ORDERED, None, frame)[1].rivals


@pytest.mark.parametrize(("data", "kept"), [(True, True), (7, True), (None, True), ("x", False)])
def test_what_identifies_nobody_is_kept_of_a_signal(data: object, kept: bool) -> None:
    def any_paid(chat: Chat) -> Dialog[str]:
        return str((yield from chat.wait_for("paid")))

    [_, record], _ = hidden(any_paid, [START, signal(data)], Frame("c1", "any"))
    assert (encode_record(record) == encode_record(signal(data))) is kept


@pytest.mark.parametrize("data", ["诸葛", 7])
def test_why_data_did_not_fit_is_withheld(data: object) -> None:
    def says_why(chat: Chat) -> Dialog[None]:
        try:
            yield from chat.wait_for("paid", Payment)
        except SignalMisfit as wrong:
            yield from chat.ask(str(wrong))

    wrong = [START, signal(data, misfit="Invalid value '诸葛'")]
    records, _ = hidden(says_why, wrong, Frame("c1", "misfits"))
    assert "诸葛".encode() not in encode_record(records[1])
    again = run(says_why, records, runs=RedactedRun)
    assert isinstance(again.at, Wait)
    assert "▒1▒" in str(again.at.prompt)


def test_a_conversation_that_no_message_began_says_so_in_a_redacted_file_too() -> None:
    def which(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        yield from chat.ask(f"{chat.message.user} {chat.message.kind}")
        return ""

    begun = record_message("", Begun(user=USER, account=ACCOUNT, created=BEGUN, raw=BEGAN), NOW)
    records, _ = hidden(which, [begun, fired("s")], Frame("c1", "which"))
    again = run(which, records, runs=RedactedRun)
    assert place(again.at) == ("waits", "▒user▒ begun")


def test_ending_a_sleep_is_known_in_a_redacted_file() -> None:
    records, _ = hidden(leaves, [START, said("", "x")], Frame("c1", "leaves"))
    ended = [records[0], Hidden("!end s", 0, 0, BEGUN, "")]
    again = run(leaves, ended, runs=RedactedRun)
    assert place(again.at) == ("step", "收拾")
