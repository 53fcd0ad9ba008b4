"""How what a turn without a message says reaches its user.

At the commit it is owed: stored in the head, apart from the held parts. If the account may push, it
is pushed right afterwards, part by part, each removed from the head once the platform has accepted
it. So is a question that was not asked yet, if no other is pending, and only then does it count as
asked. Otherwise it comes with the user's next message.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import msgspec

from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import OwedPart, UserHead
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.aside import lift
from wechat_dialog.core.turn.asking import next_to_ask, question_of
from wechat_dialog.core.turn.committing import perform
from wechat_dialog.core.turn.conversation import wake
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.job import Job
from wechat_dialog.core.turn.leaving import stand
from wechat_dialog.core.turn.operations import Flow, Operation, Push, RecordWrite
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply, Text
from wechat_dialog.replies.packing import Part, pack
from wechat_dialog.replies.stored import decode_reply, encode_reply

__all__ = ["may_reach", "note_push", "owe", "reach"]

KEPT = 7 * 86_400_000
"""Milliseconds for which owed parts are kept."""

PARTS = 20
"""How many parts are owed at most."""

ROOM = 16 * 1024
"""Their size in bytes at most."""


def owe(work: Work) -> None:
    """Owe the user what the turn says; if that is too much, the oldest parts are dropped."""
    head, now = work.doc.head, work.doc.now
    parts = [part for part in work.draft.parts if not _is_blank(part)]
    owed = [part for part in head.owed if part.until > now]
    owed += [OwedPart(msgspec.Raw(encode_reply(part)), now + KEPT) for part in parts]
    dropped = 0
    while owed and (len(owed) > PARTS or sum(len(bytes(part.reply)) for part in owed) > ROOM):
        del owed[0]
        dropped += 1
    if dropped:
        log.warning(
            "user %s: %d parts that were said in the background are dropped: at most %d, and %d "
            "bytes, wait for a user's next message", head.user, dropped, PARTS, ROOM,
        )  # fmt: skip
    head.owed = tuple(owed)


def _is_blank(reply: Reply) -> bool:
    return isinstance(reply, Text) and not reply.content.strip()


def may_reach(job: Job) -> bool:
    """Whether there is something to push and the account may push."""
    if not job.settings.rules.may_push:
        return False
    return bool(job.doc.head.owed) or next_to_ask(job.doc) is not None


def note_push(doc: Document) -> None:
    """Note that the next question, if there is one, is about to be pushed: a worker may die after a
    push and before its next write.
    """
    if next_to_ask(doc) is not None:
        doc.head.pushed = doc.now // 1000


def reach(job: Job, work: Work) -> Generator[Operation, Any, bool]:
    """Push what is owed, and ask the next question; what is not accepted stays as it is.

    Args:
        job: The firing's hold on its user, with its claim.
        work: The work on what was done.

    Returns:
        Whether a question was asked, whose time limits begin now.
    """
    doc = job.doc
    head = doc.head
    left = yield from _push(head, [Part(reply) for reply in _replies(head.owed)], job)
    if left:
        return False
    id = next_to_ask(doc)
    if id is None:
        return False
    frame = lift(doc, id)
    run = wake(work, frame)
    at = run.at if isinstance(run, Run) else None
    if isinstance(run, Run) and isinstance(at, Wait):
        work.draft.ask(frame, question_of(work, run, at), seen=False)
        yield from perform(job, work, _said_already())  # this has the question reviewed
        parts = [Part(reply) for reply in work.draft.content().question]
        while parts:
            parcel = pack(parts)
            refused = None if parcel.reply is None else (yield Push(head.user, parcel.reply))
            if refused is not None:
                break
            parts = list(parcel.rest)
        else:
            stand(work, run, frame, at)
            head.pushed = doc.now // 1000
            doc.run = run
            doc.put_away()
            return True
    # The question stays where it was, to be asked at the end of a message's turn.
    job.doc = doc.as_stored()
    return False


def _said_already() -> Flow[None]:
    yield from ()


def _replies(owed: Sequence[OwedPart]) -> list[Reply]:
    decoded = [decode_reply(bytes(part.reply)) for part in owed]
    return [reply for reply in decoded if reply is not None]


def _push(
    head: UserHead, parts: Sequence[Part], job: Job
) -> Generator[Operation, Any, Sequence[Part]]:
    """Push parts, and remove each from the head once it was sent; returns the rest."""
    doc = job.doc
    until = max((part.until for part in head.owed), default=0)
    while parts:
        parcel = pack(parts)
        if parcel.reply is not None and (yield Push(head.user, parcel.reply)) is not None:
            return parts
        parts = parcel.rest
        left = [OwedPart(msgspec.Raw(encode_reply(part.reply)), until) for part in parts]
        head.owed = tuple(left)
        note_push(doc)
        write = doc.write(doc.now, grace=job.grace, fires=True)
        doc.wrote(write, (yield RecordWrite(job.user, job.fence, write)), fires=True)
    return ()
