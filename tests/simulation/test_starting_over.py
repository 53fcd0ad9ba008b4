"""Edges of turns that begin twice: given up, cut off, or later than the store remembers them."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog.core.store import values
from wechat_dialog.core.turn.operations import Claim, RunStep, StepOutcome
from wechat_dialog.core.turn.outcome import Transaction
from wechat_dialog.errors import ClaimLost, TurnTooLong

from .desk import USER, Desk
from .dialogs import RULES
from .plan import secret_of


@pytest.mark.parametrize("busy", [False, True])
def test_a_step_that_outlasts_the_memory_of_its_message_begins_no_second_turn(
    busy: bool,
) -> None:
    desk = Desk()
    late = at_step(desk)
    desk.now += 3.1  # its process is stopped, and another one answers a copy
    assert desk.say(1, "加1a", desk.cold).endswith(":?")
    desk.now += 60.1  # that was long ago, and so was the conversation
    if busy:
        desk.store.claim(values.Claim(USER, "another message", lease=3.0))
    expected = ["RecordWrite", "Claim"] if busy else ["RecordWrite", "Claim", "Release"]
    assert perform_late(desk, late) == expected
    desk.now += 3.1
    assert "⟨1." not in desk.say(3, "帮助", desk.cold)


def test_the_text_before_continue_as_is_sent_although_the_next_dialog_is_parked() -> None:
    desk = Desk()
    desk.say(1, "加1c", desk.cold)
    transaction, op = after_look(desk, 2, "2")
    step = transaction.send(op.on(desk.store))
    assert isinstance(step, RunStep)
    commit = transaction.throw(TurnTooLong("step 'clean'", 120.0))
    with pytest.raises(StopIteration) as stopped:
        transaction.send(commit.on(desk.store))  # type: ignore[union-attr]
    reply = stopped.value.value.reply
    assert "⟨2." in reply.content
    assert reply.content.endswith(RULES.texts.apology)


def after_look(desk: Desk, serial: int, text: str) -> tuple[Transaction, Any]:
    """Begin a turn with an optimistic claim; return it and the claim that it requests next."""
    transaction = desk.turn(serial, text, desk.cold)
    op = transaction.send(transaction.send(None).on(desk.store))  # type: ignore[union-attr]
    assert isinstance(op, Claim)
    return transaction, op


def test_a_message_that_was_secret_only_when_it_was_looked_at_is_not_finished_as_one() -> None:
    desk = Desk()
    desk.say(1, "密", desk.cold)
    transaction, op = after_look(desk, 4, secret_of(4))
    desk.say(2, secret_of(2), desk.cold)  # has answered it meanwhile
    steps: list[RunStep] = []
    for _ in range(2):
        while not isinstance(op, RunStep):
            op = transaction.send(performed(desk, op))
        steps.append(op)
        desk.now += 3.1  # its process dies, and another has a copy
        transaction = desk.turn(4, secret_of(4), desk.cold)
        op = transaction.send(None)
    first, second = steps
    assert (first.key, first.call.name) == (second.key, second.call.name)


def test_a_late_turn_that_dies_leaves_nothing_of_a_forgotten_user() -> None:
    desk = Desk()
    late = at_step(desk)
    desk.store.forget(USER)
    desk.now += 60.1
    start_over(desk, late).on(desk.store)
    desk.now += 3.1
    assert "⟨1." not in desk.say(2, "帮助", desk.cold)
    assert desk.asked == ["Claim", "Commit"]


def test_a_turn_that_an_operator_ended_starts_over_in_no_process() -> None:
    desk = Desk()
    late = at_step(desk)
    desk.now += 3.1
    assert desk.store.end(USER)
    assert perform_late(desk, late) == ["RecordWrite", "Claim"]
    assert desk.say(1, "加1a", desk.cold) == ""
    assert "⟨1." not in desk.say(2, "帮助", desk.cold)


def test_a_turn_that_starts_over_is_finished_although_its_worker_dies() -> None:
    desk = Desk()
    late = at_step(desk)
    desk.now += 3.1
    op = start_over(desk, late)
    while not isinstance(op, RunStep):
        op = late.send(performed(desk, op))
    desk.now += 3.1
    assert "⟨1." in desk.say(2, "帮助", desk.cold)


def performed(desk: Desk, op: Any) -> Any:
    """Let the store perform an operation of a turn; return the result."""
    return op.on(desk.store)


def at_step(desk: Desk) -> Transaction:
    """Begin a turn, up to its step."""
    late = desk.turn(1, "加1a", desk.cold)
    desk.until(late, RunStep)
    return late


def start_over(desk: Desk, late: Transaction) -> Any:
    """Let a turn's step end after its claim was lost; return the next operation."""
    with pytest.raises(ClaimLost) as lost:
        late.send(StepOutcome(0, 1)).on(desk.store)  # type: ignore[union-attr]
    return late.throw(lost.value)


def perform_late(desk: Desk, transaction: Transaction) -> list[str]:
    """Let a turn that waits for its step run to its end; return the names of its operations."""
    asked: list[str] = []
    op: Any = transaction.send(StepOutcome(0, 1))
    while True:
        asked.append(type(op).__name__)
        try:
            op = transaction.send(op.on(desk.store))
        except ClaimLost as lost:
            op = transaction.throw(lost)
        except StopIteration:
            return asked
