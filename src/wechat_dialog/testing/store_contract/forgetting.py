"""Forgetting a user: nothing of them is left, and nothing that a client still holds comes back."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Have,
    Running,
    Write,
)
from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores import for_async

from .asking import HEAD, LONG, ODD_TEXTS, ONE, TWO, StoreCase, begin, committed, granted, together

__all__ = ["Forgetting"]

FORGET = Write(b"", forget=True)


def fill(store: Store, user: str = "ada") -> Committed:
    """Store something of a user in every place there is; return the conversation's commit."""
    fence = granted(store.claim(Claim(user, "first", lease=LONG))).fence
    write = Write(HEAD, (ONE, TWO), ttl=LONG, data=b"blue", park=(Parked("p", b"broken", LONG),))
    result = committed(store.commit(Commit(user, "first", write, reply=b"hello", fence=fence)))
    assert store.defer(user, "later", b"said") is None
    return result


def is_gone(store: Store, user: str = "ada") -> bool:
    """Return whether nothing of a user is stored."""
    return store.show(user) is None and not list(store.list(user, everybody=True))


class Forgetting(StoreCase):
    """`forget`, and `Write.forget`."""

    def test_forget_drops_everything_of_one_user(self, store: Store, other: Store) -> None:
        """`forget` drops all that is stored of one user, and nothing of another."""
        fill(store)
        fill(store, "bob")
        assert other.forget("ada") is True
        assert is_gone(store)
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        state = claim.revision, claim.head, claim.records, claim.data, claim.pending, claim.lost
        assert state == (0, b"", (), b"", (), 0)
        shown = store.show("bob")
        assert shown is not None
        assert (shown.records, shown.data, list(shown.parked)) == ((ONE, TWO), b"blue", ["p"])

    def test_forget_of_an_unknown_user_returns_false(self, store: Store, other: Store) -> None:
        """`forget` returns False if nothing is stored of the user, or nothing any more."""
        assert store.forget("nobody") is False
        fill(store)
        assert store.forget("ada") is True
        assert other.forget("ada") is False

    @pytest.mark.parametrize("only", ["data", "parked", "a message", "a message put off", "reply"])
    def test_forget_returns_true_whatever_was_stored(
        self, store: Store, other: Store, only: str
    ) -> None:
        """`forget` returns True and leaves nothing, whichever one thing was stored of the user."""
        fence = granted(store.claim(Claim("ada", "k", lease=self.short, message=b"said"))).fence
        write = Write(
            b"",
            data=b"blue" if only == "data" else None,
            park=(Parked("p", b"1", LONG),) if only == "parked" else (),
        )
        if only == "a message put off":
            store.defer("ada", "k", b"said")
        elif only != "a message":
            reply = b"hello" if only == "reply" else b""
            committed(store.commit(Commit("ada", "k", write, reply=reply, fence=fence)))
        listed = [line.user for line in store.list(everybody=True)]
        assert listed == ([] if only == "reply" else ["ada"])
        assert other.forget("ada") is True
        assert is_gone(store)
        assert store.forget("ada") is False

    def test_list_everybody_includes_users_without_a_conversation(self, store: Store) -> None:
        """`list` leaves out a user who has only data, unless `everybody` is set."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        committed(
            store.commit(Commit("ada", "k", Write(b"", data=b"blue"), reply=b"", fence=fence))
        )
        begin(store, user="bob")
        granted(store.claim(Claim("eve", "k", lease=LONG)))
        assert [line.user for line in store.list()] == ["bob"]
        lines = {line.user: line for line in store.list(everybody=True)}
        assert sorted(lines) == ["ada", "bob"]
        assert (lines["ada"].head, lines["ada"].length, lines["ada"].parked) == (b"", 0, ())

    def test_forget_ends_a_turn_in_progress(self, store: Store, other: Store) -> None:
        """A turn in progress writes nothing after `forget`; its message is `Answered` empty."""
        fill(store)
        store.forget("ada")
        fence = granted(store.claim(Claim("ada", "k", lease=LONG, message=b"said"))).fence
        store.record("ada", fence, Write(HEAD, (ONE,)))
        other.forget("ada")
        for call in (
            partial(store.record, "ada", fence, Write(HEAD, (TWO,))),
            partial(store.commit, Commit("ada", "k", Write(HEAD), reply=b"r", fence=fence)),
            partial(store.renew, "ada", fence, LONG),
        ):
            with pytest.raises(ClaimLost):
                call()
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(b"")
        assert store.defer("ada", "k", b"said") == Answered(b"")
        assert is_gone(store)

    def test_forget_answers_waiting_messages_with_an_empty_reply(
        self, store: Store, other: Store
    ) -> None:
        """After `forget`, a message that waited is `Answered` empty; a new one is granted."""
        granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.forget("ada")
        assert other.claim(Claim("ada", "k2", lease=LONG, arrival=False)) == Answered(b"")
        granted(other.claim(Claim("ada", "k3", lease=LONG)))

    def test_forget_drops_deferred_messages(self, store: Store, other: Store) -> None:
        """After `forget`, no deferred message is pending."""
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"one")))
        store.defer("ada", "k1", b"one")
        self.advance(self.short * 2)
        other.forget("ada")
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).pending == ()

    def test_forget_refuses_fast_commits_with_an_earlier_revision(
        self, store: Store, other: Store
    ) -> None:
        """A commit with a revision from before `forget` is `Conflict`, also in the next entry."""
        result = begin(store, ONE, TWO)
        other.forget("ada")
        late = Commit("ada", "k", Write(HEAD, (ONE,)), reply=b"", revision=result.revision)
        assert store.commit(late) == Conflict()
        again = begin(other, ONE, key="second")
        assert store.commit(late) == Conflict()
        have = Have(result.journal, 2)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG, have=have)))
        assert (claim.revision, claim.records) == (again.revision, (ONE,))

    def test_forget_issues_no_fence_revision_or_journal_id_again(
        self, store: Store, other: Store
    ) -> None:
        """Fences, revisions and journal ids grow on after each `forget`."""
        numbers: list[int] = []
        for _ in range(20):
            claim = granted(store.claim(Claim("ada", f"k{len(numbers)}", lease=LONG)))
            write = Write(HEAD, (ONE,))
            key = f"k{len(numbers)}"
            result = committed(
                store.commit(Commit("ada", key, write, reply=b"", fence=claim.fence))
            )
            numbers += [claim.fence, result.revision, result.journal]
            other.forget("ada")
        assert len({*numbers}) == 3 * 20 - 20, "a journal is named after its first revision"
        assert numbers == sorted(numbers)

    def test_forget_answers_copies_of_answered_messages_with_an_empty_reply(
        self, store: Store, other: Store
    ) -> None:
        """After `forget`, copies of an answered message are `Answered` empty."""
        begin(store, ONE)
        store.forget("ada")
        assert other.claim(Claim("ada", "first", lease=LONG)) == Answered(b"")
        assert other.defer("ada", "first", b"said") == Answered(b"")

    def test_forget_leaves_no_trace_after_a_minute(self, store: Store) -> None:
        """A minute after `forget`, a claim for a message known before is granted."""
        if self.short < 1:
            pytest.skip("it takes a clock that can be set")
        fill(store)
        store.forget("ada")
        self.advance(61.0)
        granted(store.claim(Claim("ada", "first", lease=LONG)))

    def test_forget_remembers_for_as_long_as_copies_may_come(self, store: Store) -> None:
        """For `remember` seconds after `forget`, or as long as its reply, a message is known."""
        if self.short < 1:
            pytest.skip("it takes a clock that can be set")
        for key, remember, reply in (
            ("a", 600.0, b"r"),
            ("b", 600.0, b"r" * 3000),
            ("c", 100.0, b"r"),
        ):
            fence = granted(store.claim(Claim("ada", key, lease=LONG))).fence
            commit = Commit("ada", key, Write(HEAD), reply=reply, fence=fence, remember=remember)
            committed(store.commit(commit))
        assert store.defer("ada", "d", b"said") is None
        store.forget("ada", 600.0)
        for seconds, keys in ((90.0, "abcd"), (400.0, "abd"), (120.0, "")):
            self.advance(seconds)
            for key in keys:
                assert store.claim(Claim("ada", key, lease=LONG)) == Answered(b"")
        granted(store.claim(Claim("ada", "a", lease=LONG)))

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_forget_accepts_any_text_as_user_and_key(self, store: Store, text: str) -> None:
        """`forget` drops the user of that name and no other, whatever characters are in it."""
        begin(store, user="ada")
        fence = granted(store.claim(Claim(text, text, lease=LONG))).fence
        committed(store.commit(Commit(text, text, Write(HEAD, (ONE,)), reply=b"r", fence=fence)))
        granted(store.claim(Claim(text, f"2{text}", lease=LONG)))
        store.forget(text)
        assert store.claim(Claim(text, text, lease=LONG)) == Answered(b"")
        assert store.claim(Claim(text, f"2{text}", lease=LONG)) == Answered(b"")
        assert [line.user for line in store.list(everybody=True)] == ["ada"]

    def test_forget_and_a_commit_at_once_leave_nothing(self, store: Store, other: Store) -> None:
        """Nothing is left after `forget` and a commit under a claim at the same moment."""
        for turn in range(5):
            user = f"user {turn}"
            fence = granted(store.claim(Claim(user, "k", lease=LONG))).fence
            write = Write(HEAD, (ONE,), data=b"blue", park=(Parked("p", b"1"),))
            together(
                [
                    partial(store.commit, Commit(user, "k", write, reply=b"r", fence=fence)),
                    partial(other.forget, user),
                ]
            )
            assert is_gone(store, user)
            assert store.claim(Claim(user, "k", lease=LONG)) == Answered(b"")

    def test_forget_and_a_fast_commit_at_once_leave_nothing(
        self, store: Store, other: Store
    ) -> None:
        """Nothing is left after `forget` and a commit without a claim at the same moment."""
        for turn in range(5):
            user = f"user {turn}"
            revision = begin(store, ONE, user=user).revision
            write = Write(HEAD, (TWO,))
            together(
                [
                    partial(store.commit, Commit(user, "k", write, reply=b"r", revision=revision)),
                    partial(other.forget, user),
                ]
            )
            assert is_gone(store, user)

    # With a turn's own commit ---------------------------------------------------------------------

    def test_commit_forget_drops_everything_and_remembers_its_reply(
        self, store: Store, other: Store
    ) -> None:
        """A commit with `forget` drops everything of the user, and its own reply is remembered."""
        fill(store)
        fence = granted(store.claim(Claim("ada", "bye", lease=LONG))).fence
        committed(store.commit(Commit("ada", "later", Write(HEAD, (ONE,)), reply=b"", fence=fence,
                          deferred=True, release=False)))  # fmt: skip
        result = committed(other.commit(Commit("ada", "bye", FORGET, reply=b"null", fence=fence)))
        assert (result.revision, result.journal) == (0, 0)
        assert is_gone(store)
        assert store.claim(Claim("ada", "bye", lease=LONG)) == Answered(b"null")
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.revision, claim.data) == (0, b"")
        assert claim.fence > fence

    def test_commit_forget_that_is_refused_drops_nothing(self, store: Store) -> None:
        """A commit with `forget` that is refused drops nothing, whatever the reason."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.release("ada", fence)
        with pytest.raises(ClaimLost):
            store.commit(Commit("ada", "k", FORGET, reply=b"", fence=fence))
        assert store.commit(Commit("ada", "k", FORGET, reply=b"", revision=1)) == Conflict()
        store.defer("ada", "k2")
        fence = granted(store.claim(Claim("ada", "k2", lease=LONG))).fence
        assert store.commit(Commit("ada", "k2", FORGET, reply=b"", fence=fence)) == Deferred()
        assert not is_gone(store)

    def test_commit_forget_keeps_messages_that_came_later(self, store: Store) -> None:
        """Messages that came during the turn of a commit with `forget` get their turns after it."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "bye", lease=LONG))).fence
        store.defer("ada", "again", b"hello")
        committed(store.commit(Commit("ada", "bye", FORGET, reply=b"", fence=fence, release=False)))
        assert isinstance(store.claim(Claim("ada", "third", lease=LONG)), Running)
        store.renew("ada", fence, LONG)
        store.release("ada", fence)
        claim = granted(store.claim(Claim("ada", "third", lease=LONG)))
        pending = [(message.key, message.message) for message in claim.pending]
        assert (pending, claim.revision) == ([("again", b"hello")], 0)

    @pytest.mark.parametrize(
        "write",
        [
            Write(HEAD, forget=True),
            Write(b"", (ONE,), forget=True),
            Write(b"", data=b"blue", forget=True),
            Write(b"", park=(Parked("p", b"1"),), forget=True),
        ],
    )
    def test_write_forget_with_another_change_raises_value_error(
        self, store: Store, write: Write
    ) -> None:
        """`forget` with any other change, or in a `record`, raises ValueError."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        with pytest.raises(ValueError, match="alone"):
            store.commit(Commit("ada", "k", write, reply=b"", fence=fence))
        with pytest.raises(ValueError, match="ends a turn"):
            store.record("ada", fence, FORGET)

    def test_commit_forget_works_through_the_async_store(self, store: Store) -> None:
        """An `AsyncStore` refuses and accepts commits with `forget` in the same way."""
        fill(store)

        async def forget() -> None:
            face = for_async(store)
            try:
                claim = granted(await face.claim(Claim("ada", "later", lease=LONG)))
                refused = await face.commit(
                    Commit("ada", "later", FORGET, reply=b"", fence=claim.fence)
                )
                assert refused == Deferred()
                write = face.commit(
                    Commit("ada", "later", FORGET, reply=b"", fence=claim.fence, deferred=True)
                )
                committed(await write)
            finally:
                await face.close()

        asyncio.run(forget())
        assert is_gone(store)
