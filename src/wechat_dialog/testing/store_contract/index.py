"""The index of due times, and conversations that are put aside beside the head."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Due, Dues, Wake
from wechat_dialog.core.store.values import Claim, Commit, Conflict, Unclaimed, Write

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted

__all__ = ["ACCOUNT", "Index", "now", "timed"]

ACCOUNT = "gh_1"
WEEK = 7 * 86400.0


def now(store: Store) -> int:
    """The store's clock, in ms."""
    return store.due("nobody's", 1, 0.0).now


def timed(
    store: Store,
    seconds: float | None,
    *,
    user: str = "ada",
    key: str = "first",
    account: str = ACCOUNT,
    aside: tuple[Aside, ...] = (),
) -> Wake | None:
    """Commit a conversation with something due in so many seconds; None: with nothing due."""
    claim = granted(store.claim(Claim(user, key, lease=LONG)))
    wake = None if seconds is None else Wake(account, claim.now + round(seconds * 1000))
    write = Write(HEAD, (ONE,), ttl=LONG, wake=wake, aside=aside)
    committed(store.commit(Commit(user, key, write, reply=b"", fence=claim.fence)))
    return wake


def users(dues: Dues) -> list[str]:
    """Return the users with something due, each once: the index may have several entries for
    one.
    """
    return list(dict.fromkeys(due.user for due in dues.entries))


class Index(StoreCase):
    """`Write.wake`, `Write.aside`, `due` and `undue`."""

    def test_claims_and_writes_return_the_stores_clock(self, store: Store) -> None:
        """Claims and writes return the store's clock; a commit without a head returns 0."""
        before = now(store)
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        result = store.record("ada", claim.fence, Write(HEAD))
        ended = committed(
            store.commit(Commit("ada", "k", Write(HEAD), reply=b"", fence=claim.fence))
        )
        self.advance(0.02)
        look = store.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
        assert isinstance(look, Unclaimed)
        assert before <= claim.now <= result.now <= ended.now < look.now <= now(store)
        assert look.now - before < 10_000
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        ended = committed(
            store.commit(Commit("ada", "k3", Write(b""), reply=b"", fence=claim.fence))
        )
        assert (ended.now, ended.mail) == (0, False)

    def test_due_returns_an_entry_once_its_time_has_come(self, store: Store, other: Store) -> None:
        """`due` returns an entry once `wake` has passed; before that, `next` is that time."""
        wake = timed(store, self.short)
        assert wake is not None
        early = other.due(ACCOUNT, 10, LONG)
        assert (early.entries, early.next) == ((), wake.at)
        self.advance(self.short)
        dues = other.due(ACCOUNT, 10, LONG)
        assert [(due.user, due.at) for due in dues.entries] == [("ada", wake.at)]
        assert dues.now >= wake.at

    def test_due_returns_an_entry_with_a_past_time_at_once(self, store: Store) -> None:
        """A user whose `wake` is in the past is due at once."""
        timed(store, -3600.0)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_due_returns_nothing_for_a_write_without_wake(self, store: Store) -> None:
        """Without `wake`, `due` returns no entry, and `next` is None."""
        timed(store, None)
        dues = store.due(ACCOUNT, 10, LONG)
        assert (dues.entries, dues.next) == ((), None)

    def test_due_returns_the_entries_of_one_account(self, store: Store) -> None:
        """`due` returns entries of the given account only."""
        timed(store, 0.0, user="ada")
        timed(store, 0.0, user="bob", account="gh_2}")
        assert users(store.due("gh_2}", 10, LONG)) == ["bob"]
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_due_returns_the_earliest_entries_up_to_the_limit(self, store: Store) -> None:
        """`due` returns the earliest entries, at most `limit`, and the others at the next call."""
        for number, user in enumerate(["cy", "ada", "bob"]):
            timed(store, -3.0 + number, user=user)
        first = store.due(ACCOUNT, 2, LONG)
        assert users(first) == ["cy", "ada"]
        assert first.next is not None
        assert first.next <= first.now
        assert users(store.due(ACCOUNT, 2, LONG)) == ["bob"]

    def test_due_hides_a_leased_entry_until_its_lease_ends(
        self, store: Store, other: Store
    ) -> None:
        """An entry that `due` returned is hidden from other callers until its lease ends."""
        timed(store, 0.0)
        assert users(store.due(ACCOUNT, 10, self.short)) == ["ada"]
        hidden = other.due(ACCOUNT, 10, LONG)
        assert hidden.entries == ()
        assert hidden.next is not None
        assert 0 < hidden.next - hidden.now <= self.short * 1000 + 1
        self.advance(self.short)
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_due_returns_a_leased_entry_if_its_time_is_set_again(self, store: Store) -> None:
        """A leased entry is returned again at once if a write sets its user's time."""
        timed(store, 0.0)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]
        timed(store, -1.0, key="k2")
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_write_wake_replaces_the_time_set_before(self, store: Store) -> None:
        """Each write sets `wake` again: the time before it counts no longer."""
        timed(store, self.short)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.record("ada", fence, Write(HEAD, ttl=LONG))
        shown = store.show("ada")
        assert shown is not None
        assert shown.wake is None
        wake = Wake(ACCOUNT, now(store) + round(self.short * 4000))
        store.record("ada", fence, Write(HEAD, ttl=LONG, wake=wake))
        shown = store.show("ada")
        assert shown is not None
        assert shown.wake == wake
        self.advance(self.short * 2)
        self.see_nothing_due(store)
        self.advance(self.short * 2.1)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def see_nothing_due(self, store: Store) -> None:
        """Take the entries of the index and give them back, as a sweep does before their time
        has come.
        """
        for due in store.due(ACCOUNT, 10, LONG).entries:
            store.undue(due)
        assert store.due(ACCOUNT, 10, LONG).entries == ()

    def test_undue_removes_an_outdated_entry_after_a_minute(self, store: Store) -> None:
        """`undue` removes an entry without a time from the index once it is a minute overdue."""
        timed(store, 0.0)
        timed(store, None, key="k2")
        self.see_nothing_due(store)
        if self.short < 1.0:
            return  # a minute is long if the clock cannot be set
        self.advance(61.0)
        self.see_nothing_due(store)
        assert store.due(ACCOUNT, 10, LONG).next is None

    def test_undue_keeps_the_entry_if_something_is_due(self, store: Store) -> None:
        """`undue` of a user for whom something is due changes nothing."""
        timed(store, 0.0)
        (due,) = store.due(ACCOUNT, 10, self.short).entries
        self.advance(self.short)
        store.undue(due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_fast_commit_may_keep_postpone_or_clear_wake_only(
        self, store: Store, other: Store
    ) -> None:
        """Without a claim, an earlier `wake`, or one where none was, is a `Conflict`."""
        wake = timed(store, self.short)
        assert wake is not None

        def fast(key: str, wake: Wake | None) -> object:
            look = store.claim(Claim("ada", key, lease=LONG, optimistic=True))
            assert isinstance(look, Unclaimed)
            write = Write(HEAD, (TWO,), ttl=LONG, wake=wake)
            return other.commit(Commit("ada", key, write, reply=b"", revision=look.revision))

        later = Wake(ACCOUNT, wake.at + round(self.short * 2000))
        assert fast("k1", Wake(ACCOUNT, wake.at - 1)) == Conflict()
        assert fast("k1", wake) != Conflict()
        assert fast("k2", later) != Conflict()
        assert fast("k3", wake) == Conflict()
        self.advance(self.short * 2)
        self.see_nothing_due(store)
        self.advance(self.short * 1.1)
        assert users(store.due(ACCOUNT, 10, 0.0)) == ["ada"]
        assert fast("k3", None) != Conflict()
        assert fast("k4", later) == Conflict()
        shown = store.show("ada")
        assert shown is not None
        assert (shown.wake, len(shown.records)) == (None, 4)

    def test_write_wake_keeps_head_and_journal_until_a_week_later(self, store: Store) -> None:
        """Head and journal do not expire until a week after `wake`."""
        timed(store, 60.0)
        shown = store.show("ada")
        assert shown is not None
        assert WEEK + 50 < shown.ttl <= WEEK + 60
        if self.short < 1.0:
            return
        self.advance(WEEK + 50)
        assert users(store.due(ACCOUNT, 10, 0.0)) == ["ada"]
        claim = granted(store.claim(Claim("ada", "k", lease=0.1)))
        assert (claim.head, claim.records) == (HEAD, (ONE,))
        self.advance(20.0)
        assert store.show("ada") is None
        self.see_nothing_due(store)

    # What is put aside ----------------------------------------------------------------------------

    def test_claim_returns_the_conversations_aside(self, store: Store, other: Store) -> None:
        """A claim returns the conversations aside by id, as the last writes left them."""
        timed(store, LONG, aside=(Aside("b", b"\x00\xff"), Aside("a", b"")))
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert claim.aside == (Aside("a", b""), Aside("b", b"\x00\xff"))
        write = Write(HEAD, unaside=("a", "nobody"), aside=(Aside("b", b"2"), Aside("微", b"3")))
        other.record("ada", claim.fence, write)
        shown = store.show("ada")
        assert shown is not None
        assert list(shown.aside.items()) == [("b", b"2"), ("微", b"3")]
        assert [line.aside for line in store.list("ada")] == [("b", "微")]
        write = Write(HEAD, unaside=("b",), aside=(Aside("b", b"4"),))
        committed(other.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.aside == (Aside("b", b"4"), Aside("微", b"3"))

    def test_write_without_aside_leaves_conversations_aside(self, store: Store) -> None:
        """Records and commits without `aside` leave conversations aside unchanged."""
        timed(store, LONG, aside=(Aside("a", b"1"),))
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        store.record("ada", claim.fence, Write(HEAD, (TWO,)))
        result = committed(
            store.commit(Commit("ada", "k", Write(HEAD), reply=b"", fence=claim.fence))
        )
        fast = Commit("ada", "k2", Write(HEAD, (TWO,)), reply=b"", revision=result.revision)
        assert store.commit(fast) != Conflict()
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        assert (claim.aside, claim.length) == ((Aside("a", b"1"),), 3)

    @pytest.mark.parametrize("how", ["empty", "ended", "forgotten", "over"])
    def test_write_aside_is_dropped_with_the_head(self, store: Store, how: str) -> None:
        """Conversations aside are gone when the head is, however it was dropped."""
        timed(store, None, aside=(Aside("a", b"1"),))
        if how == "ended":
            assert store.end("ada")
        elif how == "forgotten":
            assert store.forget("ada")
        elif how == "over":
            claim = granted(store.claim(Claim("ada", "k", lease=self.short)))
            write = Write(HEAD, ttl=self.short)
            committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
            self.advance(self.short)
        else:
            fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
            committed(store.commit(Commit("ada", "k", Write(b""), reply=b"", fence=fence)))
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.aside == ()
        committed(store.commit(Commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence)))
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        write = Write(HEAD, aside=(Aside("z", b"9"),))
        committed(store.commit(Commit("ada", "k3", write, reply=b"", fence=claim.fence)))
        assert granted(store.claim(Claim("ada", "k4", lease=LONG))).aside == (Aside("z", b"9"),)

    def test_end_with_an_id_drops_one_conversation_aside(self, store: Store) -> None:
        """`end` with the id of a conversation aside drops that one only."""
        timed(store, LONG, aside=(Aside("a", b"1"), Aside("b", b"2")))
        assert store.end("ada", "a") is True
        assert store.end("ada", "a") is False
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.head, claim.aside) == (HEAD, (Aside("b", b"2"),))

    @pytest.mark.parametrize(
        "write",
        [
            Write(b"", wake=Wake(ACCOUNT, 5)),
            Write(b"", aside=(Aside("a", b""),)),
            Write(HEAD, wake=Wake("", 5)),
            Write(HEAD, wake=Wake(ACCOUNT, 0)),
            Write(HEAD, wake=Wake(ACCOUNT, 2**43)),
            Write(b"", unaside=("a",), forget=True),
        ],
    )
    def test_write_wake_or_aside_that_cannot_be_raises_value_error(
        self, store: Store, write: Write
    ) -> None:
        """`wake` or `aside` without a head, and an invalid `wake`, raise ValueError."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        with pytest.raises(ValueError, match=r"Write\."):
            store.commit(Commit("ada", "k", write, reply=b"", fence=fence))

    def test_fast_commit_with_taken_or_fires_raises_value_error(self, store: Store) -> None:
        """`taken` and `fires` without a fence raise ValueError."""
        revision = begin(store, ONE).revision
        for commit in (
            Commit("ada", "k", Write(HEAD, taken=(1,)), reply=b"", revision=revision),
            Commit("ada", "k", Write(HEAD), reply=b"", revision=revision, fires=Due("ada", 1)),
        ):
            with pytest.raises(ValueError, match="fence"):
                store.commit(commit)

    # Accounts -------------------------------------------------------------------------------------

    def test_note_account_is_seen_by_other_clients(self, store: Store, other: Store) -> None:
        """All clients see the account last noted under a name; "" if it was noted as empty."""
        assert other.account("token}") == ""
        store.note_account("token}", "gh_1")
        store.note_account("another", "gh_2")
        assert other.account("token}") == "gh_1"
        store.note_account("token}", "gh_3")
        assert other.account("token}") == "gh_3"
        store.note_account("token}", "")
        assert other.account("token}") == ""
