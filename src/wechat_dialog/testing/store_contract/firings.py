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

    def test_firing_claims_records_and_commits_like_a_message(
        self, store: Store, other: Store
    ) -> None:
        """A firing's claim returns the entry, blocks messages, and may record and commit."""
        begin(store, ONE)
        claim = granted(store.claim(ask()))
        assert (claim.head, claim.records) == (HEAD, (ONE,))
        assert isinstance(other.claim(Claim("ada", "k", lease=LONG)), Running)
        store.record("ada", claim.fence, Write(HEAD, (TWO,)))
        fired(store, claim, Write(HEAD))
        assert granted(other.claim(Claim("ada", "k", lease=LONG))).records == (ONE, TWO)

    def test_firing_commit_keeps_the_age_and_remembers_no_reply(self, store: Store) -> None:
        """A firing's commit does not change `age`, and a claim with its key is granted again."""
        begin(store, ONE)
        self.advance(self.short)
        claim = granted(store.claim(ask()))
        assert claim.age >= self.short
        fired(store, claim, Write(HEAD, (TWO,), ttl=LONG))
        shown = store.show("ada")
        assert shown is not None
        assert shown.age >= self.short
        granted(store.claim(ask()))

    def test_firing_commit_that_creates_the_entry_starts_its_age(self, store: Store) -> None:
        """If a firing's commit creates the entry, `age` counts from it."""
        fired(store, granted(store.claim(ask())), Write(HEAD, ttl=LONG))
        self.advance(self.short)
        shown = store.show("ada")
        assert shown is not None
        assert self.short <= shown.age < LONG

    # It gives way ---------------------------------------------------------------------------------

    def test_firing_claim_that_is_refused_leaves_no_trace(self, store: Store, other: Store) -> None:
        """A firing that was refused does not wait, and prevents no optimistic claim."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert other.claim(ask()) == Running("k1", 0.0, 1)
        commit = Commit("ada", "k1", Write(HEAD, ttl=LONG), reply=b"", fence=fence)
        committed(store.commit(commit))
        looked = other.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
        assert isinstance(looked, Unclaimed)

    def test_firing_claim_is_refused_while_a_message_waits(
        self, store: Store, other: Store
    ) -> None:
        """A firing's claim is refused while a message waits for its turn."""
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.release("ada", fence)
        assert other.claim(ask()) == Running("k2", 0.0, 1)
        granted(other.claim(Claim("ada", "k2", lease=LONG, arrival=False)))

    def test_firing_claim_with_arrival_waits_in_the_queue(self, store: Store, other: Store) -> None:
        """With `arrival`, a firing waits for its turn, and messages that come later wait for it."""
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        assert store.claim(Claim("ada", "k2", lease=LONG)) == Running("k1", 0.0, 1)
        store.release("ada", fence)
        waiting = store.claim(Claim("ada", "k2", lease=LONG, arrival=False))
        assert isinstance(waiting, Running)
        assert waiting.key == "fire"
        granted(other.claim(ask()))

    def test_firing_claim_in_the_queue_waits_for_earlier_messages(
        self, store: Store, other: Store
    ) -> None:
        """A waiting firing is refused while a message waits that came before it."""
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG)), Running)
        assert isinstance(other.claim(ask(arrival=True)), Running)
        store.release("ada", fence)
        refused = other.claim(ask())
        assert isinstance(refused, Running)
        assert refused.key == "k2"
        granted(store.claim(Claim("ada", "k2", lease=LONG, arrival=False)))

    def test_firing_claim_in_the_queue_does_not_wait_for_later_messages(
        self, store: Store, other: Store
    ) -> None:
        """A waiting firing is granted the turn before later messages, deferred ones included."""
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG, message=b"said")), Running)
        assert store.defer("ada", "k2", b"said") is None
        store.release("ada", fence)
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG, arrival=False)), Running)
        granted(other.claim(ask()))

    def test_firing_claim_in_the_queue_returns_a_later_message_that_was_cut_off(
        self, store: Store, other: Store
    ) -> None:
        """A waiting firing is given a later message as pending if that one's claim has expired."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        assert isinstance(other.claim(ask(arrival=True)), Running)
        replaced = Claim("ada", "k2", lease=self.short, message=b"said", instead=fence)
        granted(store.claim(replaced))
        self.advance(self.short)
        assert [message.key for message in granted(other.claim(ask())).pending] == ["k2"]

    @pytest.mark.parametrize("arrival", [False, True])
    def test_firing_claim_is_refused_for_20_s_after_a_messages_claim_expired(
        self, store: Store, other: Store, arrival: bool
    ) -> None:
        """For 20 s after a message's claim expired, the turn is left to a copy of the message."""
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short)
        refused = other.claim(ask(arrival=arrival))
        assert isinstance(refused, Running)
        assert refused.key == "k1"
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        if self.short < 1.0:
            return  # twenty seconds are long if the clock cannot be set
        self.advance(self.short + 19.0)
        assert isinstance(other.claim(ask(arrival=arrival)), Running)
        self.advance(1.0)
        claim = granted(other.claim(ask(arrival=arrival)))
        assert [pending.key for pending in claim.pending] == ["k1"]
        assert claim.lost == 2

    def test_firing_claim_is_refused_for_20_s_after_a_message_was_deferred(
        self, store: Store, other: Store
    ) -> None:
        """For 20 s after `defer`, the turn is left to whoever has the message in hand."""
        begin(store, ONE)
        assert store.defer("ada", "k1", b"said") is None
        assert other.claim(ask()) == Running("k1", 0.0, 1)
        if self.short < 1.0:
            return
        self.advance(20.1)
        assert [message.key for message in granted(other.claim(ask())).pending] == ["k1"]

    def test_firing_claim_is_granted_at_once_after_a_firing_was_cut_off(
        self, store: Store, other: Store
    ) -> None:
        """A firing whose claim expired may be claimed again at once, or finished by a message."""
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

    def test_firing_commits_a_pending_message_under_the_messages_key(
        self, store: Store, other: Store
    ) -> None:
        """A firing commits a pending message under that message's key, and then its own turn."""
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

    def test_firing_claim_instead_replaces_its_own_claim(self, store: Store, other: Store) -> None:
        """`instead` replaces a firing's claim, and nobody waits after its commit."""
        begin(store, ONE)
        unsure = granted(store.claim(ask()))
        again = granted(store.claim(ask(instead=unsure.fence)))
        with pytest.raises(ClaimLost):
            store.record("ada", unsure.fence, Write(HEAD))
        fired(other, again, Write(HEAD, ttl=LONG))
        self.see_nobody(other)

    def see_nobody(self, store: Store) -> None:
        """Assert that nobody waits, and that there is no claim."""
        looked = store.claim(Claim("ada", "a look", lease=LONG, optimistic=True))
        assert isinstance(looked, Unclaimed)

    # It is nothing that happened ------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["committed", "recorded", "released", "all over"])
    def test_untaken_is_not_too_late_after_a_firing(
        self, store: Store, other: Store, how: str
    ) -> None:
        """`untaken` still works after a firing, however that ended."""
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

    def test_untaken_is_too_late_after_a_message_and_a_firing(
        self, store: Store, other: Store
    ) -> None:
        """`untaken` does nothing after another message's claim, also if a firing came last."""
        begin(store, ONE, key="k1")
        other.release("ada", granted(other.claim(Claim("ada", "k2", lease=LONG))).fence)
        other.release("ada", granted(other.claim(ask())).fence)
        store.untaken("ada", "k1")
        assert granted(other.claim(Claim("ada", "k3", lease=LONG))).untaken == ()

    def test_firing_claim_returns_no_untaken_replies(self, store: Store, other: Store) -> None:
        """A firing is not given untaken replies; a copy of their message still is."""
        begin(store, ONE, key="k1")
        store.untaken("ada", "k1")
        claim = granted(other.claim(ask()))
        assert claim.untaken == ()
        assert store.claim(Claim("ada", "k1", lease=LONG)) == Answered(b"hello")
        fired(other, claim, Write(HEAD, (TWO,), ttl=LONG))

    def test_firing_commit_leaves_untaken_replies_to_the_next_message(
        self, store: Store, other: Store
    ) -> None:
        """After a firing's commit, the next message's claim still returns the untaken reply."""
        begin(store, ONE, key="k1")
        store.untaken("ada", "k1")
        fired(other, granted(other.claim(ask())), Write(HEAD, (TWO,), ttl=LONG))
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.untaken == (b"hello",)

    @pytest.mark.parametrize("how", ["committed", "released"])
    def test_firing_that_has_ended_does_not_prevent_the_fast_path(
        self, store: Store, other: Store, how: str
    ) -> None:
        """After a firing's commit or release, an optimistic claim is `Unclaimed`."""
        begin(store, ONE, key="k1")
        claim = granted(other.claim(ask(message=b"fires")))
        if how == "released":
            other.release("ada", claim.fence)
        else:
            fired(other, claim, Write(HEAD, ttl=LONG))
        self.see_nobody(store)

    # The index ------------------------------------------------------------------------------------

    def test_firing_commit_removes_its_index_entry(self, store: Store) -> None:
        """After a firing's commit without `wake`, nothing is due."""
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        fired(store, claim, Write(HEAD, ttl=LONG), due=due)
        assert store.due(ACCOUNT, 10, LONG).next is None

    def test_firing_commit_with_wake_is_due_again_at_that_time(self, store: Store) -> None:
        """After a firing's commit with `wake`, the user is due at that time, and not before."""
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        wake = Wake(ACCOUNT, now(store) + round(self.short * 1000))
        fired(store, claim, Write(HEAD, ttl=LONG, wake=wake), due=due)
        assert store.due(ACCOUNT, 10, LONG).next == wake.at
        self.advance(self.short)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_firing_commit_with_the_same_wake_stays_due(self, store: Store) -> None:
        """If a firing's commit sets the time that it was for, the user is still due."""
        wake = timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(ask(due=due)))
        fired(store, claim, Write(HEAD, ttl=LONG, wake=wake), due=due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_firing_commit_that_is_refused_removes_no_time_set_since(self, store: Store) -> None:
        """A repeated commit of a firing is refused, and a time set since stays in the index."""
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

    def test_firing_commit_that_is_refused_leaves_the_user_due(self, store: Store) -> None:
        """If a firing's commit is refused, the user is still due, also after `undue`."""
        timed(store, -1.0)
        (due,) = store.due(ACCOUNT, 10, self.short).entries
        lost = granted(store.claim(ask(due=due, lease=self.short)))
        self.advance(self.short)
        with pytest.raises(ClaimLost):
            fired(store, lost, Write(HEAD), due=due)
        store.undue(due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]
