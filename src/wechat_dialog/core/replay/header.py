"""The head: what is stored for a user beside the journal, because it changes.

It contains the headers of their conversations (a `Frame` each: which dialog, with which code, at
which question), and the parts of answers that are still to be delivered. Two kinds of conversation
are stored outside it, header and records together: one that failed (`ParkedConversation`), and one
that waits for a time or a signal instead of its user (`AsideConversation`).

The parts that a live dialog keeps are not tracked by the garbage collector (`gc=False`): they hold
JSON data, which has no cycles. Sequences that are nearly always empty are tuples for the same
reason: an empty list is an object that the collector visits, for each field of each live dialog,
while the empty tuple exists once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.errors import NewerJournal
from wechat_dialog.messages.keys import IN_A_SECOND, message_number

from .records import NEWEST

__all__ = [
    "ENDS",
    "FLAGS",
    "OUTSIDE",
    "SECRETS",
    "AsideConversation",
    "AsideNote",
    "Frame",
    "Held",
    "OwedPart",
    "ParkedConversation",
    "StoredRival",
    "UserHead",
    "decode_aside",
    "decode_head",
    "decode_parked",
    "encode_aside",
    "encode_head",
    "encode_parked",
    "flag",
]

SECRETS = "secrets"
"""Flag of a conversation that has asked for a secret answer."""

OUTSIDE = "outside"
"""Flag of a conversation that has a record of a timer or a signal."""

ENDS = "ends"
"""Flag of a conversation that `chat.stop` has told to end, while others are above it."""

FLAGS: frozenset[str] = frozenset({SECRETS, OUTSIDE, ENDS})
"""The known values of `Frame.flags`; a conversation with another flag is not touched."""


class StoredRival(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What may end a conversation's wait besides an answer; see `rivals.stored_rivals`.

    Attributes:
        branch: See `TimerRival`.
        due: When a timer falls due, ms since the epoch, by the store's clock; computed once, when
            the wait was stored. 0 for a signal.
        name: Name of the signal; "" for a timer.
        match: Its match.
    """

    branch: int
    due: int
    name: str = ""
    match: str = ""


class Frame(msgspec.Struct, omit_defaults=True, gc=False):
    """The header of one conversation.

    Attributes:
        id: Its id, unique among the conversations of its user.
        dialog: Name of its dialog.
        version: Version of the dialog it began on.
        code: Fingerprint of the dialog's code when the last record was written.
        args: What the dialog is started with: a pattern's named groups, or the state of
            `continue_as`.
        begun: When it began, ms since the epoch.
        base: Index of its first record in the user's journal; above 0 if it interrupts another
            conversation.
        length: Number of its records at the last commit. If the store has more, a turn was cut off.
        timeout: Seconds without an answer after which it expires; None: never.
        wait: Id of the question it waits at; see `question_ids.wait_id`.
        offers: Digest of that question's options, in order, since a number means another option
            when they change; "" if it has none.
        misses: Consecutive answers that did not fit that question.
        page: The page of that question that the user sees, from 0: a long menu has several. Turning
            a page is not an answer, so it is not journaled.
        ticks: The options that the user has ticked so far, by index, ascending; not journaled
            either.
        flags: Properties of the conversation (`FLAGS`), or of the version that began it. A version
            that does not know one of them must not touch the conversation.
        rivals: What may end its wait besides an answer.
        since: If it has rivals, when its wait was stored, by the store's clock, ms since the epoch:
            a signal goes to the wait that began first.
        key: The author's key for it (`chat.start(…, key=)`); "" if it has none.
    """

    id: str
    dialog: str
    version: str = ""
    code: str = ""
    args: dict[str, Any] = {}
    begun: int = 0
    base: int = 0
    length: int = 0
    timeout: float | None = None
    wait: str = ""
    offers: str = ""
    misses: int = 0
    page: int = 0
    ticks: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    rivals: tuple[StoredRival, ...] = ()
    since: int = 0
    key: str = ""


def flag(frame: Frame, name: str) -> None:
    """Add a flag to a conversation, unless it has it."""
    if name not in frame.flags:
        frame.flags = (*frame.flags, name)


class Held(msgspec.Struct, array_like=True, gc=False):
    """A part of an answer that waits for the user to fetch it.

    Attributes:
        reply: The part.
        until: When to drop it, ms since the epoch.
        owed: Whether no part of its answer was seen yet (a late reply); it then comes with the next
            answer, without being asked for.
        asks: Id of the conversation whose pending question it ends with, unseen by the user; or "".
        question: Whether it is only that question, and is dropped together with it. If `reply` is
            `null`, its text was dropped, and the question is to be asked again. False with `asks`:
            an earlier version held the question in one part with what was said before it.
    """

    reply: msgspec.Raw
    until: int
    owed: bool = False
    asks: str = ""
    question: bool = False


class AsideNote(msgspec.Struct, omit_defaults=True, gc=False):
    """The entry in the head for a conversation that was put aside.

    Attributes:
        id: Its id.
        key: The author's key for it (`chat.start(…, key=)`); "" if it has none.
        wake: When its first timer falls due, ms since the epoch; 0 if it has none. For a
            conversation that is still to begin, or to end: since when.
        asks: Whether it waits at a question that its user has not been asked.
        ends: Whether it is to end, in a turn of its own.
    """

    id: str
    key: str = ""
    wake: int = 0
    asks: bool = False
    ends: bool = False


class OwedPart(msgspec.Struct, array_like=True, gc=False):
    """A part of a turn that no message began, which comes with the user's next message.

    Attributes:
        reply: The part.
        until: When to drop it, ms since the epoch.
    """

    reply: msgspec.Raw
    until: int


class UserHead(msgspec.Struct, omit_defaults=True, gc=False):
    """What is stored for a user beside the journal.

    Attributes:
        format: The format that it is written in, set when it is encoded; 0 means 1, which is left
            out: nearly every head has it, and Redis holds each in memory.
        user: The user's OpenID, needed to rebuild a message from the journal, and by operators.
        account: The account's id (`ToUserName`), for the same purposes.
        stack: The conversations, the running one last; each interrupted the one before it.
        held: Parts of answers not yet delivered, in order of delivery: owed parts first, then the
            rest of the newest answer.
        more: The word in the links that fetch them, as announced; "" if nothing is held.
        asked_before: Whether the reply of the last commit does not show the pending question, which
            the user had seen before. The question then counts as seen even if that reply is not
            taken.
        question_at: Index in the text of the last commit's reply at which the pending question
            begins, if parts are held that may continue what it says before. If the reply is not
            taken, both are held separately (`Document.owe`). 0: it is held as one part.
        shown_by: The number (see `keys`) of the message whose reply first showed the pending
            question, which neither a copy of it nor messages written before answer. Never
            decreases. 0: unknown. The name in the store, `by`, saves bytes.
        shown: Its `CreateTime`, in heads of earlier versions (some add four digits). 0: unknown.
        pushed: When a question that no message led to was last (about to be) pushed, by the store's
            clock, in seconds since the epoch; 0: none was.
        key: Key of the message whose turn was cut off. "" after a commit; the next four are empty
            then, too.
        begun: How many conversations that turn had begun.
        said: Parts of its answer from conversations that ended in that turn: replay does not
            restore them.
        tried: Routes that had handed the message back.
        unheard: Whether its message is to be looked at once changed code has continued.
        aside: The conversations that were put aside, the oldest first.
        owed: Parts of turns that no message began, to be delivered, the oldest first.
        deaths: Consecutive deaths of workers while doing what is due next, with messages in
            between, before any of it was written.
    """

    format: int = 0
    user: str = ""
    account: str = ""
    stack: tuple[Frame, ...] = ()
    held: tuple[Held, ...] = ()
    more: str = ""
    asked_before: bool = False
    question_at: int = 0
    shown_by: int = msgspec.field(default=0, name="by")
    shown: int = 0
    pushed: int = 0
    key: str = ""
    begun: int = 0
    said: tuple[msgspec.Raw, ...] = ()
    tried: tuple[int, ...] = ()
    unheard: bool = False
    aside: tuple[AsideNote, ...] = ()
    owed: tuple[OwedPart, ...] = ()
    deaths: int = 0

    @property
    def shown_at(self) -> int:
        """The `CreateTime` of the message whose reply showed the pending question; 0: unknown."""
        # Arithmetic and no call: a live turn asks three times.
        if self.shown_by:
            return self.shown_by // IN_A_SECOND
        return self.shown if self.shown < 10**11 else self.shown // 10_000

    def is_shown_by(self, created: int, key: str) -> bool:
        """Whether it was the message of this `CreateTime` and key."""
        return self.shown_by == message_number(created, key)

    def note_shown(self, created: int, key: str) -> None:
        """Note which message's reply shows the pending question, unless that of a later one did."""
        if created and created >= self.shown_at:
            self.shown_by, self.shown = message_number(created, key), 0


class ParkedConversation(msgspec.Struct, omit_defaults=True):
    """A conversation that failed, with everything needed to continue once the bug is fixed.

    Attributes:
        frame: Its header; `base` is 0.
        records: Its records; the message that made it fail is among the last.
        user: The user's OpenID.
        account: The account's id.
        parked: When it was parked, ms since the epoch.
        error: The exception as one line, or the mismatch.
        traceback: Where it was raised; "" if nothing was.
        broke: Number of its effective records when the error was raised; later ones belong to its
            clean-up. -1: there was no clean-up.
        unheard: The message for which the changed code was noticed, recorded as the answer it would
            have been; empty if there was no such message.
        key: Key of the message whose turn failed, for the idempotency keys of its steps; "" if an
            earlier version parked it.
        format: As in `UserHead`.
    """

    frame: Frame
    records: list[msgspec.Raw]
    user: str = ""
    account: str = ""
    parked: int = 0
    error: str = ""
    traceback: str = ""
    broke: int = -1
    unheard: list[msgspec.Raw] = []
    key: str = ""
    format: int = 0


class AsideConversation(msgspec.Struct, omit_defaults=True):
    """A conversation that waits for a time or a signal, while its user is free for others.

    Attributes:
        frame: Its header; `base` is 0.
        records: Its records.
        user: The user's OpenID.
        account: The account's id.
        key: See `AsideNote`.
        asks: See `AsideNote`.
        format: As in `UserHead`.
    """

    frame: Frame
    records: list[msgspec.Raw]
    user: str = ""
    account: str = ""
    key: str = ""
    asks: bool = False
    format: int = 0


_encoder = msgspec.json.Encoder()
_aside_decoder = msgspec.json.Decoder(AsideConversation)
_parked_decoder = msgspec.json.Decoder(ParkedConversation)
_head_decoder = msgspec.json.Decoder(UserHead)


def encode_head(head: UserHead, *, wakes: bool = False) -> bytes:
    """Encode a head as JSON; an empty one becomes b"".

    Args:
        head: The head.
        wakes: Whether something beside it is still due, so that it must not be b"".
    """
    if not (head.stack or head.held or head.aside or head.owed or wakes):
        return b""
    number = NEWEST if head.aside or head.owed or wakes else _format(head.stack)
    if head.format != number:
        head.format = number
    return _encoder.encode(head)


def _format(frames: Sequence[Frame]) -> int:
    """Return the oldest format that can represent these conversations; 0 for the first."""
    for frame in frames:
        if frame.rivals or frame.key or OUTSIDE in frame.flags or ENDS in frame.flags:
            return NEWEST
    return 0


def decode_head(encoded: bytes) -> UserHead:
    """Decode the result of `encode_head`; b"" is an empty head.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library wrote it.
    """
    if not encoded:
        return UserHead()
    head = _head_decoder.decode(encoded)
    if head.format > NEWEST or any(frame.flags for frame in head.stack):
        _refuse_newer(head.format, head.stack)
    return head


def _refuse_newer(number: int, frames: Sequence[Frame]) -> None:
    unknown = tuple(flag for frame in frames for flag in frame.flags if flag not in FLAGS)
    if number > NEWEST or unknown:
        raise NewerJournal(number, unknown)


def encode_parked(parked: ParkedConversation) -> bytes:
    """Encode a parked conversation as JSON."""
    parked.format = _format([parked.frame])
    return _encoder.encode(parked)


def decode_parked(document: bytes) -> ParkedConversation:
    """Decode the result of `encode_parked`.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library wrote it.
    """
    parked = _parked_decoder.decode(document)
    _refuse_newer(parked.format, [parked.frame])
    return parked


def encode_aside(aside: AsideConversation) -> bytes:
    """Encode a conversation that was put aside as JSON."""
    aside.format = NEWEST
    return _encoder.encode(aside)


def decode_aside(document: bytes) -> AsideConversation:
    """Decode the result of `encode_aside`.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library wrote it.
    """
    aside = _aside_decoder.decode(document)
    _refuse_newer(aside.format, [aside.frame])
    return aside
