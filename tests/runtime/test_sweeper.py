"""When a process looks at what is due, and what it does with it: on a clock of the test's."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, cast

import pytest

from wechat_dialog.core.store.times import Due, Wake
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Committed, Write
from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.runtime.accounts import MOST, Accounts, unknown
from wechat_dialog.runtime.firings import Firings
from wechat_dialog.runtime.hand import TICK, Entry, Hand
from wechat_dialog.runtime.sweeper import BATCH, EMPTY, FIRST, IDLE, SPREAD, Sweeper
from wechat_dialog.runtime.wanted import AskAccount, AskDue, BeginBeside, NoteAccount
from wechat_dialog.stores.memory import MemoryStore

ACCOUNT = "gh_1"
LEASE = 3.0


class Places:
    """Firings that are begun and never end, until a test ends them."""

    closing = False

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self.begun: list[Due] = []
        self.hand = Hand()
        self.unbegun = 0

    def room(self) -> int:
        return max(self.most - len(self.begun), 0)

    def wants_more(self) -> bool:
        return self.room() >= self.most / 2

    def take(self, _hand: Hand, entries: list[Entry]) -> None:
        self.begun += [entry.due for entry in entries]
        self.unbegun += len(entries)

    def begin(self, _hand: Hand) -> Iterator[BeginBeside]:
        self.unbegun = 0
        return iter(())


class Desk:
    """A sweeper on a store in memory, whose clock stands still."""

    def __init__(self, given: str = ACCOUNT, most: int = 1000) -> None:
        self.clock = 1_000_000.0
        self.store = MemoryStore(clock=lambda: self.clock)
        self.places = Places(most)
        self.accounts = Accounts(given, lambda: "a bot")
        self.chance = 1.0
        self.failing: Exception | None = None
        self.failing_for = ""
        self.asked: list[Any] = []
        self.sweeper = Sweeper(
            self.accounts, cast("Firings", self.places), lease=LEASE, chance=lambda: self.chance
        )

    def perform(self, wants: Generator[Any, Any, Any]) -> Any:
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                wanted = wants.send(result) if error is None else wants.throw(error)
            except StopIteration as stop:
                return stop.value
            error, result = None, None
            if not isinstance(wanted, (AskDue, AskAccount, NoteAccount)):
                continue
            self.asked.append(wanted)
            if self.failing is not None:
                error = self.failing
            elif isinstance(wanted, AskDue) and wanted.account == self.failing_for:
                error = StoreError("gone")
            else:
                result = wanted.on(self.store)

    def sweep(self) -> float:
        pause: float = self.perform(self.sweeper.sweep())
        return pause

    def timed(self, user: str, seconds: float) -> int:
        """Have something of a user fall due."""
        claim = self.store.claim(Claim(f"{ACCOUNT}:{user}", "key", lease=LEASE))
        assert isinstance(claim, Claimed)
        wake = Wake(ACCOUNT, claim.now + round(seconds * 1000))
        write = Write(b"head", ttl=1e6, wake=wake)
        commit = Commit(f"{ACCOUNT}:{user}", "key", write, reply=b"", fence=claim.fence)
        assert isinstance(self.store.commit(commit), Committed)
        return wake.at

    def users(self) -> list[str]:
        return [due.user.removeprefix(f"{ACCOUNT}:") for due in self.places.begun]


def test_what_is_due_is_begun_once_and_nothing_before_its_time() -> None:
    desk = Desk()
    desk.timed("ada", 10.0)
    desk.timed("bob", 0.0)
    desk.sweep()
    assert desk.users() == ["bob"]
    desk.sweep()
    assert desk.users() == ["bob"]
    desk.clock += 10.0
    desk.sweep()
    assert desk.users() == ["bob", "bob", "ada"]  # nobody ended the first, so its lease ran out


def test_a_lease_hides_for_two_of_a_claims() -> None:
    desk = Desk()
    desk.timed("ada", 0.0)
    desk.sweep()
    desk.clock += 2 * LEASE - 0.001
    desk.sweep()
    assert desk.users() == ["ada"]
    desk.clock += 0.002
    desk.sweep()
    assert desk.users() == ["ada", "ada"]


def test_where_nothing_waits_the_looks_grow_as_far_apart_as_a_minute() -> None:
    desk = Desk()
    pauses = [desk.sweep() for _ in range(12)]
    assert pauses[0] == FIRST * 2
    assert pauses == sorted(pauses)
    assert pauses[-1] == EMPTY


def test_where_something_waits_they_are_three_seconds_apart_at_most() -> None:
    desk = Desk()
    desk.timed("ada", 3600.0)
    assert max(desk.sweep() for _ in range(12)) == IDLE


def test_where_something_once_waited_they_are_no_further_apart() -> None:
    # It may have been set by a process that does not sweep, and so may what comes next.
    desk = Desk()
    desk.timed("ada", 1.0)
    desk.sweep()
    desk.clock += 1.0
    desk.sweep()
    desk.store.forget(f"{ACCOUNT}:ada")
    desk.sweep()
    assert max(desk.sweep() for _ in range(12)) == IDLE


def test_a_process_that_only_sweeps_looks_as_often_though_nothing_waits() -> None:
    desk = Desk()
    desk.sweeper.look_often()
    assert max(desk.sweep() for _ in range(12)) == IDLE


def test_the_next_look_is_when_the_next_falls_due_and_processes_do_not_look_as_one() -> None:
    desk = Desk()
    desk.timed("ada", 0.3)
    desk.chance = 0.0
    assert desk.sweep() == pytest.approx(0.3)
    desk.chance = 1.0
    assert desk.sweep() == pytest.approx(0.3 + SPREAD)
    desk.clock += 0.3
    desk.sweep()
    assert desk.users() == ["ada"]


def test_pauses_differ_between_processes() -> None:
    one, other = Desk(), Desk()
    other.chance = 0.0
    assert one.sweep() > other.sweep()


def test_a_time_that_comes_before_the_next_look_rings_and_another_does_not() -> None:
    desk = Desk()
    now = round(desk.clock * 1000)
    assert desk.sweeper.is_later(now + 10**9)  # it has not looked yet
    pause = desk.sweep()
    assert desk.sweeper.is_later(now + round(pause * 1000) - 1)
    assert not desk.sweeper.is_later(now + round(pause * 1000) + 1)


def test_more_than_a_batch_is_taken_batch_by_batch_at_once() -> None:
    desk = Desk()
    for number in range(BATCH + 20):
        desk.timed(f"u{number}", 0.0)
    assert desk.sweep() == 0.0
    assert len(desk.places.begun) == BATCH
    desk.sweep()
    assert len(desk.places.begun) == BATCH + 20


def test_no_more_is_leased_than_there_is_room_for() -> None:
    desk = Desk(most=3)
    for number in range(5):
        desk.timed(f"u{number}", 0.0)
    assert desk.sweep() == IDLE  # it is rung for when there is room
    assert len(desk.places.begun) == 3
    desk.sweep()
    assert len(desk.places.begun) == 3
    desk.places.begun.clear()
    desk.sweep()
    assert len(desk.places.begun) == 2


def test_what_is_in_hand_is_looked_after_at_once() -> None:
    desk = Desk()
    desk.timed("ada", 60.0)
    desk.places.hand.entries.append(Entry(ACCOUNT, Due("bob", 1)))
    assert desk.sweep() == TICK
    desk.places.hand.entries.clear()
    assert desk.sweep() > TICK


def test_what_one_account_has_due_is_begun_before_the_next_is_asked() -> None:
    desk = Desk()
    desk.timed("ada", 0.0)
    desk.accounts.see("gh_2")
    desk.failing_for = "gh_2"
    desk.sweep()
    assert [one.account for one in desk.asked] == [ACCOUNT, "gh_2"]
    assert (desk.users(), desk.places.unbegun) == (["ada"], 0)


def test_a_store_that_fails_is_asked_again_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.timed("ada", 0.0)
    desk.failing = StoreError("gone")
    pauses = [desk.sweep() for _ in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == IDLE
    assert sum("is not known what is due" in line for line in caplog.messages) == 1
    desk.failing = None
    desk.sweep()
    assert desk.users() == ["ada"]
    desk.failing = AttributeError("no store should")
    desk.sweep()
    assert sum("is not known what is due" in line for line in caplog.messages) == 2


@pytest.mark.parametrize("by", [-86_400.0, 86_400.0])
def test_a_stores_clock_that_is_set_delays_no_look(by: float) -> None:
    desk = Desk()
    desk.timed("ada", 1.0)
    desk.sweep()
    desk.clock += by
    assert desk.sweep() <= IDLE


@pytest.mark.parametrize("by", [-3600.0, 0.0, 3600.0])
def test_what_is_set_in_a_long_pause_rings_whatever_the_clock_was_set_to(by: float) -> None:
    desk = Desk()
    while desk.sweep() <= IDLE:
        pass
    desk.clock += by
    assert desk.sweeper.is_later(round((desk.clock + 1.0) * 1000))


# The account --------------------------------------------------------------------------------------


def test_nobody_is_asked_about_before_the_account_is_known() -> None:
    desk = Desk(given="")
    desk.timed("ada", 0.0)
    assert [desk.sweep() for _ in range(12)][-1] == EMPTY
    assert {type(one) for one in desk.asked} == {AskAccount}


def test_the_first_push_tells_it_and_the_store_keeps_it_for_other_processes() -> None:
    desk = Desk(given="")
    desk.timed("ada", 0.0)
    desk.accounts.see(ACCOUNT)
    desk.sweep()
    assert desk.users() == ["ada"]
    assert [type(one) for one in desk.asked] == [NoteAccount, AskDue]
    desk.sweep()
    assert [type(one) for one in desk.asked] == [NoteAccount, AskDue, AskDue]
    other = Accounts("", lambda: "a bot")
    assert desk.perform(other.learn()) == ACCOUNT
    assert desk.perform(Accounts("", lambda: "another bot").learn()) == ""


def test_a_note_that_the_store_did_not_take_is_written_again() -> None:
    desk = Desk(given="")
    desk.accounts.see(ACCOUNT)
    desk.failing = StoreError("gone")
    desk.sweep()
    desk.failing = None
    desk.sweep()
    assert desk.store.account("a bot") == ACCOUNT


def test_what_was_given_is_not_asked_for_and_a_push_for_another_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.accounts.see(ACCOUNT)
    assert not caplog.messages
    desk.accounts.see("gh_2")
    assert "gh_2" in caplog.text
    assert desk.perform(desk.accounts.learn()) == ACCOUNT
    desk.sweep()
    assert [one.account for one in desk.asked] == [ACCOUNT, "gh_2"]


def test_pushes_of_a_stranger_do_not_make_it_sweep_without_end() -> None:
    accounts = Accounts("", lambda: "a bot")
    for number in range(100):
        accounts.see(f"gh_{number}")
    assert len(accounts.seen) == MOST


def test_an_unknown_account_is_an_error_that_names_the_setting() -> None:
    assert isinstance(unknown(), ConfigurationError)
    assert "Bot(account='gh_…')" in str(unknown())
