"""Everything of one user in the memory store, including the entry of the rules.

None of it is tracked by the garbage collector (`gc=False`) but the `Entry`: what holds bytes, texts
and numbers has no cycles.
"""

from __future__ import annotations

import itertools

import msgspec

from wechat_dialog.core.store import results, rules, waking
from wechat_dialog.core.store.entry import Entry, Remembered, micros
from wechat_dialog.core.store.kept import Aside, Parked
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.times import Mail
from wechat_dialog.core.store.values import Have, Write

__all__ = ["Letter", "Shelf", "User"]


class Shelf(msgspec.Struct, gc=False):
    """A parked conversation, and when it expires."""

    parked: Parked
    expires: int


class Letter(msgspec.Struct, frozen=True, gc=False):
    """A signal in the mailbox, or a part of a step, and when it expires."""

    body: bytes
    expires: int


class User(msgspec.Struct, gc=False):
    """Everything of one user."""

    entry: Entry = msgspec.field(default_factory=Entry)
    records: list[bytes] = []
    data: bytes = b""
    parked: dict[str, Shelf] = {}
    replies: dict[str, Remembered] = {}
    aside: dict[str, bytes] = {}
    mail: dict[int, Letter] = {}
    ids: dict[str, int] = {}
    """For each id of a signal, until when it is remembered."""
    parts: dict[str, dict[str, Letter]] = {}
    """Parts of steps, by the steps' keys."""

    def forget_expired(self, now: int) -> None:
        """Drop what has expired, except replies and ids."""
        self.entry.forget_expired(now)
        if not self.entry.revision:
            self.records, self.aside = [], {}
        for id in [i for i, shelf in self.parked.items() if shelf.expires <= now]:
            del self.parked[id]
        for number in [n for n, letter in self.mail.items() if letter.expires <= now]:
            del self.mail[number]

    def lacking(self, have: Have) -> tuple[bytes, ...]:
        """Return the records that a caller does not have."""
        return tuple(self.records[results.lacking(self.entry, have, self.records.__getitem__) :])

    def forget_ids(self, now: int) -> None:
        """Drop expired ids of signals."""
        self.ids = {id: expires for id, expires in self.ids.items() if now < expires}

    def keep_part(self, part: PartPut, now: int) -> None:
        """Store a part of a step, or drop it."""
        of_step = self.parts.setdefault(part.step, {})
        of_step.pop(part.part, None)
        if part.outcome:
            of_step[part.part] = Letter(part.outcome, now + micros(part.ttl))
        elif not of_step:
            del self.parts[part.step]

    def forget_parts(self, now: int) -> None:
        """Drop expired parts of steps."""
        for step, of_step in list(self.parts.items()):
            left = {id: part for id, part in of_step.items() if now < part.expires}
            if left:
                self.parts[step] = left
            else:
                del self.parts[step]

    def put_aside(self) -> tuple[Aside, ...]:
        """Return the conversations aside."""
        return tuple([Aside(id, document) for id, document in sorted(self.aside.items())])

    def signals(self) -> tuple[Mail, ...]:
        """Return the mailbox."""
        return tuple([Mail(number, letter.body) for number, letter in self.mail.items()])

    def remembered(self, key: str, now: int) -> Remembered | None:
        """Return what is stored under `key`; expired replies are only deleted by the sweep."""
        remembered = self.replies.get(key)
        return remembered if remembered is not None and now < remembered.expires else None

    def forget_replies(self, now: int) -> None:
        """Drop expired replies."""
        for key in [k for k, remembered in self.replies.items() if remembered.expires <= now]:
            del self.replies[key]

    def is_idle(self, now: int) -> bool:
        """Whether it can be dropped: no data, and no recently issued number to remember."""
        entry = self.entry
        something = entry.revision or entry.seen or self.data or self.parked or self.replies
        return not (something or self.mail or self.ids or self.parts) and entry.idle <= now

    def apply(self, write: Write, before: int, now: int) -> tuple[str, ...]:
        """Apply to records, data and parked conversations what the rules did with the entry.

        Returns:
            Ids of parked conversations that were dropped for a new one.
        """
        entry = self.entry
        if not (before and entry.revision):
            self.records, self.aside = [], {}
        if entry.revision:
            remaining = entry.length - len(write.records)
            del self.records[remaining:]
            self.records.extend(write.records)
        if write.data is not None:
            self.data = write.data
        if write.forget:
            self.data = b""
            self.parked, self.mail, self.ids, self.parts = {}, {}, {}, {}
        for step in write.ended:
            self.parts.pop(step, None)
        for id in write.unaside:
            self.aside.pop(id, None)
        self.aside |= {parked.id: parked.document for parked in write.aside}
        entry.aside = len(self.aside)
        for number in write.taken:
            self.mail.pop(number, None)
        for id in write.refused:
            self.ids.pop(id, None)
        if write.taken:
            waking.took(entry, {number: letter.expires for number, letter in self.mail.items()})
        for id in write.unpark:
            self.parked.pop(id, None)
        dropped = [
            self._park(parked, now) for parked in sorted(write.park, key=lambda parked: parked.id)
        ]
        return tuple(itertools.chain(*dropped))

    def _park(self, park: Parked, now: int) -> tuple[str, ...]:
        self.parked.pop(park.id, None)
        sizes = [(id, len(shelf.parked.document)) for id, shelf in self.parked.items()]
        dropped = rules.crowded_out(sizes, park)
        for id in dropped:
            del self.parked[id]
        self.parked[park.id] = Shelf(park, now + micros(park.ttl))
        return dropped
