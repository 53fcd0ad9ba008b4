"""Records: what a conversation is rebuilt from, and how they are written down.

A journal is a list of JSON arrays, oldest first, one record each, readable with `redis-cli` or
`sqlite3`. Its first element says what it is:

    ["a", wait, late, msgid, created, text]      an accepted answer: a plain text message
    ["m", wait, late, raw]                       any other accepted answer, as its raw fields
    ["s", name, result, call]                    a step that returned
    ["e", name, class, args, text, call]         a step that raised
    ["g", slot, name, result, call]              a step of a gathering that returned
    ["h", slot, name, class, args, text, call]   a step of a gathering that raised
    ["b", length, why]                           a rewind: of those so far, `length` records count
    ["k", late]                                  the operator ended it, at `late` ms since the epoch
    ["d", data]                                  the user's data when it began, if there was any

`wait` identifies the question that was answered: a letter for its kind, then its explicit key
behind `=`, or the CRC of its text. Where the answer was one of several things offered, a mark of
what it meant stands between the two, behind `~`: "2" is another dish once the menu has changed. An
empty `wait` is the message that started the conversation; one that begins with `!` was no answer:
the word behind it says what was thrown into the dialog instead, and then comes the question at
which it was. `call` is a mark of a step's arguments, which tells calls of one function apart.
`late` is the arrival in milliseconds after `created`, which is the platform's own time in whole
seconds. The position of a record is its index.

Why arrays and not objects: a record has to stay under 60 bytes beside the text itself. Why the CRC
and not a longer hash: it tells questions of one dialog apart, nothing secret, and is taken at every
replayed record.

The header of a conversation is a `Frame` in the `State`, which is stored beside the journal, not in
it, since it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union
from zlib import crc32

import msgspec

from . import messages
from .errors import NewerJournal

__all__ = [
    "FLAGS",
    "FORMAT",
    "Answer",
    "Data",
    "Failed",
    "Frame",
    "GatheredFailed",
    "GatheredReturned",
    "Held",
    "Killed",
    "Message",
    "ParkedConversation",
    "Record",
    "Returned",
    "Rewind",
    "State",
    "arrival_of",
    "decode_parked",
    "decode_pending",
    "decode_records",
    "decode_state",
    "effective",
    "encode_parked",
    "encode_pending",
    "encode_record",
    "encode_state",
    "mark",
    "marked",
    "message_key",
    "message_of",
    "record_message",
    "thrown",
    "unmarked",
    "unthrown",
    "wait_id",
]

FORMAT = 1
"""Number of the journal's format, kept in every header; see `docs/replay.md` for what a newer
library does with it.
"""

FLAGS: frozenset[str] = frozenset()
"""What `Frame.flags` may say; a conversation with another flag is left alone."""


class Answer(msgspec.Struct, array_like=True, tag="a", frozen=True, gc=False):
    """An accepted plain text."""

    wait: str
    late: int
    msg_id: Union[int, str]  # noqa: UP007 - msgspec reads annotations at run time
    created: int
    text: str


class Message(msgspec.Struct, array_like=True, tag="m", frozen=True):
    """An accepted message of any other kind."""

    wait: str
    late: int
    raw: dict[str, Any]


class Returned(msgspec.Struct, array_like=True, tag="s", frozen=True):
    """A step that returned; `result` is its value's JSON."""

    name: str
    result: msgspec.Raw
    call: str = ""


class Failed(msgspec.Struct, array_like=True, tag="e", frozen=True):
    """A step that raised: the class as `module:qualname`, its `args` where they are JSON, else
    None, and its text.
    """

    name: str
    cls: str
    args: list[Any] | None
    text: str
    call: str = ""


class GatheredReturned(msgspec.Struct, array_like=True, tag="g", frozen=True):
    """One step of a gathering that returned."""

    slot: int
    name: str
    result: msgspec.Raw
    call: str = ""


class GatheredFailed(msgspec.Struct, array_like=True, tag="h", frozen=True):
    """One step of a gathering that raised."""

    slot: int
    name: str
    cls: str
    args: list[Any] | None
    text: str
    call: str = ""


class Rewind(msgspec.Struct, array_like=True, tag="b", frozen=True, gc=False):
    """Only the first `length` effective records count from here on; `why` is "back" or "resume"."""

    length: int
    why: str


class Killed(msgspec.Struct, array_like=True, tag="k", frozen=True, gc=False):
    """The operator ended the conversation."""

    late: int


class Data(msgspec.Struct, array_like=True, tag="d", frozen=True):
    """The user's data when the conversation began, so that a replay reads what was read then."""

    data: dict[str, Any]


Record = Union[  # noqa: UP007
    Answer, Message, Returned, Failed, GatheredReturned, GatheredFailed, Rewind, Killed, Data
]

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])

encode_record = _encoder.encode


def decode_records(records: Iterable[bytes]) -> list[Record]:
    """Decode stored records, oldest first.

    Raises:
        msgspec.DecodeError: One of them is not a record.
    """
    return _decoder.decode(b"[" + b",".join(records) + b"]")


def effective(records: Sequence[Record]) -> list[Record]:
    """Return the records that count, rewinds carried out and left out."""
    if not any(type(record) is Rewind for record in records):
        return list(records)
    kept: list[Record] = []
    for record in records:
        if isinstance(record, Rewind):
            del kept[record.length :]
        else:
            kept.append(record)
    return kept


# Messages in records ------------------------------------------------------------------------------

_PLAIN = {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content", "MsgId"}


def record_message(wait: str, message: messages.Message, arrived: int) -> Record:
    """Return the record of `message` as the answer to `wait`.

    Args:
        wait: Identifies the question; see the module's text.
        message: The message.
        arrived: Milliseconds since the epoch.
    """
    raw = message.raw
    late = arrived - message.created * 1000
    if type(message) is messages.Text and raw.keys() == _PLAIN:
        number = message.msg_id
        digits = len(number) < 19 and number.isascii() and number.isdecimal()
        compact = int(number) if digits and number[0] != "0" else number
        if raw["CreateTime"] == str(message.created) and raw["Content"] == message.text:
            return Answer(wait, late, compact, message.created, message.text)
    # Account and user are the conversation's own; leaving them out keeps an OpenID out of every
    # record.
    rest = {
        name: value for name, value in raw.items() if name not in ("ToUserName", "FromUserName")
    }
    return Message(wait, late, rest)


def message_of(record: Answer | Message, user: str, account: str) -> messages.Message:
    """Rebuild the message of a record, equal to the one that was recorded, its raw fields
    included.
    """
    if isinstance(record, Answer):
        number = str(record.msg_id)
        return messages.Text(
            user=user,
            account=account,
            created=record.created,
            msg_id=number,
            raw={
                "ToUserName": account,
                "FromUserName": user,
                "CreateTime": str(record.created),
                "MsgType": "text",
                "Content": record.text,
                "MsgId": number,
            },
            text=record.text,
        )
    return messages.from_fields({"ToUserName": account, "FromUserName": user, **record.raw})


def arrival_of(record: Answer | Message) -> int:
    """Return when the message of a record arrived, in milliseconds since the epoch."""
    if isinstance(record, Answer):
        return record.created * 1000 + record.late
    return created_of(record.raw) * 1000 + record.late


def created_of(raw: Mapping[str, Any]) -> int:
    """Return `CreateTime` of raw fields in seconds, 0 where it is missing or no number."""
    try:
        return int(raw.get("CreateTime", 0))
    except (TypeError, ValueError):
        return 0


def message_key(message: messages.Message) -> str:
    """Return what makes copies of one message the same message, and two messages two.

    The user and the account are not in it: it is used under the user's own key. A message is told
    by `MsgId` and `CreateTime`, an event by `CreateTime`, name and key, and by the ticket or card
    code where there is one (protocol reference 5.4; the platform has no retry counter).
    """
    if isinstance(message, messages.Event):
        parts = [message.event.lower(), message.event_key or ""]
        parts += [
            str(message.raw[name])
            for name in ("Ticket", "UserCardCode", "MsgID")
            if message.raw.get(name)
        ]
        return f"{message.created}:{':'.join(parts)}"
    if message.msg_id:
        return f"{message.created}:{message.msg_id}"
    # No id at all (a type nobody knows): the whole content tells it.
    content = _encoder.encode(sorted((name, str(value)) for name, value in message.raw.items()))
    return f"{message.created}:{message.kind}:{crc32(content):08x}"


class _Pending(msgspec.Struct, array_like=True):
    """A message whose turn is still to come: when it arrived, and its raw fields."""

    arrived: int
    raw: dict[str, Any]


_pending_decoder = msgspec.json.Decoder(_Pending)


def encode_pending(message: messages.Message, arrived: int) -> bytes:
    """Encode a whole message as JSON, for a store to keep until its turn.

    Args:
        message: The message.
        arrived: Milliseconds since the epoch.
    """
    fields = {"ToUserName": message.account, "FromUserName": message.user, **message.raw}
    return _encoder.encode(_Pending(arrived, fields))


def decode_pending(pending: bytes) -> tuple[messages.Message, int]:
    """Decode what `encode_pending` made: the message, and when it arrived.

    Raises:
        msgspec.DecodeError: It is none.
    """
    found = _pending_decoder.decode(pending)
    return messages.from_fields(found.raw), found.arrived


def wait_id(kind: str, key: str | None, text: str | bytes) -> str:
    """Return what identifies a question: one letter of kind, then `=key`, or the CRC of its
    text.
    """
    if key is not None:
        return f"{kind}={key}"
    return (
        f"{kind}{crc32(text.encode('utf-8', 'surrogatepass') if isinstance(text, str) else text):x}"
    )


def mark(*parts: str) -> str:
    """Return six hexadecimal digits that tell things apart which an answer may mean."""
    return f"{crc32(chr(10).join(parts).encode('utf-8', 'surrogatepass')) & 0xFFFFFF:06x}"


def marked(wait: str, meant: str) -> str:
    """Return what an answer's record names its question by: its id, and a mark of what was meant
    ("" for none).
    """
    return f"{wait[0]}~{meant}{wait[1:]}" if meant else wait


def unmarked(wait: str) -> tuple[str, str]:
    """Return a question's id and the mark of what was meant, "" for none; undoes `marked`."""
    return (wait[0] + wait[8:], wait[2:8]) if wait[1:2] == "~" else (wait, "")


def thrown(what: str, wait: str) -> str:
    """Return what a record of something thrown into a dialog has in place of its question's id."""
    return f"!{what} {wait}"


def unthrown(wait: str) -> tuple[str, str]:
    """Return what was thrown, and the id of the question at which ("" in older journals)."""
    what, _, question = wait[1:].partition(" ")
    return what, question


# The state beside the journal ---------------------------------------------------------------------


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
