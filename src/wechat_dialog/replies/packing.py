"""From the parts of an answer to the one reply the platform takes, and what is left for later.

The platform takes one reply for each message, with at most 2047 bytes of text (protocol reference
5.2). So adjacent texts are joined, a long one is cut at a pause, and what does not fit is left for
later, announced by a tappable link that sends the word which fetches it. What happens to the rest
is decided in `core/turn/shelf.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wechat_dialog import replies
from wechat_dialog.replies.links import TEXT_LIMIT, link

from .kinds import Reply
from .splitting import pages

__all__ = ["Parcel", "Part", "labelled", "only_answers", "pack", "together"]


class Part(msgspec.Struct, frozen=True):
    """A part of an answer.

    Attributes:
        reply: The reply itself.
        asks: See `header.Held`.
        question: See `header.Held`.
        owed: See `header.Held`.
        until: See `header.Held`; 0 while the part is not held.
    """

    reply: Reply
    asks: str = ""
    question: bool = False
    owed: bool = False
    until: int = 0


class Parcel(msgspec.Struct, frozen=True):
    """What is sent now, and what is left.

    Attributes:
        reply: The reply, or None if there is nothing to say.
        rest: The parts that are left, in order; empty if none are.
    """

    reply: Reply | None
    rest: tuple[Part, ...] = ()


def only_answers(reply: Reply) -> bool:
    """Return whether a reply cannot be sent as a customer message (protocol reference 7.2)."""
    if isinstance(reply, replies.News):
        return len(reply.articles) > 1
    return isinstance(reply, (replies.Transfer, replies.Video))


def together(parts: Sequence[Reply], mark: str = "") -> Reply | None:
    """Return one reply made of `parts`; None if they do not fit into one, or there are none.

    Args:
        parts: The replies, in order.
        mark: See `pack`.
    """
    if len(parts) == 1:
        only = parts[0]
        if not isinstance(only, replies.Text):
            return labelled(only, mark)
        plain = only.ai_generated is None and not only.markdown
        # A character has at most four bytes.
        if plain and len(only.content) * 4 <= TEXT_LIMIT and only.content.strip():
            return only  # nearly always
    texts: list[replies.Text] = []
    for part in parts:
        if not isinstance(part, replies.Text):
            return None
        if part.content.strip():
            texts.append(part)
    text = _text("\n".join([part.content for part in texts]), 0, texts, mark)
    return text if texts and _size(text.content) <= TEXT_LIMIT else None


def pack(
    parts: Sequence[Part],
    more: str = "",
    before: str = "",
    *,
    fetched: bool = False,
    follows: bool = False,
    mark: str = "",
) -> Parcel:
    """Make one reply of the parts, and leave what does not fit.

    A question is not split if it fits into the next reply as a whole.

    Args:
        parts: The parts of an answer, in order; may be empty.
        more: The word that fetches the rest; "" announces nothing, since the rest is pushed.
        before: The text sent in place of a first part that is not a text and has others after it:
            such a part can have no link, so the user would never find what follows. The link stays
            in the chat, and can be tapped again.
        fetched: Whether the user asked for these parts with that link; such a first part is then
            sent as it is.
        follows: Whether there is more to fetch than these parts; it is announced if there is room.
        mark: The line below what an AI made; "" writes none, since the platform labels it.
    """
    queue = [part for part in parts if not _is_blank(part.reply)]
    if not queue:
        return Parcel(None)
    first, rest = queue[0].reply, queue[1:]
    if not isinstance(first, replies.Text):
        if not rest or fetched or not more:
            return Parcel(labelled(first, mark), tuple(rest))
        return Parcel(replies.Text(f"{before}{link(more)}"), tuple(queue))
    texts: list[replies.Text] = []
    for part in queue:
        if not isinstance(part.reply, replies.Text):
            break
        texts.append(part.reply)
    rest = queue[len(texts) :]
    joined = _text("\n".join([part.content for part in texts]), 0, texts, mark)
    onward = f"\n{link(more)}" if more else ""
    if follows and not rest and _size(joined.content + onward) <= TEXT_LIMIT:
        return Parcel(_with(joined, onward))
    if _size(joined.content) <= TEXT_LIMIT and not (more and rest):
        return Parcel(joined, tuple(rest))
    return _cut(queue, texts, onward, mark)


def _cut(queue: list[Part], texts: Sequence[replies.Text], onward: str, mark: str) -> Parcel:
    """Make one reply of the first of these parts, and leave the others.

    Args:
        queue: The parts, in order.
        texts: The texts before the first part that is not a text.
        onward: What announces the rest.
        mark: See `pack`.
    """
    room = TEXT_LIMIT - _size(onward)
    if mark and any(part.ai_generated for part in texts):
        room -= _size(f"\n{mark}")
    text = "\n".join([part.content for part in texts])
    page, end = _first_page(text, room)
    count, inside = _where(texts, end)
    if count and count < len(texts) and queue[count].question:
        while count > 1 and queue[count - 1].question:
            count -= 1
        if not queue[count - 1].question:
            before = "\n".join([part.content for part in texts[:count]])
            return Parcel(_with(_text(before, 0, texts, mark), onward), tuple(queue[count:]))
        count, inside = _where(texts, end)
    remaining = queue[count:]
    if inside:
        cut = texts[count].content[inside:].lstrip("\r\n \t")
        reply = msgspec.structs.replace(texts[count], content=cut)
        remaining[0] = msgspec.structs.replace(remaining[0], reply=reply)
    first = _text(page, end - len(page), texts, mark)
    return Parcel(_with(first, onward), tuple(p for p in remaining if not _is_blank(p.reply)))


def _with(text: replies.Text, behind: str) -> replies.Text:
    if not behind:
        return text
    return msgspec.structs.replace(text, content=text.content + behind)


def _text(page: str, begin: int, texts: Sequence[replies.Text], mark: str) -> replies.Text:
    """Return a section of texts joined by line breaks as one reply, labelled if an AI made any of
    it.

    Args:
        page: The section.
        begin: The index at which it begins in the joined texts.
        texts: The texts.
        mark: The label, a line below the last text that an AI made; "" sets the reply's flag
            instead.
    """
    end, start, place = begin + len(page), 0, 0
    for text in texts:
        if start >= end:
            break
        stop = start + len(text.content)
        if text.ai_generated:
            place = min(stop, end) - begin
        start = stop + 1
    if place <= 0:
        return replies.Text(page)
    if not mark:
        return replies.Text(page, ai_generated=True)
    return replies.Text(f"{page[:place]}\n{mark}{page[place:]}")


def labelled(reply: Reply, mark: str) -> Reply:
    """Return a reply with the label in its own content, if an AI made it.

    Articles have it in their descriptions. Pictures, recordings and the like have no place for it:
    there the media itself must have it.

    Args:
        reply: The reply.
        mark: See `pack`.
    """
    if not (mark and isinstance(reply, replies.News) and reply.ai_generated):
        return reply
    articles: list[replies.Article] = []
    for article in reply.articles:
        lines = [line for line in (article.description, mark) if line]
        articles.append(msgspec.structs.replace(article, description="\n".join(lines)))
    return replies.News(articles)


def _is_blank(reply: Reply) -> bool:
    return isinstance(reply, replies.Text) and not reply.content.strip()


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _first_page(text: str, room: int) -> tuple[str, int]:
    """Return the first page of a text, and the index after it."""
    # A page, with a link at its end that must not be cut, is shorter than this.
    reach = 2 * TEXT_LIMIT + 64
    start = 0
    while not (near := text[start : start + reach]).strip():
        start += reach
    page = pages(near, room)[0]
    return page, start + near.index(page) + len(page)


def _where(texts: Sequence[replies.Text], end: int) -> tuple[int, int]:
    """Return the number of the text in which `end` lies, with the texts joined by line breaks, and
    the index in that text; 0 means that all of it is still to come.
    """
    for number, text in enumerate(texts):
        size = len(text.content)
        if end <= size:
            return (number, end) if end < size else (number + 1, 0)
        end -= size + 1
        if end <= 0:
            return number + 1, 0
    return len(texts), 0
