"""What an author may wait for besides an answer: how it is made, named, counted and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wechat_dialog import Chat, messages
from wechat_dialog.core.dialog.questions import Wait, WaitOptions
from wechat_dialog.core.dialog.races import Race
from wechat_dialog.core.dialog.requests import checked_key, plain_state
from wechat_dialog.core.dialog.rivals import LIMIT, UNBOUNDED, Fired, SignalRival, TimerRival
from wechat_dialog.core.dialog.secret_answers import SecretAnswer
from wechat_dialog.core.dialog.signals import SignalWait, encode_data
from wechat_dialog.core.dialog.timers import HowLong, Sleep, limit, timer
from wechat_dialog.core.replay.header import StoredRival
from wechat_dialog.core.replay.rivals import (
    first_due,
    misfit,
    signal_record,
    signalled,
    stored_rivals,
    timer_record,
)
from wechat_dialog.errors import NotWaitedFor, SecretMisused

BEGUN = 1_700_000_000
NOW = datetime.fromtimestamp(BEGUN, UTC)
DAY = 86_400.0


def a_chat() -> Chat:
    message = messages.Text(user="oU", account="gh", created=BEGUN, msg_id="1", raw={}, text="开始")
    return Chat("oU", message, account="gh", id="c1", arrived=BEGUN * 1000)


class Payment(msgspec.Struct):
    fee: int


# Times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how_long", "due"),
    [
        pytest.param(900, 901_000, id="seconds"),
        pytest.param(0.5, 1_500, id="half a second"),
        pytest.param(0, 1_000, id="at once"),
        pytest.param(-5, 1_000, id="over already"),
        pytest.param(timedelta(minutes=2), 121_000, id="a timedelta"),
        pytest.param(NOW + timedelta(days=3), (BEGUN + 3 * 86_400) * 1000, id="a moment"),
        pytest.param(NOW - timedelta(days=900), (BEGUN - 900 * 86_400) * 1000, id="long over"),
        pytest.param(timedelta(days=366), 366 * 86_400_000 + 1_000, id="a year"),
    ],
)
def test_a_time_is_counted_from_when_the_wait_is_stored(how_long: HowLong, due: int) -> None:
    assert timer(a_chat(), how_long, "chat.sleep(…)").due(1_000) == due


@pytest.mark.parametrize(
    ("how_long", "error", "says"),
    [
        pytest.param(float("nan"), ValueError, "nan", id="NaN"),
        pytest.param(float("inf"), ValueError, "a year at most", id="for ever"),
        pytest.param(367 * DAY, ValueError, "a year at most", id="more than a year"),
        pytest.param(timedelta(days=400), ValueError, "a year", id="a timedelta of more"),
        pytest.param(NOW + timedelta(days=400), ValueError, "a year", id="a moment of more"),
        pytest.param(datetime(2024, 1, 1), ValueError, "no time zone", id="naive"),
        pytest.param("900", TypeError, "str is no time", id="a text"),
        pytest.param(True, TypeError, "bool is no time", id="a truth"),
        pytest.param(None, TypeError, "NoneType is no time", id="nothing"),
    ],
)
def test_what_is_no_time_is_refused_on_its_authors_line(
    how_long: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as raised:
        Sleep(a_chat(), how_long)
    assert f"{Path(__file__).name}:" in str(raised.value)


def test_a_limit_raises_in_its_own_branch() -> None:
    chat = a_chat()
    assert limit(chat, None, "chat.ask") == ()
    assert limit(chat, 60, "chat.ask") == (TimerRival(branch=LIMIT, seconds=60.0),)
    with pytest.raises(ValueError, match=r"chat\.ask: within="):
        limit(chat, float("nan"), "chat.ask")


def test_timeout_and_within_are_not_both_given() -> None:
    with pytest.raises(ValueError, match="together with within="):
        WaitOptions(timeout=5, rivals=limit(a_chat(), 60, "chat.ask"))


# Signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "match", "kind", "error", "says"),
    [
        pytest.param(7, "", object, TypeError, "a name is a text", id="a number"),
        pytest.param("", "", object, ValueError, "has a name", id="no name"),
        pytest.param("x" * 201, "", object, ValueError, "at most 200", id="a long name"),
        pytest.param("\ud83d", "", object, ValueError, "no half ones", id="half a character"),
        pytest.param("paid", 7, object, TypeError, "a match is a text", id="a number to match"),
        pytest.param("paid", "", 7, TypeError, "no type of data", id="no type"),
        pytest.param("paid", "", Path, TypeError, "no type of data", id="a type msgspec lacks"),
    ],
)
def test_what_is_no_signal_is_refused_on_its_authors_line(
    name: Any, match: Any, kind: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as raised:
        SignalWait(a_chat(), name, kind, match)
    assert f"{Path(__file__).name}:" in str(raised.value)


def test_data_that_json_cannot_say_are_refused() -> None:
    assert bytes(encode_data(Payment(5), "bot.signal")) == b'{"fee":5}'
    with pytest.raises(TypeError, match=r"bot\.signal at .*test_waits\.py:\d+: object cannot"):
        encode_data(object(), "bot.signal")


# Names ----------------------------------------------------------------------------------------


def a_wait(chat: Chat, name: str = "paid", match: str = "") -> SignalWait[Any]:
    return SignalWait(chat, name, Payment, match)


def test_a_wait_is_known_by_what_it_waits_for_and_not_for_how_long() -> None:
    chat = a_chat()
    assert Sleep(chat, 5).id == Sleep(chat, 500).id == "s"
    assert a_wait(chat).id == "w=paid"
    assert a_wait(chat, match="A1").id != a_wait(chat, match="A2").id
    assert a_wait(chat, match="A1").id[-5:] == "=paid"
    one, other = (Race[Any](chat, (a_wait(chat), Sleep(chat, n))) for n in (5, 500))
    assert one.at.id == other.at.id
    assert one.at.id != Race[Any](chat, (Sleep(chat, 5), a_wait(chat))).at.id


def test_a_race_stands_at_its_question_and_the_others_are_its_rivals() -> None:
    chat = a_chat()
    question = chat.ask("或回复“已付”。")
    race = Race[Any](chat, (a_wait(chat, match="A1"), question, Sleep(chat, 900)))
    assert isinstance(race.at, Wait)
    assert isinstance(question, Wait)
    assert race.at.id == question.id
    assert race.asked == 1
    assert race.at.rivals == (
        SignalRival(branch=0, name="paid", match="A1", type=Payment),
        TimerRival(branch=2, seconds=900.0),
    )
    assert question.rivals == (), "its author may ask it alone afterwards"


def test_a_race_of_a_limited_wait_has_its_limit() -> None:
    chat = a_chat()
    limited = SignalWait[Any](chat, "paid", object, "", limit(chat, 60, "chat.wait_for"))
    race = Race[Any](chat, (limited, a_wait(chat, "lost")))
    assert race.at.rivals == (
        SignalRival(branch=0, name="paid"),
        TimerRival(branch=LIMIT, seconds=60.0),
        SignalRival(branch=1, name="lost", type=Payment),
    )


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(a_wait, id="a signal"),
        pytest.param(lambda chat: Race[Any](chat, (a_wait(chat),)).at, id="a race of signals"),
        pytest.param(
            lambda chat: Race[Any](chat, (a_wait(chat), chat.ask("？"))).at, id="with a question"
        ),
    ],
)
def test_nothing_waits_for_ever(make: Callable[[Chat], Any]) -> None:
    assert make(a_chat()).rivals[-1] is UNBOUNDED


def test_a_race_is_counted_once(  # `made_more` compares what was made with what has a record
) -> None:
    chat = a_chat()
    Race[Any](chat, (a_wait(chat), chat.ask("？"), Sleep(chat, 5)))
    assert chat.made == 1
    Race[Any](chat, (a_wait(chat), Sleep(chat, 5)))
    assert chat.made == 2
    Sleep(chat, 5)
    assert chat.made == 3


@pytest.mark.parametrize(
    ("branches", "error", "says"),
    [
        pytest.param(lambda c: (), ValueError, "nothing to wait for", id="nothing"),
        pytest.param(
            lambda c: (c.ask("1？"), Sleep(c, 5), c.confirm("2？")), ValueError,
            "branches 0 and 2 are questions", id="two questions",
        ),
        pytest.param(
            lambda c: (c.ask("1？", timeout=5), Sleep(c, 5)), ValueError, "timeout= in a race",
            id="a timeout",
        ),
        pytest.param(lambda c: (c.form(Payment), Sleep(c, 5)), TypeError, "Form", id="a form"),
        pytest.param(lambda c: (c.step(len, ""),), TypeError, "StepCall", id="a step"),
        pytest.param(lambda c: (Race(c, (Sleep(c, 5),)),), TypeError, "Race", id="a race"),
        pytest.param(lambda c: (5,), TypeError, "int cannot be raced", id="a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_raced_is_refused_on_its_authors_line(
    branches: Callable[[Chat], tuple[Any, ...]], error: type[Exception], says: str
) -> None:
    chat = a_chat()
    made = branches(chat)
    with pytest.raises(error, match=says) as raised:
        Race[Any](chat, made)
    assert f"{Path(__file__).name}:" in str(raised.value)


@pytest.mark.parametrize(
    "make", [lambda c: Sleep(c, 5), a_wait, lambda c: Race[Any](c, (Sleep(c, 5),))]
)
def test_what_is_not_waited_for_is_neither_true_nor_a_text(make: Callable[[Chat], Any]) -> None:
    with pytest.raises(NotWaitedFor, match=r"chat\.(sleep|wait_for|race)\("):
        assert make(a_chat())


# What the dialog gets -------------------------------------------------------------------------


def test_a_wait_gives_what_it_is_handed() -> None:
    chat = a_chat()

    def dialog() -> Any:
        yield from Sleep(chat, 5)
        got: list[Any] = [(yield from a_wait(chat))]
        got.append((yield from Race(chat, (a_wait(chat), chat.ask("？")))))
        got.append((yield from Race(chat, (a_wait(chat), chat.ask("？")))))
        return got

    running = dialog()
    running.send(None)
    running.send(Fired(0))
    running.send(Fired(0, Payment(1)))
    running.send(Fired(0, Payment(2)))
    with pytest.raises(StopIteration) as ended:
        running.send("已付")
    assert ended.value.value == [Payment(1), (0, Payment(2)), (1, "已付")]


# As a header keeps them -----------------------------------------------------------------------


def test_a_header_keeps_when_each_time_falls_due_and_what_each_signal_is_called() -> None:
    chat = a_chat()
    race = Race[Any](chat, (a_wait(chat, match="A1"), chat.ask("？"), Sleep(chat, 900)))
    kept = stored_rivals(race.at, 5_000)
    assert kept == (StoredRival(0, 0, "paid", "A1"), StoredRival(2, 905_000))
    assert first_due(kept) == kept[1]
    assert first_due(kept[:1]) is None
    assert signalled(kept, "paid", "A1") == kept[0]
    assert signalled(kept, "paid", "A2") is None
    assert signalled(kept, "", "") is None
    assert timer_record(race.at.id, kept[1], 905_700).due == 905_000


def test_data_are_looked_at_before_they_are_taken() -> None:
    chat = a_chat()
    wait = a_wait(chat)
    [rival, _] = stored_rivals(wait, 0)
    good, bad = (encode_data(data, "bot.signal") for data in ({"fee": 5}, {"fee": "five"}))
    assert misfit(wait, rival, good) == ""
    why = misfit(wait, rival, bad)
    assert "$.fee" in why
    assert signal_record(wait.id, rival, bad, 7, why).misfit == why


# Requests -------------------------------------------------------------------------------------


def test_what_a_dialog_is_started_with_is_copied_as_json_gives_it_back() -> None:
    state = {"order": ("A1", 2)}
    assert plain_state(state, "chat.start") == {"order": ["A1", 2]}
    with pytest.raises(TypeError, match=r"test_waits\.py:\d+: the state is no JSON data"):
        plain_state({"order": object()}, "chat.start")
    with pytest.raises(SecretMisused):
        plain_state({"pin": SecretAnswer("1234")}, "chat.start")


@pytest.mark.parametrize("key", [7, "x" * 201, "\ud83d"])
def test_what_is_no_key_is_refused(key: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"test_waits\.py:\d+:"):
        checked_key(key, "chat.stop")
