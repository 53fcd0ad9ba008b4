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

    def test_claim_of_a_new_user_returns_an_empty_entry(self, store: Store) -> None:
        """A user's first claim is granted, and returns no head, no records and no data."""
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert claim.fence > 0
        nothing = Claimed(claim.fence, 0, 0, 0, b"", (), b"", 0.0, False, 0.0, 1, now=claim.now)
        assert claim == nothing

    def test_claim_is_refused_while_another_claim_is_valid(
        self, store: Store, other: Store
    ) -> None:
        """While a claim is valid, another message's claim is `Running`, with the former's key."""
        granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert other.claim(Claim("ada", "k2", lease=LONG)) == Running("k1", 0.0, 1)

    def test_claim_of_one_user_does_not_block_another_user(self, store: Store) -> None:
        """A user's claim does not block the claim of another user."""
        granted(store.claim(Claim("ada", "k", lease=LONG)))
        granted(store.claim(Claim("bob", "k", lease=LONG)))

    def test_claim_counts_requests_of_a_message_but_not_their_retries(
        self, store: Store, other: Store
    ) -> None:
        """`copies` counts claims with `arrival`, but not those of a request that asks again."""
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

    def test_claim_measures_since_from_the_first_request_of_the_message(self, store: Store) -> None:
        """`since` counts from the message's first claim, also after that one has expired."""
        granted(store.claim(Claim("ada", "k", lease=self.short)))
        self.advance(self.short * 2)
        again = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert again.since >= self.short * 2
        assert again.copies == 2

    def test_claim_is_granted_after_another_claim_expired(self, store: Store, other: Store) -> None:
        """Once a claim has expired, one for another message is granted, with a greater fence."""
        lost = granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        assert granted(other.claim(Claim("ada", "k2", lease=LONG))).fence > lost.fence

    def test_claim_always_gets_a_greater_fence(self, store: Store) -> None:
        """A claim's fence is greater than all before it, also after a release, a drop or `end`."""
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

    def test_claim_is_granted_to_waiting_messages_in_order_of_arrival(
        self, store: Store, other: Store
    ) -> None:
        """Messages that were `Running` get the turn in the order in which they first asked."""
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

    def test_claim_does_not_wait_for_a_message_that_stopped_asking(self, store: Store) -> None:
        """A waiting message loses its place when it has not asked for more than a second."""
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        store.claim(Claim("ada", "k2", lease=LONG))
        store.claim(Claim("ada", "k3", lease=LONG))
        store.release("ada", claim.fence)
        self.advance(1.1)
        granted(store.claim(Claim("ada", "k3", lease=LONG, arrival=False)))

    def test_claim_of_an_answered_message_returns_its_reply_while_remembered(
        self, store: Store, other: Store
    ) -> None:
        """An answered message's claim is `Answered` for `remember` seconds, and then granted."""
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
    def test_claim_returns_only_the_records_after_have(
        self, store: Store, held: int, sent: tuple[bytes, ...]
    ) -> None:
        """A claim returns the records after those of `have`, and the whole journal's length."""
        journal = begin(store, ONE, TWO, THREE).journal
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, have=Have(journal, held))))
        assert (claim.records, claim.length, claim.head) == (sent, 3, HEAD)

    def test_claim_returns_all_records_if_have_is_of_another_journal(self, store: Store) -> None:
        """All records are returned if `have` is of a journal with another id."""
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
    def test_claim_returns_all_records_if_have_does_not_match_the_journal(
        self, store: Store, held: tuple[int, str], sent: tuple[bytes, ...]
    ) -> None:
        """All records are returned if those of `have` differ: the store lost its last writes."""
        have = Have(begin(store, ONE, TWO).journal, *held)
        assert granted(store.claim(Claim("ada", "k", lease=LONG, have=have))).records == sent

    def test_claim_returns_revision_journal_age_and_data(self, store: Store) -> None:
        """A claim returns the last commit's revision, journal id and age, and the user's data."""
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        write = Write(HEAD, data=b"blue")
        result = committed(store.commit(Commit("ada", "k1", write, reply=b"", fence=claim.fence)))
        self.advance(self.short)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert (claim.revision, claim.journal) == (result.revision, result.journal)
        assert claim.data == b"blue"
        assert self.short <= claim.age < LONG

    @pytest.mark.parametrize("how", ["expired", "released", "taken over", "committed", "ended"])
    def test_writes_under_a_lost_claim_raise_claim_lost(
        self, store: Store, other: Store, how: str
    ) -> None:
        """Writes and `renew` under a lost claim raise `ClaimLost` and change nothing."""
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

    def test_release_of_a_lost_claim_does_not_release_the_next(self, store: Store) -> None:
        """To release a claim that was replaced is no error, and leaves its successor valid."""
        lost = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        self.advance(self.short * 2)
        granted(store.claim(Claim("ada", "k2", lease=LONG)))
        store.release("ada", lost)
        assert isinstance(store.claim(Claim("ada", "k3", lease=LONG)), Running)

    def test_release_lets_another_message_claim(self, store: Store, other: Store) -> None:
        """After `release`, a claim for another message is granted."""
        store.release("ada", granted(store.claim(Claim("ada", "k1", lease=LONG))).fence)
        granted(other.claim(Claim("ada", "k2", lease=LONG)))

    def test_renew_extends_a_claim(self, store: Store, other: Store) -> None:
        """A renewed claim is valid for the new lease, beyond the end of its first one."""
        fence = granted(store.claim(Claim("ada", "k1", lease=self.short))).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 2)
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.record("ada", fence, Write(HEAD))

    def test_renew_all_extends_valid_claims_and_reports_lost_ones(
        self, store: Store, other: Store
    ) -> None:
        """`renew_all` extends each valid claim, and returns a `ClaimLost` for each lost one."""
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

    def test_renew_all_does_not_revive_an_expired_claim(self, store: Store) -> None:
        """`renew_all` returns a `ClaimLost` for an expired claim, and [] if given no claims."""
        if not isinstance(store, RenewsAll):
            pytest.skip("this store renews claims one by one")
        lost = granted(store.claim(Claim("ada", "k", lease=self.short))).fence
        self.advance(self.short * 2)
        assert isinstance(store.renew_all([("ada", lost)], LONG, 5.0)[0], ClaimLost)
        assert store.renew_all([], LONG, 5.0) == []

    def test_claim_counts_consecutive_expired_claims(self, store: Store, other: Store) -> None:
        """`lost` counts claims that expired in a row; a write or a release restarts the count."""
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

    def test_claim_instead_replaces_a_valid_claim(self, store: Store, other: Store) -> None:
        """`instead` replaces the caller's own valid claim, before any waiting message."""
        unsure = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        again = granted(
            store.claim(Claim("ada", "k1", lease=LONG, arrival=False, instead=unsure.fence))
        )
        assert again.fence > unsure.fence
        assert again.lost == 0
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)

    def test_writes_under_a_claim_replaced_by_instead_raise_claim_lost(self, store: Store) -> None:
        """Writes under a claim replaced by `instead` are refused; those done before it stay."""
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

    def test_claim_instead_replaces_an_expired_claim(self, store: Store, other: Store) -> None:
        """`instead` replaces the caller's expired claim, before any message that waits."""
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short * 2)
        unsure = granted(store.claim(Claim("ada", "k2", lease=self.short)))
        assert [message.key for message in unsure.pending] == ["k1"]
        assert isinstance(other.claim(Claim("ada", "k1", lease=LONG)), Running)
        self.advance(self.short * 2)
        again = granted(store.claim(Claim("ada", "k2", lease=LONG, instead=unsure.fence)))
        assert ([message.key for message in again.pending], again.lost) == (["k1"], unsure.lost)

    def test_claim_instead_replaces_nothing_if_another_message_claimed_since(
        self, store: Store, other: Store
    ) -> None:
        """With `instead`, a claim is refused while another message has a later claim."""
        unsure = granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        taken = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        assert isinstance(
            store.claim(Claim("ada", "k1", lease=LONG, instead=unsure.fence)), Running
        )
        other.renew("ada", taken.fence, LONG)
        other.release("ada", taken.fence)
        assert granted(store.claim(Claim("ada", "k1", lease=LONG, instead=unsure.fence))).fence
