"""From the parts of an answer to the one reply the platform takes, and what is held for later.

One reply per message, 2047 bytes of text in it (protocol reference 5.2): adjacent texts become one,
a long one is cut at a pause, and whatever does not fit is held, announced by a tappable link that
sends the word which fetches it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from . import replies
from .paging import pages
from .replies import Reply

__all__ = ["TEXT_LIMIT", "Parcel", "Pushes", "divide", "link", "merge", "pack"]

TEXT_LIMIT = 2047
"""Bytes of UTF-8 in one text reply (protocol reference 5.2)."""


class Parcel(msgspec.Struct, frozen=True):
    """What goes out now and what is held.

    Attributes:
        reply: The reply, or None if there is nothing to say.
        rest: The parts that are held, in order. May be empty.
    """

    reply: Reply | None
    rest: tuple[Reply, ...] = ()


class Pushes:
    """Whether an account pushes what does not fit one reply, or comes too late for it.

    Attributes:
        wanted: Whether it has customer messages, as its bot says.
    """

    __slots__ = ("_clock", "_until", "wanted")

    def __init__(self, wanted: bool = False) -> None:
        self.wanted = wanted
        self._until = 0.0
        self._clock: Callable[[], float] | None = None

    @property
    def allowed(self) -> bool:
        """Whether it does now."""
        return self.wanted and (self._clock is None or self._clock() >= self._until)

    def not_before(self, until: float, clock: Callable[[], float]) -> None:
        """Let nothing be pushed before `until`, by this clock: the platform said that it may not
        be.
        """
        self._until, self._clock = until, clock


def link(word: str, id: str = "0", *, shown: str | None = None) -> str:
    """Return a link that sends `word` as the user's own text when tapped (protocol reference 5.6).

    Args:
        word: What is sent. One with characters the clients decode in different ways is no link:
            what would be shown is returned as it is, for the user to type.
        id: Comes back as `bizmsgmenuid` from most clients, not from all.
        shown: What the user sees in place of `word`; None shows the word.
    """
    label = word if shown is None else shown
    if any(character in "%+&#=\"'<>\r\n" for character in word) or not word.strip():
        return label
    if any(character in "<>\r\n" for character in label) or not label.strip():
        return label
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={word}&msgmenuid={id}">{label}</a>'


def merge(parts: Sequence[Reply]) -> list[Reply]:
    """Return the parts with adjacent texts made one, a line break between them, and blank texts
    left out.
    """
    merged: list[Reply] = []
    for part in parts:
        if not isinstance(part, replies.Text):
            merged.append(part)
            continue
        if not part.content.strip():
            continue
        last = merged[-1] if merged else None
        if isinstance(last, replies.Text):
            merged[-1] = replies.Text(f"{last.content}\n{part.content}")
        else:
            merged.append(part)
    return merged


def pack(parts: Sequence[Reply], more: str, before: str, *, fetched: bool = False) -> Parcel:
    """Make one reply of the parts, and hold what does not fit.

    Args:
        parts: The parts of an answer, in order. May be empty.
        more: The word that fetches what is held.
        before: Said in place of a first part that is no text and has others behind it: such a part
            can carry no link, and what follows it would never be found. The link stays in the chat,
            to be tapped again.
        fetched: Whether the user asked for this, by that link; then such a part comes as it is.
    """
    queue = merge(parts)
    if not queue:
        return Parcel(None)
    first, rest = queue[0], queue[1:]
    if not isinstance(first, replies.Text):
        if not rest or fetched:
            return Parcel(first, tuple(rest))
        return Parcel(replies.Text(f"{before}{link(more)}"), tuple(queue))
    if not rest and len(first.content.encode("utf-8", "surrogatepass")) <= TEXT_LIMIT:
        return Parcel(first)
    mark = f"\n{link(more)}"
    room = TEXT_LIMIT - len(mark.encode("utf-8", "surrogatepass"))
    cut = pages(first.content, room)
    held = [_behind(first.content, cut[0])] if len(cut) > 1 else []
    return Parcel(replies.Text(cut[0] + mark), (*held, *rest))


def divide(parts: Sequence[Reply]) -> Parcel:
    """Make one reply of the parts without a word on the rest, which is pushed after it."""
    queue = merge(parts)
    if not queue:
        return Parcel(None)
    first, rest = queue[0], queue[1:]
    if not isinstance(first, replies.Text):
        return Parcel(first, tuple(rest))
    cut = pages(first.content, TEXT_LIMIT)
    if len(cut) == 1:
        return Parcel(first, tuple(rest))
    return Parcel(replies.Text(cut[0]), (_behind(first.content, cut[0]), *rest))


def _behind(text: str, page: str) -> Reply:
    """Return what of `text` stands behind its first page."""
    return replies.Text(text[_end(text, page) :].lstrip("\r\n \t"))


def _end(text: str, page: str) -> int:
    """Return the index in `text` behind its first page."""
    return text.index(page) + len(page)
