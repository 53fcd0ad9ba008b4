"""The head: what is kept of a user beside the journal, since it changes.

It has the headers of their conversations (a `Frame` each: which dialog, on which code, at which
question), and what of the answers is still to be delivered. Two kinds of conversation are kept
outside it, header and records in one: one that broke (`ParkedConversation`), and one that waits for
a time or a signal and not for its user (`AsideConversation`).

What a live dialog keeps of these is no work for the garbage collector (`gc=False`): they hold JSON,
in which there is no cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.errors import NewerJournal

from .records import FORMAT, NEWEST

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
"""Flag of a conversation with a record of a timer or a signal."""

ENDS = "ends"
"""Flag of a conversation that `chat.stop` has told to end, while others stand above it."""

FLAGS: frozenset[str] = frozenset({SECRETS, OUTSIDE, ENDS})
"""What `Frame.flags` may say; a conversation with another flag is left alone."""


class StoredRival(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What else may end a conversation's wait; see `rivals.stored_rivals`.

    Attributes:
        branch: See `TimerRival`.
        due: When a timer falls due, ms since the epoch, by the store's clock; it was computed when
            the wait was stored, and is not again. 0: it is a signal.
        name: Name of the signal; "": it is a timer.
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
        base: Index of its first record in the user's journal; above 0 where it interrupts another
            conversation.
        length: Number of its records that were there at the last commit. More in the store: a turn
            was cut off.
        timeout: Seconds without an answer after which it expires; None: never.
        wait: Id of the question it waits at; see `question_ids.wait_id`.
        offers: Digest of that question's options, in order: a number means something else when
            they change; "" if it has none.
        misses: Answers in a row that did not fit that question.
        page: The page of that question that the user looks at, from 0: a long menu has several.
            Turning a page is no answer, so it is not journaled.
        ticks: The options that the user has ticked so far, by index, ascending. Not journaled
            either.
        flags: Names of what a version that does not know them must not touch: properties of the
            conversation (`FLAGS`), or of the version that began it.
        rivals: What may end its wait besides an answer.
        since: Where it has rivals, when its wait was stored, by the store's clock, ms since the
            epoch: a signal is for the wait that is oldest.
        key: The user's name for it (`chat.start(…, key=)`); "" if it has none.
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
    ticks: list[int] = []
    flags: list[str] = []
    rivals: list[StoredRival] = []
    since: int = 0
    key: str = ""


def flag(frame: Frame, name: str) -> None:
    """Give a conversation a flag, if it does not have it."""
    if name not in frame.flags:
        frame.flags = [*frame.flags, name]


class Held(msgspec.Struct, array_like=True, gc=False):
    """A part of an answer that waits for the user to fetch it.

    Attributes:
        reply: The part.
        until: Dropped after this time, ms since the epoch.
        owed: Whether nothing of its answer was seen yet (a late reply); then it comes with the next
            answer, asked for or not.
        asks: Id of the conversation whose pending question it ends with, which its user has not
            seen, or "".
        question: Whether it is nothing but that question, and goes with it. `null` in place of the
            part: it was dropped, and the question is to be asked again. False with `asks`: an
            earlier version held the question in one part with what was said before it.
    """

    reply: msgspec.Raw
    until: int
    owed: bool = False
    asks: str = ""
    question: bool = False


class AsideNote(msgspec.Struct, omit_defaults=True, gc=False):
    """What the head says of a conversation that was put aside.

    Attributes:
        id: Its id.
        key: The user's name for it (`chat.start(…, key=)`); "" if it has none.
        wake: When the first of its times falls due, ms since the epoch; 0: none does. Of one that
            is still to begin, or is to end: since when.
        asks: Whether it stands at a question that its user has not been asked.
        ends: Whether it is to end, in a turn of its own.
    """

    id: str
    key: str = ""
    wake: int = 0
    asks: bool = False
    ends: bool = False


class OwedPart(msgspec.Struct, array_like=True, gc=False):
    """What was said in a turn that no message began, and could not be pushed: it comes with the
    user's next message.

    Attributes:
        reply: The part.
        until: Dropped after this time, ms since the epoch.
    """

    reply: msgspec.Raw
    until: int


class UserHead(msgspec.Struct, omit_defaults=True, gc=False):
    """What is kept of a user beside the journal.

    Attributes:
        format: `FORMAT` of the library that wrote it, set as it is encoded; 0 is 1.
        user: The user's OpenID, which a message rebuilt from the journal needs, and an operator.
        account: The account's id (`ToUserName`), likewise.
        stack: The conversations, the running one last; those before it were interrupted by it.
        held: Parts of answers not yet delivered, in the order in which they will come: what is owed
            first, then what is left of the newest answer.
        more: The word of the links that fetch them, as it was when they were announced; "" if
            nothing is held.
        asked_before: Whether the reply of the last commit does not show the pending question, which
            the user had seen before it. Then it counts as seen where nobody took that reply.
        shown: `CreateTime` of the message whose reply showed the pending question first: what was
            written before is no answer to it. It never goes back. 0: that is not known, or an
            earlier version wrote the head.
        key: Key of the message whose turn was cut off; "" after a commit, and then the rest is
            empty, too.
        begun: How many conversations that turn had begun.
        said: Parts of its answer from conversations of that turn that are over: no replay brings
            them back.
        tried: Routes that had handed its message back.
        aside: The conversations that were put aside, the oldest first.
        owed: What was said in turns that no message began and is still to be delivered, the oldest
            first; apart from `held`.
        deaths: Workers that died one after another in what is due next, with messages between them,
            before any of it was written.
    """

    format: int = 0
    user: str = ""
    account: str = ""
    stack: list[Frame] = []
    held: list[Held] = []
    more: str = ""
    asked_before: bool = False
    shown: int = 0
    key: str = ""
    begun: int = 0
    said: list[msgspec.Raw] = []
    tried: list[int] = []
    aside: list[AsideNote] = []
    owed: list[OwedPart] = []
    deaths: int = 0


class ParkedConversation(msgspec.Struct, omit_defaults=True):
    """A conversation that broke, with all that is needed to go on once the bug is fixed.

    Attributes:
        frame: Its header; `base` is 0.
        records: Its records, the message that broke it among the last.
        user: The user's OpenID.
        account: The account's id.
        parked: When, ms since the epoch.
        error: The exception as one line, or the mismatch.
        traceback: Where it was raised; "" if nothing was.
        broke: Number of its effective records when the error was raised; later ones are of its
            clean-up. -1: there was no clean-up.
        unheard: The message that found the code changed, as the answer it would have been; empty
            if there was no such message.
        key: Key of the message whose turn broke, for the idempotency keys of its steps; "": an
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
    """A conversation that waits for a time or a signal and not for its user, who is free meanwhile.

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
    """Encode a head as JSON; one with nothing in it becomes b"".

    Args:
        head: The head.
        wakes: Whether something beside it is still to be done, so that it must not be b"".
    """
    if not (head.stack or head.held or head.aside or head.owed or wakes):
        return b""
    # Not the default: what is left out would be read as whatever the default is by then.
    head.format = NEWEST if head.aside or head.owed or wakes else _format(head.stack)
    return _encoder.encode(head)


def _format(frames: Sequence[Frame]) -> int:
    """Return the oldest format that can say all of what these conversations have."""
    for frame in frames:
        if frame.rivals or frame.key or OUTSIDE in frame.flags or ENDS in frame.flags:
            return NEWEST
    return FORMAT


def decode_head(encoded: bytes) -> UserHead:
    """Decode what `encode_head` made; b"" is an empty head.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library made it.
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
    """Decode what `encode_parked` made.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library made it.
    """
    parked = _parked_decoder.decode(document)
    _refuse_newer(parked.format, [parked.frame])
    return parked


def encode_aside(aside: AsideConversation) -> bytes:
    """Encode a conversation that was put aside as JSON."""
    aside.format = NEWEST
    return _encoder.encode(aside)


def decode_aside(document: bytes) -> AsideConversation:
    """Decode what `encode_aside` made.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
        NewerJournal: A newer version of the library made it.
    """
    aside = _aside_decoder.decode(document)
    _refuse_newer(aside.format, [aside.frame])
    return aside
