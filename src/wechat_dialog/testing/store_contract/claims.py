"""Who gets the turn, keeps it, and loses it."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Have,
    RenewsAll,
    Running,
    Write,
    checksum,
)
from wechat_dialog.errors import ClaimLost

from .asking import HEAD, LONG, ONE, THREE, TWO, StoreCase, begin, committed, granted

__all__ = ["Claims"]


class Claims(StoreCase):
    """`claim`, `renew`, `release`, and what is refused without a claim."""

    def test_a_new_user_has_nothing(self, store: Store) -> None:
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert claim.fence > 0
        nothing = Claimed(claim.fence, 0, 0, 0, b"", (), b"", 0.0, False, 0.0, 1, now=claim.now)
        assert claim == nothing

    def test_a_claimed_turn_is_nobody_elses(self, store: Store, other: Store) -> None:
        granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert other.claim(Claim("ada", "k2", lease=LONG)) == Running("k1", 0.0, 1)

    def test_users_do_not_wait_for_each_other(self, store: Store) -> None:
        granted(store.claim(Claim("ada", "k", lease=LONG)))
        granted(store.claim(Claim("bob", "k", lease=LONG)))

    def test_copies_of_a_message_are_counted_but_not_its_further_questions(
        self, store: Store, other: Store
    ) -> None:
        assert granted(store.claim(Claim("ada", "k", lease=LONG))).copies == 1
        answers = [
            other.claim(Claim("ada", "k", lease=LONG, arrival=arrival))
            for arrival in (True, False, True)
        ]
        assert [(a.key, a.copies) for a in answers if isinstance(a, Running)] == [
            ("k", 2),
            ("k", 2),
            ("k", 3),
        ]

    def test_a_message_knows_since_when_it_is_there(self, store: Store) -> None:
        granted(store.claim(Claim("ada", "k", lease=self.short)))
        self.advance(self.short * 2)
        again = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert again.since >= self.short * 2
        assert again.copies == 2

    def test_an_expired_claim_is_given_to_the_next_message(
        self, store: Store, other: Store
    ) -> None:
        lost = granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        assert granted(other.claim(Claim("ada", "k2", lease=LONG))).fence > lost.fence

    def test_fences_grow_whatever_happened_between(self, store: Store) -> None:
        fences: list[int] = []

        def claim() -> int:
            self.advance(0.001)
            fences.append(granted(store.claim(Claim("ada", f"k{len(fences)}", lease=LONG))).fence)
            return fences[-1]

        store.release("ada", claim())
        store.commit(Commit("ada", "c1", Write(HEAD), reply=b"", fence=claim()))
        store.commit(Commit("ada", "c2", Write(b""), reply=b"", fence=claim()))
        store.commit(Commit("ada", "c3", Write(HEAD), reply=b"", fence=claim()))
        store.end("ada")
        claim()
        assert fences == sorted(set(fences))

    def test_waiting_messages_have_their_turn_in_order_of_arrival(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        other.claim(Claim("ada", "k2", lease=LONG))
        store.claim(Claim("ada", "k3", lease=LONG))
        store.commit(Commit("ada", "k1", Write(HEAD), reply=b"", fence=claim.fence))
        late = store.claim(Claim("ada", "k3", lease=LONG, arrival=False))
        assert isinstance(late, Running)
        assert late.key == "k2"
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG, arrival=False)))
        store.commit(Commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence))
        granted(store.claim(Claim("ada", "k3", lease=LONG, arrival=False)))

    def test_a_message_that_stops_asking_is_not_waited_for(self, store: Store) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        store.claim(Claim("ada", "k2", lease=LONG))
        store.claim(Claim("ada", "k3", lease=LONG))
        store.release("ada", claim.fence)
        self.advance(1.1)
        granted(store.claim(Claim("ada", "k3", lease=LONG, arrival=False)))

    def test_an_answered_message_gets_its_reply_while_it_is_remembered(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD)
        store.commit(Commit("ada", "k", write, reply=b"\x00hi", fence=fence, remember=self.short))
        assert other.claim(Claim("ada", "k", lease=LONG)) == Answered(b"\x00hi")
        assert isinstance(store.claim(Claim("bob", "k", lease=LONG)), Claimed)
        self.advance(self.short * 2)
        granted(store.claim(Claim("ada", "k", lease=LONG)))

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
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, have=Have(journal, held))))
        assert (claim.records, claim.length, claim.head) == (sent, 3, HEAD)

    def test_who_holds_another_journal_is_sent_everything(self, store: Store) -> None:
        journal = begin(store, ONE, TWO).journal
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, have=Have(journal - 1, 1))))
        assert claim.records == (ONE, TWO)

    @pytest.mark.parametrize(
        ("held", "sent"),
        [
            pytest.param((1, checksum(ONE)), (TWO,), id="the same"),
            pytest.param((1, checksum(THREE)), (ONE, TWO), id="another record"),
            pytest.param((2, checksum(TWO)), (), id="all of it"),
            pytest.param((2, checksum(THREE)), (ONE, TWO), id="another at the end"),
            pytest.param((3, checksum(THREE)), (ONE, TWO), id="more than there is"),
            pytest.param((3, ""), (ONE, TWO), id="more, and nothing to compare"),
        ],
    )
    def test_who_holds_what_is_no_longer_there_is_sent_everything(
        self, store: Store, held: tuple[int, str], sent: tuple[bytes, ...]
    ) -> None:
        """A store that went back in time has the journal's id, and other records in it."""
        have = Have(begin(store, ONE, TWO).journal, *held)
        assert granted(store.claim(Claim("ada", "k", lease=LONG, have=have))).records == sent

    def test_a_claim_tells_revision_age_and_data(self, store: Store) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        write = Write(HEAD, data=b"blue")
        result = committed(store.commit(Commit("ada", "k1", write, reply=b"", fence=claim.fence)))
        self.advance(self.short)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert (claim.revision, claim.journal) == (result.revision, result.journal)
        assert claim.data == b"blue"
        assert self.short <= claim.age < LONG

    @pytest.mark.parametrize("how", ["expired", "released", "taken over", "committed", "ended"])
    def test_a_lost_claim_writes_nothing(self, store: Store, other: Store, how: str) -> None:
        begin(store, ONE)
        fence = granted(
            store.claim(
                Claim("ada", "k1", lease=self.short if how in ("expired", "taken over") else LONG)
            )
        ).fence
        if how == "released":
            other.release("ada", fence)
        elif how == "committed":
            other.commit(Commit("ada", "k1", Write(HEAD, (TWO,)), reply=b"", fence=fence))
        elif how == "ended":
            assert other.end("ada")
            anew = granted(other.claim(Claim("ada", "k2", lease=LONG))).fence
            other.commit(Commit("ada", "k2", Write(HEAD, (ONE,)), reply=b"", fence=anew))
        else:
            self.advance(self.short * 2)
        if how == "taken over":
            granted(other.claim(Claim("ada", "k2", lease=LONG)))
        before = store.show("ada")
        with pytest.raises(ClaimLost):
            store.record("ada", fence, Write(b"no", (THREE,)))
        with pytest.raises(ClaimLost):
            store.commit(Commit("ada", "k3", Write(b"no", (THREE,)), reply=b"", fence=fence))
        with pytest.raises(ClaimLost):
            store.renew("ada", fence, LONG)
        after = store.show("ada")
        assert before is not None
        assert after is not None
        assert (before.head, before.records) == (after.head, after.records)
        assert not isinstance(store.claim(Claim("ada", "k3", lease=LONG)), Answered)

    def test_to_release_a_lost_claim_takes_nothing_from_the_next(self, store: Store) -> None:
        lost = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        self.advance(self.short * 2)
        granted(store.claim(Claim("ada", "k2", lease=LONG)))
        store.release("ada", lost)
        assert isinstance(store.claim(Claim("ada", "k3", lease=LONG)), Running)

    def test_a_released_claim_is_free(self, store: Store, other: Store) -> None:
        store.release("ada", granted(store.claim(Claim("ada", "k1", lease=LONG))).fence)
        granted(other.claim(Claim("ada", "k2", lease=LONG)))

    def test_a_renewed_claim_holds_longer(self, store: Store, other: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 2)
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.record("ada", fence, Write(HEAD))

    def test_claims_renewed_together_hold_longer_and_one_that_is_lost_takes_none_along(
        self, store: Store, other: Store
    ) -> None:
        if not isinstance(store, RenewsAll):
            pytest.skip("this store renews claims one by one")
        users = ["ada", "bob", "cy"]
        claims = [
            (user, granted(store.claim(Claim(user, "k", lease=self.short))).fence) for user in users
        ]
        other.release("bob", claims[1][1])
        results = store.renew_all([*claims, ("nobody", 7)], LONG, 5.0)
        assert [type(result) for result in results] == [type(None), ClaimLost] * 2
        self.advance(self.short * 2)
        for user, fence in (claims[0], claims[2]):
            assert isinstance(other.claim(Claim(user, "k2", lease=LONG)), Running)
            store.record(user, fence, Write(HEAD))

    def test_claims_that_ran_out_are_not_renewed_together(self, store: Store) -> None:
        if not isinstance(store, RenewsAll):
            pytest.skip("this store renews claims one by one")
        lost = granted(store.claim(Claim("ada", "k", lease=self.short))).fence
        self.advance(self.short * 2)
        assert isinstance(store.renew_all([("ada", lost)], LONG, 5.0)[0], ClaimLost)
        assert store.renew_all([], LONG, 5.0) == []

    def test_claims_that_ran_out_in_a_row_are_counted(self, store: Store, other: Store) -> None:
        begin(store, ONE)

        def claim() -> Claimed:
            self.advance(self.short * 2)
            return granted(other.claim(Claim("ada", "k", lease=self.short)))

        assert [claim().lost for _ in range(3)] == [0, 1, 2]
        other.record("ada", claim().fence, Write(HEAD, (TWO,)))
        assert [claim().lost for _ in range(2)] == [1, 2]
        other.release("ada", claim().fence)
        assert [claim().lost for _ in range(2)] == [0, 1]
        other.commit(Commit("ada", "k0", Write(HEAD), reply=b"", fence=claim().fence))
        assert [claim().lost for _ in range(2)] == [0, 1]

    def test_a_claim_is_given_for_one_that_its_holder_is_not_sure_of(
        self, store: Store, other: Store
    ) -> None:
        unsure = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        again = granted(
            store.claim(Claim("ada", "k1", lease=LONG, arrival=False, instead=unsure.fence))
        )
        assert again.fence > unsure.fence
        assert again.lost == 0
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)

    def test_what_was_on_its_way_under_a_claim_that_was_replaced_is_refused(
        self, store: Store
    ) -> None:
        unsure = granted(store.claim(Claim("ada", "k", lease=LONG)))
        late = store.record("ada", unsure.fence, Write(HEAD, (ONE,)))
        again = granted(store.claim(Claim("ada", "k", lease=LONG, instead=unsure.fence)))
        assert again.records == (ONE,)
        assert again.revision == late.revision
        with pytest.raises(ClaimLost):
            store.record("ada", unsure.fence, Write(HEAD, (ONE,)))
        with pytest.raises(ClaimLost):
            store.renew("ada", unsure.fence, LONG)
        committed(
            store.commit(Commit("ada", "k", Write(HEAD, (TWO,)), reply=b"", fence=again.fence))
        )
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).records == (ONE, TWO)

    def test_a_claim_that_ran_out_is_replaced_before_anybody_who_waits(
        self, store: Store, other: Store
    ) -> None:
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short * 2)
        unsure = granted(store.claim(Claim("ada", "k2", lease=self.short)))
        assert [message.key for message in unsure.pending] == ["k1"]
        assert isinstance(other.claim(Claim("ada", "k1", lease=LONG)), Running)
        self.advance(self.short * 2)
        again = granted(store.claim(Claim("ada", "k2", lease=LONG, instead=unsure.fence)))
        assert ([message.key for message in again.pending], again.lost) == (["k1"], unsure.lost)

    def test_a_claim_that_somebody_else_took_is_replaced_by_none(
        self, store: Store, other: Store
    ) -> None:
        unsure = granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        taken = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        assert isinstance(
            store.claim(Claim("ada", "k1", lease=LONG, instead=unsure.fence)), Running
        )
        other.renew("ada", taken.fence, LONG)
        other.release("ada", taken.fence)
        assert granted(store.claim(Claim("ada", "k1", lease=LONG, instead=unsure.fence))).fence
