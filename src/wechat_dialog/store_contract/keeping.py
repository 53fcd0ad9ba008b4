"""What is kept can be listed, shown and ended; any text is a key and any bytes come back."""

# ruff: noqa: D102, S101 - tests: their names say it, and asserting is their work
from __future__ import annotations

import pytest

from wechat_dialog.store_contract.asking import (
    HEAD,
    LONG,
    ODD_TEXTS,
    ONE,
    TWO,
    StoreCase,
    begin,
    done,
    granted,
)
from wechat_dialog.stores.base import (
    Answered,
    Parked,
    Running,
    Store,
    Write,
)

__all__ = ["Keeping"]


class Keeping(StoreCase):
    """`list`, `show`, `end`, `close`, and odd values."""

    def test_what_is_stored_is_listed(self, store: Store, other: Store) -> None:
        begin(store, ONE, TWO, user="a:ada")
        begin(store, ONE, user="b:bob")
        fence = granted(store.claim("a:eve", "k", lease=LONG)).fence
        write = Write(b"", park=Parked("p", b"1", LONG))
        store.commit("a:eve", "k", write, reply=b"", fence=fence)
        granted(store.claim("a:new", "k", lease=LONG))
        lines = {line.user: line for line in other.list()}
        assert sorted(lines) == ["a:ada", "a:eve", "b:bob"]
        assert sorted(line.user for line in store.list("a:")) == ["a:ada", "a:eve"]
        ada, eve = lines["a:ada"], lines["a:eve"]
        assert (ada.head, ada.length, ada.parked) == (HEAD, 2, ())
        assert (eve.head, eve.length, eve.parked) == (b"", 0, ("p",))
        assert 0 < ada.ttl <= LONG
        assert 0 < eve.ttl <= LONG

    def test_a_long_listing_has_everybody_once(self, store: Store) -> None:
        users = [f"user {i}" for i in range(450)]
        for user in users:
            begin(store, user=user)
        assert sorted(line.user for line in store.list("user ")) == sorted(users)

    def test_who_has_nothing_is_not_shown(self, store: Store) -> None:
        assert store.show("nobody") is None
        assert store.end("nobody") is False
        assert store.end("nobody", "p") is False

    def test_an_ended_conversation_is_gone_and_its_claim_with_it(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(HEAD, (ONE,), data=b"blue", park=Parked("p", b"1", LONG))
        store.record("ada", fence, write)
        assert other.end("ada") is True
        assert other.end("ada") is False
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (b"", (), b"blue")
        granted(store.claim("ada", "k2", lease=LONG))
        assert other.end("ada", "p") is True
        assert other.end("ada", "p") is False

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_any_text_is_a_key(self, store: Store, text: str) -> None:
        begin(store, ONE, user="ada")
        fence = granted(store.claim(text, text, lease=LONG)).fence
        assert store.claim(text, "k2", lease=LONG) == Running(text, 0.0, 1)
        write = Write(HEAD, (TWO,), park=Parked(text, b"1"))
        store.commit(text, text, write, reply=b"r", fence=fence)
        assert store.claim(text, text, lease=LONG) == Answered(b"r")
        assert [(s.user, s.length, s.parked) for s in store.list(text)] == [(text, 1, (text,))]
        shown = store.show(text)
        assert shown is not None
        assert (shown.records, list(shown.parked)) == ((TWO,), [text])

    def test_an_empty_user_is_an_error(self, store: Store) -> None:
        with pytest.raises(ValueError, match="empty"):
            store.claim("", "k", lease=LONG)

    def test_any_bytes_come_back(self, store: Store) -> None:
        odd = bytes(range(256))
        records = (b"", odd, b"\n", "微信".encode(), b"x" * 100_000)
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(odd, records, data=odd, park=Parked("p", odd))
        store.commit("ada", "k", write, reply=odd, fence=fence)
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (odd, records, odd)
        assert shown.parked["p"].document == odd
        assert store.claim("ada", "k", lease=LONG) == Answered(odd)
        assert granted(store.claim("ada", "k2", lease=LONG)).records == records

    def test_a_closed_store_opens_again(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        revision = begin(other, user="bob").revision
        other.close()
        other.close()
        done(other.commit("bob", "k", Write(HEAD), reply=b"", revision=revision))
