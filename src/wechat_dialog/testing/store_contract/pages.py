"""Answer pages: written, written again, read from a position on, limited in size, and expired."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.pages import PAGES, ROOM, Page, PageAppend, PageOpen
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores import for_async

from .asking import HEAD, LONG, StoreCase, begin, granted, together

__all__ = ["Pages"]

A, B, C = b'["a"]', "第二段".encode(), b"\x00\xff"


def claimed(store: Store, user: str = "ada", key: str = "k") -> int:
    """Return the fence of a claim."""
    return granted(store.claim(Claim(user, key, lease=LONG))).fence


def opened(store: Store, id: str = "p", user: str = "ada", ttl: float = LONG) -> int:
    """Make a page under a claim; return its fence."""
    fence = claimed(store, user)
    store.page_open(PageOpen(user, id, ttl, fence))
    return fence


def write(
    store: Store,
    pieces: Sequence[bytes],
    place: int = 0,
    *,
    fence: int,
    id: str = "p",
    ttl: float = LONG,
) -> bool:
    """Write on a page."""
    return store.page_append(PageAppend(id, place, tuple(pieces), ttl, fence))


def pieces(store: Store, id: str = "p") -> tuple[bytes, ...] | None:
    """Return what a page has; None if it is not there."""
    page = store.page_read(id)
    return None if page is None else page.pieces


def edition(store: Store) -> int:
    """Return the edition of the page."""
    page = store.page_read("p")
    assert page is not None
    return page.edition


class Pages(StoreCase):
    """`page_open`, `page_append`, `page_read`, `page_secret`."""

    def test_a_page_is_read_as_it_was_written(self, store: Store, other: Store) -> None:
        assert store.page_read("p") is None
        fence = opened(store)
        empty = other.page_read("p", 0)
        assert empty is not None
        assert (empty.edition, empty.length, empty.pieces) == (1, 0, ())
        assert write(store, [A, B], fence=fence) is True
        assert write(store, [C], 2, fence=fence) is True
        assert pieces(other) == (A, B, C)
        later = other.page_read("p", 2)
        assert later is not None
        assert (later.edition, later.length, later.pieces) == (1, 3, (C,))
        beyond = other.page_read("p", 7)
        assert beyond is not None
        assert (beyond.length, beyond.pieces) == (3, ())
        assert other.page_read("q") is None

    def test_it_says_how_long_ago_it_was_written_to(self, store: Store) -> None:
        fence = opened(store)
        self.advance(self.short)
        page = store.page_read("p")
        assert page is not None
        assert page.age >= self.short
        write(store, [A], fence=fence)
        again = store.page_read("p")
        assert again is not None
        assert again.age < self.short

    def test_what_is_there_already_may_be_written_again(self, store: Store) -> None:
        fence = opened(store)
        write(store, [A, B], fence=fence)
        for again in ([A, B], [A], [], [B]):
            assert write(store, again, int(again == [B]), fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B), 1)
        assert write(store, [B, C], 1, fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B, C), 1)

    def test_where_it_differs_it_is_cut_back_and_has_another_edition(self, store: Store) -> None:
        fence = opened(store)
        write(store, [A, B, C], fence=fence)
        assert write(store, [B, B], 1, fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B, B), 2)
        assert write(store, [C], fence=fence) is True
        assert (pieces(store), edition(store)) == ((C,), 3)

    def test_nothing_is_written_behind_its_end_or_where_there_is_none(self, store: Store) -> None:
        fence = opened(store)
        assert write(store, [A], 1, fence=fence) is False
        assert write(store, [A], fence=fence, id="q") is False
        assert pieces(store) == ()
        assert store.page_read("q") is None

    def test_it_is_made_once(self, store: Store, other: Store) -> None:
        fence = opened(store)
        write(store, [A], fence=fence)
        other.page_open(PageOpen("ada", "p", LONG, fence))
        other.page_open(PageOpen("ada", "p", LONG))
        assert (pieces(store), edition(store)) == ((A,), 1)

    def test_who_has_no_claim_may_make_one_and_the_claim_writes_on_it(self, store: Store) -> None:
        store.page_open(PageOpen("ada", "p", LONG))
        assert pieces(store) == ()
        assert write(store, [A], fence=claimed(store)) is True

    def test_a_lost_claim_makes_none(self, store: Store, other: Store) -> None:
        fence = claimed(store)
        store.release("ada", fence)
        with pytest.raises(ClaimLost):
            store.page_open(PageOpen("ada", "p", LONG, fence))
        assert other.page_read("p") is None
        newer = claimed(other)
        with pytest.raises(ClaimLost):
            store.page_open(PageOpen("ada", "p", LONG, fence))
        assert other.page_read("p") is None
        other.page_open(PageOpen("ada", "p", LONG, newer))
        assert pieces(store) == ()

    def test_who_has_lost_their_claim_overwrites_nothing(self, store: Store, other: Store) -> None:
        fence = opened(store)
        write(store, [A], fence=fence)
        store.release("ada", fence)
        newer = claimed(other)
        assert write(other, [B], fence=newer) is True
        with pytest.raises(ClaimLost):
            write(store, [A], fence=fence)
        with pytest.raises(ClaimLost):
            write(store, [C], 1, fence=fence)
        assert pieces(store) == (B,)

    def test_it_is_gone_when_its_time_is(self, store: Store, other: Store) -> None:
        fence = opened(store, ttl=self.short)
        write(store, [A], fence=fence, ttl=self.short)
        self.advance(self.short * 1.2)
        assert other.page_read("p") is None
        assert write(store, [B], 1, fence=fence) is False
        store.page_open(PageOpen("ada", "p", LONG, fence))
        assert pieces(store) == ()
        assert edition(store) == 1

    def test_each_writing_keeps_it_longer(self, store: Store) -> None:
        fence = opened(store, ttl=self.short)
        assert write(store, [A], fence=fence, ttl=LONG) is True
        self.advance(self.short * 1.2)
        assert pieces(store) == (A,)

    def test_it_has_so_much_room_and_no_more(self, store: Store) -> None:
        fence = opened(store)
        half = b"x" * (ROOM // 2)
        assert write(store, [half, half], fence=fence) is True
        assert write(store, [b"x"], 2, fence=fence) is False
        assert write(store, [half + b"x"], 1, fence=fence) is False
        page = store.page_read("p", 1)
        assert page is not None
        assert (page.length, page.edition, page.pieces) == (2, 1, (half,))
        assert write(store, [A], 1, fence=fence) is True
        assert write(store, [b"x"] * 20, 2, fence=fence) is True

    def test_a_users_oldest_page_goes_for_one_too_many(self, store: Store) -> None:
        fence = claimed(store)
        store.page_open(PageOpen("bob", "his", LONG))
        for number in range(PAGES + 2):
            store.page_open(PageOpen("ada", f"p{number}", LONG, fence))
            write(store, [A], fence=fence, id=f"p{number}")
            self.advance(0.01)
        there = [pieces(store, f"p{number}") for number in range(PAGES + 2)]
        assert there == [None, None, *[(A,)] * PAGES]
        assert pieces(store, "his") == ()

    def test_a_forgotten_users_pages_are_gone(self, store: Store, other: Store) -> None:
        opened(store)
        fence = opened(store, "q", "bob")
        store.page_open(PageOpen("bob", "r", LONG, fence))
        write(store, [A], fence=fence, id="q")
        assert other.forget("bob") is True
        assert (pieces(store, "q"), pieces(store, "r"), pieces(store)) == (None, None, ())
        assert write(store, [B], fence=fence, id="q") is False
        with pytest.raises(ClaimLost):
            store.page_open(PageOpen("bob", "q", LONG, fence))

    def test_a_page_alone_is_something_to_forget(self, store: Store) -> None:
        store.page_open(PageOpen("eve", "p", LONG))
        assert store.forget("eve") is True
        assert store.forget("eve") is False

    def test_a_commit_that_forgets_takes_the_pages_along(self, store: Store) -> None:
        begin(store)
        store.page_open(PageOpen("ada", "p", LONG))
        fence = claimed(store)
        store.commit(Commit("ada", "k", Write(b"", forget=True), reply=b"", fence=fence))
        assert store.page_read("p") is None

    def test_its_pages_are_no_part_of_a_users_document(self, store: Store) -> None:
        store.page_open(PageOpen("ada", "p", LONG))
        assert store.show("ada") is None
        assert list(store.list(everybody=True)) == []
        begin(store)
        shown = store.show("ada")
        assert shown is not None
        assert shown.head == HEAD

    def test_all_have_one_secret(self, store: Store, other: Store) -> None:
        secret = store.page_secret(b"\x00first\xff")
        assert secret == b"\x00first\xff"
        assert other.page_secret(b"second") == secret
        assert store.page_secret(b"third") == secret

    def test_those_who_ask_at_once_have_one_secret(self, store: Store, other: Store) -> None:
        calls = [
            lambda client=client, fresh=fresh: client.page_secret(fresh)
            for client, fresh in ((store, b"1"), (other, b"2"), (store, b"3"), (other, b"4"))
        ]
        assert len({bytes(secret) for secret in together(calls)}) == 1

    def test_on_an_event_loop_it_is_the_same(self, store: Store) -> None:
        fence = opened(store)

        async def talk() -> tuple[object, ...]:
            face = for_async(store)
            try:
                await face.page_open(PageOpen("ada", "q", LONG, fence))
                written = await face.page_append(PageAppend("q", 0, (A, B), LONG, fence))
                none = await face.page_append(PageAppend("none", 0, (A,), LONG, fence))
                with pytest.raises(ClaimLost):
                    await face.page_open(PageOpen("ada", "r", LONG, fence + 1))
                secret = await face.page_secret(b"s")
                return written, none, await face.page_read("q", 1), secret
            finally:
                await face.close()

        written, none, page, secret = asyncio.run(talk())
        assert (written, none, secret) == (True, False, store.page_secret(b"t"))
        assert isinstance(page, Page)
        assert page.pieces == (B,)
