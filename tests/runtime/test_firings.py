"""How many turns that no message began a process has at once, when they rest, and when they stand
in line: driven by hand, on a clock of the test's.
"""

from __future__ import annotations

from collections.abc import Generator
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

import pytest

from wechat_dialog import Bot
from wechat_dialog.core.store.times import Due
from wechat_dialog.core.store.values import Claim
from wechat_dialog.core.turn.mail import SignalMail
from wechat_dialog.core.turn.outside import STANDS_IN_LINE, Fired, Sent
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.errors import Closing, StoreError
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.runtime.firings import AT_ONCE, BESIDE, REST, TRIES, Firings
from wechat_dialog.runtime.hand import FEW, SLOW, TICK, Entry, Hand
from wechat_dialog.runtime.running_turns import RunningTurns
from wechat_dialog.runtime.wanted import BeginBeside, EndLeases, Wait
from wechat_dialog.testing import Talk

ACCOUNT = "gh_1"
UNDER_WAY = Wait(lambda _tell: None, None)
"""What a turn does between its claim and its end."""
NOW = 1_000_000_000_000


class Drives:
    """A driver whose turns take `seconds` and come to `outcomes`, the last one for ever."""

    def __init__(self, *outcomes: str, seconds: float = 0.0) -> None:
        self.turns = RunningTurns()
        self.seconds = seconds
        self.asked: list[Claim] = []
        self._outcomes = list(outcomes)
        self._now = 0.0

    def clock(self) -> float:
        return self._now

    def later(self, seconds: float) -> None:
        self._now += seconds

    def settings(self) -> Settings:
        return Talk(Bot())._world.settings

    def drive(self, transaction: Any, *_: Any) -> Generator[Any, Any, Fired | Sent]:
        self.asked.append(next(transaction))
        transaction.close()
        self._now += self.seconds
        outcome: Any = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        yield UNDER_WAY
        if outcome == "closing":
            raise Closing("it stood in line for the claim")
        return Sent(outcome, due()) if outcome == "kept" else Fired(outcome)


def firings_of(drives: Drives) -> Firings:
    return Firings(cast("TurnDriver", drives))


def due(user: str = "ada", late: float = 0.0) -> Due:
    return Due(f"{ACCOUNT}:{user}", NOW - round(late * 1000), account=ACCOUNT)


def pauses(fire: BeginBeside) -> list[float | None]:
    """Drive a firing to its end, and those that follow; returns how long they wait on the way."""
    waits: list[float | None] = []
    driving = fire.driving
    while True:
        try:
            wanted = next(driving)
        except StopIteration as stop:
            if stop.value is None:
                return waits
            driving = stop.value.driving
        else:
            waits += [wanted.seconds] if isinstance(wanted, Wait) and wanted != UNDER_WAY else []


def test_there_is_room_for_so_many_and_for_few_beside_messages() -> None:
    firings = firings_of(drives := Drives("done"))
    assert firings.room() == AT_ONCE
    begun = [firings.fire(ACCOUNT, due(f"u{number}")) for number in range(BESIDE + 1)]
    assert firings.room() == AT_ONCE - len(begun)
    listener = drives.turns.join((f"{ACCOUNT}:bob", "a message"), 0.0)
    assert firings.room() == 0
    assert not firings.wants_more()
    rung: list[str] = []
    firings.ring = lambda: rung.append("rung")
    for fire in begun:
        pauses(fire)
    assert rung == ["rung"], "half of the room is free again"
    assert firings.wants_more()
    assert firings.room() == BESIDE
    drives.turns.finish(listener.turn, RuntimeError())
    assert firings.room() == AT_ONCE


@pytest.mark.parametrize(
    ("seconds", "rests"),
    [pytest.param(0.4, 0.4, id="as long"), pytest.param(9.0, REST, id="a step")],
)
def test_beside_messages_one_rests_as_long_as_it_worked(seconds: float, rests: float) -> None:
    firings = firings_of(drives := Drives("done", seconds=seconds))
    assert pauses(firings.fire(ACCOUNT, due())) == []
    drives.turns.join((f"{ACCOUNT}:bob", "a message"), 0.0)
    assert pauses(firings.fire(ACCOUNT, due())) == [rests]


def test_where_somebody_has_the_turn_it_is_tried_again_without_a_line() -> None:
    firings = firings_of(drives := Drives("busy"))
    assert pauses(firings.fire(ACCOUNT, due(), NOW)) == list(TRIES)
    assert [claim.arrival for claim in drives.asked] == [False] * 3
    assert len(drives.turns) == 0


@pytest.mark.parametrize(
    ("late", "stands"), [(STANDS_IN_LINE - 0.001, False), (STANDS_IN_LINE, True)]
)
def test_after_so_many_seconds_of_that_it_stands_in_line(late: float, stands: bool) -> None:
    firings = firings_of(drives := Drives("done"))
    pauses(firings.fire(ACCOUNT, due(late=late), NOW))
    assert [claim.arrival for claim in drives.asked] == [stands]


# Threads ------------------------------------------------------------------------------------------


def in_hand(firings: Firings, count: int) -> Hand:
    hand = Hand()
    firings.take(hand, [Entry(ACCOUNT, due(f"u{number}")) for number in range(count)])
    return hand


def test_few_threads_do_many_things_one_after_another() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, 10)
    assert firings.room() == AT_ONCE - 10
    begun = list(firings.begin(hand))
    assert len(begun) == FEW
    for fire in begun:
        pauses(fire)
    assert [claim.user for claim in drives.asked] == [
        f"{ACCOUNT}:u{number}" for number in (0, *range(2, 10), 1)
    ]
    assert (hand.left, hand.done_there, hand.threads) == (0, 10, 0)
    assert (firings.room(), len(drives.turns)) == (AT_ONCE, 0)


def test_where_each_takes_long_there_are_twice_as_many_threads_at_each_look() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, AT_ONCE)
    begun: list[int] = []
    for _ in range(6):
        begun.append(len(list(firings.begin(hand))))
        drives.later(2 * TICK)
    assert begun == [2, 2, 4, 8, 16, 0]


def test_where_each_is_quick_there_are_no_more() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, AT_ONCE)
    assert len(list(firings.begin(hand))) == FEW
    for _ in range(round(FEW * TICK / SLOW)):
        hand.leave()
    drives.later(TICK)
    assert list(firings.begin(hand)) == []


def test_a_hand_that_is_waited_for_many_times_tells_the_last_who_waits_and_once() -> None:
    hand = Hand()
    hand.take([Entry(ACCOUNT, due())])
    told: list[int] = []
    for number in range(1000):
        hand.over().when_over(partial(told.append, number))
    hand.leave()
    assert told == [999]
    hand.over().when_over(partial(told.append, 1000))
    assert told == [999, 1000], "nothing is left"


def test_each_is_run_in_the_context_in_which_the_first_was_begun() -> None:
    firings = firings_of(Drives("done"))
    var: ContextVar[str] = ContextVar("var")
    var.set("the sweeper's")
    (first, _) = firings.begin(in_hand(firings, 3))
    var.set("a dialog's")
    driving = under_way(first)
    with pytest.raises(StopIteration) as stop:
        next(driving)
    following: BeginBeside = stop.value.value
    assert first.context is not None
    assert following.context is not None
    assert following.context.get(var) == "the sweeper's"
    assert following.turn.user == f"{ACCOUNT}:u2"


def test_beside_messages_threads_end_that_are_too_many() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, AT_ONCE)
    begun: list[BeginBeside] = []
    while hand.threads < 2 * BESIDE:
        begun += firings.begin(hand)
        drives.later(TICK)
    drives.turns.join((f"{ACCOUNT}:bob", "a message"), 0.0)
    for fire in begun[:BESIDE]:
        pauses(fire)
    assert len(hand.entries) == AT_ONCE - 2 * BESIDE
    assert hand.threads == BESIDE


# Closing ------------------------------------------------------------------------------------------


def test_what_is_in_hand_when_it_closes_is_left_to_others() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, 5)
    (first, *_) = firings.begin(hand)
    drives.turns.closing = True
    pauses(first)
    firings.drop(hand)
    assert len(drives.asked) == 1
    assert firings.room() == AT_ONCE - 1, "the other one never ran"


def closed(drives: Drives, firings: Firings) -> list[EndLeases]:
    """Begin to close; returns what is given back, once no turn is running."""
    given: list[Any] = []
    drives.turns.close(lambda: given.extend(firings.give_back()))
    return given


def under_way(fire: BeginBeside) -> Generator[Any, Any, Any]:
    """Drive a firing until its turn has begun."""
    assert next(fire.driving) == UNDER_WAY
    return fire.driving


def end(driving: Generator[Any, Any, Any]) -> None:
    for wanted in driving:
        assert wanted != UNDER_WAY, "another turn has begun"


def test_what_a_closing_process_has_in_hand_or_refuses_is_given_back_once() -> None:
    firings = firings_of(drives := Drives("done"))
    firings.take(firings.hand, [Entry(ACCOUNT, due("ada")), Entry(ACCOUNT, due("bob"))])
    drives.turns.close(lambda: None)
    with pytest.raises(Closing):
        firings.fire(ACCOUNT, due("cy"))
    with pytest.raises(Closing):
        list(firings.begin(firings.hand))
    assert list(firings.give_back()) == [EndLeases((due("ada"), due("bob"), due("cy")))]
    assert list(firings.give_back()) == []


def test_what_a_call_of_run_due_has_in_hand_is_given_back_before_it_hears_of_the_closing() -> None:
    firings = firings_of(drives := Drives("done"))
    hand = in_hand(firings, 2)
    assert closed(drives, firings) == [EndLeases((due("u0"), due("u1")))]
    firings.drop(hand)


def test_what_is_done_or_under_way_is_not_given_back() -> None:
    firings = firings_of(drives := Drives("done"))
    end(under_way(firings.fire(ACCOUNT, due("ada"))))
    bob = under_way(firings.fire(ACCOUNT, due("bob")))
    given = closed(drives, firings)
    assert list(firings.give_back()) == []
    end(bob)
    assert given == []


@pytest.mark.parametrize("outcome", ["busy", "left", "closing"])
def test_what_is_not_done_when_its_turn_ends_in_a_closing_process_is_given_back(
    outcome: str,
) -> None:
    firings = firings_of(drives := Drives(outcome))
    driving = under_way(firings.fire(ACCOUNT, due()))
    given = closed(drives, firings)
    assert given == []
    end(driving)
    assert given == [EndLeases((due(),))]


def test_what_pauses_before_it_is_tried_again_when_the_process_closes_is_given_back() -> None:
    firings = firings_of(drives := Drives("busy"))
    driving = under_way(firings.fire(ACCOUNT, due()))
    assert next(driving).seconds == TRIES[0]
    assert closed(drives, firings) == [EndLeases((due(),))]
    end(driving)


def test_what_never_began_in_a_closing_process_is_given_back() -> None:
    firings = firings_of(drives := Drives("done"))
    begins = firings.fire(ACCOUNT, due())
    given = closed(drives, firings)
    assert given == []
    drives.turns.finish(begins.turn, Closing("no thread can be had"))
    assert given == [EndLeases((due(),))]


def test_a_signal_that_is_kept_when_the_process_closes_is_given_back() -> None:
    firings = firings_of(drives := Drives("kept"))
    begins, sent = firings.send(ACCOUNT, "ada", SignalMail.of("paid", 1, ""), "")
    driving = under_way(begins)
    given = closed(drives, firings)
    end(driving)
    assert sent.result().outcome == "kept"
    assert given == [EndLeases((due(),))]


@pytest.mark.parametrize("outcome", ["busy", "left", "closing", "done"])
def test_what_was_given_up_before_the_process_closes_waits_for_its_lease(outcome: str) -> None:
    """Whoever has the claim may need so long; and what is noted must not grow for ever."""
    firings = firings_of(drives := Drives(outcome))
    pauses(firings.fire(ACCOUNT, due("ada")))
    begins = firings.fire(ACCOUNT, due("bob"))
    drives.turns.finish(begins.turn, Closing("no thread can be had"))
    firings.drop(in_hand(firings, 2))
    assert closed(drives, firings) == []


def test_a_store_that_fails_keeps_no_process_from_closing() -> None:
    firings = firings_of(Drives("done"))
    firings.take(firings.hand, [Entry(ACCOUNT, due())])
    giving = firings.give_back()
    next(giving)
    with pytest.raises(StopIteration):
        giving.throw(StoreError("gone"))
