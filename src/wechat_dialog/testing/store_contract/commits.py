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

    def test_every_write_has_a_new_revision(self, store: Store) -> None:
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

    def test_a_commit_releases_the_claim(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        granted(other.claim(Claim("ada", "k2", lease=LONG)))

    def test_a_commit_may_keep_the_claim_for_another_turn(self, store: Store) -> None:
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
    def test_a_journal_is_cut_at_its_end_and_then_has_another_id(
        self, store: Store, keep: int | None, left: tuple[bytes, ...], same: bool
    ) -> None:
        before = begin(store, ONE, TWO)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, (THREE,), keep=keep)
        result = committed(store.commit(Commit("ada", "k", write, reply=b"", fence=fence)))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == left
        assert (result.journal == before.journal) is same

    def test_keeping_less_than_nothing_is_an_error(self, store: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        with pytest.raises(ValueError, match="keep"):
            store.record("ada", fence, Write(HEAD, keep=-1))

    def test_an_empty_head_drops_head_and_journal_only(self, store: Store) -> None:
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

    def test_head_and_journal_go_after_their_ttl(self, store: Store) -> None:
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

    def test_head_and_journal_stay_while_claimed(self, store: Store) -> None:
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

    def test_data_is_set_left_and_removed(self, store: Store) -> None:
        values: list[bytes] = []
        for i, data in enumerate((b"blue", None, b"", None)):
            fence = granted(store.claim(Claim("ada", f"k{i}", lease=LONG))).fence
            write = Write(b"", data=data)
            store.commit(Commit("ada", f"k{i}", write, reply=b"", fence=fence))
            shown = store.show("ada")
            values.append(b"(nothing)" if shown is None else shown.data)
        assert values == [b"blue", b"blue", b"(nothing)", b"(nothing)"]

    def test_conversations_are_parked_replaced_and_taken_back(self, store: Store) -> None:
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

    def test_parked_conversations_are_kept_for_their_ttl(self, store: Store) -> None:
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

    def test_a_record_is_there_for_whoever_finishes_the_turn(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        result = store.record("ada", fence, Write(b"in a step", (TWO,), ttl=LONG))
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k1", lease=LONG)))
        assert (claim.head, claim.records) == (b"in a step", (ONE, TWO))
        assert (claim.revision, claim.journal) == (result.revision, result.journal)

    def test_a_record_leaves_claim_and_age(self, store: Store) -> None:
        begin(store, ONE)
        self.advance(self.short)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=LONG))
        assert isinstance(store.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.release("ada", fence)
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert claim.age >= self.short
