"""What a turn works on: a copy of one user's head and journal, and how it differs from the store.

A turn changes the document, and asks for the `Write` when something has to be stored. The journal
is only appended to, or cut when an interrupting conversation ends and its records are removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import Frame, UserHead, decode_head, encode_head
from wechat_dialog.core.replay.records import Record, decode_records, encode_record
from wechat_dialog.core.replay.rivals import first_due
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.runs import restore
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.times import Mail, Wake
from wechat_dialog.core.store.values import Claimed, Committed, Have, Unclaimed, Write, checksum
from wechat_dialog.replies.stored import NO_REPLY

from .beside import NOTHING, Beside
from .held import owed_of
from .waking import is_timed, lasts, next_wake

__all__ = ["Document"]

UNFINISHED = 86400.0
"""Seconds for which a turn that was cut off is kept until the user's next message."""


class Document:
    """One user's document, as known to this process.

    Attributes:
        head: The decoded head.
        records: The journal, decoded, of all conversations on the stack.
        data: What the bot remembers about the user.
        run: The live dialog of the top conversation, fed with all its records; None if it has to be
            replayed.
        revision: Revision of the store at the last read or write.
        issued: Greatest number issued for the user, if a look found no entry.
        journal: Id of the journal in the store.
        age: Seconds since the last commit, at the time of reading, or when the current message was
            first seen.
        now: The store's clock at its last answer, ms since the epoch.
        committed: When a message was last committed, by that clock; `age` is measured from it.
        beside: Conversations put aside, and the mailbox.
        forgets: Whether the next write removes everything about the user.
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
        "issued",
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
        self.revision = self.issued = 0
        self.journal = 0
        self.age = 0.0
        self.now = self.committed = 0
        self.beside = NOTHING
        self._mail: Sequence[Mail] = ()
        self.park: Parked | None = None
        self.unpark: str | None = None
        self.forgets = False
        self._data = self._encoded = b""
        self._cut: Sequence[Record] = ()
        self._last = b""
        """The last record in its stored form; empty if there is none, or it is not known."""
        self._stored = 0
        self._kept = 0
        self._new: tuple[bytes, ...] = ()

    # From the store -------------------------------------------------------------------------------

    def have(self) -> Have:
        """Return which part of the journal this process has."""
        return Have(self.journal, self._stored, checksum(self._last) if self._last else "")

    def update(self, claimed: Claimed | Unclaimed) -> None:
        """Take over what a claim or a look returned, and discard what was not written.

        Raises:
            msgspec.DecodeError: The stored document was not written by this library.
        """
        self.age = claimed.age
        self.now, self.committed = claimed.now, claimed.now - int(self.age * 1000)
        if type(claimed) is Claimed:
            self.is_claimed(claimed)
        if claimed.revision == self.revision and not self._new and claimed.revision:
            return
        if type(claimed) is Unclaimed:
            self.beside, self.issued = NOTHING, claimed.issued  # changed by another worker, maybe
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
        if top is None or self.top is None or top.id != self.top.id:
            self.put_away()
        elif self.run is not None:
            self._feed(self.run, self.top, appended)
        if claimed.records:
            self._last = claimed.records[-1]
        self._encoded = claimed.head
        if head.aside:
            self.beside.prune(head)
        self._data = claimed.data
        self.data = msgspec.json.decode(claimed.data) if claimed.data else {}
        self._written(claimed.revision, claimed.journal)

    def is_of(self, claimed: Claimed) -> bool:
        """Return whether a claim found what this process has; without a conversation, the data."""
        same = bool(claimed.revision) or claimed.data == self._data
        return same and claimed.revision == self.revision

    def is_claimed(self, claimed: Claimed) -> None:
        """Take over what only a claim returns: mailbox and conversations put aside."""
        self.now, self._mail = claimed.now, claimed.signals
        self.beside = Beside.of(claimed)
        if self.head.aside:
            self.beside.prune(self.head)

    def as_old_as_when_asked(self, since: float) -> None:
        """Set `age` to the age of the conversation when the message was first seen.

        Both times are by the store's clock. So the result does not depend on how long a turn waits
        for its claim, how often it starts over, or which worker finishes it. Otherwise a step that
        one attempt had begun would be abandoned by the next, and the user's message be taken for
        the answer to another question.

        Args:
            since: Seconds between first seeing the message and the claim that returned `age`.
        """
        self.age = max(0.0, self.age - since)

    def owe(self, replies: Sequence[bytes], until: int) -> None:
        """Hold replies that no request took, according to the claim, before everything already
        held.

        The last of them ends with the pending question, which is therefore unseen, unless the
        commit recorded otherwise (`asked_before`). An interrupting conversation sets that question
        aside. What the reply says before it must not be set aside with it if other parts are held:
        those may continue one of its answers, and would overtake it. So the commit has recorded
        where the question begins, and it is a part of its own.

        Args:
            replies: The replies, oldest first, encoded.
            until: When to drop them, ms since the epoch.
        """
        head, top = self.head, self.top
        asks = "" if top is None or self.unseen or head.asked_before else top.id
        head.held = (*owed_of(replies, head, until, asks), *head.held)
        # This counts as stored: the next write contains it.
        self._encoded = encode_head(self.head)

    def _feed(self, run: Run, top: Frame, records: list[Record]) -> None:
        """Feed the live dialog records that another worker wrote; if that fails, replay later."""
        committed = top.base + top.length + len(records) - len(self.records)
        try:
            restore(run, records, max(0, committed))
        except Exception:  # noqa: BLE001 - a rewind or a mismatch: the full replay tells
            self.put_away()

    # Working --------------------------------------------------------------------------------------

    @property
    def top(self) -> Frame | None:
        """The running conversation, or None."""
        stack = self.head.stack
        return stack[-1] if stack else None

    @property
    def unseen(self) -> bool:
        """Whether the pending question is held, so that the user cannot have seen it."""
        top = self.top if self.head.held else None
        return top is not None and self.has_unseen(top)

    def has_unseen(self, frame: Frame) -> bool:
        """Whether a conversation's question is held, so that the user cannot have seen it."""
        return any(part.asks == frame.id for part in self.head.held)

    def holds_question(self, frame: Frame) -> bool:
        """Whether the full text of that question is held."""
        held = self.head.held
        if not held:
            return False  # nearly always
        return any(part.asks == frame.id and bytes(part.reply) != NO_REPLY for part in held)

    @property
    def limit(self) -> float | None:
        """Seconds after which the running conversation expires; None: never, or its question is
        held unseen.
        """
        top = self.top
        return None if top is None or self.holds_question(top) else top.timeout

    @property
    def max_age(self) -> float | None:
        """Seconds after which a message no longer answers the running conversation: it has expired,
        or a time limit or signal has ended its wait. None: never.
        """
        stack = self.head.stack
        if not stack:
            return None
        top = stack[-1]
        if not top.rivals:
            return self.limit if self.head.held else top.timeout
        first = first_due(top.rivals)
        return None if first is None else max((first.due - self.committed) / 1000, 0.0)

    @property
    def cut_off(self) -> bool:
        """Whether the last turn was cut off: the store has more records than its commit counted."""
        top = self.top
        return top is not None and len(self.records) - top.base > top.length

    def append(self, record: Record) -> None:
        """Add a record."""
        encoded = encode_record(record)
        self.records.append(record)
        self._new = (*self._new, encoded)

    def cut(self, length: int) -> None:
        """Keep only the first `length` records."""
        if length < self._kept:
            self._cut = (*self.records[length : self._kept], *self._cut)
        del self.records[length:]
        if length < self._kept:
            self._kept = length
            self._new = ()
        else:
            self._new = self._new[: length - self._kept]

    def put_away(self) -> None:
        """Close the live dialog; its journal stays."""
        if self.run is not None:
            self.run.close()
            self.run = None

    def pop(self, frame: Frame) -> None:
        """Remove a conversation and those above it from the stack, with their records."""
        stack = self.head.stack
        self.head.stack = stack[: stack.index(frame)]
        self.cut(frame.base)
        self.run = None

    def forget(self) -> None:
        """Remove everything about the user, here and with the next write in the store."""
        self.put_away()
        self.head = UserHead(user=self.head.user, account=self.head.account)
        self.cut(0)
        self.data, self.park, self.unpark = {}, None, None
        self.beside = NOTHING
        self.forgets = True

    # To the store ---------------------------------------------------------------------------------

    def write(
        self, arrived: int, *, grace: float = 0.0, unfinished: str = "", fires: bool = False,
        due: int = 0,
    ) -> Write:  # fmt: skip
        """Return the difference from what is stored.

        Args:
            arrived: When the current message arrived, ms since the epoch.
            grace: Seconds to keep a conversation beyond its time limit.
            unfinished: Key of the message whose turn is under way; "" at its end.
            fires: Whether no message began the turn: `age` stays, and it is due until its end.
            due: Time of the index entry it fires for, ms since the epoch: any other would be one
                more entry, for which nothing is due. 0: unknown.
        """
        if self.forgets:
            return Write(b"", forget=True)
        head, beside = self.head, self.beside
        if head.key or unfinished:
            head.key = unfinished
        if not unfinished:
            if head.begun or head.said or head.tried or head.unheard:
                head.begun, head.said, head.tried, head.unheard = 0, (), (), False
            end = len(self.records)
            for frame in reversed(head.stack):
                frame.length, end = end - frame.base, frame.base
        data = msgspec.json.encode(self.data) if self.data else b""
        wake: Wake | None = None
        if fires and unfinished:
            wake = Wake(head.account, due or self.now)
        elif is_timed(head, beside):
            wake = next_wake(head, beside, self.committed if fires else self.now)
        return Write(
            head=encode_head(head, wakes=wake is not None),
            records=self._new,
            keep=None if self._kept == self._stored else self._kept,
            ttl=max(lasts(head, arrived, self.now, grace), UNFINISHED if unfinished else 0.0),
            data=None if data == self._data else data,
            park=() if self.park is None else (self.park,),
            unpark=() if self.unpark is None else (self.unpark,),
            wake=wake,
            aside=() if beside.shared else beside.aside(),
            unaside=() if beside.shared else beside.unaside(),
            taken=beside.taken,
            refused=beside.refused,
        )

    def wrote(self, write: Write, committed: Committed, *, fires: bool = False) -> None:
        """Note that the store has applied this write.

        Args:
            write: The write.
            committed: The store's answer.
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
        self.revision, self.journal = revision, journal
        self.park = self.unpark = None
        self.forgets = False
        self._stored = self._kept = len(self.records)
        self._cut = ()
        self._new = ()

    def discard_unreadable(self, claimed: Claimed) -> None:
        """Discard a document that cannot be decoded: the next write overwrites it. The user's data
        stays unchanged.
        """
        self.head = UserHead(user=self.head.user, account=self.head.account)
        self.records, self.data, self._data, self._encoded = [], {}, b"", claimed.head
        self._last = b""
        self._written(claimed.revision, claimed.journal)
        self._stored = claimed.length

    def as_stored(self) -> Document:
        """Return the document as the store has it, without a round trip; its dialog is closed."""
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
