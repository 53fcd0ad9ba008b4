"""One user's conversation as a developer looks at it: the journal, the question, what differs.

Read from a store and replayed against the code at hand; nothing is run, nothing is written.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from . import journal, messages, replies
from .bot import Bot
from .chat import Chat
from .conversation import dialog_of
from .dispatch import decode_reply
from .effects import Wait
from .engine import Run, describe
from .errors import ReplayMismatch
from .head import Frame, decode_parked, decode_state
from .journal import Record
from .replies import Reply, to_reply
from .stores.base import Shown

__all__ = ["inspect"]

Told = dict[str, Any]

_KINDS = {"y": "yield", "a": "ask", "c": "choose", "d": "confirm", "f": "form"}


def inspect(bot: Bot, user: str, *, now: float) -> Told | None:
    """Return all that is known of a user's conversation.

    Args:
        bot: The bot: its store is read, and its routes say what the dialogs are.
        user: The user's OpenID.
        now: The time, in seconds since 1970.

    Returns:
        Plain data; None if nothing of the user is stored. `dialog` is "" if none is running.

    Raises:
        StoreError: The store failed.
    """
    shown = _find(bot, user)
    if shown is None:
        return None
    state = decode_state(shown.head)
    records = journal.decode_records(shown.records)
    top = state.stack[-1] if state.stack else None
    told: Told = {
        "dialog": "",
        "version": "",
        "id": "",
        "began": 0,
        "waiting": None,
        "expires": None,
        "depth": len(state.stack),
        "journal": [],
        "held": [_in_words(decode_reply(bytes(held.reply))) for held in state.held],
        "data": msgspec.json.decode(shown.data) if shown.data else {},
        "parked": [_parked(one.document) for one in shown.parked.values()],
        "divergence": None,
    }
    if top is None:
        return told
    told |= {"dialog": top.dialog, "version": top.version, "id": top.id, "began": top.begun}
    if top.timeout is not None:
        told["expires"] = int((now + top.timeout - shown.age) * 1000)
    told["journal"] = [*_entries(records, state.stack, user, state.account)]
    told |= _replayed(bot, top, records[top.base :], user, state.account)
    return told


def _find(bot: Bot, user: str) -> Shown | None:
    if (shown := bot.store.show(user)) is not None:
        return shown
    for stored in bot.store.list():
        if stored.user.endswith(f":{user}"):
            return bot.store.show(stored.user)
    return None


def _parked(document: bytes) -> Told:
    one = decode_parked(document)
    return {"id": one.frame.id, "error": one.error, "traceback": one.traceback}


def _in_words(reply: Reply | None) -> str:
    if reply is None:
        return ""
    return reply.content if isinstance(reply, replies.Text) else f"[{type(reply).__name__}]"


# The journal -----------------------------------------------------------------------------------


def _entries(records: list[Record], stack: list[Frame], user: str, account: str) -> list[Told]:
    bases = {frame.base: frame for frame in stack[1:]}
    top = stack[-1].base
    told: list[Told] = []
    for index, record in enumerate(records):
        if frame := bases.get(index):
            title = f"{frame.dialog}"
            told.append({"kind": "interrupt", "title": title, "detail": frame.id, "raw": ""})
        raw = journal.encode_record(record).decode("utf-8", "replace")
        kind, title, detail = _entry(record, user, account)
        # Positions are those of the running conversation, as a divergence names them.
        position = index - top if index >= top else None
        told.append(
            {"kind": kind, "title": title, "detail": detail, "raw": raw, "position": position}
        )
    return told


def _entry(record: Record, user: str, account: str) -> tuple[str, str, str]:
    if isinstance(record, (journal.Answer, journal.Message)):
        message = journal.message_of(record, user, account)
        said = message.text if isinstance(message, messages.Text) else _named(message)
        wait = record.wait
        return "message", said, describe(wait) if wait and wait[0] != "!" else wait[1:]
    if isinstance(record, (journal.Returned, journal.GatheredReturned)):
        return "step", record.name, bytes(record.result).decode()
    if isinstance(record, (journal.Failed, journal.GatheredFailed)):
        return "error", record.name, f"{record.cls.split(':')[-1]}: {record.text}"
    if isinstance(record, journal.Rewind):
        return "rewind", str(record.length), record.why
    if isinstance(record, journal.Data):
        return "data", "", msgspec.json.encode(record.data).decode()
    return "killed", "", ""


def _named(message: messages.Message) -> str:
    if isinstance(message, messages.Event):
        return f"[{message.event} {message.event_key or ''}]".replace(" ]", "]")
    return f"[{message.kind}]"


# The code --------------------------------------------------------------------------------------


def _replayed(bot: Bot, top: Frame, records: list[Record], user: str, account: str) -> Told:
    """Replay it: what it waits at, and where it differs from what was recorded."""
    dialog = dialog_of(bot.rules.routes, top)
    waiting = {"kind": _KINDS.get(top.wait[:1], top.wait[:1]), "key": "", "prompt": ""}
    if top.wait[1:2] == "=":
        waiting["key"] = top.wait[2:]
    if dialog is None:
        found = f"no dialog {top.dialog!r} is registered"
        return {"waiting": waiting, "divergence": _difference(top.dialog, 0, "", found, "", found)}
    nobody = messages.Text(user=user, account=account, created=0, msg_id="", raw={}, text="")
    chat = Chat(user, nobody, account=account, id=top.id, zone=bot.rules.zone)
    run = Run(dialog, chat, dict(top.args), account=account, code=top.code)
    try:
        run.replay(journal.effective(records))
        if isinstance(run.at, Wait):
            waiting["prompt"] = _in_words(to_reply(run.at.prompt))
        if len(records) <= top.length:
            run.must_wait_at(top.wait)
    except ReplayMismatch as error:
        told = _difference(
            error.dialog, error.position, error.expected, error.found, error.where, str(error)
        )
        return {"waiting": waiting, "divergence": told}
    finally:
        run.close()
    return {"waiting": waiting if len(records) <= top.length else None, "divergence": None}


def _difference(
    dialog: str, position: int, expected: str, found: str | None, where: str, text: str
) -> Told:
    place = re.fullmatch(r"(.*):(\d+)", where)
    return {
        "dialog": dialog,
        "position": position,
        "expected": expected,
        "found": found,
        "file": place[1] if place else "",
        "line": int(place[2]) if place else 0,
        "text": text,
    }
