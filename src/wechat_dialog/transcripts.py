"""A conversation as text: who said what when, which steps ran, and where it broke."""

from __future__ import annotations

from datetime import datetime, tzinfo

from . import journal, messages
from .effects import Wait
from .engine import Run
from .errors import ReplayMismatch
from .journal import Record, unthrown
from .lookup import Found

__all__ = ["transcript"]

_MARGIN = " " * 21


def transcript(found: Found, zone: tzinfo, run: Run | None) -> str:
    """Return a conversation as a readable text.

    Args:
        found: The conversation.
        zone: In which times are shown.
        run: Of its dialog, not begun, for what was asked: a journal has no questions. It is told as
            far as the code at hand fits; None tells nothing of it.
    """
    summary = found.summary
    version = f" version {summary.version}" if summary.version else ""
    lines = [
        f"{summary.id}  {summary.dialog}{version}  {summary.state}",
        f"user {summary.openid}, begun {summary.begun:%Y-%m-%d %H:%M:%S}",
    ]
    asked = _asked(found.records, run)
    for position, record in enumerate(found.records):
        lines.append(f"{position:5}  {_line(record, found, zone)}")
        lines += _block("asked ", asked.get(position, ""))
    if summary.state == "unreadable":
        lines.append(summary.why)
    if found.parked is not None:
        lines += ["", found.parked.traceback.rstrip() or found.parked.error]
        for raw in found.parked.unheard:
            [record] = journal.decode_records([bytes(raw)])
            lines += ["", f"not heard yet: {_line(record, found, zone)}"]
    return "\n".join(lines)


def _asked(records: list[Record], run: Run | None) -> dict[int, str]:
    """Return what was asked after which record."""
    asked: dict[int, str] = {}
    if run is None or any(isinstance(record, journal.Rewind) for record in records):
        return asked
    try:
        for position, record in enumerate(records):
            run.feed(record)
            said = [str(one) for one in run.chat.outbox]
            if isinstance(run.at, Wait):
                said += [run.at.prompt] if isinstance(run.at.prompt, str) else []
                asked[position] = "\n".join(said)
    except ReplayMismatch as mismatch:
        asked[mismatch.position - 1] = f"(the code at hand goes on otherwise: {mismatch})"
    finally:
        run.close()
    return asked


def _block(what: str, text: str) -> list[str]:
    lines = text.splitlines()
    return [
        f"{_MARGIN}  {what if not number else ' ' * len(what)}{line}"
        for number, line in enumerate(lines)
    ]


def _line(record: Record, found: Found, zone: tzinfo) -> str:
    if isinstance(record, (journal.Answer, journal.Message)):
        when = datetime.fromtimestamp(journal.arrival_of(record) / 1000, zone)
        message = journal.message_of(record, found.summary.openid, found.account)
        said = message.text if isinstance(message, messages.Text) else f"[{message.kind}]"
        thrown = f"  ({unthrown(record.wait)[0]})" if record.wait.startswith("!") else ""
        return f"{when:%m-%d %H:%M:%S}  said {said!r}{thrown}"
    if isinstance(record, (journal.Returned, journal.GatheredReturned)):
        return f"{'':14}  step {record.name} → {bytes(record.result).decode()}"
    if isinstance(record, (journal.Failed, journal.GatheredFailed)):
        return f"{'':14}  step {record.name} raised {record.cls.split(':')[-1]}: {record.text}"
    if isinstance(record, journal.Rewind):
        return f"{'':14}  taken back to record {record.length} ({record.why})"
    return f"{'':14}  {type(record).__name__.lower()}"
