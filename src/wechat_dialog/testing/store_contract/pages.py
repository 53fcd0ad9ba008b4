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

    def test_page_read_returns_the_pieces_from_a_place_on(self, store: Store, other: Store) -> None:
        """`page_read` returns the pieces from `after` on, and None if there is no page."""
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

    def test_page_read_returns_the_seconds_since_the_last_append(self, store: Store) -> None:
        """`Page.age` counts from the page's creation or the last `page_append`."""
        fence = opened(store)
        self.advance(self.short)
        page = store.page_read("p")
        assert page is not None
        assert page.age >= self.short
        write(store, [A], fence=fence)
        again = store.page_read("p")
        assert again is not None
        assert again.age < self.short

    def test_page_append_of_equal_pieces_keeps_the_page(self, store: Store) -> None:
        """Pieces that are there already may be appended again: page and edition stay the same."""
        fence = opened(store)
        write(store, [A, B], fence=fence)
        for again in ([A, B], [A], [], [B]):
            assert write(store, again, int(again == [B]), fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B), 1)
        assert write(store, [B, C], 1, fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B, C), 1)

    def test_page_append_of_other_pieces_truncates_and_starts_an_edition(
        self, store: Store
    ) -> None:
        """From the first piece that differs on, the page is replaced, and its edition is new."""
        fence = opened(store)
        write(store, [A, B, C], fence=fence)
        assert write(store, [B, B], 1, fence=fence) is True
        assert (pieces(store), edition(store)) == ((A, B, B), 2)
        assert write(store, [C], fence=fence) is True
        assert (pieces(store), edition(store)) == ((C,), 3)

    def test_page_append_beyond_the_end_or_to_no_page_returns_false(self, store: Store) -> None:
        """`page_append` returns False beyond the page's end, or if there is no page."""
        fence = opened(store)
        assert write(store, [A], 1, fence=fence) is False
        assert write(store, [A], fence=fence, id="q") is False
        assert pieces(store) == ()
        assert store.page_read("q") is None

    def test_page_open_of_an_existing_page_keeps_its_content(
        self, store: Store, other: Store
    ) -> None:
        """To open a page that exists keeps its pieces and its edition."""
        fence = opened(store)
        write(store, [A], fence=fence)
        other.page_open(PageOpen("ada", "p", LONG, fence))
        other.page_open(PageOpen("ada", "p", LONG))
        assert (pieces(store), edition(store)) == ((A,), 1)

    def test_page_open_without_a_claim_creates_a_page_to_append_to(self, store: Store) -> None:
        """A page may be created without a claim, and then appended to under one."""
        store.page_open(PageOpen("ada", "p", LONG))
        assert pieces(store) == ()
        assert write(store, [A], fence=claimed(store)) is True

    def test_page_open_under_a_lost_claim_raises_claim_lost(
        self, store: Store, other: Store
    ) -> None:
        """`page_open` under a lost claim raises `ClaimLost` and creates no page."""
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

    def test_page_append_under_an_older_claim_raises_claim_lost(
        self, store: Store, other: Store
    ) -> None:
        """`page_append` raises `ClaimLost` if the page was written under a newer claim."""
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

    def test_page_open_ttl_expires_the_page(self, store: Store, other: Store) -> None:
        """A page is gone after its `ttl`, and a page opened under its id is a new one."""
        fence = opened(store, ttl=self.short)
        write(store, [A], fence=fence, ttl=self.short)
        self.advance(self.short * 1.2)
        assert other.page_read("p") is None
        assert write(store, [B], 1, fence=fence) is False
        store.page_open(PageOpen("ada", "p", LONG, fence))
        assert pieces(store) == ()
        assert edition(store) == 1

    def test_page_append_extends_the_ttl(self, store: Store) -> None:
        """Each `page_append` sets the page's `ttl` again."""
        fence = opened(store, ttl=self.short)
        assert write(store, [A], fence=fence, ttl=LONG) is True
        self.advance(self.short * 1.2)
        assert pieces(store) == (A,)

    def test_page_append_beyond_the_size_limit_returns_false(self, store: Store) -> None:
        """`page_append` returns False and changes nothing if the page would exceed its limit."""
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

    def test_page_open_beyond_the_limit_drops_the_users_oldest_page(self, store: Store) -> None:
        """Beyond the limit of pages, the user's oldest is dropped, and nobody else's."""
        fence = claimed(store)
        store.page_open(PageOpen("bob", "bob's", LONG))
        for number in range(PAGES + 2):
            store.page_open(PageOpen("ada", f"p{number}", LONG, fence))
            write(store, [A], fence=fence, id=f"p{number}")
            self.advance(0.01)
        there = [pieces(store, f"p{number}") for number in range(PAGES + 2)]
        assert there == [None, None, *[(A,)] * PAGES]
        assert pieces(store, "bob's") == ()

    def test_forget_drops_answer_pages(self, store: Store, other: Store) -> None:
        """`forget` drops all pages of the user, and no other user's."""
        opened(store)
        fence = opened(store, "q", "bob")
        store.page_open(PageOpen("bob", "r", LONG, fence))
        write(store, [A], fence=fence, id="q")
        assert other.forget("bob") is True
        assert (pieces(store, "q"), pieces(store, "r"), pieces(store)) == (None, None, ())
        assert write(store, [B], fence=fence, id="q") is False
        with pytest.raises(ClaimLost):
            store.page_open(PageOpen("bob", "q", LONG, fence))

    def test_forget_returns_true_if_only_a_page_was_stored(self, store: Store) -> None:
        """`forget` returns True if all that was stored of the user is a page."""
        store.page_open(PageOpen("eve", "p", LONG))
        assert store.forget("eve") is True
        assert store.forget("eve") is False

    def test_commit_forget_drops_answer_pages(self, store: Store) -> None:
        """A commit with `forget` drops the user's pages."""
        begin(store)
        store.page_open(PageOpen("ada", "p", LONG))
        fence = claimed(store)
        store.commit(Commit("ada", "k", Write(b"", forget=True), reply=b"", fence=fence))
        assert store.page_read("p") is None

    def test_show_and_list_do_not_include_answer_pages(self, store: Store) -> None:
        """A user of whom only a page is stored is neither shown nor listed."""
        store.page_open(PageOpen("ada", "p", LONG))
        assert store.show("ada") is None
        assert list(store.list(everybody=True)) == []
        begin(store)
        shown = store.show("ada")
        assert shown is not None
        assert shown.head == HEAD

    def test_page_secret_is_the_same_for_all_clients(self, store: Store, other: Store) -> None:
        """All clients get the secret that was stored first."""
        secret = store.page_secret(b"\x00first\xff")
        assert secret == b"\x00first\xff"
        assert other.page_secret(b"second") == secret
        assert store.page_secret(b"third") == secret

    def test_page_secret_at_once_is_the_same_for_all(self, store: Store, other: Store) -> None:
        """Clients that ask at the same moment get the same secret."""
        calls = [
            lambda client=client, fresh=fresh: client.page_secret(fresh)
            for client, fresh in ((store, b"1"), (other, b"2"), (store, b"3"), (other, b"4"))
        ]
        assert len({bytes(secret) for secret in together(calls)}) == 1

    def test_pages_work_through_the_async_store(self, store: Store) -> None:
        """An `AsyncStore` has the same pages and the same secret."""
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
