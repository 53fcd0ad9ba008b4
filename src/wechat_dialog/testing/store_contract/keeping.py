"""What is kept can be listed, shown and ended; any text is a key and any bytes come back."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Commit,
    Committed,
    Conflict,
    Running,
    Write,
)
from wechat_dialog.errors import TooManyWaiting

from .asking import HEAD, LONG, ODD_TEXTS, ONE, TWO, StoreCase, begin, committed, granted

__all__ = ["Keeping"]


def parked(store: Store) -> list[str]:
    """Return what is parked for ada."""
    shown = store.show("ada")
    return [] if shown is None else list(shown.parked)


class Keeping(StoreCase):
    """`list`, `show`, `end`, `close`, and odd values."""

    def test_list_yields_users_with_a_conversation_by_prefix(
        self, store: Store, other: Store
    ) -> None:
        """`list` yields users with a running or parked conversation, whose keys have the prefix."""
        begin(store, ONE, TWO, user="a:ada")
        begin(store, ONE, user="b:bob")
        fence = granted(store.claim(Claim("a:eve", "k", lease=LONG))).fence
        write = Write(b"", park=(Parked("p", b"1", LONG),))
        store.commit(Commit("a:eve", "k", write, reply=b"", fence=fence))
        granted(store.claim(Claim("a:new", "k", lease=LONG)))
        lines = {line.user: line for line in other.list()}
        assert sorted(lines) == ["a:ada", "a:eve", "b:bob"]
        assert sorted(line.user for line in store.list("a:")) == ["a:ada", "a:eve"]
        ada, eve = lines["a:ada"], lines["a:eve"]
        assert (ada.head, ada.length, ada.parked) == (HEAD, 2, ())
        assert (eve.head, eve.length, eve.parked) == (b"", 0, ("p",))
        assert 0 < ada.ttl <= LONG
        assert 0 < eve.ttl <= LONG

    def test_write_park_drops_the_oldest_conversation_beyond_most(self, store: Store) -> None:
        """Beyond `most`, `park` drops the oldest; parked again, a conversation is the newest."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        for number in range(4):
            park = Parked(f"p{number}", b"12", LONG, most=3)
            written = store.record("ada", fence, Write(HEAD, park=(park,)))
            assert written.dropped == (("p0",) if number == 3 else ())
        assert parked(store) == ["p1", "p2", "p3"]
        # Parked again, it is the newest, and none is dropped for it.
        again = Write(HEAD, park=(Parked("p1", b"12", LONG, most=3),))
        assert store.record("ada", fence, again).dropped == ()
        assert parked(store) == ["p2", "p3", "p1"]

    def test_write_park_drops_the_oldest_conversations_beyond_room(self, store: Store) -> None:
        """Beyond `room` bytes, `park` drops the oldest, but never the one it adds."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        for name, size in (("a", 40), ("b", 30), ("c", 30)):
            write = Write(HEAD, park=(Parked(name, b"\x00" * size, LONG, room=100),))
            assert store.record("ada", fence, write).dropped == ()
        write = Write(HEAD, park=(Parked("d", b"1" * 60, LONG, room=100),))
        assert store.record("ada", fence, write).dropped == ("a", "b")
        write = Write(HEAD, park=(Parked("e", b"1" * 101, LONG, room=100),))
        result = store.commit(Commit("ada", "k", write, reply=b"", fence=fence))
        assert isinstance(result, Committed)
        assert result.dropped == ("c", "d")
        assert parked(store) == ["e"]

    def test_write_park_does_not_count_expired_conversations(self, store: Store) -> None:
        """Parked conversations that have expired do not count towards `most`."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        for name, ttl in (("a", LONG), ("b", 0.0), ("c", LONG)):
            write = Write(HEAD, park=(Parked(name, b"1", ttl, most=2),))
            assert store.record("ada", fence, write).dropped == ()

    def test_defer_beyond_100_messages_raises_too_many_waiting(
        self, store: Store, other: Store
    ) -> None:
        """A user's 101st kept message raises `TooManyWaiting`, and the others stay."""
        granted(store.claim(Claim("ada", "busy", lease=LONG)))
        for number in range(100):
            assert store.defer("ada", f"k{number}", b"m") is None
        with pytest.raises(TooManyWaiting, match="100 messages"):
            other.defer("ada", "one more", b"m")
        assert other.defer("ada", "k7", b"m") is None, "it is kept already"
        assert other.defer("ada", "one more") is None, "nothing is to be kept of it"
        assert other.defer("bob", "k", b"m") is None
        assert store.end("ada")
        assert store.defer("ada", "another", b"m") is None

    def test_defer_beyond_256_kib_raises_too_many_waiting(self, store: Store) -> None:
        """A message that exceeds 256 KiB of a user raises `TooManyWaiting`."""
        granted(store.claim(Claim("ada", "busy", lease=LONG)))
        for number in range(4):
            assert store.defer("ada", f"k{number}", b"m" * 60_000) is None
        with pytest.raises(TooManyWaiting):
            store.defer("ada", "one more", b"m" * 60_000)
        assert store.defer("ada", "a short one", b"m") is None

    def test_list_yields_each_of_many_users_once(self, store: Store) -> None:
        """`list` yields each of 450 users once."""
        users = [f"user {i}" for i in range(450)]
        for user in users:
            begin(store, user=user)
        assert sorted(line.user for line in store.list("user ")) == sorted(users)

    def test_show_and_end_of_an_unknown_user_return_nothing(self, store: Store) -> None:
        """`show` returns None and `end` False if nothing is stored of the user."""
        assert store.show("nobody") is None
        assert store.end("nobody") is False
        assert store.end("nobody", "p") is False

    def test_end_drops_the_conversation_and_its_claim(self, store: Store, other: Store) -> None:
        """`end` drops head, journal and claim; data stays, and so do parked conversations."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, (ONE,), data=b"blue", park=(Parked("p", b"1", LONG),))
        store.record("ada", fence, write)
        assert other.end("ada") is True
        assert other.end("ada") is False
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (b"", (), b"blue")
        granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert other.end("ada", "p") is True
        assert other.end("ada", "p") is False

    def test_end_answers_the_messages_of_the_conversation_with_an_empty_reply(
        self, store: Store, other: Store
    ) -> None:
        """After `end`, a message whose turn had begun is `Answered` empty; none is pending."""
        begin(store, ONE)
        claim = Claim("ada", "said", lease=LONG, message=b"1234")
        granted(store.claim(claim))
        assert isinstance(other.claim(claim), Running)
        store.defer("ada", "later", b"waits")
        assert other.end("ada") is True
        assert store.claim(claim) == other.claim(claim) == Answered(b"")
        assert store.defer("ada", "said", b"1234") == Answered(b"")
        later = granted(store.claim(Claim("ada", "later", lease=LONG)))
        assert later.pending == ()
        written = store.commit(
            Commit("ada", "later", Write(HEAD), b"", fence=later.fence, deferred=True)
        )
        commit = Commit("ada", "said", Write(HEAD), b"", revision=committed(written).revision)
        assert store.commit(commit) == Conflict()

    def test_end_answers_a_message_whose_claim_expired_with_an_empty_reply(
        self, store: Store, other: Store
    ) -> None:
        """After `end`, a message whose claim had expired is `Answered` empty, and not pending."""
        granted(store.claim(Claim("ada", "said", lease=self.short, message=b"1234")))
        self.advance(self.short * 2)
        assert other.end("ada") is True
        assert store.claim(Claim("ada", "said", lease=LONG)) == Answered(b"")
        assert granted(store.claim(Claim("ada", "later", lease=LONG))).pending == ()

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_claim_and_commit_accept_any_text_as_user_key_and_id(
        self, store: Store, text: str
    ) -> None:
        """Users, keys of messages and ids of parked conversations may have any characters."""
        begin(store, ONE, user="ada")
        fence = granted(store.claim(Claim(text, text, lease=LONG))).fence
        assert store.claim(Claim(text, "k2", lease=LONG)) == Running(text, 0.0, 1)
        write = Write(HEAD, (TWO,), park=(Parked(text, b"1"),))
        store.commit(Commit(text, text, write, reply=b"r", fence=fence))
        assert store.claim(Claim(text, text, lease=LONG)) == Answered(b"r")
        assert [(s.user, s.length, s.parked) for s in store.list(text)] == [(text, 1, (text,))]
        shown = store.show(text)
        assert shown is not None
        assert (shown.records, list(shown.parked)) == ((TWO,), [text])

    def test_claim_of_an_empty_user_raises_value_error(self, store: Store) -> None:
        """An empty user raises ValueError."""
        with pytest.raises(ValueError, match="empty"):
            store.claim(Claim("", "k", lease=LONG))

    def test_commit_preserves_any_bytes(self, store: Store) -> None:
        """Head, records, data, replies and parked conversations are returned byte for byte."""
        odd = bytes(range(256))
        records = (b"", odd, b"\n", "微信".encode(), b"x" * 100_000)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(odd, records, data=odd, park=(Parked("p", odd),))
        store.commit(Commit("ada", "k", write, reply=odd, fence=fence))
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (odd, records, odd)
        assert shown.parked["p"].document == odd
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(odd)
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).records == records

    def test_close_lets_a_later_operation_open_the_store_again(
        self, store: Store, other: Store
    ) -> None:
        """`close` may be called twice, and a commit after it works."""
        begin(store, ONE)
        revision = begin(other, user="bob").revision
        other.close()
        other.close()
        committed(other.commit(Commit("bob", "k", Write(HEAD), reply=b"", revision=revision)))
