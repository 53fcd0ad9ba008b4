"""The typing sign, on a clock of its own and with a platform that knows the rules."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.runtime.running_turns import RunningTurns
from wechat_dialog.runtime.typing_sign import TypingSign


@dataclass
class Phones:
    """What users see, by the rules of protocol reference 7.3.

    Attributes:
        now: The clock.
        wrote: When each user last wrote.
        until: Until when each sees the sign.
        calls: What the platform was asked.
    """

    now: float = 100.0
    allowed: bool = True
    works: bool = True
    wrote: dict[str, float] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)
    calls: list[tuple[str, bool]] = field(default_factory=list)
    in_call: RunningTurn | None = None

    def typing(self, user: str, *, on: bool) -> bool:
        self.calls.append((user, on))
        if not self.works:
            return False
        if on:
            assert self.now - self.wrote[user] <= 30, "45080"
            assert self.until.get(user, 0.0) <= self.now, "45081"
            self.until[user] = self.now + 15
            if self.in_call is not None:
                self.in_call.completion.set_result(Outcome(None))
        else:
            self.until[user] = self.now
        return True

    def sees(self, user: str) -> bool:
        return self.until.get(user, 0.0) > self.now


class Desk:
    """Running turns, their users' phones, and the sign."""

    def __init__(self) -> None:
        self.phones = Phones()
        self.turns = RunningTurns()
        self.sign = TypingSign(self.turns, self.phones, lambda: self.phones.now)

    def begins(self, user: str, key: str = "1700000000:1", *, claimed: bool = True) -> RunningTurn:
        self.phones.wrote[user] = self.phones.now
        turn = self.turns.join((f"gh_1:{user}", key), self.phones.now).turn
        turn.claimed_since = self.phones.now if claimed else 0.0
        return turn

    def passes(self, seconds: int) -> list[bool]:
        """Let seconds pass, with a look in each; returns whether oA sees the sign after each."""
        seen = []
        for _ in range(seconds):
            self.phones.now += 1
            self.sign.look()
            seen.append(self.phones.sees("oA"))
        return seen


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_slow_turn_shows_it_as_long_as_the_platform_lets_it(desk: Desk) -> None:
    desk.begins("oA")
    seen = desk.passes(600)
    assert desk.phones.calls == [("oA", True)] * 2
    assert seen[0]
    assert sum(seen) >= 28
    assert not any(seen[33:])


def test_a_turn_that_is_over_or_has_not_begun_shows_none(desk: Desk) -> None:
    desk.begins("oA", claimed=False)
    for key in ("push 1700000000:1", "operator 7", "fire"):
        desk.begins("oA", key)
    desk.turns.finish(desk.begins("oA", "1700000000:2"), Outcome(None))
    desk.passes(40)
    assert desk.phones.calls == []


def test_the_sign_ends_where_the_answer_has_overtaken_it(desk: Desk) -> None:
    desk.phones.in_call = desk.begins("oA")
    desk.passes(2)
    assert desk.phones.calls == [("oA", True), ("oA", False)]
    assert not desk.phones.sees("oA")


def test_the_next_message_of_a_user_is_shown_another(desk: Desk) -> None:
    first = desk.begins("oA")
    desk.passes(3)
    desk.turns.finish(first, Outcome(None))
    desk.phones.until.clear()  # an answer ends it
    desk.begins("oA", "1700000005:2")
    desk.passes(3)
    assert desk.phones.calls == [("oA", True)] * 2


def test_a_platform_that_is_away_or_refuses_is_asked_seldom(desk: Desk) -> None:
    desk.phones.works = False
    for number in range(500):
        desk.begins(f"o{number}")
    desk.passes(60)
    assert len(desk.phones.calls) <= 2
    desk.phones.allowed = False
    desk.begins("oA")
    desk.passes(60)
    assert len(desk.phones.calls) <= 2


def test_a_crowd_is_shown_it_in_turns(desk: Desk) -> None:
    for number in range(50):
        desk.begins(f"o{number}")
    desk.sign.look()
    assert desk.phones.calls == []
    desk.passes(1)
    assert len(desk.phones.calls) == 20
    desk.passes(2)
    assert len({user for user, _ in desk.phones.calls}) == 50
