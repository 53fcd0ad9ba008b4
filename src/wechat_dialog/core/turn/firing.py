"""Something due is done: a conversation continued for a timer or a signal, begun, or ended.

Each flow here is one turn that no message began. The record of the timer or signal is the first one
it appends; the write that stores it also takes the letter out of the mailbox.
"""

from __future__ import annotations

from typing import Any, Literal

from wechat_dialog.core.replay.header import ENDS, OUTSIDE, AsideConversation, Frame, flag
from wechat_dialog.core.replay.records import (
    FIRED,
    Data,
    Killed,
    Record,
    SignalRecord,
    TimerRecord,
)
from wechat_dialog.core.replay.rivals import misfit, signal_record, timer_record
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.aside import lift
from wechat_dialog.core.turn.conversation import begin_records, go_on, new_conversation, wake
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.ending import clean_up, end_top
from wechat_dialog.core.turn.leaving import make_run
from wechat_dialog.core.turn.mail import BeginMail, SignalMail
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.other_releases import is_left_to_others, is_recent
from wechat_dialog.core.turn.results import Broke, Differs
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.stack import drive, follow
from wechat_dialog.core.turn.step_records import add_record, is_full
from wechat_dialog.core.turn.waking import Thing
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import ReplayMismatch, SignalMisfit

__all__ = [
    "FIRING",
    "NotOurs",
    "Unfit",
    "cause_of_cut_off",
    "consume_and_park",
    "conversation_of",
    "finish_firing",
    "forget_the_expired",
    "is_firing",
    "key_of",
    "take_up",
]

FIRING = "fire"
"""Key of a firing's claim, the same for all firings of a user, so that one that died does not keep
out the next. With a suffix after a colon: the key of its turn.
"""


class NotOurs(Exception):
    """What is due is for a process with other code; nothing was done."""


class Unfit(Exception):
    """A signal's data do not fit, and its sender is waiting to be told; nothing was done.

    Attributes:
        misfit: The error for the sender.
        number: Number of the signal.
    """

    def __init__(self, misfit: SignalMisfit, number: int) -> None:
        super().__init__(misfit)
        self.misfit = misfit
        self.number = number


def is_firing(key: str) -> bool:
    """Whether a key belongs to a turn that no message began."""
    return key.startswith(f"{FIRING}:")


def key_of(doc: Document, thing: Thing) -> str:
    """Return the key of the turn in which `thing` is done: equal for a worker that takes the turn
    over, and for no other turn.
    """
    if not thing.id:
        number = 0 if thing.mail is None else thing.mail.number
        return f"{FIRING}:letter:{number}"
    top = doc.top
    if top is not None and top.id == thing.id:
        count = len(doc.records) - top.base
    else:
        count = len(doc.beside.read(thing.id).records)
    return f"{FIRING}:{thing.id}:{count}"


def forget_the_expired(doc: Document) -> None:
    """Forget expired conversations above a question with a time limit, so that the limit
    applies.
    """
    while (frame := doc.top) is not None and not frame.rivals:
        limit = doc.limit
        below = any(lower.rivals or ENDS in lower.flags for lower in doc.head.stack[:-1])
        if not below or limit is None or doc.age <= limit:
            return
        doc.put_away()
        doc.pop(frame)


def take_up(work: Work, thing: Thing) -> Flow[None]:
    """Do what is due.

    Raises:
        NotOurs: The code at hand does not fit, and other code may.
        Unfit: See there.
    """
    yield NEEDS_CLAIM
    if isinstance(thing.letter, BeginMail):
        yield from _begin_by_letter(work, thing, thing.letter)
        return
    waiting = conversation_of(work.doc, thing)
    if waiting is not None and is_left_to_others(work, waiting, thing.at):
        raise NotOurs
    frame = _on_top(work.doc, thing)
    if thing.kind == "end":
        yield from end_top(work, frame)
        for note in work.doc.head.aside:
            if note.id == thing.id:  # its code changed, and it continued where that fits
                note.ends, note.asks, note.wake = True, False, work.doc.now
        return
    if thing.kind == "begin":
        yield from _begin(work, frame)
        return
    run = wake(work, frame)
    if isinstance(run, Run) and thing.rival is not None:
        run = _with_rival(work, run, frame, thing)
    if not isinstance(run, Run):
        if is_left_to_others(work, frame, thing.at, run):
            raise NotOurs
        yield from follow(work, frame, run)
        return
    yield from _go_on(work, run, frame, thing)


def conversation_of(doc: Document, thing: Thing) -> Frame | None:
    """Return the conversation for which `thing` is due; None: a letter begins it."""
    top = doc.top
    if not thing.id:
        return None
    return top if top is not None and top.id == thing.id else _read(doc, thing.id).frame


def _read(doc: Document, id: str) -> AsideConversation:
    return doc.beside.read(id)


def _on_top(doc: Document, thing: Thing) -> Frame:
    top = doc.top
    return top if top is not None and top.id == thing.id else lift(doc, thing.id)


def _with_rival(work: Work, run: Run, frame: Frame, thing: Thing) -> Run | Differs:
    """Return the run, if it waits for the timer or signal that has come."""
    assert thing.rival is not None  # noqa: S101 - checked by the caller
    try:
        run.must_wait_at(frame.wait, frame.offers, [thing.rival])
    except ReplayMismatch as mismatch:
        from wechat_dialog.core.replay.records import effective

        work.doc.put_away()
        return Differs(run.dialog, effective(work.doc.records[frame.base :]), mismatch)
    return run


def _go_on(work: Work, run: Run, frame: Frame, thing: Thing) -> Flow[None]:
    record = _record(work, run.at, frame, thing)
    if work.notes is not None:
        work.notes.heard(frame, frame.wait)
    if not is_full(work, run, frame):
        changed = _data_since(work, run)
        if changed is not None:
            add_record(work, run, changed)
        add_record(work, run, record)
    _consume(work, frame, thing)
    yield from drive(work, frame, go_on(work, run, frame))


def _record(work: Work, at: object, frame: Frame, thing: Thing) -> Record:
    """Return the record of the timer or signal that has come.

    Raises:
        Unfit: See there.
    """
    rival, now = thing.rival, work.doc.now
    assert rival is not None  # noqa: S101 - of a timer or a signal
    if not isinstance(thing.letter, SignalMail) or thing.mail is None:
        return timer_record(frame.wait, rival, now)
    why = misfit(at, rival, thing.letter.data) if at is not None else ""
    if why and work.posted == thing.mail.number:
        raise Unfit(SignalMisfit(rival.name, why), thing.mail.number)
    return signal_record(frame.wait, rival, thing.letter.data, now, why)


def _data_since(work: Work, run: Run) -> Data | None:
    """Return a record of the user's data, if it has changed since the dialog saw it; else None."""
    data, chat = work.doc.data, run.chat
    shape = chat.data_shape
    if chat.kept() == shape.plain(shape.read(data)):
        return None
    return Data(dict(data))


def _consume(work: Work, frame: Frame, thing: Thing) -> None:
    flag(frame, OUTSIDE)
    if thing.mail is not None:
        work.doc.beside.take(thing.mail.number)


def _begin(work: Work, frame: Frame) -> Flow[None]:
    """Begin a conversation that was started beside another."""
    dialog = dialog_of(work.rules.routes, frame)
    if dialog is None:
        yield from follow(work, frame, Broke(_no_dialog(frame.dialog)))
        return
    work.note_conversation(frame)
    run = make_run(work, dialog, frame)
    for record in begin_records(work, work.message):
        run.feed(record)
    yield from drive(work, frame, go_on(work, run, frame))


def _begin_by_letter(work: Work, thing: Thing, letter: BeginMail) -> Flow[None]:
    assert thing.mail is not None  # noqa: S101 - it has the letter
    dialog = work.rules.routes.newest(letter.dialog)
    if dialog is None:
        if is_recent(work, thing.at):
            raise NotOurs
        work.doc.beside.take(thing.mail.number)
        raise _no_dialog(letter.dialog)
    frame, records = new_conversation(work, dialog, letter.state, work.message)
    work.doc.beside.take(thing.mail.number)
    work.note_conversation(frame)
    run = make_run(work, dialog, frame)
    for record in records:
        run.feed(record)
    yield from drive(work, frame, go_on(work, run, frame))


def _no_dialog(name: str) -> LookupError:
    return LookupError(f"no dialog {name!r} is registered any more")


def finish_firing(
    work: Work, killer: Exception | None = None, *, patient: bool = False
) -> Flow[None]:
    """Finish a firing's turn that was cut off.

    Args:
        work: The work on it.
        killer: The error to park the conversation with; None: finish the turn.
        patient: Whether a process with another release may finish it, if the code does not fit.

    Raises:
        NotOurs: The code at hand does not fit, and other code may.
    """
    doc, frame = work.doc, work.doc.top
    assert frame is not None  # noqa: S101 - in which it was cut off
    work.take_over()
    if killer is not None:
        doc.put_away()
        yield from follow(work, frame, Broke(killer))
        return
    began, ends = _began(doc, frame)
    run = wake(work, frame)
    if not isinstance(run, Run):
        if patient and is_left_to_others(work, frame, began, run):
            raise NotOurs
        yield from follow(work, frame, run)
        return
    if ends:
        yield from clean_up(work, run, frame)
        work.draft.parts = []
    else:
        yield from drive(work, frame, go_on(work, run, frame))


def _began(doc: Document, frame: Frame) -> tuple[int, bool]:
    """Return when the turn that was cut off began, and whether it was ending the conversation."""
    for record in reversed(doc.records[frame.base :]):
        if isinstance(record, FIRED):
            return record.now, False
        if isinstance(record, Killed):
            return record.late, True
    return frame.begun, False


def cause_of_cut_off(doc: Document) -> tuple[Literal["timer", "signal", "begin", "end"], str]:
    """Return what began the firing whose turn was cut off, and the name of a signal."""
    top = doc.top
    for record in reversed(doc.records[0 if top is None else top.base :]):
        if isinstance(record, SignalRecord):
            return "signal", record.name
        if isinstance(record, TimerRecord):
            return "timer", ""
        if isinstance(record, Killed):
            return "end", ""
    return "begin", ""


def consume_and_park(work: Work, thing: Thing, killer: Exception) -> Flow[None]:
    """Park the conversation for which `thing` is due, without running its dialog.

    Args:
        work: The work on the thing.
        thing: The thing.
        killer: The error it is parked with.
    """
    doc = work.doc
    yield NEEDS_CLAIM
    if isinstance(thing.letter, BeginMail):
        assert thing.mail is not None  # noqa: S101 - it has the letter
        doc.beside.take(thing.mail.number)
        dialog: Any = work.rules.routes.newest(thing.letter.dialog)
        if dialog is None:
            return
        frame, _ = new_conversation(work, dialog, thing.letter.state, work.message)
    else:
        frame = _on_top(doc, thing)
        if thing.kind == "begin":
            begin_records(work, work.message)
        elif thing.rival is not None:
            doc.append(_record(work, None, frame, thing))
            _consume(work, frame, thing)
    yield from follow(work, frame, Broke(killer))
