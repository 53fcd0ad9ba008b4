"""What can be done of a user though they say nothing, and when.

Of the conversation on top of the stack, of those put aside, of the mailbox. The first time of all
is what a write says to the store (`Write.wake`); what is due by now is what a firing does.
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
"""Seconds a conversation without a time limit is kept at least."""

KEPT = 7 * 86400.0
"""Seconds that what waits for no message is kept at least after it fell due."""

KEPT_TO_ASK = 30 * 86400.0
"""Seconds that a question is kept which its user has not been asked."""


class Thing(msgspec.Struct, frozen=True):
    """Something that is due.

    Attributes:
        kind: "timer", "signal"; "end": a conversation is to end; "begin": one is to begin.
        at: Since when, ms since the epoch.
        id: Id of the conversation; "" where a letter begins one.
        rival: What ends its wait.
        mail: The letter.
        letter: What is in it.
    """

    kind: Literal["timer", "signal", "end", "begin"]
    at: int
    id: str = ""
    rival: StoredRival | None = None
    mail: Mail | None = None
    letter: Letter | None = None


def is_timed(head: UserHead, beside: Beside) -> bool:
    """Whether anything of a user may wait for more than a message; nearly always False."""
    if head.aside or beside.mail:
        return True
    for frame in head.stack:  # noqa: SIM110 - of every turn, and a generator costs twice as much
        if frame.rivals or ENDS in frame.flags:
            return True
    return False


def next_wake(head: UserHead, beside: Beside, since: int) -> Wake | None:
    """Return when the next thing can be done; None: nothing ever can.

    Args:
        head: The user's head.
        beside: What is not on their stack.
        since: From when their age counts, ms since the epoch.
    """
    times = [note.wake for note in head.aside if note.wake]
    stack = stack_wakes(head.stack, since)
    if stack:
        times.append(stack)
    if beside.mail:
        times += [thing.at for thing in _letters(head, beside)]
    return Wake(head.account, max(1, min(times))) if times else None


def stack_wakes(stack: Sequence[Frame], since: int) -> int:
    """Return when something of the stack can be done; 0: nothing.

    A limit under an interruption counts when that has ended, and it has where its own time is over.
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
    """Return all that is due, in the order in which it fell due.

    Args:
        head: The user's head; conversations whose time is over are off the stack.
        beside: What is not on their stack.
        now: The store's clock.
    """
    found: list[Thing] = []
    if head.stack:
        found += _of_frame(head.stack[-1], now, ends=ENDS in head.stack[-1].flags)
    for note in head.aside:
        found += _of_note(note, beside, now)
    found += _letters(head, beside)
    return sorted(found, key=lambda thing: thing.at)


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
    """Return what the mailbox has for somebody, each letter for the oldest wait that is left."""
    found: list[Thing] = []
    waits: list[Frame] | None = None
    for mail, letter in beside.letters():
        at = mail.number // 1000
        if isinstance(letter, BeginMail):
            found.append(Thing("begin", at, mail=mail, letter=letter))
        elif isinstance(letter, SignalMail):
            if waits is None:
                waits = _waits(head, beside)
            for frame in waits:
                rival = signalled(frame.rivals, letter.name, letter.match)
                if rival is not None:
                    found.append(Thing("signal", at, frame.id, rival, mail, letter))
                    waits.remove(frame)
                    break
    return found


def _read(beside: Beside, id: str) -> AsideConversation | None:
    """Return a conversation that is aside; None: only a newer release can read it."""
    try:
        return beside.read(id)
    except (NewerJournal, msgspec.DecodeError):
        return None


def _waits(head: UserHead, beside: Beside) -> list[Frame]:
    """Return the conversations that may take a signal, the oldest wait first."""
    frames = [frame for frame in head.stack[-1:] if ENDS not in frame.flags]
    notes = [note for note in head.aside if not (note.ends or note.asks)]
    read = [_read(beside, note.id) for note in notes]
    frames += [conversation.frame for conversation in read if conversation is not None]
    return sorted([frame for frame in frames if frame.rivals], key=lambda frame: frame.since)


def lasts(head: UserHead, arrived: int, now: int, grace: float) -> float:
    """Return the seconds that a head is kept.

    Args:
        head: The head.
        arrived: When the message at hand arrived, ms since the epoch.
        now: The store's clock, likewise.
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
