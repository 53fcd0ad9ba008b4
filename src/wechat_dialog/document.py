"""What a turn works on: one user's state and journal in hand, and the difference to what the store
has.

A turn changes the document as it goes, and asks for the `Write` when something has to be kept. The
journal is only ever appended to, or cut where an interrupting conversation ends and its records go
with it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .engine import Run
from .head import Frame, State, decode_state, encode_state
from .journal import Record, decode_records, encode_record
from .stores.base import Claimed, Committed, Have, Parked, Unclaimed, Write

__all__ = ["Document"]

NEVER = 10 * 365 * 86400.0
"""Seconds a conversation without a time limit is kept at least."""

UNFINISHED = 86400.0
"""Seconds an interrupted turn is kept for the user's next message."""


class Document:
    """One user's document, as far as this process knows it.

    Attributes:
        state: The decoded head.
        records: The journal, decoded, of all conversations on the stack.
        data: What the bot remembers of the user.
        run: The live dialog of the conversation on top, fed with all its records; None if it has to
            be replayed.
        revision: Revision in the store at the last read or write.
        journal: Id of the journal in the store.
        age: Seconds since the last commit, when it was read.
    """

    __slots__ = (
        "_data",
        "_kept",
        "_new",
        "_stored",
        "age",
        "data",
        "journal",
        "park",
        "records",
        "revision",
        "run",
        "state",
        "unpark",
    )

    def __init__(self, user: str = "", account: str = "") -> None:
        self.state = State(user=user, account=account)
        self.records: list[Record] = []
        self.data: dict[str, Any] = {}
        self.run: Run | None = None
        self.revision = 0
        self.journal = 0
        self.age = 0.0
        self.park: Parked | None = None
        self.unpark: str | None = None
        self._data = b""
        self._stored = 0
        self._kept = 0
        self._new: list[bytes] = []

    # From the store -------------------------------------------------------------------------------

    def have(self) -> Have:
        """Say which part of the journal is in hand."""
        return Have(self.journal, self._stored)

    def update(self, claimed: Claimed | Unclaimed) -> None:
        """Bring the document to what a claim found, or a look without one.

        Whatever was not written is forgotten.

        Raises:
            msgspec.DecodeError: What is stored is not ours.
        """
        self.age = claimed.age
        if claimed.revision == self.revision and not self._new and claimed.revision:
            return
        top = self.top
        state = decode_state(claimed.head)
        state.user, state.account = self.state.user, self.state.account
        self.state = state
        appended = decode_records(claimed.records)
        if claimed.journal == self.journal and len(self.records) + len(appended) == claimed.length:
            self.records += appended
        else:
            self.records = appended
            appended = []
            self._forget_run()
        if self.run is not None and (top is None or self.top is None or top.id != self.top.id):
            self._forget_run()
        if self.run is not None:
            self._feed(self.run, appended)
        self._data = claimed.data
        self.data = msgspec.json.decode(claimed.data) if claimed.data else {}
        self._written(claimed.revision, claimed.journal)

    def _feed(self, run: Run, records: list[Record]) -> None:
        """Bring the live dialog up to records that another worker wrote; where that is not plain,
        replay later.
        """
        try:
            run.replay(records)
        except Exception:  # noqa: BLE001 - a rewind, or a mismatch: the replay from the start tells which
            self._forget_run()

    def _forget_run(self) -> None:
        if self.run is not None:
            self.run.close()
            self.run = None

    # Working --------------------------------------------------------------------------------------

    @property
    def top(self) -> Frame | None:
        """The running conversation, or None."""
        stack = self.state.stack
        return stack[-1] if stack else None

    @property
    def unseen(self) -> bool:
        """Whether the pending question stands in what is held, so that the user cannot have seen
        it.
        """
        held = self.state.held
        if not held:
            return False
        top = self.top
        return top is not None and any(part.asks == top.id for part in held)

    @property
    def limit(self) -> float | None:
        """Seconds after which the running conversation is gone; None: never, or not before its
        question is seen.
        """
        top = self.top
        return None if top is None or self.unseen else top.timeout

    @property
    def interrupted(self) -> bool:
        """Whether the last turn was cut off in the middle."""
        top = self.top
        return top is not None and len(self.records) - top.base > top.length

    def append(self, record: Record) -> None:
        """Add a record."""
        self.records.append(record)
        self._new.append(encode_record(record))

    def cut(self, length: int) -> None:
        """Keep only the first `length` records."""
        del self.records[length:]
        if length < self._kept:
            self._kept = length
            self._new.clear()
        else:
            del self._new[length - self._kept :]

    # To the store ---------------------------------------------------------------------------------

    def write(self, arrived: int, *, grace: float = 0.0, unfinished: str = "") -> Write:
        """Return the difference to what is stored.

        Args:
            arrived: When the message at hand arrived, ms since the epoch.
            grace: Seconds to keep a conversation beyond its time limit.
            unfinished: Key of the message whose turn is under way; "" at its end.
        """
        state = self.state
        state.key = unfinished
        if not unfinished:
            state.begun, state.said, state.tried = 0, [], []
        if not unfinished and state.stack:
            top = state.stack[-1]
            top.length = len(self.records) - top.base
        data = msgspec.json.encode(self.data) if self.data else b""
        return Write(
            head=encode_state(state),
            records=tuple(self._new),
            keep=None if self._kept == self._stored else self._kept,
            ttl=max(self._ttl(arrived, grace), UNFINISHED if unfinished else 0.0),
            data=None if data == self._data else data,
            park=self.park,
            unpark=self.unpark,
        )

    def _ttl(self, arrived: int, grace: float) -> float:
        longest = 0.0
        for frame in self.state.stack:
            longest = max(longest, NEVER if frame.timeout is None else frame.timeout + grace)
        for held in self.state.held:
            longest = max(longest, (held.until - arrived) / 1000)
        return longest + 1.0

    def wrote(self, write: Write, committed: Committed) -> None:
        """Note that the store has this write now."""
        if write.data is not None:
            self._data = write.data
        self.age = 0.0
        self._written(committed.revision, committed.journal)

    def _written(self, revision: int, journal: int) -> None:
        self.revision = revision
        self.journal = journal
        self.park = None
        self.unpark = None
        self._stored = self._kept = len(self.records)
        self._new = []
