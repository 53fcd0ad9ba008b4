"""The rules that must hold in every world of time, checked after every write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from wechat_dialog.core.replay.header import decode_aside, decode_head, decode_parked
from wechat_dialog.core.replay.records import (
    SignalRecord,
    TextRecord,
    TimerRecord,
    decode_records,
)
from wechat_dialog.core.store.times import Mail
from wechat_dialog.core.turn.firing import FIRING
from wechat_dialog.core.turn.mail import BeginMail, SignalMail, decode_mail
from wechat_dialog.core.turn.work import LATE
from wechat_dialog.stores.memory import MemoryStore

from .outside_dialogs import ASKED

__all__ = ["Judge", "Violation"]


LATEST = 10.0
"""Seconds that a timer may be late in a world without mishaps: a sweep and a lease, and the turns
of its user that come before it."""


UNSURE = 4.0
"""A message written less than so many seconds before a question was pushed may be its answer, since
it is unknown whether the user had seen the question: clocks may differ by two seconds, times are
whole seconds, and the time noted is that of the claim, a moment before the push."""


class Violation(AssertionError):
    """Something happened that must not."""


class Judge:
    """Keeps the books of one world.

    Attributes:
        posted: The data of each signal that the store took, by user.
        taken: The data of each signal that a write took out of the mailbox.
        consumed: The conversation and place in its journal of each signal's record.
        fired: Likewise of each timer: by conversation, wait and due time.
        ran: Which step ran for what, and under which worker it was cut off.
        asked: When a conversation's question was pushed first.
        turns: Writes seen.
    """

    def __init__(self, store: MemoryStore, calm: bool) -> None:
        self._store = store
        self._calm = calm
        self.posted: dict[str, set[int]] = {}
        self.begun: dict[int, str] = {}
        self.consumed: dict[int, tuple[str, int]] = {}
        self.taken: set[int] = set()
        self.fired: dict[tuple[str, str, int], int] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.recorded: set[str] = set()
        self.running: dict[str, Any] = {}
        self.asked: dict[str, float] = {}
        self.in_reply: set[str] = set()  # conversations whose question a reply showed first
        self.turns = 0

    # What is stored -------------------------------------------------------------------------------

    def conversations(self, user: str) -> Iterator[tuple[str, list[Any]]]:
        """Yield the id and the records of each of a user's conversations."""
        shown = self._store.show(user)
        if shown is None:
            return
        stack = decode_head(shown.head).stack
        records = decode_records(shown.records)
        ends = [*(frame.base for frame in stack[1:]), len(records)]
        for frame, end in zip(stack, ends, strict=False):
            yield frame.id, records[frame.base : end]
        for document in shown.aside.values():
            aside = decode_aside(document)
            yield aside.frame.id, decode_records([bytes(raw) for raw in aside.records])
        for one in shown.parked.values():
            parked = decode_parked(one.document)
            yield parked.frame.id, decode_records([bytes(raw) for raw in parked.records])

    def wrote(self, user: str, before: dict[int, Any], taken: tuple[int, ...], now: float) -> None:
        """A write was done; `before` is what the mailbox had, by number."""
        self.turns += 1
        for number in taken:
            letter = decode_mail(Mail(number, before[number].body)) if number in before else None
            if letter is None:
                raise Violation(f"{user}: {taken} is taken, and the mailbox had {sorted(before)}")
            if isinstance(letter, SignalMail):
                self.taken.add(int(msgspec.json.decode(letter.data)))
        for id, records in self.conversations(user):
            for place, record in enumerate(records):
                if isinstance(record, TimerRecord):
                    self._timer(id, place, record, now)
                elif isinstance(record, SignalRecord):
                    self._signal(id, place, int(msgspec.json.decode(record.data)))
                elif isinstance(record, TextRecord) and place and record.wait[:1] != "!":
                    self._answer(id, record)
        self._one_of_each_name(user)

    def _timer(self, id: str, place: int, record: TimerRecord, now: float) -> None:
        if record.now < record.due or record.due > now * 1000 + 1:
            raise Violation(f"{id}: a timer of {record.due} fires at {record.now}, {now}")
        if self._calm and record.now - record.due > LATEST * 1000:
            raise Violation(f"{id}: a timer of {record.due} fires at {record.now}, too late")
        known = self.fired.setdefault((id, record.wait, record.due), place)
        if known != place:
            raise Violation(f"{id}: the timer of {record.due} fired twice, at {known} and {place}")

    def _signal(self, id: str, place: int, data: int) -> None:
        known = self.consumed.setdefault(data, (id, place))
        if data not in self.taken:
            raise Violation(f"signal {data} is consumed, and was not taken")
        if known != (id, place):
            raise Violation(f"signal {data} is consumed twice: {known} and {(id, place)}")

    def pushed(self, said: str, now: float) -> None:
        """Something was pushed."""
        for asked in ASKED.finditer(said):
            self.asked.setdefault(asked[1], now)

    def replied(self, said: str) -> None:
        """Something was said in a reply to a message. A question in it was shown by that message's
        `CreateTime`, in whole seconds: the other simulation judges that.
        """
        self.in_reply |= {asked[1] for asked in ASKED.finditer(said)} - self.asked.keys()

    def _answer(self, id: str, record: TextRecord) -> None:
        """A message that was written before a question was pushed is not taken as its answer,
        unless it was on its way for longer than the library allows for (`work.LATE`).
        """
        pushed = 0.0 if id in self.in_reply else self.asked.get(id, 0.0)
        if UNSURE < pushed - record.created <= LATE:
            raise Violation(
                f"{id} takes for an answer what was said {pushed - record.created:.0f} s "
                "before it asked"
            )

    def _one_of_each_name(self, user: str) -> None:
        shown = self._store.show(user)
        head = decode_head(b"" if shown is None else shown.head)
        keys = [note.key for note in head.aside if note.key and not note.ends]
        if len(keys) != len(set(keys)):
            raise Violation(f"{user}: two conversations have one name: {keys}")

    # Steps ----------------------------------------------------------------------------------------

    def step_begins(self, worker: Any, purpose: tuple[str, str], key: str) -> None:
        """A step begins to run in a worker."""
        known = self.keys.setdefault(purpose, key)
        if known != key:
            raise Violation(f"{purpose} runs as {key}, and ran as {known}")
        other = self.running.get(key)
        if other is not None and not other.dead and not other.was_stopped:
            raise Violation(f"{purpose} runs again, in a world in which its worker lives")
        self.running[key] = worker

    # Order ----------------------------------------------------------------------------------------

    def refused(self, key: str, holder: str, *, held: bool) -> None:
        """A claim was refused because of another one."""
        if key != FIRING and holder == FIRING and not held:
            raise Violation(f"{key} waits behind a firing that has no claim")

    # The end --------------------------------------------------------------------------------------

    def all_is_done(self, user: str, now: float) -> None:
        """After a while without failures, nothing is due, and each signal is consumed or kept."""
        shown = self._store.show(user)
        head = decode_head(b"" if shown is None else shown.head)
        if head.key:
            raise Violation(f"{user}: the turn {head.key} was cut off, and nobody finishes it")
        wake = None if shown is None else shown.wake
        if wake is not None and wake.at < (now - 10) * 1000:
            raise Violation(f"{user}: something is due since {now - wake.at / 1000:.1f} s")
        late = [note for note in head.aside if 0 < note.wake < (now - 10) * 1000]
        if late:
            raise Violation(f"{user}: nobody does {late}")
        kept: set[int] = set()
        for mail in () if shown is None else shown.mail:
            letter = decode_mail(mail)
            if isinstance(letter, SignalMail):
                kept.add(int(msgspec.json.decode(letter.data)))
            elif isinstance(letter, BeginMail):
                raise Violation(f"{user}: nobody begins {letter}")
        for data in self.posted.get(user, set()):
            if (data in kept) == (data in self.taken):
                raise Violation(
                    f"signal {data} is taken: {data in self.taken}, and kept: {data in kept}"
                )
