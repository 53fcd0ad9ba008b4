"""Records: the data from which a conversation is rebuilt, and their stored form.

A journal is a list of JSON arrays, one for each record, oldest first, readable with `redis-cli` or
`sqlite3`. The first element is the kind:

    ["a", wait, late, msgid, created, text]      an accepted answer: a plain text message
    ["m", wait, late, raw]                       any other accepted answer, as its raw fields
    ["s", name, result, call]                    a step that returned
    ["e", name, class, args, text, call]         a step that raised
    ["g", slot, name, result, call]              a step of a gathering that returned
    ["h", slot, name, class, args, text, call]   a step of a gathering that raised
    ["b", length, why]                           a rewind: of those so far, `length` records count
    ["k", late]                                  the operator ended it, at `late` ms since the epoch
    ["d", data]                                  the user's data when it began, if there was any
    ["t", wait, branch, due, now]                a timer that fell due
    ["i", wait, branch, name, match, data, now, misfit]    a signal that was taken

`wait` identifies the question that was answered: a letter for its kind, then `=` and its explicit
key, or the CRC of its text. If one of several options was chosen, `~` and the option's digest stand
between the two, since "2" is another dish once the menu has changed. An empty `wait` is the message
that started the conversation. A `wait` with `!` was not answered: the word after it says what was
thrown into the dialog instead, and is followed by the question at which it was thrown. `call` is a
digest of a step's arguments, which distinguishes calls of one function. After it comes what the
step said for the answer, if it said anything: a list of texts; a Markdown is a list of one text. An
answer to a question whose letter is a capital was secret: its text is "●●●". `late` is the arrival
in milliseconds after `created`, which is the platform's own time in whole seconds. The position of
a record is its index.

A timer and a signal name the wait that they ended, which need not be a question (`Background.id`),
and its branch: the number in a race, 0 if it is waited for alone, -1 for a limit, which raised
`NoAnswer`. `due` is when the timer fell due and `now` when it was noticed, both by the store's
clock, ms since the epoch. `match` is a digest of the signal's match, and `misfit` says why its data
did not fit, "" if they did. If the user's data had changed in the meantime, a "d" with the new data
precedes the record.

Arrays instead of objects: a record has to stay under 60 bytes beside the text itself. A CRC instead
of a longer hash: it only has to distinguish the questions of one dialog, and is computed for every
replayed record.

What changes is stored beside the journal, not in it: see `core/replay/header.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Union

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.secrecy import SHOWN
from wechat_dialog.replies import Markdown

__all__ = [
    "FIRED",
    "FORMAT",
    "NEWEST",
    "OUTCOMES",
    "STEPS",
    "TICKED",
    "Data",
    "Failed",
    "GatheredFailed",
    "GatheredReturned",
    "Killed",
    "MessageRecord",
    "Paragraph",
    "Record",
    "Returned",
    "Rewind",
    "SignalRecord",
    "TextRecord",
    "TimerRecord",
    "decode_records",
    "effective",
    "effective_of",
    "encode_record",
    "encoder",
    "is_secret",
    "masked",
    "paragraph",
    "said",
]

FORMAT = 1
"""Version number of the journal's format, stored in every header (where it is 1 by leaving it out);
see `docs/replay.md` for how a newer library handles it.
"""

NEWEST = 2
"""The newest format, for heads with anything that waits for a time or a signal. All others are
written in `FORMAT`, so that the previous release can read them.
"""


TICKED = "!ticked"
"""Key in `MessageRecord.raw` for the labels that the user had ticked. It is not a field of the
message, and no push can contain it, since no XML name begins with `!`. It has no place of its own
in the record, so that workers of any version can read it.
"""


Paragraph = Union[str, list[str]]  # noqa: UP007 - msgspec reads it at run time
"""What a step said: a text, or a Markdown as a list with that text."""


def said(text: str | Markdown) -> Paragraph:
    """Return a paragraph in its recorded form."""
    return [text.text] if isinstance(text, Markdown) else text


def paragraph(recorded: Paragraph) -> str | Markdown:
    """Return a recorded paragraph as the step said it."""
    return recorded if isinstance(recorded, str) else Markdown("".join(recorded))


class TextRecord(msgspec.Struct, array_like=True, tag="a", frozen=True, gc=False):
    """An accepted plain text."""

    wait: str
    late: int
    msg_id: Union[int, str]  # noqa: UP007 - msgspec reads annotations at run time
    created: int
    text: str

    def message(self, user: str, account: str) -> messages.Text:
        """Rebuild the recorded message, including its raw fields.

        Args:
            user: The user's OpenID.
            account: The account's id.
        """
        number = str(self.msg_id)
        raw = {
            "ToUserName": account,
            "FromUserName": user,
            "CreateTime": str(self.created),
            "MsgType": "text",
            "Content": self.text,
            "MsgId": number,
        }
        return messages.Text(
            user=user,
            account=account,
            created=self.created,
            msg_id=number,
            raw=raw,
            text=self.text,
        )

    @property
    def ticked(self) -> None:
        """See `MessageRecord.ticked`; a plain text has none."""


class MessageRecord(msgspec.Struct, array_like=True, tag="m", frozen=True):
    """An accepted message of any other kind."""

    wait: str
    late: int
    raw: dict[str, Any]

    def message(self, user: str, account: str) -> messages.Message:
        """See `TextRecord.message`."""
        raw = {"ToUserName": account, "FromUserName": user, **self.raw}
        raw.pop(TICKED, None)
        return messages.from_fields(raw)

    @property
    def ticked(self) -> list[str] | None:
        """The labels that the user had ticked, if they were the answer."""
        labels: list[str] | None = self.raw.get(TICKED)
        return labels


class Returned(msgspec.Struct, array_like=True, tag="s", frozen=True):
    """A step that returned; `result` is the JSON of its result."""

    name: str
    result: msgspec.Raw
    call: str = ""
    said: list[Paragraph] = []


class Failed(msgspec.Struct, array_like=True, tag="e", frozen=True):
    """A step that raised: the class as `module:qualname`, its `args` if they are JSON data, else
    None, and its text.
    """

    name: str
    cls: str
    args: list[Any] | None
    text: str
    call: str = ""
    said: list[Paragraph] = []


class GatheredReturned(msgspec.Struct, array_like=True, tag="g", frozen=True):
    """One step of a gathering that returned."""

    slot: int
    name: str
    result: msgspec.Raw
    call: str = ""
    said: list[Paragraph] = []


class GatheredFailed(msgspec.Struct, array_like=True, tag="h", frozen=True):
    """One step of a gathering that raised."""

    slot: int
    name: str
    cls: str
    args: list[Any] | None
    text: str
    call: str = ""
    said: list[Paragraph] = []


class Rewind(msgspec.Struct, array_like=True, tag="b", frozen=True, gc=False):
    """Of the effective records so far, only the first `length` count from here on; `why` is "back"
    or "resume".
    """

    length: int
    why: str


class Killed(msgspec.Struct, array_like=True, tag="k", frozen=True, gc=False):
    """An operator ended the conversation."""

    late: int


class Data(msgspec.Struct, array_like=True, tag="d", frozen=True):
    """The user's data when the conversation began, so that a replay reads the same values."""

    data: dict[str, Any]


class TimerRecord(msgspec.Struct, array_like=True, tag="t", frozen=True, gc=False):
    """A timer that fell due and ended a wait."""

    wait: str
    branch: int
    due: int
    now: int


class SignalRecord(msgspec.Struct, array_like=True, tag="i", frozen=True):
    """A signal that was taken and ended a wait; `data` is JSON."""

    wait: str
    branch: int
    name: str
    match: str
    data: msgspec.Raw
    now: int
    misfit: str = ""


Record = Union[  # noqa: UP007
    TextRecord,
    MessageRecord,
    Returned,
    Failed,
    GatheredReturned,
    GatheredFailed,
    Rewind,
    Killed,
    Data,
    TimerRecord,
    SignalRecord,
]

FIRED = (TimerRecord, SignalRecord)
"""Records of what ended a wait without a message."""

STEPS = (Returned, Failed, GatheredReturned, GatheredFailed)
"""Records of how steps ended."""

OUTCOMES = (*STEPS, *FIRED)
"""Records of what happened once and must not be lost: answers before them are not taken back."""

encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])


def encode_record(record: Record) -> bytes:
    """Return the stored form of a record, without the `said` of a step that said nothing."""
    encoded = encoder.encode(record)
    if isinstance(record, STEPS) and not record.said:
        return encoded[: -len(b",[]]")] + b"]"
    return encoded


def decode_records(records: Iterable[bytes]) -> list[Record]:
    """Decode stored records, oldest first.

    Raises:
        msgspec.DecodeError: One of them is not a record.
    """
    return _decoder.decode(b"[" + b",".join(records) + b"]")


def effective(records: Sequence[Record]) -> list[Record]:
    """Return the records that count: rewinds are applied, and left out of the result."""
    if Rewind not in map(type, records):
        return list(records)
    remaining: list[Record] = []
    for record in records:
        if isinstance(record, Rewind):
            del remaining[record.length :]
        else:
            remaining.append(record)
    return remaining


def effective_of(records: Sequence[Record], length: int) -> int:
    """Return how many of the first `length` records count, after all rewinds of `records`."""
    count = len(effective(records[:length]))
    return min([count, *(each.length for each in records[length:] if isinstance(each, Rewind))])


def is_secret(wait: str) -> bool:
    """Whether the answers to a question must not be stored.

    Args:
        wait: The question's id.
    """
    return wait[:1].isupper()


def masked(message: messages.Message) -> messages.Message:
    """Return the message that is recorded instead of a secret answer: only the text differs."""
    raw = {
        "ToUserName": message.account,
        "FromUserName": message.user,
        "CreateTime": str(message.created),
        "MsgType": "text",
        "Content": SHOWN,
        "MsgId": message.msg_id,
    }
    return messages.from_fields(raw)
