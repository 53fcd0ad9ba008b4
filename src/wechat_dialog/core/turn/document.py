"""What a turn works on: one user's head and journal in hand, and the difference to what the store
has.

A turn changes the document as it goes, and asks for the `Write` when something has to be kept. The
journal is only ever appended to, or cut where an interrupting conversation ends and its records go
with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import Frame, Held, UserHead, decode_head, encode_head
from wechat_dialog.core.replay.records import Record, decode_records, encode_record
from wechat_dialog.core.replay.rivals import first_due
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.times import Mail, Wake
from wechat_dialog.core.store.values import Claimed, Committed, Have, Unclaimed, Write, checksum

from .beside import NOTHING, Beside
from .waking import is_timed, lasts, next_wake

__all__ = ["NO_REPLY", "Document"]

NO_REPLY = b"null"
"""How no reply is encoded."""

UNFINISHED = 86400.0
"""Seconds that a turn which was cut off is kept for the user's next message."""


class Document:
    """One user's document, as far as this process knows it.

    Attributes:
        head: The decoded head.
        records: The journal, decoded, of all conversations on the stack.
        data: What the bot remembers of the user.
        run: The live dialog of the conversation on top, fed with all its records; None if it has to
            be replayed.
        revision: Revision in the store at the last read or write.
        journal: Id of the journal in the store.
        age: Seconds since the last commit, when it was read, or when the message at hand was first
            seen.
        now: The store's clock when it last answered, ms since the epoch.
        committed: When the last commit of a message was, by that clock: what `age` counts from.
        beside: What of the user is not on their stack.
        forgets: Whether the next write leaves nothing of the user.
    """

    __slots__ = (
        "_cut",
        "_data",
        "_encoded",
        "_kept",
        "_last",
        "_mail",
        "_new",
        "_stored",
        "age",
        "beside",
        "committed",
        "data",
        "forgets",
        "head",
        "journal",
        "now",
        "park",
        "records",
        "revision",
        "run",
        "unpark",
    )

    def __init__(self, user: str = "", account: str = "") -> None:
        self.head = UserHead(user=user, account=account)
        self.records: list[Record] = []
        self.data: dict[str, Any] = {}
        self.run: Run | None = None
        self.revision = 0
        self.journal = 0
        self.age = 0.0
        self.now = self.committed = 0
        self.beside = NOTHING
        self._mail: Sequence[Mail] = ()
        self.park: Parked | None = None
        self.unpark: str | None = None
        self.forgets = False
        self._data = b""
        self._encoded = b""
        self._cut: Sequence[Record] = ()
        self._last = b""
        """The last record as it is stored; empty: there is none, or it is not known as such."""
        self._stored = 0
        self._kept = 0
        self._new: list[bytes] = []

    # From the store -------------------------------------------------------------------------------

    def have(self) -> Have:
        """Say which part of the journal is in hand."""
        return Have(self.journal, self._stored, checksum(self._last) if self._last else "")

    def update(self, claimed: Claimed | Unclaimed) -> None:
        """Bring the document to what a claim found, or a look without one.

        Whatever was not written is forgotten.

        Raises:
            msgspec.DecodeError: What is stored is not ours.
        """
        self.age = claimed.age
        self.now = claimed.now
        self.committed = self.now - int(self.age * 1000)
        if type(claimed) is Claimed:
            self.is_claimed(claimed)
        if claimed.revision == self.revision and not self._new and claimed.revision:
            return
        top = self.top
        head = decode_head(claimed.head)
        head.user, head.account = self.head.user, self.head.account
        self.head = head
        appended = decode_records(claimed.records)
        if claimed.journal == self.journal and len(self.records) + len(appended) == claimed.length:
            self.records += appended
        else:
            self.records = appended
            self._last = b""
            appended = []
            self.put_away()
        if self.run is not None and (top is None or self.top is None or top.id != self.top.id):
            self.put_away()
        if self.run is not None:
            self._feed(self.run, appended)
        if claimed.records:
            self._last = claimed.records[-1]
        self._encoded = claimed.head
        if head.aside:
            self.beside.prune(head)
        self._data = claimed.data
        self.data = msgspec.json.decode(claimed.data) if claimed.data else {}
        self._written(claimed.revision, claimed.journal)

    def is_claimed(self, claimed: Claimed) -> None:
        """Take over what only a claim tells: what is not on the stack."""
        self.now, self._mail = claimed.now, claimed.signals
        self.beside = Beside.of(claimed)
        if self.head.aside:
            self.beside.prune(self.head)

    def as_old_as_when_asked(self, since: float) -> None:
        """Let what counts be how old the conversation was when a message was first seen.

        By the store's clock alone, which told both: how long a turn has waited for its claim, how
        often it starts over and who finishes it in the end make no difference then. If they did, a
        step that had begun for one conversation would be left, and what the user said be taken for
        an answer to another.

        Args:
            since: Seconds since it was first seen, at the claim that told `age`.
        """
        self.age = max(0.0, self.age - since)

    def owe(self, replies: Iterable[bytes], until: int) -> None:
        """Hold replies that nobody took, before all that is held; the claim told of them.

        The last of them has the pending question, and that is unseen now, unless the commit that
        made it knows better. To take any reply for the question would lay it aside with that where
        another conversation interrupts, and what is left of the same answer would overtake it.

        Args:
            replies: They, oldest first, as they were encoded.
            until: Dropped after this time, ms since the epoch.
        """
        held = self.head.held  # a turn that asks for its claim anew has them in hand
        known = {bytes(part.reply) for part in held if part.owed} | {NO_REPLY}
        owed = [Held(msgspec.Raw(reply), until, True) for reply in replies if reply not in known]
        if owed and self.top is not None and not (self.unseen or self.head.asked_before):
            owed[-1].asks = self.top.id
        held[:0] = owed
        # It is as good as stored: the next write has it.
        self._encoded = encode_head(self.head)

    def _feed(self, run: Run, records: list[Record]) -> None:
        """Bring the live dialog up to records that another worker wrote; where that is not plain,
        replay later.
        """
        try:
            run.replay(records)
        except Exception:  # noqa: BLE001 - a rewind, or a mismatch: the replay from the start tells which
            self.put_away()

    # Working --------------------------------------------------------------------------------------

    @property
    def top(self) -> Frame | None:
        """The running conversation, or None."""
        stack = self.head.stack
        return stack[-1] if stack else None

    @property
    def unseen(self) -> bool:
        """Whether the user cannot have seen the pending question: it is held."""
        if not self.head.held:
            return False
        top = self.top
        return top is not None and self.has_unseen(top)

    def has_unseen(self, frame: Frame) -> bool:
        """Whether the user cannot have seen the question of a conversation."""
        return any(part.asks == frame.id for part in self.head.held)

    def holds_question(self, frame: Frame) -> bool:
        """Whether that question is held as it is to be asked."""
        held = self.head.held
        if not held:
            return False  # nearly always
        return any(part.asks == frame.id and bytes(part.reply) != b"null" for part in held)

    @property
    def limit(self) -> float | None:
        """Seconds after which the running conversation is gone; None: never, or not while its
        question is held unseen.
        """
        stack = self.head.stack
        return None if not stack or self.holds_question(stack[-1]) else stack[-1].timeout

    @property
    def max_age(self) -> float | None:
        """Seconds after which an answer to the running conversation is no answer any more: it is
        gone, or something else has ended its wait. None: never.
        """
        top = self.top
        if top is None or not top.rivals:
            return self.limit
        first = first_due(top.rivals)
        return None if first is None else max((first.due - self.committed) / 1000, 0.0)

    @property
    def cut_off(self) -> bool:
        """Whether the last turn was cut off: the store has more records than its last commit."""
        top = self.top
        return top is not None and len(self.records) - top.base > top.length

    def append(self, record: Record) -> None:
        """Add a record."""
        encoded = encode_record(record)
        self.records.append(record)
        self._new.append(encoded)

    def cut(self, length: int) -> None:
        """Keep only the first `length` records."""
        if length < self._kept:
            self._cut = (*self.records[length : self._kept], *self._cut)
        del self.records[length:]
        if length < self._kept:
            self._kept = length
            self._new.clear()
        else:
            del self._new[length - self._kept :]

    def put_away(self) -> None:
        """Put the live dialog away; its journal stays."""
        if self.run is not None:
            self.run.close()
            self.run = None

    def pop(self, frame: Frame) -> None:
        """Take a conversation and those that interrupt it off the stack, records and all."""
        stack = self.head.stack
        del stack[stack.index(frame) :]
        self.cut(frame.base)
        self.run = None

    def forget(self) -> None:
        """Leave nothing of the user, here and with the next write in the store."""
        self.put_away()
        self.head = UserHead(user=self.head.user, account=self.head.account)
        self.cut(0)
        self.data, self.park, self.unpark = {}, None, None
        self.beside = NOTHING
        self.forgets = True

    # To the store ---------------------------------------------------------------------------------

    def write(
        self, arrived: int, *, grace: float = 0.0, unfinished: str = "", fires: bool = False
    ) -> Write:
        """Return the difference to what is stored.

        Args:
            arrived: When the message at hand arrived, ms since the epoch.
            grace: Seconds to keep a conversation beyond its time limit.
            unfinished: Key of the message whose turn is under way; "" at its end.
            fires: Whether no message began the turn: it moves no age, and is due until its end.
        """
        if self.forgets:
            return Write(b"", forget=True)
        head = self.head
        head.key = unfinished
        if not unfinished:
            head.begun, head.said, head.tried = 0, [], []
        if not unfinished and head.stack:
            top = head.stack[-1]
            top.length = len(self.records) - top.base
        data = msgspec.json.encode(self.data) if self.data else b""
        beside = self.beside
        wake: Wake | None = None
        if fires and unfinished:
            wake = Wake(head.account, self.now)
        elif is_timed(head, beside):
            wake = next_wake(head, beside, self.committed if fires else self.now)
        return Write(
            head=encode_head(head, wakes=wake is not None),
            records=tuple(self._new),
            keep=None if self._kept == self._stored else self._kept,
            ttl=max(lasts(head, arrived, self.now, grace), UNFINISHED if unfinished else 0.0),
            data=None if data == self._data else data,
            park=() if self.park is None else (self.park,),
            unpark=() if self.unpark is None else (self.unpark,),
            wake=wake,
            aside=() if beside.shared else beside.aside(),
            unaside=() if beside.shared else beside.unaside(),
            taken=beside.taken,
        )

    def wrote(self, write: Write, committed: Committed, *, fires: bool = False) -> None:
        """Note that the store has this write now.

        Args:
            write: The write.
            committed: What the store answered.
            fires: See `write`.
        """
        if write.data is not None or write.forget:
            self._data = write.data or b""
        if write.records:
            self._last = write.records[-1]
        elif write.keep is not None or write.forget:
            self._last = b""
        self._encoded = write.head
        if committed.dropped:
            log.warning(
                "user %s: %d parked conversations are dropped for a new one (%s): "
                "Bot(limits=Limits(parked=…, parked_bytes=…))",
                self.head.user, len(committed.dropped), ", ".join(committed.dropped),
            )  # fmt: skip
        self.now = committed.now or self.now
        if not fires:
            self.age = 0.0
            self.committed = self.now
        if not self.beside.shared:
            self.beside.wrote(dropped=not write.head)
        self._mail = self.beside.mail
        self._written(committed.revision, committed.journal)

    def _written(self, revision: int, journal: int) -> None:
        self.revision = revision
        self.journal = journal
        self.park = None
        self.unpark = None
        self.forgets = False
        self._stored = self._kept = len(self.records)
        self._cut = ()
        self._new = []

    def give_up(self, claimed: Claimed) -> None:
        """Hold nothing, where what a claim found cannot be read: the next write ends all of it. The
        user's data stays as it is.
        """
        self.head = UserHead(user=self.head.user, account=self.head.account)
        self.records, self.data, self._data, self._encoded = [], {}, b"", claimed.head
        self._last = b""
        self._written(claimed.revision, claimed.journal)
        self._stored = claimed.length

    def as_stored(self) -> Document:
        """Return the document as the store has it, its dialog put away, without asking for it."""
        stored = Document(self.head.user, self.head.account)
        stored.head = decode_head(self._encoded)
        stored.head.user, stored.head.account = self.head.user, self.head.account
        stored.records = [*self.records[: self._kept], *self._cut]
        stored.data = msgspec.json.decode(self._data) if self._data else {}
        stored.age, stored.now, stored.committed = self.age, self.now, self.committed
        stored.beside, stored._mail = self.beside.as_stored(self._mail), self._mail
        stored._encoded, stored._data, stored._last = self._encoded, self._data, self._last
        stored._written(self.revision, self.journal)
        self.put_away()
        return stored
