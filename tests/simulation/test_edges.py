"""Edges that chance seldom hits: a limit to the microsecond, a refused commit, one crash."""

from __future__ import annotations

import pytest

from wechat_dialog.core.replay.header import decode_parked
from wechat_dialog.core.turn.operations import (
    Claim,
    Commit,
    Defer,
    Pause,
    RunStep,
)
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.pending import encode_pending
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.transaction import DEATHS
from wechat_dialog.core.turn.waiting_text import waiting
from wechat_dialog.messages.keys import message_key

from .desk import USER, Desk, typed
from .dialogs import FIRST_ID, MARK, RULES


@pytest.mark.parametrize("path", ["fast", "cold"])
@pytest.mark.parametrize(
    ("late", "goes_on"),
    [pytest.param(60.0, True, id="at the limit"), pytest.param(60.01, False, id="after it")],
)
def test_a_conversation_expires_after_its_limit_on_every_path(
    path: str, late: float, goes_on: bool
) -> None:
    desk = Desk()
    settings = desk.fast if path == "fast" else desk.cold
    desk.say(1, "加2", settings)
    desk.now += late
    answer = desk.say(2, "2", settings)
    assert (":2?" in answer) is goes_on
    assert (desk.asked == ["Commit"]) is (goes_on and path == "fast")


def test_a_question_with_a_limit_of_its_own_expires_after_that() -> None:
    desk = Desk()
    desk.say(1, "加3t", desk.fast)
    desk.say(2, "2", desk.fast)
    desk.now += 10.5
    assert ":2,3?" not in desk.say(3, "3", desk.fast)


def test_a_reply_deferred_on_the_fast_path_is_held_for_the_next_message() -> None:
    desk = Desk()
    desk.say(1, "加2", desk.fast)
    transaction = desk.turn(2, "2", desk.fast)
    operation = transaction.send(None)
    assert isinstance(operation, Commit)
    desk.store.defer(USER, operation.key)
    refused = operation.on(desk.store)
    claim = transaction.send(refused)
    commit = transaction.send(claim.on(desk.store))  # type: ignore[union-attr]
    with pytest.raises(StopIteration) as stopped:
        transaction.send(commit.on(desk.store))  # type: ignore[union-attr]
    assert stopped.value.value == Outcome(waiting(RULES.texts), late=True)
    assert ":2?" in desk.say(3, "继续", desk.fast)


def test_the_answer_of_a_cut_off_turn_comes_with_the_message_that_finishes_it() -> None:
    desk = Desk()
    desk.say(1, "加1s", desk.cold)
    desk.drive(desk.turn(2, "2", desk.cold), only=4)
    assert desk.asked == ["Claim", "Claim", "RunStep", "RecordWrite"], "a look, and then a claim"
    desk.now += 3.1
    answer = desk.say(3, "帮助", desk.cold)
    assert [found[1] for found in MARK.finditer(answer)] == ["2", "2", "2", "3"]
    assert desk.say(2, "2", desk.cold) == ""


def test_an_owed_answer_survives_a_crash_of_the_turn_that_delivers_it() -> None:
    desk = Desk()
    desk.store.defer(USER, f"1700000000:{FIRST_ID + 1}")
    desk.say(1, "帮助", desk.cold)
    desk.drive(desk.turn(2, "客服", desk.cold), only=4)
    desk.now += 3.1
    answer = desk.say(2, "客服", desk.cold)
    assert [found[1] for found in MARK.finditer(answer)] == ["1", "2"]


def test_a_step_repeated_after_a_crash_has_the_same_key_if_a_later_copy_repeats_it() -> None:
    desk = Desk()
    keys: list[str] = []
    for _ in range(2):
        transaction = desk.turn(1, "加1a", desk.cold)
        keys.append(desk.until(transaction, RunStep).key)
        desk.now += 5.0
    assert keys[0] == keys[1]


def put_off(desk: Desk, serial: int, text: str) -> None:
    """Defer a message, as its last request does."""
    message = typed(serial, text)
    desk.store.defer(USER, message_key(message), encode_pending(message, int(desk.now * 1000)))


def test_a_deferred_message_is_answered_although_its_worker_died_in_its_first_step() -> None:
    desk = Desk()
    desk.say(1, "加1s", desk.cold)
    desk.drive(desk.turn(2, "2", desk.cold), only=3)
    assert desk.asked == ["Claim", "Claim", "RunStep"]
    put_off(desk, 2, "2")
    desk.now += 3600.0
    answer = desk.say(3, "帮助", desk.cold)
    assert [found[1] for found in MARK.finditer(answer)] == ["2", "2", "2", "3"]
    assert "完1" in answer
    assert desk.say(2, "2", desk.cold) == ""


def test_a_pending_message_is_handled_before_the_turn_of_a_live_dialog() -> None:
    desk = Desk()
    desk.say(1, "加2", desk.fast)
    put_off(desk, 2, "2")
    desk.now += 3.1
    answer = desk.say(3, "3", desk.fast)
    assert ":2?" in answer
    assert RULES.texts.not_taken in answer
    assert desk.asked == ["Commit", "Claim", "Commit", "Commit"]


def test_pending_messages_have_their_turns_in_order_of_arrival() -> None:
    desk = Desk()
    desk.say(1, "加3", desk.cold)
    for serial in (2, 3):
        put_off(desk, serial, str(serial))
    desk.now += 1.1
    answer = desk.say(4, "继续", desk.cold)
    # The second question was not seen when 3 was said, so 3 is no answer to it.
    assert RULES.texts.not_taken in answer
    assert answer.endswith(":2?")
    assert ":2,5?" in desk.say(5, "5", desk.cold)


def test_a_pending_message_is_too_late_if_it_arrived_too_late() -> None:
    desk = Desk()
    desk.say(1, "加2", desk.cold)
    desk.now += 60.5
    put_off(desk, 2, "2")
    desk.now += 5.0
    assert ":2?" not in desk.say(3, "继续", desk.cold)


@pytest.mark.parametrize("waits", [0.0, 1.0], ids=["in time", "too late"])
@pytest.mark.parametrize("serial", [2, 3], ids=["its own", "another"])
def test_a_worker_that_finishes_a_turn_finds_the_same_conversations_expired(
    waits: float, serial: int
) -> None:
    desk = Desk()
    claims = Settings(RULES, None, fast=False)
    desk.say(1, "加2", desk.cold)
    desk.now += 59.5
    began = desk.turn(2, "2", claims)
    desk.now += waits  # a process may be stopped before it asks
    desk.drive(began, only=1)
    desk.now += 3.1
    answer = desk.say(serial, "2" if serial == 2 else "继续", claims)
    assert (":2?" in answer) is (waits == 0.0)


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_a_pending_message_is_not_too_late_because_a_workers_clock_was_set(by: float) -> None:
    desk = Desk()
    desk.say(1, "加2", desk.cold)
    put_off(desk, 2, "2")
    desk.now += 3.1 + by
    desk.store.use_clock(lambda: desk.now - by)
    assert ":2?" in desk.say(3, "继续", desk.cold)


@pytest.mark.parametrize("put", [False, True], ids=["cut off", "put off"])
def test_a_turn_that_kills_every_worker_is_parked(put: bool) -> None:
    desk = Desk()
    desk.say(1, "加1sg", desk.cold)
    # The first step is recorded, or the message put off; the next step ends the process.
    desk.drive(desk.turn(2, "2", desk.cold), only=3 if put else 5)
    if put:
        put_off(desk, 2, "2")
    for serial in range(3, 3 + DEATHS - 1):
        desk.now += 3.1
        desk.drive(desk.turn(serial, "帮助", desk.cold), only=2)
        assert desk.asked[0] == "Claim"
        assert desk.asked[1] in ("RunStep", "RunSteps")
    desk.now += 3.1
    answer = desk.say(90, "帮助", desk.cold)
    assert answer.startswith(RULES.texts.apology)
    assert "90" in [found[1] for found in MARK.finditer(answer)]
    shown = desk.store.show(USER)
    assert shown is not None
    (kept,) = (decode_parked(parked.document) for parked in shown.parked.values())
    assert kept.error.startswith(f"WorkerDied: {DEATHS} processes")
    assert any(b'"2"' in bytes(record) for record in kept.records)


def test_a_first_message_that_kills_every_worker_is_parked_with_its_dialog() -> None:
    desk = Desk()
    desk.drive(desk.turn(1, "加1a", desk.cold), only=2)
    put_off(desk, 1, "加1a")
    for serial in range(2, 2 + DEATHS - 1):
        desk.now += 3.1
        desk.drive(desk.turn(serial, "帮助", desk.cold), only=2)
        assert desk.asked == ["Claim", "RunStep"]
    desk.now += 3.1
    assert desk.say(90, "帮助", desk.cold).startswith(RULES.texts.apology)
    shown = desk.store.show(USER)
    assert shown is not None
    (kept,) = (decode_parked(parked.document) for parked in shown.parked.values())
    assert (kept.frame.dialog, len(kept.records)) == ("accumulate", 1)


def test_a_message_that_waited_for_its_turn_is_deferred_encrypted() -> None:
    desk = Desk()
    other = desk.turn(1, "加1a", desk.cold)
    desk.until(other, RunStep)
    waiting_ = desk.turn(2, "4711", desk.cold)
    assert isinstance(waiting_.send(waiting_.send(None).on(desk.store)), Pause)  # type: ignore[union-attr]
    put_off = waiting_.send(True)
    assert isinstance(put_off, Defer)
    assert b"4711" not in put_off.message
    assert b"4711" in RULES.seal.open(put_off.message)


@pytest.mark.parametrize("path", ["fast", "cold"])
def test_a_message_is_stored_encrypted_with_its_claim_whatever_was_asked(
    path: str,
) -> None:
    desk = Desk()
    settings = desk.fast if path == "fast" else desk.cold
    desk.say(1, "加2s", settings)
    turn_ = desk.turn(2, "4711", settings)
    claim = turn_.send(None)
    while not (isinstance(claim, Claim) and not claim.optimistic):
        claim = turn_.send(claim.on(desk.store))  # type: ignore[union-attr]
    assert b"4711" not in claim.message
    assert b"4711" in RULES.seal.open(claim.message)
