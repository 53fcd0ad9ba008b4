"""Edges that chance seldom hits: a limit to the microsecond, a refused commit, one crash."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog import messages, replies
from wechat_dialog.cache import LiveDialogs
from wechat_dialog.dispatch import waiting
from wechat_dialog.journal import message_key
from wechat_dialog.operations import Commit, RunStep, StepOutcome
from wechat_dialog.replies import Reply
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.turn import Outcome, Settings, Transaction, turn

from .dialogs import FIRST_ID, MARK, RULES

USER = "gh:u"


class Desk:
    """A store, a clock and one or two workers, driven by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.store = MemoryStore(lambda: self.now)
        self.fast = Settings(RULES, LiveDialogs(9))
        self.cold = Settings(RULES, None)
        self.asked: list[str] = []

    def turn(self, serial: int, text: str, settings: Settings) -> Transaction:
        fields = {
            "ToUserName": "gh", "FromUserName": "u", "CreateTime": "1700000000",
            "MsgType": "text", "Content": text, "MsgId": str(FIRST_ID + serial),
        }  # fmt: skip
        message = messages.from_fields(fields)
        return turn(settings, USER, message, message_key(message), int(self.now * 1000))

    def drive(self, transaction: Transaction, *, only: int | None = None) -> Reply | None:
        """Perform a turn's operations; with `only`, the worker dies after that many."""
        result: Any = None
        self.asked = []
        while only is None or len(self.asked) < only:
            try:
                op = transaction.send(result)
            except StopIteration as stop:
                return stop.value.reply  # type: ignore[no-any-return]
            self.asked.append(type(op).__name__)
            result = StepOutcome(0, 1) if isinstance(op, RunStep) else op.on(self.store)  # type: ignore[union-attr]
        return None

    def say(self, serial: int, text: str, settings: Settings) -> str:
        reply = self.drive(self.turn(serial, text, settings))
        return reply.content if isinstance(reply, replies.Text) else ""


@pytest.mark.parametrize("path", ["fast", "cold"])
@pytest.mark.parametrize(
    ("late", "goes_on"),
    [pytest.param(60.0, True, id="at the limit"), pytest.param(60.01, False, id="after it")],
)
def test_a_conversation_lives_up_to_its_limit_on_every_path(
    path: str, late: float, goes_on: bool
) -> None:
    desk = Desk()
    settings = desk.fast if path == "fast" else desk.cold
    desk.say(1, "加2", settings)
    desk.now += late
    answer = desk.say(2, "2", settings)
    assert (":2?" in answer) is goes_on
    assert (desk.asked == ["Commit"]) is (goes_on and path == "fast")


def test_the_limit_of_the_next_question_is_not_that_of_the_answer() -> None:
    desk = Desk()
    desk.say(1, "加3t", desk.fast)
    desk.say(2, "2", desk.fast)
    desk.now += 10.5
    assert ":2,3?" not in desk.say(3, "3", desk.fast)


def test_a_reply_put_off_on_the_fast_path_is_held_for_the_next_message() -> None:
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


def test_a_turn_that_another_message_finishes_is_told_with_that_message() -> None:
    desk = Desk()
    desk.say(1, "加1s", desk.cold)
    desk.drive(desk.turn(2, "2", desk.cold), only=3)
    assert desk.asked == ["Claim", "RunStep", "Record"]
    desk.now += 3.1
    answer = desk.say(3, "帮助", desk.cold)
    assert [found[1] for found in MARK.finditer(answer)] == ["2", "2", "2", "3"]
    assert desk.say(2, "2", desk.cold) == ""


def test_what_was_owed_survives_a_crash_in_the_turn_that_would_have_said_it() -> None:
    desk = Desk()
    desk.store.defer(USER, f"1700000000:{FIRST_ID + 1}")
    desk.say(1, "帮助", desk.cold)
    desk.drive(desk.turn(2, "客服", desk.cold), only=3)
    desk.now += 3.1
    answer = desk.say(2, "客服", desk.cold)
    assert [found[1] for found in MARK.finditer(answer)] == ["1", "2"]


def test_a_step_that_a_crash_repeats_has_its_key_also_where_its_message_came_again_later() -> None:
    desk = Desk()
    keys: list[str] = []
    for _ in range(2):
        transaction = desk.turn(1, "加1a", desk.cold)
        step = transaction.send(transaction.send(None).on(desk.store))  # type: ignore[union-attr]
        assert isinstance(step, RunStep)
        keys.append(step.key)
        desk.now += 5.0
    assert keys[0] == keys[1]
