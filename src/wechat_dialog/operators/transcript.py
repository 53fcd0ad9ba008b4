"""A conversation as text: who said what when, which steps ran, and where it broke."""

from __future__ import annotations

from datetime import datetime, tzinfo

from wechat_dialog import messages
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import decode_thrown
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import LIMIT
from wechat_dialog.core.printable import block, one_line
from wechat_dialog.core.replay.recorded_messages import arrival_of
from wechat_dialog.core.replay.records import (
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
)
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import doing, rivals_of
from wechat_dialog.errors import ReplayMismatch
from wechat_dialog.replies import Markdown

from .listing import StoredConversation

__all__ = ["transcript"]

_MARGIN = " " * 21


def transcript(conversation: StoredConversation, zone: tzinfo, run: Run | None) -> str:
    """Return a conversation as a readable text.

    Args:
        conversation: The conversation.
        zone: The time zone in which times are shown.
        run: A run of its dialog, not begun, from which the questions are taken, since a journal has
            none: as far as the current code fits the journal. None leaves the questions out.
    """
    summary = conversation.summary
    version = f" version {summary.version}" if summary.version else ""
    lines = [
        f"{summary.id}  {summary.dialog}{version}  {summary.state}",
        f"user {one_line(summary.openid)}, begun {summary.begun:%Y-%m-%d %H:%M:%S}",
    ]
    asked = _asked(conversation.records, run)
    for position, record in enumerate(conversation.records):
        lines.append(f"{position:5}  {_line(record, conversation, zone)}")
        lines += _block("asked ", asked.get(position, ""))
    lines += _until(conversation, zone)
    if summary.state == "unreadable":
        lines.append(one_line(summary.why))
    if conversation.parked is not None:
        lines += ["", conversation.parked.traceback.rstrip() or conversation.parked.error]
        for raw in conversation.parked.unheard:
            [record] = decode_records([bytes(raw)])
            lines += ["", f"not heard yet: {_line(record, conversation, zone)}"]
    return block("\n".join(lines))


def _asked(records: list[Record], run: Run | None) -> dict[int, str]:
    """Return what was asked, by the position of the record after which it was."""
    asked: dict[int, str] = {}
    if run is None or any(isinstance(record, Rewind) for record in records):
        return asked
    try:
        for position, record in enumerate(records):
            run.feed(record)
            texts = [str(part) for part in run.chat.outbox]
            if isinstance(run.at, Wait):
                texts += [str(run.at.prompt)] if isinstance(run.at.prompt, (str, Markdown)) else []
                texts += [f"(or {rivals_of(run.at)})"] if run.at.rivals else []
                asked[position] = "\n".join(texts)
            elif isinstance(run.at, Background):
                asked[position] = "\n".join([*texts, f"({doing(run.at)})"])
    except ReplayMismatch as mismatch:
        asked[mismatch.position - 1] = f"(the code at hand goes on otherwise: {mismatch})"
    finally:
        run.close()
    return asked


def _until(conversation: StoredConversation, zone: tzinfo) -> list[str]:
    """Return what ends the wait of a conversation besides an answer, a line for each."""
    lines: list[str] = []
    for rival in conversation.frame.rivals:
        branch = f" (branch {rival.branch})" if rival.branch > 0 else ""
        if rival.name:
            match = f" {rival.match!r}" if rival.match else ""
            lines.append(f"waits for signal {rival.name!r}{match}{branch}")
        else:
            when = datetime.fromtimestamp(rival.due / 1000, zone)
            lines.append(f"waits until {when:%Y-%m-%d %H:%M:%S}{branch}")
    return lines


def _block(what: str, text: str) -> list[str]:
    lines = text.splitlines()
    return [
        f"{_MARGIN}  {what if not number else ' ' * len(what)}{line}"
        for number, line in enumerate(lines)
    ]


def _line(record: Record, conversation: StoredConversation, zone: tzinfo) -> str:
    if isinstance(record, (TextRecord, MessageRecord)):
        when = datetime.fromtimestamp(arrival_of(record) / 1000, zone)
        message = record.message(conversation.summary.openid, conversation.account)
        text = message.text if isinstance(message, messages.Text) else f"[{message.kind}]"
        thrown = f"  ({decode_thrown(record.wait)[0]})" if record.wait.startswith("!") else ""
        return f"{when:%m-%d %H:%M:%S}  said {text!r}{thrown}"
    if isinstance(record, (Returned, GatheredReturned)):
        return f"{'':14}  step {record.name} → {bytes(record.result).decode()}"
    if isinstance(record, (Failed, GatheredFailed)):
        kind = record.cls.split(":")[-1]
        return f"{'':14}  step {record.name} raised {kind}: {one_line(record.text)}"
    if isinstance(record, (TimerRecord, SignalRecord)):
        return _came(record, zone)
    if isinstance(record, Rewind):
        return f"{'':14}  taken back to record {record.length} ({record.why})"
    return f"{'':14}  {type(record).__name__.lower()}"


def _came(record: TimerRecord | SignalRecord, zone: tzinfo) -> str:
    when = datetime.fromtimestamp(record.now / 1000, zone)
    branch = f" (branch {record.branch})" if record.branch > 0 else ""
    if isinstance(record, TimerRecord):
        due = datetime.fromtimestamp(record.due / 1000, zone)
        what = "limit over" if record.branch == LIMIT else "time over"
        return f"{when:%m-%d %H:%M:%S}  {what}, due {due:%m-%d %H:%M:%S}{branch}"
    why = f" (does not fit: {one_line(record.misfit)})" if record.misfit else ""
    data = bytes(record.data).decode()
    return f"{when:%m-%d %H:%M:%S}  signal {record.name!r} → {data}{branch}{why}"
