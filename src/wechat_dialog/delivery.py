"""From the parts of an answer to the one reply the platform takes, and what is held for later.

One reply per message, 2047 bytes of text in it (protocol reference 5.2): adjacent texts become one,
a long one is cut at a pause, and whatever does not fit is held, announced by a tappable link that
sends the word which fetches it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from . import replies
from .paging import pages
from .replies import Reply

__all__ = ["TEXT_LIMIT", "Parcel", "link", "merge", "pack"]

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
    held = (
        [replies.Text(first.content[_end(first.content, cut[0]) :].lstrip("\r\n \t"))]
        if len(cut) > 1
        else []
    )
    return Parcel(replies.Text(cut[0] + mark), (*held, *rest))


def _end(text: str, page: str) -> int:
    """Return the index in `text` behind its first page."""
    return text.index(page) + len(page)
