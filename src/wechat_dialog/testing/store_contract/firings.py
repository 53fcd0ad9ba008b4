"""Firings, turns that no message began, give way to the turns of messages."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.times import Due, Wake
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import ClaimLost

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted
from .index import ACCOUNT, now, timed, users

__all__ = ["Firings"]

DUE = Due("ada", 1)


def ask(
    key: str = "fire",
    *,
    lease: float = LONG,
    arrival: bool = False,
    optimistic: bool = False,
    message: bytes = b"",
    instead: int = 0,
    due: Due = DUE,
) -> Claim:
    """A firing's claim."""
    return Claim(
        "ada",
        key,
        lease=lease,
        arrival=arrival,
        optimistic=optimistic,
        message=message,
        instead=instead,
        fires=due,
    )


def fired(store: Store, claim: Claimed, write: Write, key: str = "fire", due: Due = DUE) -> None:
    """End a firing's turn."""
    committed(store.commit(Commit("ada", key, write, reply=b"", fence=claim.fence, fires=due)))


class Firings(StoreCase):
    """`Claim.fires` and `Commit.fires`."""

    def test_a_firing_has_the_turn_as_a_message_has(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        claim = granted(store.claim(ask()))
        assert (claim.head, claim.records) == (HEAD, (ONE,))
        assert isinstance(other.claim(Claim("ada", "k", lease=LONG)), Running)
        store.record("ada", claim.fence, Write(HEAD, (TWO,)))
        fired(store, claim, Write(HEAD))
        assert granted(other.claim(Claim("ada", "k", lease=LONG))).records == (ONE, TWO)

    def test_its_commit_moves_no_age_and_remembers_no_reply(self, store: Store) -> None:
        begin(store, ONE)
        self.advance(self.short)
        claim = granted(store.claim(ask()))
        assert claim.age >= self.short
        fired(store, claim, Write(HEAD, (TWO,), ttl=LONG))
        shown = store.show("ada")
        assert shown is not None
        assert shown.age >= self.short
        granted(store.claim(ask()))

    def test_one_that_begins_an_entry_begins_its_age(self, store: Store) -> None:
        fired(store, granted(store.claim(ask())), Write(HEAD, ttl=LONG))
        self.advance(self.short)
        shown = store.show("ada")
        assert shown is not None
        assert self.short <= shown.age < LONG

    # It gives way ---------------------------------------------------------------------------------

    def test_it_stands_in_no_line_and_leaves_no_trace(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert other.claim(ask()) == Running("k1", 0.0, 1)
        commit = Commit("ada", "k1", Write(HEAD, ttl=LONG), reply=b"", fence=fence)
        committed(store.commit(commit))
        looked = other.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
        assert isinstance(looked, Unclaimed)

    def test_it_gives_way_to_who_waits(self, store: Store, other: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.release("ada", fence)
        assert other.claim(ask()) == Running("k2", 0.0, 1)
        granted(other.claim(Claim("ada", "k2", lease=LONG, arrival=False)))

    def test_asked_to_it_stands_in_line(self, store: Store, other: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        assert store.claim(Claim("ada", "k2", lease=LONG)) == Running("k1", 0.0, 1)
        store.release("ada", fence)
        waiting = store.claim(Claim("ada", "k2", lease=LONG, arrival=False))
        assert isinstance(waiting, Running)
        assert waiting.key == "fire"
        granted(other.claim(ask()))

    def test_in_line_it_lets_those_go_first_who_came_first(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG)), Running)
        assert isinstance(other.claim(ask(arrival=True)), Running)
        store.release("ada", fence)
        refused = other.claim(ask())
        assert isinstance(refused, Running)
        assert refused.key == "k2"
        granted(store.claim(Claim("ada", "k2", lease=LONG, arrival=False)))

    def test_in_line_it_is_not_kept_back_by_those_that_wait_for_it(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG, message=b"said")), Running)
        assert store.defer("ada", "k2", b"said") is None
        store.release("ada", fence)
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG, arrival=False)), Running)
        granted(other.claim(ask()))

    def test_in_line_it_finishes_what_came_behind_it_and_was_cut_off(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        replaced = Claim("ada", "k2", lease=self.short, message=b"said", instead=fence)
        granted(store.claim(replaced))
        self.advance(self.short)
        assert [message.key for message in granted(other.claim(ask())).pending] == ["k2"]

    @pytest.mark.parametrize("arrival", [False, True])
    def test_a_turn_that_was_cut_off_is_left_to_whoever_repeats_its_message(
        self, store: Store, other: Store, arrival: bool
    ) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short)
        refused = other.claim(ask(arrival=arrival))
        assert isinstance(refused, Running)
        assert refused.key == "k1"
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        if self.short < 1.0:
            return  # twenty seconds are long where time is not set
        self.advance(self.short + 19.0)
        assert isinstance(other.claim(ask(arrival=arrival)), Running)
        self.advance(1.0)
        claim = granted(other.claim(ask(arrival=arrival)))
        assert [pending.key for pending in claim.pending] == ["k1"]
        assert claim.lost == 2

    def test_a_message_that_is_kept_is_left_alone_as_long(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        assert store.defer("ada", "k1", b"said") is None
        assert other.claim(ask()) == Running("k1", 0.0, 1)
        if self.short < 1.0:
            return
        self.advance(20.1)
        assert [message.key for message in granted(other.claim(ask())).pending] == ["k1"]

    def test_a_firing_that_was_cut_off_is_taken_up_at_once(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim(ask(lease=self.short, message=b"fires")))
        self.advance(self.short)
        again = granted(other.claim(ask(lease=self.short, message=b"fires")))
        assert (again.pending, again.lost) == ((), 1)
        self.advance(self.short)
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert [(message.key, message.message) for message in claim.pending] == [("fire", b"fires")]
        assert claim.lost == 2
        commit = Commit(
            "ada", "fire", Write(HEAD, (TWO,)), reply=b"", fence=claim.fence, release=False,
            fires=DUE,
        )  # fmt: skip
        committed(other.commit(commit))
        committed(other.commit(Commit("ada", "k", Write(HEAD), reply=b"a", fence=claim.fence)))
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(b"a")
        assert granted(store.claim(ask())).pending == ()

    def test_it_finishes_a_message_under_that_ones_own_key(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        store.release("ada", 0)
        self.advance(max(self.short, 21.0) + self.short if self.short > 1.0 else 0.0)
        if self.short < 1.0:
            return
        claim = granted(other.claim(ask()))
        commit = Commit(
            "ada", "k1", Write(HEAD), reply=b"late", fence=claim.fence, release=False, taken=False
        )
        committed(other.commit(commit))
        fired(other, claim, Write(HEAD))
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.untaken == (b"late",)
        assert claim.age < 1.0

    def test_a_claim_that_is_not_sure_is_replaced(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        unsure = granted(store.claim(ask()))
        again = granted(store.claim(ask(instead=unsure.fence)))
        with pytest.raises(ClaimLost):
            store.record("ada", unsure.fence, Write(HEAD))
        fired(other, again, Write(HEAD, ttl=LONG))
        self.see_nobody(other)

    def see_nobody(self, store: Store) -> None:
        looked = store.claim(Claim("ada", "a look", lease=LONG, optimistic=True))
        assert isinstance(looked, Unclaimed)

    # It is nothing that happened ------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["committed", "recorded", "released", "all over"])
    def test_a_reply_is_still_said_to_be_untaken_after_it(
        self, store: Store, other: Store, how: str
    ) -> None:
        begin(store, ONE, key="k1")
        claim = granted(other.claim(ask()))
        if how == "recorded":
            other.record("ada", claim.fence, Write(HEAD, (TWO,), ttl=LONG))
        if how == "released":
            other.release("ada", claim.fence)
        else:
            write = Write(b"" if how == "all over" else HEAD, ttl=LONG)
            fired(other, claim, write)
        store.untaken("ada", "k1")
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.untaken == (b"hello",)

    def test_after_another_message_it_is_not(self, store: Store, other: Store) -> None:
        begin(store, ONE, key="k1")
        other.release("ada", granted(other.claim(Claim("ada", "k2", lease=LONG))).fence)
        other.release("ada", granted(other.claim(ask())).fence)
        store.untaken("ada", "k1")
        assert granted(other.claim(Claim("ada", "k3", lease=LONG))).untaken == ()

    def test_what_nobody_took_is_not_told_to_it(self, store: Store, other: Store) -> None:
        begin(store, ONE, key="k1")
        store.untaken("ada", "k1")
        claim = granted(other.claim(ask()))
        assert claim.untaken == ()
        assert store.claim(Claim("ada", "k1", lease=LONG)) == Answered(b"hello")
        fired(other, claim, Write(HEAD, (TWO,), ttl=LONG))

    def test_what_it_wrote_is_not_what_nobody_took(self, store: Store, other: Store) -> None:
        begin(store, ONE, key="k1")
        store.untaken("ada", "k1")
        fired(other, granted(other.claim(ask())), Write(HEAD, (TWO,), ttl=LONG))
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.untaken == (b"hello",)

    @pytest.mark.parametrize("how", ["committed", "released"])
    def test_the_next_turn_is_as_fast_as_ever(self, store: Store, other: Store, how: str) -> None:
        begin(store, ONE, key="k1")
        claim = granted(other.claim(ask(message=b"fires")))
        if how == "released":
            other.release("ada", claim.fence)
        else:
            fired(other, claim, Write(HEAD, ttl=LONG))
        self.see_nobody(store)

    # The index ------------------------------------------------------------------------------------

    def test_what_has_fired_is_due_no_more(self, store: Store) -> None:
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        fired(store, claim, Write(HEAD, ttl=LONG), due=due)
        assert store.due(ACCOUNT, 10, LONG).next is None

    def test_what_fires_next_is_told_at_its_time(self, store: Store) -> None:
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        wake = Wake(ACCOUNT, now(store) + round(self.short * 1000))
        fired(store, claim, Write(HEAD, ttl=LONG, wake=wake), due=due)
        assert store.due(ACCOUNT, 10, LONG).next == wake.at
        self.advance(self.short)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_of_two_things_due_at_one_time_the_second_stays_due(self, store: Store) -> None:
        wake = timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        fired(store, claim, Write(HEAD, ttl=LONG, wake=wake), due=due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_a_time_set_while_the_firing_before_it_ends_is_not_lost(self, store: Store) -> None:
        wake = timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        commit = Commit("ada", "fire", Write(HEAD), reply=b"", fence=claim.fence, fires=due)
        committed(store.commit(commit))
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        write = Write(HEAD, ttl=LONG, wake=wake)
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        with pytest.raises(ClaimLost):
            store.commit(commit)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_one_that_is_refused_stays_due(self, store: Store) -> None:
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, self.short).entries
        lost = granted(store.claim(ask(due=due, lease=self.short)))
        self.advance(self.short)
        with pytest.raises(ClaimLost):
            fired(store, lost, Write(HEAD), due=due)
        store.undue(due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]
