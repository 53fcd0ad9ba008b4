"""What is due for a user without a message of theirs, and when.

It may concern the conversation on top of the stack, those put aside, or the mailbox. The earliest
time is what a write tells the store (`Write.wake`); what is already due is done by a firing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from wechat_dialog.core.replay.header import (
    ENDS,
    AsideConversation,
    AsideNote,
    Frame,
    StoredRival,
    UserHead,
)
from wechat_dialog.core.replay.rivals import first_due, signalled
from wechat_dialog.core.store.times import Mail, Wake
from wechat_dialog.errors import NewerJournal

from .beside import Beside
from .mail import BeginMail, Letter, SignalMail

__all__ = ["Thing", "is_timed", "lasts", "next_wake", "stack_wakes", "things"]

NEVER = 10 * 365 * 86400.0
"""Seconds for which a conversation without a time limit is kept at least."""

KEPT = 7 * 86400.0
"""Seconds for which what waits for no message is kept at least after its due time."""

KEPT_TO_ASK = 30 * 86400.0
"""Seconds for which a question is kept that its user has not been asked."""


class Thing(msgspec.Struct, frozen=True):
    """Something that is due.

    Attributes:
        kind: "timer", "signal"; "end": a conversation is to end; "begin": one is to begin.
        at: The due time, ms since the epoch.
        id: Id of the conversation; "" if a letter begins one.
        rival: What ends its wait.
        mail: The letter.
        letter: Its content.
    """

    kind: Literal["timer", "signal", "end", "begin"]
    at: int
    id: str = ""
    rival: StoredRival | None = None
    mail: Mail | None = None
    letter: Letter | None = None

    @property
    def name(self) -> str:
        """Name of the signal; "" if it is something else."""
        return self.letter.name if isinstance(self.letter, SignalMail) else ""


def is_timed(head: UserHead, beside: Beside) -> bool:
    """Whether anything of a user may wait for a time or a signal; nearly always False."""
    if head.aside or beside.mail:
        return True
    for frame in head.stack:  # noqa: SIM110 - done in every turn; a generator costs twice as much
        if frame.rivals or ENDS in frame.flags:
            return True
    return False


def next_wake(head: UserHead, beside: Beside, since: int) -> Wake | None:
    """Return when the next thing is due; None: never.

    Args:
        head: The user's head.
        beside: The conversations aside, and the mailbox.
        since: The start of the conversation's age, ms since the epoch.
    """
    times = [note.wake for note in head.aside if note.wake]
    stack = stack_wakes(head.stack, since)
    if stack:
        times.append(stack)
    if beside.mail:
        times += [thing.at for thing in _letters(head, beside)]
    return Wake(head.account, max(1, min(times))) if times else None


def stack_wakes(stack: Sequence[Frame], since: int) -> int:
    """Return when something of the stack is due; 0: never.

    The limit of an interrupted question applies when the interruption has ended, which it has when
    its own time is over.
    """
    earliest = 0
    for frame in reversed(stack):
        if ENDS in frame.flags:
            return max(earliest, 1)
        first = first_due(frame.rivals)
        if first is not None:
            return max(earliest, first.due)
        if frame.timeout is None:
            return 0
        earliest = max(earliest, since + int(frame.timeout * 1000) + 1)
    return 0


def things(head: UserHead, beside: Beside, now: int) -> list[Thing]:
    """Return everything that is due, in the order of due times.

    Args:
        head: The user's head, without expired conversations.
        beside: The conversations aside, and the mailbox.
        now: The store's clock.
    """
    due: list[Thing] = []
    if head.stack:
        due += _of_frame(head.stack[-1], now, ends=ENDS in head.stack[-1].flags)
    for note in head.aside:
        due += _of_note(note, beside, now)
    due += _letters(head, beside)
    return sorted(due, key=lambda thing: thing.at)


def _of_frame(frame: Frame, now: int, *, ends: bool) -> Iterator[Thing]:
    if ends:
        yield Thing("end", frame.since or 1, frame.id)
        return
    first = first_due(frame.rivals)
    if first is not None and first.due <= now:
        yield Thing("timer", first.due, frame.id, first)


def _of_note(note: AsideNote, beside: Beside, now: int) -> Iterator[Thing]:
    if note.ends:
        yield Thing("end", note.wake or 1, note.id)
    elif note.wake and note.wake <= now:
        conversation = _read(beside, note.id)
        if conversation is None:
            return
        if conversation.records:
            yield from _of_frame(conversation.frame, now, ends=False)
        else:
            yield Thing("begin", note.wake, note.id)


def _letters(head: UserHead, beside: Beside) -> list[Thing]:
    """Return the letters that have a receiver, each for the longest wait not yet taken."""
    due: list[Thing] = []
    waits: list[Frame] | None = None
    for mail, letter in beside.letters():
        at = mail.number // 1000
        if isinstance(letter, BeginMail):
            due.append(Thing("begin", at, mail=mail, letter=letter))
        elif isinstance(letter, SignalMail):
            if waits is None:
                waits = _waits(head, beside)
            for frame in waits:
                rival = signalled(frame.rivals, letter.name, letter.match)
                if rival is not None:
                    due.append(Thing("signal", at, frame.id, rival, mail, letter))
                    waits.remove(frame)
                    break
    return due


def _read(beside: Beside, id: str) -> AsideConversation | None:
    """Return a conversation that is aside; None if only a newer release can read it."""
    try:
        return beside.read(id)
    except (NewerJournal, msgspec.DecodeError):
        return None


def _waits(head: UserHead, beside: Beside) -> list[Frame]:
    """Return the conversations that may take a signal, the longest wait first."""
    frames = [frame for frame in head.stack[-1:] if ENDS not in frame.flags]
    notes = [note for note in head.aside if not (note.ends or note.asks)]
    read = [_read(beside, note.id) for note in notes]
    frames += [conversation.frame for conversation in read if conversation is not None]
    return sorted([frame for frame in frames if frame.rivals], key=lambda frame: frame.since)


def lasts(head: UserHead, arrived: int, now: int, grace: float) -> float:
    """Return the seconds for which a head is kept.

    Args:
        head: The head.
        arrived: When the current message arrived, ms since the epoch.
        now: The store's clock, ms since the epoch.
        grace: Seconds to keep a conversation beyond its time limit.
    """
    longest = 0.0
    for frame in head.stack:
        if frame.rivals:
            due = max(rival.due for rival in frame.rivals)
            longest = max(longest, (due - now) / 1000 + KEPT)
            continue
        longest = max(longest, NEVER if frame.timeout is None else frame.timeout + grace)
    for held in head.held:
        longest = max(longest, (held.until - arrived) / 1000)
    if head.aside:
        longest = max(longest, KEPT_TO_ASK if any(note.asks for note in head.aside) else KEPT)
    if head.owed:
        longest = max(longest, KEPT)
    return longest + 1.0
