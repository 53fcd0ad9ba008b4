"""Users of whom nothing is known: a turn may begin their entry without a claim."""

from __future__ import annotations

from functools import partial

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.times import Post, Wake
from wechat_dialog.core.store.values import (
    LOOK_HOLDS,
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted, together

__all__ = ["Absent"]


class Absent(StoreCase):
    """`claim` with `absent`, and `commit` with `looked`."""

    def look_for(self, store: Store, key: str = "k") -> Claimed | Unclaimed | Answered | Running:
        """Make an optimistic claim for a user who may have no entry."""
        return store.claim(Claim("ada", key, lease=LONG, optimistic=True, absent=True))

    def absent(self, store: Store) -> int:
        """Return when the store was seen to know nothing of the user."""
        looked = self.look_for(store)
        assert isinstance(looked, Unclaimed)
        assert looked.revision == looked.issued == 0
        return looked.now

    def commit_first(
        self, store: Store, looked: int, key: str = "k", write: Write | None = None
    ) -> Committed | Answered | Conflict | Deferred:
        """Commit what is based on such a look."""
        write = write or Write(HEAD, (ONE,), ttl=LONG)
        return store.commit(Commit("ada", key, write, reply=b"hello", looked=looked))

    def test_first_look_returns_an_empty_entry_and_leaves_no_trace(
        self, store: Store, other: Store
    ) -> None:
        """If nothing is known of the user, a look is `Unclaimed` with revision 0, and no trace."""
        looked = self.look_for(store)
        assert isinstance(looked, Unclaimed)
        assert looked == Unclaimed(0, 0, 0, b"", (), b"", 0.0, looked.now)
        assert isinstance(self.look_for(other, "another"), Unclaimed)
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.copies, claim.lost, claim.pending) == (1, 0, ())

    def test_first_look_at_an_entry_returns_it(self, store: Store) -> None:
        """If there is an entry, `absent` changes nothing."""
        begun = begin(store, ONE)
        looked = self.look_for(store)
        assert isinstance(looked, Unclaimed)
        assert (looked.revision, looked.records) == (begun.revision, (ONE,))

    def test_first_look_returns_the_data(self, store: Store) -> None:
        """The data of a user without an entry is returned, with or without a claim."""
        fence = granted(store.claim(Claim("ada", "first", lease=LONG))).fence
        write = Write(b"", data=b"blue")
        committed(store.commit(Commit("ada", "first", write, reply=b"", fence=fence)))
        looked = self.look_for(store)
        assert isinstance(looked, Unclaimed)
        assert (looked.revision, looked.head, looked.data) == (0, b"", b"blue")

    def test_first_commit_begins_an_entry(self, store: Store, other: Store) -> None:
        """The commit begins the entry, and remembers the reply; its claim is nobody's."""
        begun = committed(self.commit_first(store, self.absent(store)))
        assert begun.revision > 0
        assert begun.journal > 0
        assert begun.now > 0
        looked = self.look_for(other, "next")
        assert isinstance(looked, Unclaimed)
        assert (looked.revision, looked.journal) == (begun.revision, begun.journal)
        assert (looked.head, looked.records, looked.length) == (HEAD, (ONE,), 1)
        assert self.look_for(other) == Answered(b"hello")

    def test_first_commit_may_have_no_records(self, store: Store) -> None:
        """An entry may begin without a record, and continue."""
        begun = committed(self.commit_first(store, self.absent(store), write=Write(HEAD, ttl=LONG)))
        write = Write(HEAD, (ONE, TWO), ttl=LONG)
        after = committed(
            store.commit(Commit("ada", "next", write, reply=b"", revision=begun.revision))
        )
        assert after.journal == begun.journal > 0
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO)

    def test_first_commit_may_have_many_records(self, store: Store) -> None:
        """An entry may begin with any number of records."""
        records = tuple(b"%d" % number for number in range(21))
        committed(
            self.commit_first(store, self.absent(store), write=Write(HEAD, records, ttl=LONG))
        )
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == records

    def test_first_commit_may_keep_nothing_but_data(self, store: Store, other: Store) -> None:
        """A turn may leave data and no entry: the reply is remembered, the next needs no claim."""
        for key, write in (("first", Write(b"")), ("second", Write(b"", data=b"blue"))):
            looked = self.look_for(store, key)
            assert isinstance(looked, Unclaimed)
            commit = Commit("ada", key, write, b"hello", issued=looked.issued, looked=looked.now)
            ended = committed(store.commit(commit))
            assert (ended.revision, ended.journal) == (0, 0)
        assert granted(other.claim(Claim("ada", "next", lease=LONG))).data == b"blue"
        assert self.look_for(other, "first") == Answered(b"hello")

    def test_first_commit_expires_with_its_ttl(self, store: Store) -> None:
        """Its head is dropped after `Write.ttl`."""
        write = Write(HEAD, (ONE,), ttl=self.short)
        committed(self.commit_first(store, self.absent(store), write=write))
        self.advance(self.short * 2)
        assert store.show("ada") is None

    def test_first_commit_that_nobody_takes_is_untaken(self, store: Store) -> None:
        """With `taken=False`, the next claim returns its reply."""
        write = Write(HEAD, ttl=LONG)
        looked = self.absent(store)
        committed(
            store.commit(Commit("ada", "k", write, reply=b"late", looked=looked, taken=False))
        )
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (b"late",)

    def test_first_commit_is_refused_if_there_is_an_entry(self, store: Store, other: Store) -> None:
        """It is `Conflict` if an entry was begun meanwhile, with or without a claim."""
        looked = self.absent(store)
        committed(self.commit_first(other, self.absent(other), "other"))
        assert self.commit_first(store, looked) == Conflict()
        assert self.commit_first(store, looked, write=Write(b"")) == Conflict()
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE,)

    def test_first_commit_of_an_answered_message_returns_its_reply(
        self, store: Store, other: Store
    ) -> None:
        """If a copy of the message was committed meanwhile, the commit is `Answered`."""
        looked = self.absent(store)
        committed(self.commit_first(other, looked))
        assert self.commit_first(store, looked) == Answered(b"hello")

    def test_first_commit_is_refused_after_an_entry_came_and_went(self, store: Store) -> None:
        """It is `Conflict` if a conversation began and ended meanwhile: the data may be another."""
        looked = self.absent(store)
        begun = begin(store, ONE)
        ends = Commit("ada", "last", Write(b""), reply=b"bye", revision=begun.revision)
        committed(store.commit(ends))
        assert self.commit_first(store, looked) == Conflict()
        assert self.commit_first(store, looked, write=Write(b"", data=b"old")) == Conflict()

    def test_first_commit_is_refused_after_a_turn_that_left_no_entry(
        self, store: Store, other: Store
    ) -> None:
        """It is `Conflict` if another turn was committed meanwhile that left only data."""
        looked = self.absent(store)
        fence = granted(other.claim(Claim("ada", "other", lease=LONG))).fence
        write = Write(b"", data=b"new")
        committed(other.commit(Commit("ada", "other", write, reply=b"", fence=fence, remember=0.0)))
        assert self.commit_first(store, looked) == Conflict()
        assert self.commit_first(store, looked, write=Write(b"", data=b"old")) == Conflict()

    @pytest.mark.parametrize("remember", [0.0, 60.0])
    def test_first_commit_follows_an_entry_that_is_over(
        self, store: Store, other: Store, remember: float
    ) -> None:
        """After a conversation has ended, another may begin, based on the number issued last."""
        first = committed(self.commit_first(store, self.absent(store)))
        ends = Commit(
            *("ada", "last", Write(b""), b"bye"), revision=first.revision, remember=remember
        )
        committed(store.commit(ends))
        looked = self.look_for(other, "next")
        assert isinstance(looked, Unclaimed)
        assert looked.revision == 0
        assert looked.issued > first.revision
        write = Write(HEAD, (TWO,), ttl=LONG)
        commit = Commit(*("ada", "next", write, b"2"), issued=looked.issued, looked=looked.now)
        again = committed(other.commit(commit))
        assert again.revision > looked.issued
        assert again.journal > first.journal
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (TWO,)
        known = [self.look_for(store, key) for key in ("k", "last", "next")]
        assert known[0] == Answered(b"hello")
        assert known[1] == Answered(b"bye") or not remember
        assert known[2] == Answered(b"2")

    def test_first_commit_is_refused_after_a_claim(self, store: Store, other: Store) -> None:
        """It is `Conflict` while there is a claim, and after one was released."""
        looked = self.absent(store)
        fence = granted(other.claim(Claim("ada", "other", lease=LONG))).fence
        assert self.commit_first(store, looked) == Conflict()
        other.release("ada", fence)
        assert self.commit_first(store, looked) == Conflict()

    def test_first_commit_is_refused_after_a_message_was_deferred(
        self, store: Store, other: Store
    ) -> None:
        """It is `Conflict` if another message is pending, and not done if its own was deferred."""
        looked = self.absent(store)
        other.defer("ada", "k")
        assert isinstance(self.commit_first(store, looked), (Conflict, Deferred))
        other.defer("ada", "other", b"said")
        assert self.commit_first(store, looked, "third") == Conflict()

    def test_first_commit_is_refused_after_a_signal(self, store: Store, other: Store) -> None:
        """It is `Conflict` if the mailbox has a signal by now."""
        looked = self.absent(store)
        other.post(Post("ada", "account", "paid-1", b"paid", kept=LONG))
        assert self.commit_first(store, looked) == Conflict()

    def test_first_commit_is_refused_after_the_user_was_forgotten(
        self, store: Store, other: Store
    ) -> None:
        """It is `Conflict` if the user was forgotten meanwhile, even if only data was known."""
        looked = self.absent(store)
        begin(other, ONE)
        other.forget("ada")
        assert self.commit_first(store, looked) == Conflict()
        fence = granted(store.claim(Claim("ada", "told", lease=LONG))).fence
        write = Write(b"", data=b"blue")
        committed(store.commit(Commit("ada", "told", write, reply=b"", fence=fence)))
        seen = self.look_for(store, "next")
        assert isinstance(seen, Unclaimed)
        assert seen.data == b"blue"
        other.forget("ada")
        write = Write(HEAD, data=b"blue too", ttl=LONG)
        commit = Commit(*("ada", "next", write, b""), issued=seen.issued, looked=seen.now)
        assert store.commit(commit) == Conflict()

    def test_first_commit_is_refused_long_after_the_look(self, store: Store) -> None:
        """It is `Conflict` if the look was more than `LOOK_HOLDS` seconds ago."""
        looked = self.absent(store) - int(LOOK_HOLDS * 1000) - 1
        assert self.commit_first(store, looked) == Conflict()
        assert self.commit_first(store, looked, write=Write(b"", data=b"old")) == Conflict()

    def test_first_commit_sets_no_time(self, store: Store) -> None:
        """A turn that sets a time has to claim."""
        wakes = Write(HEAD, ttl=LONG, wake=Wake("account", 2**42))
        assert self.commit_first(store, self.absent(store), write=wakes) == Conflict()

    def test_first_look_claims_if_anything_is_known(self, store: Store, other: Store) -> None:
        """If a message had a claim, a look is refused, or granted as a claim."""
        fence = granted(other.claim(Claim("ada", "other", lease=LONG))).fence
        assert isinstance(self.look_for(store), Running)
        other.release("ada", fence)
        assert isinstance(self.look_for(store), Claimed)

    def test_first_looks_at_once_let_one_begin(self, store: Store, other: Store) -> None:
        """Of concurrent turns without a claim, one begins the entry."""

        def turn(at: Store, key: str) -> object:
            looked = self.look_for(at, key)
            if not isinstance(looked, Unclaimed) or looked.revision:
                return Conflict()
            return self.commit_first(at, looked.now, key)

        results = together([partial(turn, at, key) for at, key in ((store, "a"), (other, "b"))])
        assert all(isinstance(result, (Committed, Conflict)) for result in results), results
        assert sum(isinstance(result, Committed) for result in results) == 1
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE,)
