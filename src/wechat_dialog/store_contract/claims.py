"""Who gets the turn, keeps it, and loses it."""

# ruff: noqa: D102, S101 - tests: their names say it, and asserting is their work
from __future__ import annotations

import pytest

from wechat_dialog.errors import ClaimLost
from wechat_dialog.store_contract.asking import (
    HEAD,
    LONG,
    ONE,
    THREE,
    TWO,
    StoreCase,
    begin,
    done,
    granted,
)
from wechat_dialog.stores.base import (
    Answered,
    Claimed,
    Conflict,
    Deferred,
    Have,
    Pending,
    Running,
    Store,
    Write,
)

__all__ = ["Claims"]


class Claims(StoreCase):
    """`claim`, `record`, `renew`, `release`, `defer`."""

    def test_a_new_user_has_nothing(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k", lease=LONG))
        assert claim.fence > 0
        assert claim == Claimed(claim.fence, 0, 0, 0, b"", (), b"", 0.0, False, 0.0, 1)

    def test_a_claimed_turn_is_nobody_elses(self, store: Store, other: Store) -> None:
        granted(store.claim("ada", "k1", lease=LONG))
        assert other.claim("ada", "k2", lease=LONG) == Running("k1", 0.0, 1)

    def test_users_do_not_wait_for_each_other(self, store: Store) -> None:
        granted(store.claim("ada", "k", lease=LONG))
        granted(store.claim("bob", "k", lease=LONG))

    def test_copies_of_a_message_are_counted_but_not_its_further_questions(
        self, store: Store, other: Store
    ) -> None:
        assert granted(store.claim("ada", "k", lease=LONG)).copies == 1
        answers = [
            other.claim("ada", "k", lease=LONG, arrival=arrival) for arrival in (True, False, True)
        ]
        assert [(a.key, a.copies) for a in answers if isinstance(a, Running)] == [
            ("k", 2),
            ("k", 2),
            ("k", 3),
        ]

    def test_a_message_knows_since_when_it_is_there(self, store: Store) -> None:
        granted(store.claim("ada", "k", lease=self.short))
        self.advance(self.short * 2)
        again = granted(store.claim("ada", "k", lease=LONG))
        assert again.since >= self.short * 2
        assert again.copies == 2

    def test_an_expired_claim_is_given_to_the_next_message(
        self, store: Store, other: Store
    ) -> None:
        lost = granted(store.claim("ada", "k1", lease=self.short))
        self.advance(self.short * 2)
        assert granted(other.claim("ada", "k2", lease=LONG)).fence > lost.fence

    def test_fences_grow_whatever_happened_between(self, store: Store) -> None:
        fences: list[int] = []

        def claim() -> int:
            self.advance(0.001)
            fences.append(granted(store.claim("ada", f"k{len(fences)}", lease=LONG)).fence)
            return fences[-1]

        store.release("ada", claim())
        store.commit("ada", "c1", Write(HEAD), reply=b"", fence=claim())
        store.commit("ada", "c2", Write(b""), reply=b"", fence=claim())
        store.commit("ada", "c3", Write(HEAD), reply=b"", fence=claim())
        store.end("ada")
        claim()
        assert fences == sorted(set(fences))

    def test_waiting_messages_have_their_turn_in_order_of_arrival(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        other.claim("ada", "k2", lease=LONG)
        store.claim("ada", "k3", lease=LONG)
        store.commit("ada", "k1", Write(HEAD), reply=b"", fence=claim.fence)
        late = store.claim("ada", "k3", lease=LONG, arrival=False)
        assert isinstance(late, Running)
        assert late.key == "k2"
        claim = granted(other.claim("ada", "k2", lease=LONG, arrival=False))
        store.commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence)
        granted(store.claim("ada", "k3", lease=LONG, arrival=False))

    def test_a_message_that_stops_asking_is_not_waited_for(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        store.claim("ada", "k2", lease=LONG)
        store.claim("ada", "k3", lease=LONG)
        store.release("ada", claim.fence)
        self.advance(1.1)
        granted(store.claim("ada", "k3", lease=LONG, arrival=False))

    def test_an_answered_message_gets_its_reply_while_it_is_remembered(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(HEAD)
        store.commit("ada", "k", write, reply=b"\x00hi", fence=fence, remember=self.short)
        assert other.claim("ada", "k", lease=LONG) == Answered(b"\x00hi")
        assert isinstance(store.claim("bob", "k", lease=LONG), Claimed)
        self.advance(self.short * 2)
        granted(store.claim("ada", "k", lease=LONG))

    @pytest.mark.parametrize(
        ("held", "sent"),
        [
            pytest.param(0, (ONE, TWO, THREE), id="nothing held"),
            pytest.param(2, (THREE,), id="a part held"),
            pytest.param(3, (), id="all held"),
        ],
    )
    def test_only_what_the_caller_lacks_is_sent(
        self, store: Store, held: int, sent: tuple[bytes, ...]
    ) -> None:
        journal = begin(store, ONE, TWO, THREE).journal
        claim = granted(store.claim("ada", "k", lease=LONG, have=Have(journal, held)))
        assert (claim.records, claim.length, claim.head) == (sent, 3, HEAD)

    def test_who_holds_another_journal_is_sent_everything(self, store: Store) -> None:
        journal = begin(store, ONE, TWO).journal
        claim = granted(store.claim("ada", "k", lease=LONG, have=Have(journal - 1, 1)))
        assert claim.records == (ONE, TWO)

    def test_a_claim_tells_revision_age_and_data(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        write = Write(HEAD, data=b"blue")
        made = done(store.commit("ada", "k1", write, reply=b"", fence=claim.fence))
        self.advance(self.short)
        claim = granted(store.claim("ada", "k2", lease=LONG))
        assert (claim.revision, claim.journal) == (made.revision, made.journal)
        assert claim.data == b"blue"
        assert self.short <= claim.age < LONG

    def test_a_record_is_there_for_whoever_finishes_the_turn(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        fence = granted(store.claim("ada", "k1", lease=self.short)).fence
        made = store.record("ada", fence, Write(b"in a step", (TWO,), ttl=LONG))
        self.advance(self.short * 2)
        claim = granted(other.claim("ada", "k1", lease=LONG))
        assert (claim.head, claim.records) == (b"in a step", (ONE, TWO))
        assert (claim.revision, claim.journal) == (made.revision, made.journal)

    def test_a_record_leaves_claim_and_age(self, store: Store) -> None:
        begin(store, ONE)
        self.advance(self.short)
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=LONG))
        assert isinstance(store.claim("ada", "k2", lease=LONG), Running)
        store.release("ada", fence)
        claim = granted(store.claim("ada", "k1", lease=LONG))
        assert claim.age >= self.short

    @pytest.mark.parametrize("how", ["expired", "released", "taken over", "committed", "ended"])
    def test_a_lost_claim_writes_nothing(self, store: Store, other: Store, how: str) -> None:
        begin(store, ONE)
        fence = granted(
            store.claim("ada", "k1", lease=self.short if how in ("expired", "taken over") else LONG)
        ).fence
        if how == "released":
            other.release("ada", fence)
        elif how == "committed":
            other.commit("ada", "k1", Write(HEAD, (TWO,)), reply=b"", fence=fence)
        elif how == "ended":
            assert other.end("ada")
            anew = granted(other.claim("ada", "k2", lease=LONG)).fence
            other.commit("ada", "k2", Write(HEAD, (ONE,)), reply=b"", fence=anew)
        else:
            self.advance(self.short * 2)
        if how == "taken over":
            granted(other.claim("ada", "k2", lease=LONG))
        before = store.show("ada")
        with pytest.raises(ClaimLost):
            store.record("ada", fence, Write(b"no", (THREE,)))
        with pytest.raises(ClaimLost):
            store.commit("ada", "k3", Write(b"no", (THREE,)), reply=b"", fence=fence)
        with pytest.raises(ClaimLost):
            store.renew("ada", fence, LONG)
        after = store.show("ada")
        assert before is not None
        assert after is not None
        assert (before.head, before.records) == (after.head, after.records)
        assert not isinstance(store.claim("ada", "k3", lease=LONG), Answered)

    def test_to_release_a_lost_claim_takes_nothing_from_the_next(self, store: Store) -> None:
        lost = granted(store.claim("ada", "k1", lease=self.short)).fence
        self.advance(self.short * 2)
        granted(store.claim("ada", "k2", lease=LONG))
        store.release("ada", lost)
        assert isinstance(store.claim("ada", "k3", lease=LONG), Running)

    def test_a_released_claim_is_free(self, store: Store, other: Store) -> None:
        store.release("ada", granted(store.claim("ada", "k1", lease=LONG)).fence)
        granted(other.claim("ada", "k2", lease=LONG))

    def test_a_renewed_claim_holds_longer(self, store: Store, other: Store) -> None:
        fence = granted(store.claim("ada", "k1", lease=self.short)).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 2)
        assert isinstance(other.claim("ada", "k2", lease=LONG), Running)
        store.record("ada", fence, Write(HEAD))

    def test_a_deferred_message_is_committed_only_by_who_knows(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        assert other.defer("ada", "k") is None
        write = Write(HEAD, (ONE,))
        assert store.commit("ada", "k", write, reply=b"1", fence=fence) == Deferred()
        assert store.show("ada") is None
        done(store.commit("ada", "k", write, reply=b"1", fence=fence, deferred=True))
        assert store.defer("ada", "k") == Answered(b"1")

    def test_a_deferred_message_is_claimed_as_such(self, store: Store) -> None:
        store.defer("ada", "k")
        assert granted(store.claim("ada", "k", lease=LONG)).deferred
        assert not granted(store.claim("bob", "k", lease=LONG)).deferred

    def test_the_fast_path_sees_a_deferred_message(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        store.defer("ada", "k")
        write = Write(HEAD, (TWO,))
        assert store.commit("ada", "k", write, reply=b"", revision=revision) == Deferred()
        done(store.commit("ada", "k", write, reply=b"", revision=revision, deferred=True))

    def test_a_message_deferred_is_told_to_the_next_claim_until_it_has_its_commit(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim("ada", "k1", lease=self.short))
        assert other.defer("ada", "k1", b"\x00said\xff") is None
        self.advance(self.short * 2)
        claim = granted(other.claim("ada", "k2", lease=LONG))
        assert claim.pending == (Pending("k1", b"\x00said\xff"),)
        assert granted(store.claim("bob", "k2", lease=LONG)).pending == ()
        write = Write(HEAD, (TWO,))
        kept = other.commit(
            "ada", "k1", write, reply=b"", fence=claim.fence, deferred=True, release=False
        )
        done(kept)
        done(other.commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence))
        assert granted(store.claim("ada", "k3", lease=LONG)).pending == ()

    def test_only_what_came_before_is_pending_for_a_claim_oldest_first(self, store: Store) -> None:
        for key in ("k1", "k2", "k3"):
            store.claim("ada", key, lease=self.short)
        for key in ("k3", "k2", "k1"):
            store.defer("ada", key, key.encode())
        self.advance(max(1.1, self.short * 2))
        second = granted(store.claim("ada", "k2", lease=LONG))
        assert [pending.key for pending in second.pending] == ["k1"]
        store.release("ada", second.fence)
        last = granted(store.claim("ada", "k4", lease=LONG))
        assert [pending.message for pending in last.pending] == [b"k1", b"k2", b"k3"]

    def test_what_a_deferred_message_answers_is_kept_as_long_as_it(self, store: Store) -> None:
        revision = begin(store, ONE, ttl=self.short).revision
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.defer("ada", "k2", b"said")
        write = Write(HEAD, (TWO,), ttl=self.short)
        assert done(store.commit("ada", "k1", write, reply=b"", fence=fence)).revision > revision
        self.advance(self.short * 3)
        claim = granted(store.claim("ada", "k3", lease=LONG))
        assert (claim.records, [one.key for one in claim.pending]) == ((ONE, TWO), ["k2"])

    def test_a_pending_message_goes_with_the_conversation_that_is_ended(
        self, store: Store, other: Store
    ) -> None:
        store.defer("ada", "k1", b"said")
        assert other.end("ada") is True
        assert other.end("ada") is False
        assert granted(store.claim("ada", "k2", lease=LONG)).pending == ()

    def test_a_message_is_kept_with_its_claim_until_that_is_given_back(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim("ada", "k1", lease=self.short, message=b"\x00said\xff"))
        assert isinstance(other.claim("ada", "k1", lease=LONG), Running)
        self.advance(self.short * 2)
        assert granted(other.claim("ada", "k1", lease=self.short)).pending == ()
        self.advance(self.short * 2)
        claim = granted(other.claim("ada", "k2", lease=LONG, message=b"two"))
        assert claim.pending == (Pending("k1", b"\x00said\xff"),)
        write = Write(HEAD, (TWO,))
        done(store.commit("ada", "k1", write, reply=b"", fence=claim.fence, release=False))
        store.release("ada", claim.fence)
        assert granted(store.claim("ada", "k3", lease=LONG)).pending == ()

    def test_giving_a_claim_back_leaves_what_its_user_was_promised(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG, message=b"said"))
        store.defer("ada", "k1", b"said")
        store.release("ada", claim.fence)
        assert granted(store.claim("ada", "k2", lease=LONG)).pending == (Pending("k1", b"said"),)

    def test_no_turn_comes_before_one_that_a_dead_worker_began(self, store: Store) -> None:
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.claim("ada", "early", lease=LONG, message=b"early")
        done(store.commit("ada", "k1", Write(HEAD), reply=b"", fence=fence))
        self.advance(1.1)  # its place in line is gone
        granted(store.claim("ada", "late", lease=self.short, message=b"late"))
        self.advance(self.short * 2)
        claim = granted(store.claim("ada", "early", lease=self.short, message=b"early"))
        assert [one.key for one in claim.pending] == ["late"]
        store.defer("ada", "waits", b"waits")
        self.advance(self.short * 2)
        claim = granted(store.claim("ada", "early", lease=self.short))
        assert [one.key for one in claim.pending] == ["late"]
        self.advance(self.short * 2)
        claim = granted(store.claim("ada", "last", lease=LONG))
        assert [one.key for one in claim.pending] == ["late", "early", "waits"]

    def test_the_fast_path_does_not_pass_a_turn_that_a_dead_worker_began(
        self, store: Store
    ) -> None:
        revision = begin(store, ONE).revision
        granted(store.claim("ada", "k1", lease=self.short, message=b"said"))
        self.advance(self.short * 2)
        assert isinstance(store.claim("ada", "k2", lease=self.short, optimistic=True), Claimed)
        self.advance(self.short * 2)
        write = Write(HEAD, (TWO,))
        assert store.commit("ada", "k2", write, reply=b"", revision=revision) == Conflict()
        done(store.commit("ada", "k1", write, reply=b"", revision=revision))

    def test_what_a_claimed_message_answers_is_kept_as_long_as_it(self, store: Store) -> None:
        begin(store, ONE, ttl=self.short)
        granted(store.claim("ada", "k1", lease=self.short, message=b"said"))
        self.advance(self.short * 3)
        claim = granted(store.claim("ada", "k2", lease=LONG))
        assert (claim.records, [one.key for one in claim.pending]) == ((ONE,), ["k1"])

    def test_a_claimed_message_goes_with_the_conversation_that_is_ended(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim("ada", "k1", lease=LONG, message=b"said"))
        assert other.end("ada") is True
        assert granted(store.claim("ada", "k2", lease=self.short, message=b"two")).pending == ()
        self.advance(self.short * 2)
        assert [one.key for one in granted(store.claim("ada", "k1", lease=LONG)).pending] == ["k2"]

    def test_a_message_that_somebody_is_at_is_no_conversation_to_end(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim("ada", "k1", lease=self.short, message=b"said"))
        assert other.end("ada") is False
        assert isinstance(other.claim("ada", "k2", lease=LONG), Running)
        done(store.commit("ada", "k1", Write(b""), reply=b"", fence=claim.fence))
        granted(store.claim("ada", "k2", lease=self.short, message=b"said"))
        self.advance(self.short * 2)
        assert other.end("ada") is True
        assert granted(store.claim("ada", "k4", lease=LONG)).pending == ()

    def test_claims_that_ran_out_in_a_row_are_counted(self, store: Store, other: Store) -> None:
        begin(store, ONE)

        def claim() -> Claimed:
            self.advance(self.short * 2)
            return granted(other.claim("ada", "k", lease=self.short))

        assert [claim().lost for _ in range(3)] == [0, 1, 2]
        other.record("ada", claim().fence, Write(HEAD, (TWO,)))
        assert [claim().lost for _ in range(2)] == [1, 2]
        other.release("ada", claim().fence)
        assert [claim().lost for _ in range(2)] == [0, 1]
        other.commit("ada", "k0", Write(HEAD), reply=b"", fence=claim().fence)
        assert [claim().lost for _ in range(2)] == [0, 1]
