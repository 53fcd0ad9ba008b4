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

What changes is stored beside the journal, not in it: see `head.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union
from zlib import crc32

import msgspec

from . import messages

__all__ = [
    "FORMAT",
    "Answer",
    "Data",
    "Failed",
    "GatheredFailed",
    "GatheredReturned",
    "Killed",
    "Message",
    "Record",
    "Returned",
    "Rewind",
    "arrival_of",
    "decode_pending",
    "decode_records",
    "effective",
    "encode_pending",
    "encode_record",
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
