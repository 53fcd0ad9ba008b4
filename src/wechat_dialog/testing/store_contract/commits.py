"""What a commit or a record under a claim writes."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import Answered, Claim, Commit, Committed, Running, Write

from .asking import HEAD, LONG, ONE, THREE, TWO, StoreCase, begin, committed, granted

__all__ = ["Commits"]


class Commits(StoreCase):
    """`commit` with a fence, and `record`."""

    def test_record_and_commit_always_get_a_greater_revision(self, store: Store) -> None:
        """A write's revision is greater than all before it, also after `end`."""
        revisions: list[int] = []
        for i in range(3):
            self.advance(0.001)
            fence = granted(store.claim(Claim("ada", f"k{i}", lease=LONG))).fence
            revisions.append(store.record("ada", fence, Write(HEAD)).revision)
            write = Write(HEAD)
            result = committed(store.commit(Commit("ada", f"k{i}", write, reply=b"", fence=fence)))
            revisions.append(result.revision)
            store.end("ada")
        assert revisions == sorted(set(revisions))

    def test_commit_releases_the_claim(self, store: Store, other: Store) -> None:
        """After a commit, a claim for another message is granted."""
        begin(store, ONE)
        granted(other.claim(Claim("ada", "k2", lease=LONG)))

    def test_commit_with_release_false_keeps_the_claim(self, store: Store) -> None:
        """After a commit with `release=False`, the claim is valid for another message's turn."""
        fence = granted(store.claim(Claim("ada", "k2", lease=LONG))).fence
        store.commit(
            Commit("ada", "k1", Write(HEAD, (ONE,)), reply=b"1", fence=fence, release=False)
        )
        assert isinstance(store.claim(Claim("ada", "k3", lease=LONG)), Running)
        assert store.claim(Claim("ada", "k1", lease=LONG)) == Answered(b"1")
        committed(store.commit(Commit("ada", "k2", Write(HEAD, (TWO,)), reply=b"2", fence=fence)))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO)

    @pytest.mark.parametrize(
        ("keep", "left", "same"),
        [
            pytest.param(None, (ONE, TWO, THREE), True, id="all"),
            pytest.param(2, (ONE, TWO, THREE), True, id="all, by number"),
            pytest.param(1, (ONE, THREE), False, id="some"),
            pytest.param(0, (THREE,), False, id="none"),
        ],
    )
    def test_commit_with_keep_truncates_the_journal_and_changes_its_id(
        self, store: Store, keep: int | None, left: tuple[bytes, ...], same: bool
    ) -> None:
        """`keep` drops records from the journal's end; if any, the journal gets another id."""
        before = begin(store, ONE, TWO)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, (THREE,), keep=keep)
        result = committed(store.commit(Commit("ada", "k", write, reply=b"", fence=fence)))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == left
        assert (result.journal == before.journal) is same

    def test_record_with_a_negative_keep_raises_value_error(self, store: Store) -> None:
        """A negative `keep` raises ValueError."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        with pytest.raises(ValueError, match="keep"):
            store.record("ada", fence, Write(HEAD, keep=-1))

    def test_commit_with_an_empty_head_drops_head_and_journal_only(self, store: Store) -> None:
        """An empty head drops head and journal; data, parked conversations and replies stay."""
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        write = Write(HEAD, (ONE,), data=b"blue", park=(Parked("p", b"old", LONG),))
        store.commit(Commit("ada", "k1", write, reply=b"1", fence=fence))
        fence = granted(store.claim(Claim("ada", "k2", lease=LONG))).fence
        result = store.commit(Commit("ada", "k2", Write(b""), reply=b"2", fence=fence))
        assert result == Committed(0, 0)
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (b"", (), b"blue")
        assert list(shown.parked) == ["p"]
        assert store.claim(Claim("ada", "k1", lease=LONG)) == Answered(b"1")
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        assert (claim.revision, claim.journal, claim.length, claim.records) == (0, 0, 0, ())

    def test_write_ttl_expires_head_and_journal(self, store: Store) -> None:
        """Head and journal are gone `ttl` seconds after the write."""
        begin(store, ONE, ttl=self.short)
        self.advance(self.short * 2)
        assert store.show("ada") is None
        assert not list(store.list())
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.head, claim.length, claim.records) == (b"", 0, ())
        store.commit(Commit("ada", "k", Write(HEAD, (TWO,)), reply=b"", fence=claim.fence))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (TWO,)

    def test_write_ttl_does_not_expire_head_and_journal_under_a_claim(self, store: Store) -> None:
        """While a claim is valid, head and journal do not expire."""
        begin(store, ONE, ttl=self.short)
        fence = granted(store.claim(Claim("ada", "k", lease=self.short * 2))).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 3)
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=self.short))
        self.advance(self.short * 2)
        committed(store.commit(Commit("ada", "k", Write(HEAD, (THREE,)), reply=b"", fence=fence)))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO, THREE)

    def test_write_data_sets_leaves_or_removes_the_users_data(self, store: Store) -> None:
        """`data` sets the user's data; None leaves it unchanged, empty bytes remove it."""
        values: list[bytes] = []
        for i, data in enumerate((b"blue", None, b"", None)):
            fence = granted(store.claim(Claim("ada", f"k{i}", lease=LONG))).fence
            write = Write(b"", data=data)
            store.commit(Commit("ada", f"k{i}", write, reply=b"", fence=fence))
            shown = store.show("ada")
            values.append(b"(nothing)" if shown is None else shown.data)
        assert values == [b"blue", b"blue", b"(nothing)", b"(nothing)"]

    def test_write_park_adds_or_replaces_and_unpark_removes(self, store: Store) -> None:
        """`park` adds a conversation, or replaces the one with its id; `unpark` removes one."""

        def write(change: Write) -> dict[str, bytes]:
            self.advance(0.001)
            fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
            store.record("ada", fence, change)
            store.release("ada", fence)
            shown = store.show("ada")
            return {} if shown is None else {i: p.document for i, p in shown.parked.items()}

        write(Write(HEAD, park=(Parked("b", b"1"),)))
        assert list(write(Write(HEAD, park=(Parked("a", b"2"),)))) == ["b", "a"]
        assert write(Write(HEAD, park=(Parked("b", b"3"),))) == {"a": b"2", "b": b"3"}
        assert write(Write(HEAD, unpark=("nobody",))) == {"a": b"2", "b": b"3"}
        assert write(Write(HEAD, unpark=("a",))) == {"b": b"3"}
        assert write(Write(HEAD, unpark=("b",), park=(Parked("b", b"4"),))) == {"b": b"4"}

    def test_write_park_expires_each_conversation_after_its_own_ttl(self, store: Store) -> None:
        """A parked conversation is gone after its own `ttl`."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.record("ada", fence, Write(HEAD, park=(Parked("p", b"1", self.short),)))
        store.record("ada", fence, Write(b"", park=(Parked("q", b"2", LONG),)))
        shown = store.show("ada")
        assert shown is not None
        assert 0 < shown.parked["p"].ttl <= self.short
        self.advance(self.short * 2)
        shown = store.show("ada")
        assert shown is not None
        assert list(shown.parked) == ["q"]
        assert store.end("ada", "p") is False

    def test_record_is_returned_by_the_claim_after_an_expired_one(
        self, store: Store, other: Store
    ) -> None:
        """What `record` wrote is returned by the next claim, although its own has expired."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        result = store.record("ada", fence, Write(b"in a step", (TWO,), ttl=LONG))
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k1", lease=LONG)))
        assert (claim.head, claim.records) == (b"in a step", (ONE, TWO))
        assert (claim.revision, claim.journal) == (result.revision, result.journal)

    def test_record_keeps_the_claim_and_the_age(self, store: Store) -> None:
        """After `record`, the claim is still valid, and `age` still counts from the last commit."""
        begin(store, ONE)
        self.advance(self.short)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=LONG))
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.release("ada", fence)
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert claim.age >= self.short
