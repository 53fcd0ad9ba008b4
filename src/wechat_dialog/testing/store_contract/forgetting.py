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

    def test_everything_of_a_forgotten_user_is_gone(self, store: Store, other: Store) -> None:
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

    def test_who_is_unknown_is_forgotten_at_no_harm(self, store: Store, other: Store) -> None:
        assert store.forget("nobody") is False
        fill(store)
        assert store.forget("ada") is True
        assert other.forget("ada") is False

    @pytest.mark.parametrize("only", ["data", "parked", "a message", "a message put off", "reply"])
    def test_whatever_there_is_counts_and_goes(self, store: Store, other: Store, only: str) -> None:
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

    def test_only_who_asks_for_everybody_sees_who_has_no_conversation(self, store: Store) -> None:
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

    def test_a_turn_under_way_writes_nothing_and_does_not_begin_anew(
        self, store: Store, other: Store
    ) -> None:
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

    def test_who_waits_for_a_turn_gets_none(self, store: Store, other: Store) -> None:
        granted(store.claim(Claim("ada", "k1", lease=LONG)))
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        store.forget("ada")
        assert other.claim(Claim("ada", "k2", lease=LONG, arrival=False)) == Answered(b"")
        granted(other.claim(Claim("ada", "k3", lease=LONG)))

    def test_a_message_put_off_is_not_taken_up_by_anybody(self, store: Store, other: Store) -> None:
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"one")))
        store.defer("ada", "k1", b"one")
        self.advance(self.short * 2)
        other.forget("ada")
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).pending == ()

    def test_a_live_dialog_is_not_written_back(self, store: Store, other: Store) -> None:
        result = begin(store, ONE, TWO)
        other.forget("ada")
        late = Commit("ada", "k", Write(HEAD, (ONE,)), reply=b"", revision=result.revision)
        assert store.commit(late) == Conflict()
        again = begin(other, ONE, key="second")
        assert store.commit(late) == Conflict()
        have = Have(result.journal, 2)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG, have=have)))
        assert (claim.revision, claim.records) == (again.revision, (ONE,))

    def test_numbers_do_not_come_again_after_a_forgetting(self, store: Store, other: Store) -> None:
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

    def test_copies_of_what_was_answered_are_told_nothing(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        store.forget("ada")
        assert other.claim(Claim("ada", "first", lease=LONG)) == Answered(b"")
        assert other.defer("ada", "first", b"said") == Answered(b"")

    def test_after_a_minute_nothing_is_known(self, store: Store) -> None:
        if self.short < 1:
            pytest.skip("it takes a clock that can be set")
        fill(store)
        store.forget("ada")
        self.advance(61.0)
        granted(store.claim(Claim("ada", "first", lease=LONG)))

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_any_text_is_forgotten(self, store: Store, text: str) -> None:
        begin(store, user="ada")
        fence = granted(store.claim(Claim(text, text, lease=LONG))).fence
        committed(store.commit(Commit(text, text, Write(HEAD, (ONE,)), reply=b"r", fence=fence)))
        granted(store.claim(Claim(text, f"2{text}", lease=LONG)))
        store.forget(text)
        assert store.claim(Claim(text, text, lease=LONG)) == Answered(b"")
        assert store.claim(Claim(text, f"2{text}", lease=LONG)) == Answered(b"")
        assert [line.user for line in store.list(everybody=True)] == ["ada"]

    def test_a_forgetting_and_a_commit_at_once_leave_nothing(
        self, store: Store, other: Store
    ) -> None:
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

    def test_a_forgetting_and_a_fast_commit_at_once_leave_nothing(
        self, store: Store, other: Store
    ) -> None:
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

    def test_a_commit_forgets_with_all_the_rest(self, store: Store, other: Store) -> None:
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

    def test_a_commit_that_is_refused_forgets_nothing(self, store: Store) -> None:
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

    def test_what_came_later_has_its_turn_after_a_commit_that_forgets(self, store: Store) -> None:
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
    def test_a_write_that_forgets_stands_alone(self, store: Store, write: Write) -> None:
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        with pytest.raises(ValueError, match="alone"):
            store.commit(Commit("ada", "k", write, reply=b"", fence=fence))
        with pytest.raises(ValueError, match="ends a turn"):
            store.record("ada", fence, FORGET)

    def test_event_loops_forget_with_a_commit(self, store: Store) -> None:
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
