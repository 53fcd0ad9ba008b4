"""Signals from outside lie in the user's mailbox until a turn takes them, each once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.times import Dues, Mail, Post, Posted, Wake
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Conflict, Unclaimed, Write
from wechat_dialog.errors import ClaimLost, MailboxFull
from wechat_dialog.stores.asynchronous import for_async

from .asking import HEAD, LONG, ONE, StoreCase, begin, committed, granted, together
from .index import ACCOUNT, timed, users

__all__ = ["Mailbox"]


def post(store: Store, body: bytes, id: str = "", *, user: str = "ada") -> int:
    """Post a signal; return its number."""
    posted = store.post(Post(user, ACCOUNT, id, body))
    assert posted.outcome == "kept"
    assert posted.due is not None
    assert posted.due.user == user
    return posted.number


def bodies(claim: Claimed) -> list[bytes]:
    return [mail.body for mail in claim.signals]


class Mailbox(StoreCase):
    """`post`, `Claimed.signals`, `Write.taken` and `Committed.mail`."""

    def test_claim_returns_the_signals_in_the_order_of_posting(
        self, store: Store, other: Store
    ) -> None:
        """A claim returns the mailbox, oldest signal first."""
        begin(store, ONE)
        numbers = [post(other, body) for body in (b"\x00\xff", b"", "付".encode())]
        assert numbers == sorted(set(numbers))
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert claim.signals == tuple(map(Mail, numbers, (b"\x00\xff", b"", "付".encode())))
        assert claim.records == (ONE,)
        shown = store.show("ada")
        assert shown is not None
        assert shown.mail == claim.signals

    def test_post_does_not_need_an_entry(self, store: Store, other: Store) -> None:
        """A signal may be posted to a user of whom nothing is stored, and makes them due."""
        number = post(store, b"paid")
        assert list(store.list("ada")) == []
        assert [line.user for line in store.list("ada", everybody=True)] == ["ada"]
        shown = other.show("ada")
        assert shown is not None
        assert (shown.head, shown.mail) == (b"", (Mail(number, b"paid"),))
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.revision, bodies(claim)) == (0, [b"paid"])

    def test_write_taken_removes_signals_from_the_mailbox(self, store: Store, other: Store) -> None:
        """A write with `taken` removes those signals for good; their numbers are not used again."""
        first, second, third = (post(store, body) for body in (b"1", b"2", b"3"))
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.record("ada", fence, Write(HEAD, (ONE,), taken=(second, 5)))
        store.record("ada", fence, Write(HEAD, (ONE,), taken=(second,)))
        result = store.commit(
            Commit("ada", "k", Write(HEAD, taken=(first,)), reply=b"", fence=fence)
        )
        assert committed(result).mail is False
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.signals == (Mail(third, b"3"),)
        write = Write(b"", taken=(third,))
        committed(other.commit(Commit("ada", "k2", write, reply=b"", fence=claim.fence)))
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        assert claim.signals == ()
        self.advance(self.short)
        assert post(store, b"4") > third

    def test_write_refused_lets_the_same_id_be_posted_again(
        self, store: Store, other: Store
    ) -> None:
        """A write with `refused` forgets those ids; every other id stays known."""
        first, second = (post(store, b"bad", id=id) for id in ("T1", "T2"))
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, taken=(first, second), refused=("T1", "none"))
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=fence)))
        assert other.post(Post("ada", ACCOUNT, "T2", b"good")).outcome == "repeated"
        assert other.post(Post("ada", ACCOUNT, "T1", b"good")).outcome == "kept"
        assert store.post(Post("ada", ACCOUNT, "T1", b"good")).outcome == "repeated"

    def test_write_taken_under_a_lost_claim_removes_nothing(
        self, store: Store, other: Store
    ) -> None:
        """Under a lost claim, a write with `taken` is refused, and the signal stays."""
        number = post(store, b"paid")
        lost = granted(store.claim(Claim("ada", "k", lease=self.short))).fence
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        write = Write(HEAD, (ONE,), taken=(number,))
        with pytest.raises(ClaimLost):
            store.record("ada", lost, write)
        with pytest.raises(ClaimLost):
            store.commit(Commit("ada", "k", write, reply=b"", fence=lost))
        assert bodies(claim) == [b"paid"]
        other.release("ada", claim.fence)
        assert bodies(granted(store.claim(Claim("ada", "k2", lease=LONG)))) == [b"paid"]

    def test_writes_report_signals_posted_after_the_claim(self, store: Store, other: Store) -> None:
        """`Committed.mail` is True if a signal was posted since the claim."""
        first = post(store, b"before")
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert store.record("ada", claim.fence, Write(HEAD)).mail is False
        second = post(other, b"after")
        assert store.record("ada", claim.fence, Write(HEAD)).mail is True
        write = Write(HEAD, taken=(first,))
        result = committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        assert result.mail is True
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert claim.signals == (Mail(second, b"after"),)
        result = committed(
            store.commit(Commit("ada", "k2", Write(b""), reply=b"", fence=claim.fence))
        )
        assert result.mail is False

    def test_post_with_a_known_id_is_repeated_even_after_it_was_taken(
        self, store: Store, other: Store
    ) -> None:
        """A signal with an id that the user had is not kept again, also if that one was taken."""
        number = post(store, b"paid", "wx1")
        assert other.post(Post("ada", ACCOUNT, "wx1", b"paid")) == Posted("repeated")
        post(store, b"paid", "wx2")
        post(store, b"paid", "wx1", user="bob")
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert len(claim.signals) == 2
        write = Write(HEAD, taken=(number,))
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        assert other.post(Post("ada", ACCOUNT, "wx1", b"paid")) == Posted("repeated")
        assert len(granted(store.claim(Claim("ada", "k2", lease=LONG))).signals) == 1

    def test_post_keeps_a_signal_and_its_id_for_its_time(self, store: Store) -> None:
        """A signal is gone after `kept` seconds, and its id may then be used again."""
        store.post(Post("ada", ACCOUNT, "wx1", b"1", kept=self.short))
        post(store, b"2")
        self.advance(self.short)
        assert bodies(granted(store.claim(Claim("ada", "k", lease=LONG)))) == [b"2"]
        assert store.post(Post("ada", ACCOUNT, "wx1", b"3")).outcome == "kept"
        shown = store.show("ada")
        assert shown is not None
        assert [mail.body for mail in shown.mail] == [b"2", b"3"]

    def test_post_that_has_expired_is_not_due(self, store: Store) -> None:
        """A user whose only signal has expired is not due, and nothing is stored of them."""
        store.post(Post("ada", ACCOUNT, "", b"1", kept=self.short))
        self.advance(self.short)
        for due in store.due(ACCOUNT, 10, 0.0).entries:
            store.undue(due)
        assert store.show("ada") is None

    def test_post_to_a_full_mailbox_raises_mailbox_full(self, store: Store, other: Store) -> None:
        """Beyond `most` signals, `post` raises `MailboxFull` until one is taken."""
        for number in range(3):
            store.post(Post("ada", ACCOUNT, f"id{number}", b"", most=3))
        with pytest.raises(MailboxFull, match="3 signals"):
            other.post(Post("ada", ACCOUNT, "id3", b"", most=3))
        assert other.post(Post("ada", ACCOUNT, "id2", b"", most=3)) == Posted("repeated")
        assert other.post(Post("bob", ACCOUNT, "id3", b"", most=3)).outcome == "kept"
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert len(claim.signals) == 3
        write = Write(HEAD, taken=(claim.signals[0].number,))
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        assert other.post(Post("ada", ACCOUNT, "id3", b"", most=3)).outcome == "kept"

    def test_post_without_account_or_user_raises_value_error(self, store: Store) -> None:
        """An empty account or user raises ValueError."""
        with pytest.raises(ValueError, match="account"):
            store.post(Post("ada", "", "", b""))
        with pytest.raises(ValueError, match="empty"):
            store.post(Post("", ACCOUNT, "", b""))

    # What is due ----------------------------------------------------------------------------------

    def test_post_makes_the_user_due_at_once_even_under_a_claim(
        self, store: Store, other: Store
    ) -> None:
        """A signal makes its user due at once, also while there is a valid claim."""
        timed(store, LONG)
        granted(store.claim(Claim("ada", "k", lease=LONG)))
        post(other, b"paid")
        dues = store.due(ACCOUNT, 10, 0.0)
        assert users(dues) == ["ada"]
        assert dues.now - dues.entries[0].at < 10_000

    def test_post_is_due_until_a_firing_returned_it(self, store: Store) -> None:
        """A signal makes its user due until a firing whose claim returned it has committed."""
        number = post(store, b"for nobody")

        def turn(key: str, *, fires: bool, write: Write) -> Dues:
            due = store.due(ACCOUNT, 10, 0.0).entries[0]
            claim = granted(
                store.claim(Claim("ada", key, lease=LONG, fires=due if fires else None))
            )
            assert number in [mail.number for mail in claim.signals]
            commit = Commit(
                "ada", key, write, reply=b"", fence=claim.fence, fires=due if fires else None
            )
            committed(store.commit(commit))
            for entry in store.due(ACCOUNT, 10, 0.0).entries:
                store.undue(entry)
            return store.due(ACCOUNT, 10, 0.0)

        assert users(turn("k1", fires=False, write=Write(HEAD))) == ["ada"], "a message's turn"
        assert users(turn("k2", fires=True, write=Write(HEAD))) == []
        assert bodies(granted(store.claim(Claim("ada", "k3", lease=0.0)))) == [b"for nobody"]
        post(store, b"one more")
        assert users(turn("k3", fires=False, write=Write(HEAD, taken=(number,)))) == ["ada"]

    def test_post_after_a_firings_claim_stays_due(self, store: Store) -> None:
        """A signal posted after a firing's claim still makes its user due after the commit."""
        post(store, b"before")
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, fires=due)))
        post(store, b"after")
        write = Write(b"", taken=(claim.signals[0].number,))
        commit = Commit("ada", "k", write, reply=b"", fence=claim.fence, fires=due)
        assert committed(store.commit(commit)).mail is True
        assert users(store.due(ACCOUNT, 10, 0.0)) == ["ada"]
        if self.short < 1.0:
            return  # a minute is long if the clock cannot be set
        self.advance(61.0)
        for due in store.due(ACCOUNT, 10, 0.0).entries:
            store.undue(due)
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_write_taken_leaves_nothing_due(self, store: Store) -> None:
        """A user whose only signal was taken is not due."""
        number = post(store, b"paid")
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, taken=(number,))
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=fence)))
        for due in store.due(ACCOUNT, 10, 0.0).entries:
            store.undue(due)
        assert store.due(ACCOUNT, 10, 0.0).entries == ()

    def test_post_with_a_lease_hides_the_user_from_others(self, store: Store, other: Store) -> None:
        """With `lease`, the entry of the index is the caller's own until the lease ends."""
        posted = store.post(Post("ada", ACCOUNT, "", b"paid", lease=self.short))
        assert other.due(ACCOUNT, 10, LONG).entries == ()
        claim = granted(store.claim(Claim("ada", "k", lease=0.0, fires=posted.due)))
        assert bodies(claim) == [b"paid"]
        self.advance(self.short)
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]

    # The fast path --------------------------------------------------------------------------------

    def test_optimistic_claim_with_mail_claims(self, store: Store, other: Store) -> None:
        """If the mailbox has a signal, an optimistic claim is granted as a claim."""
        begin(store, ONE)
        number = post(other, b"paid")
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, optimistic=True)))
        assert bodies(claim) == [b"paid"]
        write = Write(HEAD, taken=(number,))
        committed(store.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
        looked = store.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
        assert isinstance(looked, Unclaimed)

    def test_fast_commit_is_refused_if_the_mailbox_has_a_signal(
        self, store: Store, other: Store
    ) -> None:
        """A commit without a fence is `Conflict` if a signal has been posted."""
        revision = begin(store, ONE).revision
        post(other, b"paid")
        for write in (Write(HEAD, (ONE,)), Write(HEAD, (ONE,), data=b"blue")):
            commit = Commit("ada", "k", write, reply=b"", revision=revision)
            assert store.commit(commit) == Conflict()

    # The end --------------------------------------------------------------------------------------

    @pytest.mark.parametrize("with_a_commit", [False, True])
    def test_forget_drops_the_mailbox(self, store: Store, with_a_commit: bool) -> None:
        """Both ways to forget a user drop the mailbox, and the ids that it remembers."""
        post(store, b"paid", "wx1")
        if with_a_commit:
            fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
            write = Write(b"", forget=True)
            result = store.commit(Commit("ada", "k", write, reply=b"", fence=fence))
            assert committed(result).mail is False
        else:
            assert store.forget("ada") is True
        assert store.show("ada") is None
        assert list(store.list("ada", everybody=True)) == []
        for due in store.due(ACCOUNT, 10, 0.0).entries:
            store.undue(due)
        assert store.due(ACCOUNT, 10, 0.0).entries == ()
        assert store.post(Post("ada", ACCOUNT, "wx1", b"paid")).outcome == "kept"

    def test_end_leaves_the_mailbox(self, store: Store) -> None:
        """`end` leaves the user's mailbox."""
        begin(store, ONE)
        post(store, b"paid")
        assert store.end("ada") is True
        assert bodies(granted(store.claim(Claim("ada", "k", lease=LONG)))) == [b"paid"]

    # At once --------------------------------------------------------------------------------------

    def test_posts_at_once_are_each_kept_once(self, store: Store, other: Store) -> None:
        """Of signals posted at the same moment, each id is kept once and none is lost."""
        posts = [Post("ada", ACCOUNT, f"id{number % 4}", b"%d" % number) for number in range(8)]
        results = together(
            [partial((store, other)[n % 2].post, post) for n, post in enumerate(posts)]
        )
        assert sorted(result.outcome for result in results) == ["kept"] * 4 + ["repeated"] * 4
        signals = sorted(
            (result.number, post.body)
            for result, post in zip(results, posts, strict=True)
            if result.outcome == "kept"
        )
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert [(mail.number, mail.body) for mail in claim.signals] == signals

    def test_due_at_once_returns_each_entry_to_one_caller(self, store: Store, other: Store) -> None:
        """Of callers at the same moment, only one is given each entry."""
        for user in ("ada", "bob", "cy"):
            timed(store, -1.0, user=user)
        results = together([partial(s.due, ACCOUNT, 2, LONG) for s in (store, other) * 4])
        assert sorted(user for result in results for user in users(result)) == ["ada", "bob", "cy"]

    def test_mailbox_and_index_work_through_the_async_store(self, store: Store) -> None:
        """An `AsyncStore` has the same mailbox, index and accounts."""

        async def go() -> None:
            face = for_async(store)
            await face.note_account("token", "gh_5")
            assert await face.account("token") == "gh_5"
            posted = await face.post(Post("ada", ACCOUNT, "wx1", b"paid"))
            (due,) = (await face.due(ACCOUNT, 10, LONG)).entries
            await face.undue(due)
            claim = granted(await face.claim(Claim("ada", "k", lease=LONG, fires=due)))
            assert claim.signals == (Mail(posted.number, b"paid"),)
            write = Write(HEAD, taken=(posted.number,))
            commit = Commit("ada", "k", write, reply=b"", fence=claim.fence, fires=due)
            assert committed(await face.commit(commit)).mail is False
            assert (await face.due(ACCOUNT, 10, LONG)).next is None
            # Last, since a store may add a user to its index before it finds that there is no need.
            assert await face.post(Post("ada", ACCOUNT, "wx1", b"paid")) == Posted("repeated")
            await face.post(Post("bob", ACCOUNT, "wx2", b""))
            with pytest.raises(MailboxFull):
                await face.post(Post("bob", ACCOUNT, "", b"", most=1))
            await face.close()

        asyncio.run(go())

    @pytest.mark.parametrize("cause", ["wake", "signal"])
    def test_firing_record_keeps_the_lease_of_the_index_entry(
        self, store: Store, other: Store, cause: str
    ) -> None:
        """A firing's record with the time of its entry does not end the lease of the entry."""
        wake = timed(store, -1.0 if cause == "wake" else LONG)
        taken: tuple[int, ...] = ()
        if cause == "wake":
            (due,) = store.due(ACCOUNT, 10, LONG).entries
            wake = None
        else:
            posted = store.post(Post("ada", ACCOUNT, "", b"paid", lease=LONG))
            assert posted.due is not None
            due, taken = posted.due, (posted.number,)
        claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
        write = Write(HEAD, ttl=LONG, wake=Wake(ACCOUNT, due.at), taken=taken)
        store.record("ada", claim.fence, write)
        assert other.due(ACCOUNT, 10, LONG).entries == ()
        write = Write(HEAD, ttl=LONG, wake=wake)
        commit = Commit("ada", "fire", write, reply=b"", fence=claim.fence, fires=due)
        committed(store.commit(commit))
        assert other.due(ACCOUNT, 10, LONG).next == (wake and wake.at)
