"""A conversation as text: who said what when, which steps ran, and where it broke."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from wechat_dialog.core.turn.given_parts import plain_part
from wechat_dialog.errors import ReplayMismatch
from wechat_dialog.replies.words import in_words

from .in_chinese import TRANSCRIPT, state_in_chinese
from .listing import StoredConversation

__all__ = ["transcript"]

_MARGIN = " " * 21

Say = Callable[..., str]
"""Returns a line in the reader's language, and takes it in English, `{0}` for each value."""


def _in_english(line: str, *values: object) -> str:
    return line.format(*values)


def _in_chinese(line: str, *values: object) -> str:
    return TRANSCRIPT[line].format(*values)


def transcript(
    conversation: StoredConversation,
    zone: tzinfo,
    run: Run | None,
    *,
    parts: Iterable[bytes] = (),
    chinese: bool = False,
    translated: Callable[[str], str] = str,
) -> str:
    """Return a conversation as a readable text.

    Args:
        conversation: The conversation.
        zone: The time zone in which times are shown.
        run: A run of its dialog, not begun, from which the questions are taken, since a journal has
            none: as far as the current code fits the journal. None leaves the questions out.
        parts: How parts of the step that it is in have ended, as the store has them.
        chinese: Whether the reader reads Chinese, and not English.
        translated: See `Conversations.show`.
    """
    say = _in_chinese if chinese else _in_english
    summary = conversation.summary
    version = say(" version {0}", summary.version) if summary.version else ""
    state = state_in_chinese(summary.state) if chinese else summary.state
    lines = [
        f"{summary.id}  {summary.dialog}{version}  {state}",
        say("user {0}, begun {1}", one_line(summary.openid), f"{summary.begun:%Y-%m-%d %H:%M:%S}"),
    ]
    questions = _questions(conversation.records, run, say, translated)
    for position, record in enumerate(conversation.records):
        lines.append(f"{position:5}  {_line(record, conversation, zone, say)}")
        lines += _block(say("asked "), questions.get(position, ""))
    lines += [f"{_MARGIN}  {_part(part, say)}" for part in parts]
    lines += _until(conversation, zone, say)
    if summary.state == "unreadable":
        lines.append(one_line(translated(summary.why)))
    if conversation.parked is not None:
        lines.append("")
        if (reason := translated(conversation.parked.error)) != conversation.parked.error:
            lines += [one_line(reason), ""]  # Python's own traceback ends with it, in English
        lines += [conversation.parked.traceback.rstrip() or conversation.parked.error]
        for raw in conversation.parked.unheard:
            [record] = decode_records([bytes(raw)])
            line = _line(record, conversation, zone, say)
            lines += ["", say("not heard yet: {0}", line)]
    return block("\n".join(lines))


def _questions(
    records: list[Record], run: Run | None, say: Say, translated: Callable[[str], str]
) -> dict[int, str]:
    """Return the questions, by the position of the record after which each was asked."""
    questions: dict[int, str] = {}
    if run is None or any(isinstance(record, Rewind) for record in records):
        return questions
    try:
        for position, record in enumerate(records):
            run.feed(record)
            texts = [in_words(part) for part in run.chat.outbox]
            if isinstance(run.at, Wait):
                texts += [in_words(run.at.prompt)] if run.at.prompt is not None else []
                texts += [say("(or {0})", translated(rivals_of(run.at)))] if run.at.rivals else []
                questions[position] = "\n".join(texts)
            elif isinstance(run.at, Background):
                questions[position] = "\n".join([*texts, f"({translated(doing(run.at))})"])
    except ReplayMismatch as mismatch:
        otherwise = say("(the code at hand goes on otherwise: {0})", translated(str(mismatch)))
        questions[mismatch.position - 1] = otherwise
    finally:
        run.close()
    return questions


def _until(conversation: StoredConversation, zone: tzinfo, say: Say) -> list[str]:
    """Return what ends the wait of a conversation besides an answer, a line for each."""
    lines: list[str] = []
    for rival in conversation.frame.rivals:
        branch = say(" (branch {0})", rival.branch) if rival.branch > 0 else ""
        if rival.name:
            match = f" {rival.match!r}" if rival.match else ""
            lines.append(say("waits for signal {0}{1}{2}", repr(rival.name), match, branch))
        else:
            when = datetime.fromtimestamp(rival.due / 1000, zone)
            lines.append(say("waits until {0}{1}", f"{when:%Y-%m-%d %H:%M:%S}", branch))
    return lines


def _block(label: str, text: str) -> list[str]:
    lines = text.splitlines()
    return [
        f"{_MARGIN}  {label if not number else ' ' * len(label)}{line}"
        for number, line in enumerate(lines)
    ]


def _line(record: Record, conversation: StoredConversation, zone: tzinfo, say: Say) -> str:
    if isinstance(record, (TextRecord, MessageRecord)):
        when = datetime.fromtimestamp(arrival_of(record) / 1000, zone)
        message = record.message(conversation.summary.openid, conversation.account)
        if isinstance(message, messages.Begun):
            return f"{when:%m-%d %H:%M:%S}  {say('begun without a message')}"
        text = message.text if isinstance(message, messages.Text) else f"[{message.kind}]"
        thrown = f"  ({decode_thrown(record.wait)[0]})" if record.wait.startswith("!") else ""
        return f"{when:%m-%d %H:%M:%S}  {say('said {0}{1}', repr(text), thrown)}"
    if isinstance(record, (Returned, GatheredReturned)):
        result = bytes(record.result).decode()
        return f"{'':14}  {say('step {0} → {1}', record.name, result)}"
    if isinstance(record, (Failed, GatheredFailed)):
        return f"{'':14}  {say('step {0} raised {1}: {2}', *_failed(record))}"
    if isinstance(record, (TimerRecord, SignalRecord)):
        return _timer_or_signal(record, zone, say)
    if isinstance(record, Rewind):
        return f"{'':14}  {say('taken back to record {0} ({1})', record.length, record.why)}"
    return f"{'':14}  {type(record).__name__.lower()}"


def _part(stored: bytes, say: Say) -> str:
    record = plain_part(stored)
    if record is None:
        return say("a part of a step that was told a secret")
    if isinstance(record, Failed):
        return say("part {0} raised {1}: {2}", *_failed(record))
    return say("part {0} → {1}", record.name, bytes(record.result).decode())


def _failed(record: Failed | GatheredFailed) -> tuple[str, str, str]:
    return record.name, record.cls.split(":")[-1], one_line(record.text)


def _timer_or_signal(record: TimerRecord | SignalRecord, zone: tzinfo, say: Say) -> str:
    when = datetime.fromtimestamp(record.now / 1000, zone)
    branch = say(" (branch {0})", record.branch) if record.branch > 0 else ""
    if isinstance(record, TimerRecord):
        due = f"{datetime.fromtimestamp(record.due / 1000, zone):%m-%d %H:%M:%S}"
        label = "limit over" if record.branch == LIMIT else "time over"
        return f"{when:%m-%d %H:%M:%S}  {say(f'{label}, due {{0}}{{1}}', due, branch)}"
    why = say(" (does not fit: {0})", one_line(record.misfit)) if record.misfit else ""
    data = bytes(record.data).decode()
    line = say("signal {0} → {1}{2}{3}", repr(record.name), data, branch, why)
    return f"{when:%m-%d %H:%M:%S}  {line}"
