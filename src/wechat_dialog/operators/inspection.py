"""One user's conversation as a developer sees it: the journal, the pending question, and where the
code no longer fits.

It is read from the store and replayed against the current code; no step runs, nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from wechat_dialog import messages
from wechat_dialog.bot import Bot
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import LIMIT
from wechat_dialog.core.replay.header import Frame, decode_head, decode_parked
from wechat_dialog.core.replay.records import (
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    MessageRecord,
    Record,
    Returned,
    Rewind,
    SignalRecord,
    TextRecord,
    TimerRecord,
    decode_records,
    effective,
    encode_record,
)
from wechat_dialog.core.replay.standing import describe
from wechat_dialog.core.secrecy import SHOWN
from wechat_dialog.core.store.kept import Shown
from wechat_dialog.core.store.times import Mail
from wechat_dialog.core.turn.given_parts import plain_part
from wechat_dialog.core.turn.mail import SignalMail, decode_mail
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.errors import ReplayMismatch
from wechat_dialog.replies import to_reply
from wechat_dialog.replies.stored import decode_reply
from wechat_dialog.replies.words import in_words

from .listing import conversations_of

__all__ = ["inspect"]

Plain = dict[str, Any]

_KINDS = {
    "y": "yield",
    "a": "ask",
    "A": "ask in secret",
    "c": "choose",
    "d": "confirm",
    "f": "form",
}


def inspect(bot: Bot, user: str, *, now: float) -> Plain | None:
    """Return all that is stored of a user's conversation.

    Args:
        bot: The bot: its store is read, and its routes say what the dialogs are.
        user: The user's OpenID.
        now: The time, in seconds since 1970.

    Returns:
        Plain data; None if nothing of the user is stored. `dialog` is "" if none is running. Times
        are milliseconds since 1970, and beside them (`began_at`, `due_at`) in the bot's time zone.

    Raises:
        StoreError: The store failed.
    """
    shown = _find(bot, user)
    if shown is None:
        return None
    zone = bot.rules.zone
    state = decode_head(shown.head)
    records = decode_records(shown.records)
    top = state.stack[-1] if state.stack else None
    data: Plain = {
        **_begun(top or Frame("", ""), zone),
        "waiting": None,
        "expires": None,
        "depth": len(state.stack),
        "journal": [],
        "held": [in_words(decode_reply(bytes(held.reply))) for held in state.held],
        "data": msgspec.json.decode(shown.data) if shown.data else {},
        "parked": [_parked(parked.document) for parked in shown.parked.values()],
        "divergence": None,
        "aside": [*_aside(bot, f"{state.account}:{state.user}", user, shown)],
        "owed": [in_words(decode_reply(bytes(owed.reply))) for owed in state.owed],
        "mail": [_letter(mail) for mail in shown.mail],
    }
    if top is None:
        return data
    if top.timeout is not None:
        data["expires"] = int((now + top.timeout - shown.age) * 1000)
    questions: dict[int, str] = {}
    data |= _replayed(bot, top, records[top.base :], user, state.account, questions)
    data["journal"] = [
        *_entries(records, state.stack, user, state.account, questions, zone),
        *_parts(bot, f"{state.account}:{state.user}", top),
    ]
    return data


def _begun(frame: Frame, zone: tzinfo) -> Plain:
    return {
        "dialog": frame.dialog, "version": frame.version, "id": frame.id, "began": frame.begun,
        "began_at": _moment(frame.begun, zone) if frame.begun else "",
    }  # fmt: skip


def _find(bot: Bot, user: str) -> Shown | None:
    if (shown := bot.store.show(user)) is not None:
        return shown
    for stored in bot.store.list(everybody=True):
        if stored.user.endswith(f":{user}"):
            return bot.store.show(stored.user)
    return None


def _aside(bot: Bot, key: str, user: str, shown: Shown) -> Iterator[Plain]:
    """Yield what waits for a time or a signal, until when, and its journal, with the parts of the
    step that runs since one of them has come. `key` is the user's in the store.
    """
    for stored in conversations_of(user, shown, UTC):
        if stored.aside:
            summary = stored.summary
            yield {
                **_begun(stored.frame, bot.rules.zone), "state": summary.state,
                "records": summary.records, "waits": _rivals(stored.frame, bot.rules.zone),
                "journal": [
                    *_entries(
                        stored.records, [stored.frame], user, stored.account, {}, bot.rules.zone
                    ),
                    *_parts(bot, key, stored.frame),
                ],
            }  # fmt: skip


def _rivals(frame: Frame, zone: tzinfo) -> list[Plain]:
    return [
        {
            "name": rival.name, "match": rival.match, "due": rival.due,
            "due_at": _moment(rival.due, zone), "limit": rival.branch == LIMIT,
        }
        for rival in frame.rivals
    ]  # fmt: skip


def _letter(mail: Mail) -> Plain:
    letter = decode_mail(mail)
    if isinstance(letter, SignalMail):
        data = bytes(letter.data).decode()
        return {"name": letter.name, "match": letter.match, "data": data}
    return {"name": "" if letter is None else letter.dialog, "match": "", "data": ""}


def _parked(document: bytes) -> Plain:
    parked = decode_parked(document)
    return {"id": parked.frame.id, "error": parked.error, "traceback": parked.traceback}


# The journal -----------------------------------------------------------------------------------


def _entries(
    records: list[Record],
    stack: Sequence[Frame],
    user: str,
    account: str,
    questions: dict[int, str],
    zone: tzinfo,
) -> list[Plain]:
    bases = {frame.base: frame for frame in stack[1:]}
    top = stack[-1].base
    entries: list[Plain] = []
    for index, record in enumerate(records):
        if frame := bases.get(index):
            title = f"{frame.dialog}"
            entries.append({"kind": "interrupt", "title": title, "detail": frame.id, "raw": ""})
        raw = encode_record(record).decode("utf-8", "replace")
        kind, title, detail = _entry(record, user, account, zone)
        detail = questions.get(id(record)) or detail
        # Positions are those of the running conversation, as a divergence names them.
        position = index - top if index >= top else None
        entries.append(
            {"kind": kind, "title": title, "detail": detail, "raw": raw, "position": position}
        )
    return entries


def _parts(bot: Bot, user: str, top: Frame) -> Iterator[Plain]:
    """Yield entries for the parts, as far as they have ended, of the step that runs."""
    for step, parts in bot.store.parts(user).items():
        if not step.startswith(f"{top.id}:"):
            continue
        for stored in parts.values():
            kind, title, detail, raw = "step", "", SHOWN, ""
            record = plain_part(stored)
            if record is not None:
                kind, title, detail = _entry(record, "", "", UTC)
                raw = stored.decode("utf-8", "replace")
            entry: Plain = {"kind": kind, "title": f"↳ {title}", "detail": detail, "raw": raw}
            yield {**entry, "position": None}


def _entry(record: Record, user: str, account: str, zone: tzinfo) -> tuple[str, str, str]:
    if isinstance(record, (TextRecord, MessageRecord)):
        message = record.message(user, account)
        text = message.text if isinstance(message, messages.Text) else _named(message)
        wait = record.wait
        return "message", text, describe(wait) if wait and wait[0] != "!" else wait[1:]
    if isinstance(record, (Returned, GatheredReturned)):
        return "step", record.name, bytes(record.result).decode()
    if isinstance(record, (Failed, GatheredFailed)):
        return "error", record.name, f"{record.cls.split(':')[-1]}: {record.text}"
    if isinstance(record, Rewind):
        return "rewind", str(record.length), record.why
    if isinstance(record, TimerRecord):
        return "timer", _clock(record.due, zone), _clock(record.now, zone)
    if isinstance(record, SignalRecord):
        return "signal", record.name, record.misfit or bytes(record.data).decode()
    if isinstance(record, Data):
        return "data", "", msgspec.json.encode(record.data).decode()
    return "killed", "", ""


def _moment(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at / 1000, zone).isoformat()


def _clock(at: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at / 1000, zone):%m-%d %H:%M:%S}"


def _named(message: messages.Message) -> str:
    if isinstance(message, messages.Event):
        return f"[{message.event} {message.event_key or ''}]".replace(" ]", "]")
    return f"[{message.kind}]"


# The code --------------------------------------------------------------------------------------


def _replayed(
    bot: Bot, top: Frame, records: list[Record], user: str, account: str, questions: dict[int, str]
) -> Plain:
    """Replay it: what it waits at, and where it differs from what was recorded. `questions` gets
    the question that each record answers, by the record's `id`.
    """
    dialog = dialog_of(bot.rules.routes, top)
    waiting: Plain = {
        "waits": _rivals(top, bot.rules.zone),
        "kind": _KINDS.get(top.wait[:1], top.wait[:1]),
        "key": "",
        "prompt": "",
    }
    if top.wait[1:2] == "=":
        waiting["key"] = top.wait[2:]
    if dialog is None:
        problem = f"no dialog {top.dialog!r} is registered"
        return {
            "waiting": waiting,
            "divergence": _difference(top.dialog, 0, "", problem, "", problem),
        }
    run = bot.rules.run_of(dialog, top, user=user, account=account, code=top.code)
    try:
        for record in effective(records):
            if isinstance(run.at, Wait):
                questions[id(record)] = in_words(to_reply(run.at.prompt))
            run.replay([record])
        if isinstance(run.at, Wait):
            waiting["prompt"] = in_words(to_reply(run.at.prompt))
        if len(records) <= top.length:
            run.must_wait_at(top.wait, top.offers)
    except ReplayMismatch as error:
        difference = _difference(
            error.dialog, error.position, error.expected, error.found, error.where, str(error)
        )
        return {"waiting": waiting, "divergence": difference}
    finally:
        run.close()
    return {"waiting": waiting if len(records) <= top.length else None, "divergence": None}


def _difference(
    dialog: str, position: int, expected: str, found: str | None, where: str, text: str
) -> Plain:
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
