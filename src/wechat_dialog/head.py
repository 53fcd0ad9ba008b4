"""The head: what is kept of a user beside the journal, since it changes.

It has the headers of his conversations (a `Frame` each: which dialog, on which code, at which
question), and what of the answers is still to be delivered. A conversation that broke is put aside
whole, header and records in one (`ParkedConversation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .errors import NewerJournal
from .journal import FORMAT

__all__ = [
    "FLAGS",
    "Frame",
    "Held",
    "ParkedConversation",
    "State",
    "decode_parked",
    "decode_state",
    "encode_parked",
    "encode_state",
]

FLAGS: frozenset[str] = frozenset()
"""What `Frame.flags` may say; a conversation with another flag is left alone."""


class Frame(msgspec.Struct, omit_defaults=True):
    """The header of one conversation.

    Attributes:
        id: Its id, unique for its user.
        dialog: Name of its dialog.
        version: Version of the dialog it began on.
        code: Fingerprint of the dialog's code when the last record was written.
        args: What the dialog is started with: a pattern's named groups, or the state of
            `continue_as`.
        begun: When it began, ms since the epoch.
        base: Index of its first record in the user's journal; above 0 where it interrupts another
            conversation.
        length: Number of its records that were there at the last commit. More in the store: a turn
            was interrupted.
        timeout: Seconds without an answer after which it is gone; None: never.
        wait: The question it waits at, as `wait_id`.
        offers: A mark of what that question offers, in order: a number means something else when
            that changes; "" if it offers nothing.
        misses: Answers in a row that did not fit that question.
        page: The page of that question the user looks at, from 0: a long menu has several. Turning
            one is no answer, so nothing of it is journaled.
        ticks: Its options the user has ticked so far, by index, ascending; nor is a tick.
        flags: What the engine that began it did otherwise than this one would; none so far.
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


class Held(msgspec.Struct, array_like=True):
    """A part of an answer that waits for the user to fetch it.

    Attributes:
        reply: The part.
        until: Dropped after this time, ms since the epoch.
        owed: Whether nothing of its answer was seen yet (a late reply); then it comes with the next
            answer, asked for or not.
        asks: Id of the conversation whose pending question it ends with, or "".
    """

    reply: msgspec.Raw
    until: int
    owed: bool = False
    asks: str = ""


class State(msgspec.Struct, omit_defaults=True):
    """What is kept of a user beside the journal.

    Attributes:
        format: `FORMAT` of the library that wrote it, set as it is encoded; 0 is 1.
        user: The user's OpenID, which a message rebuilt from the journal needs, and an operator.
        account: The account's id (`ToUserName`), likewise.
        stack: The conversations, the running one last; those before it were interrupted by it.
        held: Parts of answers not yet delivered, oldest first.
        key: Key of the message whose turn was interrupted; "" after a commit, and then the rest is
            empty, too.
        begun: How many conversations that turn had begun.
        said: Parts of its answer from conversations of that turn that are over: no replay brings
            them back.
        tried: Routes that had handed its message back.
    """

    format: int = 0
    user: str = ""
    account: str = ""
    stack: list[Frame] = []
    held: list[Held] = []
    key: str = ""
    begun: int = 0
    said: list[msgspec.Raw] = []
    tried: list[int] = []


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
        broke: Number of its records, rewinds carried out, that were there when it was raised; those
            behind are of its clean-up. -1: there are none such.
        unheard: The message that found the code changed, as the answer it would have been; empty
            if there was no such message.
        format: As in `State`.
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
    format: int = 0


_encoder = msgspec.json.Encoder()
_parked_decoder = msgspec.json.Decoder(ParkedConversation)
_state_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> bytes:
    """Encode a state as JSON; one with nothing in it becomes b""."""
    if not state.stack and not state.held:
        return b""
    # Not the default: what is left out would be read as whatever the default is by then.
    state.format = FORMAT
    return _encoder.encode(state)


def decode_state(head: bytes) -> State:
    """Decode what `encode_state` made; b"" is an empty state.

    Raises:
        msgspec.DecodeError: It is none.
        NewerJournal: A newer version of the library made it.
    """
    if not head:
        return State()
    state = _state_decoder.decode(head)
    if state.format > FORMAT or any(frame.flags for frame in state.stack):
        _refuse_newer(state.format, state.stack)
    return state


def _refuse_newer(number: int, frames: Sequence[Frame]) -> None:
    unknown = tuple(flag for frame in frames for flag in frame.flags if flag not in FLAGS)
    if number > FORMAT or unknown:
        raise NewerJournal(number, unknown)


def encode_parked(parked: ParkedConversation) -> bytes:
    """Encode a parked conversation as JSON."""
    parked.format = FORMAT
    return _encoder.encode(parked)


def decode_parked(document: bytes) -> ParkedConversation:
    """Decode what `encode_parked` made.

    Raises:
        msgspec.DecodeError: It is none.
        NewerJournal: A newer version of the library made it.
    """
    parked = _parked_decoder.decode(document)
    _refuse_newer(parked.format, [parked.frame])
    return parked
