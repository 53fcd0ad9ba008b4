"""The answer page of a message: linked if its answer is late or too long, and written before the
commit that ends its turn.

The page shows everything that a turn says, except the question at its end: a question counts as
seen by the reply that contains it. A worker that takes the turn over writes the same content again,
or truncates the page; readers need not know. If an answer is too long for one reply, the chat gets
its first part and the link, and nothing is held.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.pages import pieces
from wechat_dialog.core.pages.address import KEPT
from wechat_dialog.core.pages.pieces import Piece
from wechat_dialog.core.store.pages import PageAppend, PageOpen, PageSecret
from wechat_dialog.core.turn.draft import Draft
from wechat_dialog.core.turn.job import Job
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow, Operation
from wechat_dialog.core.turn.page_link import open_page, pieces_of
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply
from wechat_dialog.replies.links import TEXT_LIMIT, anchor, link
from wechat_dialog.replies.splitting import pages as cut

__all__ = ["complete", "is_short", "shorten"]

LEAST = 300
"""At least so many bytes of an answer stand before the link and the question; if the question
leaves less room, it follows in a reply of its own.
"""

_BYTES = 4
"""Most bytes of one character in UTF-8."""


def is_short(draft: Draft) -> bool:
    """Whether `shorten` would certainly change nothing, as in nearly every turn: the answer is a
    few plain texts. False: it has to weigh bytes.
    """
    size = 0
    for part in (*draft.parts, *draft.question):
        if type(part) is not replies.Text or part.markdown or part.ai_generated:
            return False
        size += len(part.content) + 1
    return size * _BYTES <= TEXT_LIMIT


def shorten(job: Job, work: Work) -> Flow[None]:
    """If the turn's answer is too long for one reply, write it to its page, and reply with its
    first part and a link.
    """
    draft, pages = work.draft, work.rules.pages
    if pages is None:
        return
    draft.for_page = list(draft.parts)
    question = [_plain(part) for part in draft.content().question]
    parts = [_plain(part) for part in draft.parts]
    runs = list(_too_long(work, parts, question))
    if runs:
        yield NEEDS_CLAIM
        address = yield from _write(job, work)
        behind = f"…\n{anchor(work.rules.texts.page_whole, address)}"
        for first, last, room in reversed(runs):
            parts[first:last] = [_first_part(parts[first:last], room, behind)]
    draft.parts, draft.question = parts, question


def complete(job: Job, work: Work) -> Generator[Operation, Any, str]:
    """Write the page of a turn whose answer no request waits for: its user has the link.

    Returns:
        Its address; "" if the bot has no pages, or pushes late answers.
    """
    if work.rules.pages is None or work.rules.may_push:
        return ""
    return work.draft.page or (yield from _write(job, work))


def _write(job: Job, work: Work) -> Generator[PageSecret | PageOpen | PageAppend, Any, str]:
    pages, head, draft = work.rules.pages, work.doc.head, work.draft
    if pages is None:
        raise AssertionError("a bot that writes pages has some")
    stored, address = yield from open_page(
        pages, job.user, head.account, head.user, work.key, job.fence
    )
    parts = draft.parts if draft.for_page is None else draft.for_page
    whole = pieces_of(parts)
    if draft.content().question:
        whole.append(Piece(pieces.QUESTION))
    written = pieces.encode(pieces.fitting([*whole, Piece(pieces.END)]))
    yield PageAppend(stored, 0, written, KEPT, job.fence)
    draft.page = address
    return address


def _plain(part: Reply) -> Reply:
    """Return a part as it is sent and stored: without the Markdown shown on its page."""
    if isinstance(part, replies.Text) and part.markdown:
        return msgspec.structs.replace(part, markdown="")
    return part


# What is too long ---------------------------------------------------------------------------------


def _too_long(
    work: Work, parts: Sequence[Reply], question: Sequence[Reply]
) -> Generator[tuple[int, int, int], None, None]:
    """Yield the runs of consecutive texts that are too long for one reply: (begin, end, bytes of
    them that fit).
    """
    first = 0
    while first < len(parts):
        last = first
        while last < len(parts) and isinstance(parts[last], replies.Text):
            last += 1
        behind = question if last == len(parts) else ()
        room = _room(work, parts[first:last], behind) if last > first else 0
        if room:
            yield first, last, room
        first = last + 1


def _room(work: Work, run: Sequence[Reply], question: Sequence[Reply]) -> int:
    """Return how many bytes of these texts fit into a reply; 0 if all of them do.

    Args:
        work: The current message.
        run: Consecutive texts.
        question: What has to follow them in the same reply, if it can.
    """
    texts, pages = work.rules.texts, work.rules.pages
    whole, question_size = _size(run), _size(question)
    together = all(isinstance(part, replies.Text) for part in question)
    ai_generated = any(
        isinstance(part, replies.Text) and part.ai_generated for part in (*run, *question)
    )
    limit = TEXT_LIMIT - (len(f"\n{texts.ai_generated}".encode()) if ai_generated else 0)
    address = "" if pages is None else pages.address("0" * 32)
    links = f"…\n{anchor(texts.page_whole, address)}\n{link(texts.more)}"
    room = limit - len(links.encode())
    if not question or not together:
        return room if whole > limit else 0
    if whole + 1 + question_size <= limit:
        return 0
    if room - 1 - question_size >= LEAST:
        return room - 1 - question_size
    return room if whole > limit else 0


def _size(parts: Sequence[Reply]) -> int:
    texts = [part.content for part in parts if isinstance(part, replies.Text)]
    return len("\n".join(texts).encode("utf-8", "surrogatepass"))


def _first_part(run: Sequence[Reply], room: int, behind: str) -> replies.Text:
    """Return the first `room` bytes of the texts, followed by `behind`."""
    texts = [part for part in run if isinstance(part, replies.Text)]
    text = "\n".join(part.content for part in texts).lstrip()
    begin = cut(text[: 2 * TEXT_LIMIT + 64], room)
    ai_generated = any(part.ai_generated for part in texts)
    content = (begin[0] if begin else "") + behind
    return replies.Text(content, ai_generated=True if ai_generated else None)
