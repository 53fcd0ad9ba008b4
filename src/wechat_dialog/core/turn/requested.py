"""What a dialog has requested without waiting for it, carried out in the commit of its turn:
`chat.start`, `chat.stop`, `chat.remind`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.requests import Remind, Request, Start, Stop
from wechat_dialog.core.replay.codes import code_of
from wechat_dialog.core.replay.header import ENDS, AsideNote, Frame, StoredRival, flag
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Record
from wechat_dialog.core.turn.aside import MOST, add, drop, has_begun
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import TooManyAside
from wechat_dialog.messages import Message, from_fields

__all__ = ["begun", "carry_out", "end_aside", "tell_to_end"]


def carry_out(
    work: Work, frame: Frame, requests: Sequence[Request], *, goes_aside: bool = False
) -> None:
    """Carry out what a conversation requested in this turn: everything, or nothing if something is
    not possible.

    Args:
        work: The current message.
        frame: The conversation.
        requests: What it requested.
        goes_aside: Whether it needs room itself, since it is put aside.

    Raises:
        LookupError: A dialog to be started is not one of the bot's.
        TooManyAside: There is no room for another conversation.
    """
    doc = work.doc
    _must_have_room(doc, requests, goes_aside=goes_aside)
    new = [_new(work, frame, number, request) for number, request in enumerate(requests)]
    for request, conversation in zip(requests, new, strict=True):
        if request.key:
            tell_to_end(doc, request.key)
        if conversation is not None:
            add(doc, *conversation, wake=doc.now if isinstance(request, Start) else 0)


def _must_have_room(doc: Document, requests: Sequence[Request], *, goes_aside: bool) -> None:
    keys = [note.key for note in doc.head.aside if not note.ends]
    for request in requests:
        if request.key:
            keys = [key for key in keys if key != request.key]
        if not isinstance(request, Stop):
            keys.append(request.key)
        if len(keys) > MOST:
            raise TooManyAside(MOST)
    if goes_aside and len(keys) >= MOST:
        raise TooManyAside(MOST)


def _new(
    work: Work, frame: Frame, number: int, request: Request
) -> tuple[Frame, list[Record]] | None:
    """Return the conversation that a request begins, and its records; None if it begins none."""
    if isinstance(request, Stop):
        return None
    if isinstance(request, Remind):
        return _reminder(work, frame, number, request)
    dialog = work.rules.routes.named(request.dialog)
    if dialog is None:
        name = getattr(request.dialog, "__qualname__", repr(request.dialog))
        raise LookupError(
            f"chat.start: {name} is not a dialog of the bot; name it with @bot.dialog"
        )
    return _frame(work, frame, number, dialog, request.state, request.key), []


def _reminder(work: Work, frame: Frame, number: int, request: Remind) -> tuple[Frame, list[Record]]:
    from wechat_dialog.core.dialog.reminder import REMINDER, arguments_of

    doc = work.doc
    due = request.when.due(doc.now)
    args = arguments_of(work.rules.reply_of(request.reply) or request.reply, due)
    new = _frame(work, frame, number, REMINDER, args, request.key)
    # It is put at its wait at once: beginning it would take a turn in which nothing is said.
    new.wait, new.rivals, new.since = "s", (StoredRival(0, due),), doc.now
    message = begun(doc.head.account, doc.head.user, doc.now)
    return new, [record_message("", message, doc.now)]


def _frame(
    work: Work, frame: Frame, number: int, dialog: RegisteredDialog, args: dict[str, Any], key: str
) -> Frame:
    head = work.doc.head
    # Equal for a worker that takes the turn over; see `conversation._new_id`.
    seed = f"{head.account}\0{head.user}\0{work.key}\0{frame.id}\0{number}"
    id = hashlib.blake2s(seed.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return Frame(
        id, dialog.name, dialog.version, code_of(dialog), args, begun=work.doc.now, key=key
    )


def begun(account: str, openid: str, now: int) -> Message:
    """Return a message that stands in for the one of a turn that no message began."""
    fields = {
        "ToUserName": account,
        "FromUserName": openid,
        "CreateTime": str(now // 1000),
        "MsgType": "begun",
    }
    return from_fields(fields)


def tell_to_end(doc: Document, key: str) -> None:
    """Tell the conversation with this key to end, in a turn of its own; if it has nothing to clean
    up, remove it at once.
    """
    for note in list(doc.head.aside):
        if note.key == key:
            end_aside(doc, note)
    for frame in doc.head.stack:
        if frame.key == key:
            frame.key = ""
            flag(frame, ENDS)


def end_aside(doc: Document, note: AsideNote) -> None:
    """Tell a conversation that is aside to end; see `tell_to_end`."""
    if not has_begun(doc, note.id):
        drop(doc, note.id)
        return
    note.key, note.ends, note.wake, note.asks = "", True, doc.now, False
