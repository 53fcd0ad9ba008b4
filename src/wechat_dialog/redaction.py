"""Conversations without what was said in them, which can still be replayed: for `check` far from
the store.

What steers a dialog and names nobody is kept: which of the things offered was chosen (by the mark
that the record has of it), yes and no, whole numbers of at most three digits, the classes of
errors, and times. Everything else a user wrote or a step returned is withheld: the file has nothing
in its place, and a replay hands the dialog a `Withheld`. A dialog may say such a value, hand it to
a step, compute with it; but as soon as its way hangs on it (it is compared, counted, looked up,
looped over, taken apart by a library), `CannotTell` says so, since nobody knows which way it went.

What is said has to be compared, too, where a question quotes an answer. So a value is written as
`▒3▒`, after its record, and `redact` renames questions that quote: to what the code at hand asks,
as long as that fits the journal. And what is written has to be said: text that was made of a
withheld value and turns up neither in a question nor in a step is used for something else.

Proof: `tests/deploys/test_redaction.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union

import msgspec

from .effects import Gather, StepCall, Wait
from .engine import Raised, Run, describe
from .errors import CannotTell, ReplayMismatch
from .journal import (
    Answer,
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    Message,
    Record,
    Returned,
    Rewind,
    arrival_of,
    effective,
    marked,
    unmarked,
    unthrown,
)
from .steps import class_of

__all__ = ["Hidden", "RedactedRun", "Withheld", "decode_redacted", "redact", "redact_value"]

DIGITS = 3
"""Whole numbers of so many digits at most are kept: counts, sizes, ages."""

_NUMBER = re.compile(rf"\s*[0-9]{{1,{DIGITS}}}\s*", re.ASCII)
_WRITTEN = re.compile("▒[0-9a-z]+▒")


class Hidden(Answer, array_like=True, tag="w", frozen=True, gc=False):
    """An accepted message of which only the time, and a mark of the choice, is known."""


class HiddenReturned(Returned, array_like=True, tag="S", frozen=True):
    """A step that returned something."""


class HiddenGathered(GatheredReturned, array_like=True, tag="G", frozen=True):
    """A step of a gathering that returned something."""


class HiddenData(Data, array_like=True, tag="D", frozen=True):
    """The user's data, if there was any."""


Redacted = Union[  # noqa: UP007 - msgspec reads it at run time
    Answer, Message, Returned, Failed, GatheredReturned, GatheredFailed, Rewind, Killed, Data,
    Hidden, HiddenReturned, HiddenGathered, HiddenData,
]  # fmt: skip

_decoder: msgspec.json.Decoder[list[Redacted]] = msgspec.json.Decoder(list[Redacted])
_NOTHING = msgspec.Raw(b"null")


def decode_redacted(records: Sequence[msgspec.Raw]) -> list[Record]:
    """Decode records of an export, redacted or not.

    Raises:
        msgspec.DecodeError: One of them is no record.
    """
    joined = b"[" + b",".join(bytes(record) for record in records) + b"]"
    decoded: Any = _decoder.decode(joined)
    return decoded  # type: ignore[no-any-return]


# What stands in the place of a value. -------------------------------------------------------------


class _Ledger:
    """What a replay's withheld values were used for.

    Attributes:
        touched: How one was looked into, "" if none was.
        written: How often each was written into a text that has not turned up yet.
    """

    def __init__(self) -> None:
        self.touched = ""
        self.written: Counter[str] = Counter()


def _touches(how: str) -> Callable[..., Any]:
    def touch(value: Withheld, *_: object) -> Any:
        object.__getattribute__(value, "_ledger").touched = how
        raise CannotTell(how)

    return touch


class Withheld:
    """A value that nobody here knows; only what needs no knowledge of it can be done with it."""

    __slots__ = ("_ledger", "_name")

    _ledger: _Ledger
    _name: str
    __class__ = property(  # pyright: ignore[reportIncompatibleMethodOverride]
        _touches("is told by its type")
    )

    def __init__(self, ledger: _Ledger, name: str) -> None:
        object.__setattr__(self, "_ledger", ledger)
        object.__setattr__(self, "_name", name)

    def __str__(self) -> str:
        self._ledger.written[self._name] += 1
        return self._name

    __repr__ = __str__

    def __format__(self, how: str) -> str:
        return str(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _same(self)

    def __setattr__(self, name: str, value: object) -> None:
        """Take it: nobody will see it."""


def _same(value: Withheld, *_: object, **__: object) -> Withheld:
    """What is made of a withheld value is one."""
    return Withheld(
        object.__getattribute__(value, "_ledger"), object.__getattribute__(value, "_name")
    )


_COMPUTED = """
    add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos abs
    round call getitem setitem delitem
"""
_LOOKED_INTO = {
    "eq": "is compared", "ne": "is compared", "lt": "is compared", "le": "is compared",
    "gt": "is compared", "ge": "is compared", "hash": "is looked up", "bool": "decides",
    "contains": "is searched", "len": "is counted", "iter": "is looped over",
    "int": "is counted with", "float": "is counted with", "index": "is counted with",
    "bytes": "is encoded", "enter": "is entered", "await": "is awaited",
}  # fmt: skip
for _name in _COMPUTED.split():
    setattr(Withheld, f"__{_name}__", _same)
for _name, _how in _LOOKED_INTO.items():
    setattr(Withheld, f"__{_name}__", _touches(_how))


# Taking out. --------------------------------------------------------------------------------------


def redact_value(value: Any) -> Any:
    """Return a JSON value that may be kept, or None."""
    keeps = isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**DIGITS)
    return value if keeps else None


def _redacted(record: Record) -> Record:
    """Return a record without what was said or returned."""
    if isinstance(record, (Answer, Message)):
        text = record.text if isinstance(record, Answer) else ""
        _, meant = unmarked(record.wait) if record.wait[:1] not in ("", "!") else ("", "")
        if record.wait[:1] not in ("", "!") and not meant and _NUMBER.fullmatch(text):
            return Answer(record.wait, record.late, 0, record.created, text.strip())  # type: ignore[union-attr]
        at = arrival_of(record)
        return Hidden(record.wait, at % 1000, 0, at // 1000, "")
    if isinstance(record, (Returned, GatheredReturned)):
        kept = msgspec.json.decode(record.result)
        if kept is None or redact_value(kept) is not None:
            return record
        if isinstance(record, Returned):
            return HiddenReturned(record.name, _NOTHING, record.call)
        return HiddenGathered(record.slot, record.name, _NOTHING, record.call)
    if isinstance(record, (Failed, GatheredFailed)):
        return msgspec.structs.replace(record, args=None, text="")
    return HiddenData({}) if isinstance(record, Data) else record


def redact(
    records: Sequence[Record], replays: Callable[[bool], Run] | None, wait: str
) -> tuple[list[Record], str]:
    """Return records without what was said or returned, and what the waiting question is called.

    Args:
        records: A conversation's own, rewinds among them; the result has carried them out.
        replays: Makes a run of the code the conversation lives with: of the true records, or (True)
            of the redacted ones. None: the code is not at hand, and of a question that quotes
            nothing can be told later.
        wait: The question it waits at.
    """
    true_ones = effective(list(records))
    kept = [_redacted(record) for record in true_ones]
    if replays is None:
        return kept, wait
    truth, told = replays(False), replays(True)
    assert isinstance(told, RedactedRun)  # noqa: S101 - what `replays` promises
    try:
        for index, (true, record) in enumerate(zip(true_ones, list(kept), strict=True)):
            named = _renamed(truth, told, true, record)
            truth.feed(true)
            told.feed(named)
            kept[index] = named
        if isinstance(told.at, Wait) and isinstance(truth.at, Wait) and truth.at.id == wait:
            wait = told.at.id
    except (ReplayMismatch, CannotTell):
        pass  # from here on the check will say so, too
    finally:
        truth.close()
        told.close()
    return kept, wait


def _renamed(truth: Run, told: RedactedRun, true: Record, record: Record) -> Record:
    """Return an answer's record, named as its question is when it quotes withheld values."""
    if not isinstance(true, Answer | Message) or not isinstance(record, Answer):
        return record
    if true.wait[:1] in ("", "!") or not (isinstance(truth.at, Wait) and isinstance(told.at, Wait)):
        return record
    question, meant = unmarked(true.wait)
    if question != truth.at.id:
        return record
    return msgspec.structs.replace(record, wait=marked(told.at.id, meant))


# Replaying. ---------------------------------------------------------------------------------------


class RedactedRun(Run):
    """A run whose records may lack what was said."""

    __slots__ = ("_calls", "_ledger")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ledger = _Ledger()
        self._calls: dict[str, set[str]] = {}
        self.chat.user = self._withheld("user")
        self.args = {
            name: self._withheld("begun") if value is None else value
            for name, value in self.args.items()
        }

    def _withheld(self, name: str = "") -> Any:
        return Withheld(self._ledger, f"▒{name or self.position}▒")

    def feed(self, record: Record) -> None:
        """See `Run.feed`.

        Raises:
            ReplayMismatch: As there.
            CannotTell: The dialog's way hangs on what is withheld.
        """
        if isinstance(record, Hidden):
            self._hear_hidden(record)
            self.fed()
        elif isinstance(record, HiddenData):
            self.chat.data = self._withheld()
            self.fed()
        elif isinstance(record, HiddenReturned):
            self._step_ended(record)
            self.fed()
        elif isinstance(record, HiddenGathered):
            self._slot_ended(record)
            self.fed()
        else:
            super().feed(record)
        self._look()

    def _look(self) -> None:
        """Raise if the dialog has looked into a withheld value, or may have."""
        at, ledger = self.at, self._ledger
        if ledger.touched:
            raise CannotTell(ledger.touched, self.position, self.where())
        if isinstance(at, Raised):
            how = f"is there, and the dialog raises {type(at.error).__name__}"
            raise CannotTell(how, self.position, self.where())
        said = "".join(map(str, self.chat.outbox))
        if isinstance(at, Wait):
            said += f"{at.prompt}{getattr(at, 'labels', '')}"
        elif isinstance(at, (StepCall, Gather)):
            for call in at.calls if isinstance(at, Gather) else (at,):
                said += f"{call.args}{call.kwargs}"
        if ledger.written - Counter(_WRITTEN.findall(said)):
            raise CannotTell("is written into a text that is not said", self.position, self.where())
        ledger.written.clear()

    def replay(self, records: Iterable[Record]) -> None:
        """See `Run.replay`; nothing is fed by the short way."""
        self.chat.replaying = True
        try:
            for record in records:
                self.feed(record)
        finally:
            self.chat.replaying = False

    def _hear_hidden(self, record: Hidden) -> None:
        if not record.wait:
            self._set_turn(self._withheld(), arrival_of(record))
            self._begin()
            return
        what, wait, meant = "", "", ""
        if record.wait[0] == "!":
            what, wait = unthrown(record.wait)
        else:
            wait, meant = unmarked(record.wait)
        at = self.at
        if not isinstance(at, Wait) or (
            wait and wait != at.id and not self._only_worded_otherwise(wait, at)
        ):
            raise self._differs(f"an answer to {describe(wait)}")
        self._set_turn(self._withheld(), arrival_of(record))
        if what:
            self._tell(what)
        else:
            self._send(self._meaning(at, meant) if meant else self._withheld())

    def _only_worded_otherwise(self, wait: str, at: Wait[Any], *, pending: bool = False) -> bool:
        if super()._only_worded_otherwise(wait, at, pending=pending):
            return True
        if wait[0] == at.kind and wait[1:2] != "=" and _WRITTEN.search(f"{at.prompt}"):
            raise CannotTell("is quoted in a question", self.position, self.where())
        return False

    def _meaning(self, at: Wait[Any], meant: str) -> Any:
        """Return the value of the thing offered that was chosen."""
        assert at.reading.text is not None  # noqa: S101 - what offers things takes texts
        for text in at.candidates():
            try:
                value = at.reading.text(self.chat, text)
            except ValueError:
                continue
            if at.meant(value) == meant:
                return value
        if at.offers and not getattr(at, "many", False):
            raise self._differs("an answer that meant another of the options")
        return self._withheld()

    def _result(self, fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
        hidden = isinstance(record, (HiddenReturned, HiddenGathered))
        return self._withheld() if hidden else super()._result(fn, record)

    def _error(self, record: Failed | GatheredFailed) -> Exception:
        found = class_of(record.cls)
        if found is None:
            return super()._error(record)
        error = found.__new__(found)
        error.args = (self._withheld(),)
        return error

    def _compare_calls(
        self,
        call: StepCall[Any],
        record: Returned | Failed | GatheredReturned | GatheredFailed,
        amid: BaseException | None = None,
    ) -> None:
        if call.mark or not record.call:
            super()._compare_calls(call, record, amid)
            return
        # Its arguments are withheld: whether calls of one step traded places is not known.
        calls = self._calls.setdefault(record.name, set())
        calls.add(record.call)
        if len(calls) > 1 and not self.same_code:
            raise CannotTell("is given to one of several steps", self.position, self.where())
