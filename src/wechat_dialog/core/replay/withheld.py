"""Values withheld from a redacted journal, and what a dialog may do with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Union

from wechat_dialog.core.replay.records import (
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    MessageRecord,
    Returned,
    Rewind,
    SignalRecord,
    TextRecord,
    TimerRecord,
)
from wechat_dialog.errors import CannotTell

__all__ = [
    "COMPUTED",
    "LOOKED_INTO",
    "WRITTEN",
    "Hidden",
    "HiddenSignal",
    "Ledger",
    "Withheld",
    "are_same",
    "touches",
]

WRITTEN = re.compile("▒[0-9a-z]+▒")


class Hidden(TextRecord, array_like=True, tag="w", frozen=True, gc=False):
    """An accepted message of which only the time and the option's digest are known."""


class HiddenReturned(Returned, array_like=True, tag="S", frozen=True):
    """A step that returned something."""


class HiddenGathered(GatheredReturned, array_like=True, tag="G", frozen=True):
    """A step of a gathering that returned something."""


class HiddenSignal(SignalRecord, array_like=True, tag="I", frozen=True):
    """A signal with some data; if the data did not fit, the reason is unknown."""


class HiddenData(Data, array_like=True, tag="D", frozen=True):
    """The user's data, if there was any."""


Redacted = Union[  # noqa: UP007 - msgspec reads it at run time
    TextRecord, MessageRecord, Returned, Failed, GatheredReturned, GatheredFailed, Rewind, Killed,
    Data, TimerRecord, SignalRecord, Hidden, HiddenReturned, HiddenGathered, HiddenData,
    HiddenSignal,
]  # fmt: skip


class Ledger:
    """The withheld values of one replay, and what they were used for.

    Attributes:
        position: Index of the record that is being fed.
        touched: How a value was looked into, "" if none was.
        written: How often each value was written into a text that has not reappeared yet.
    """

    def __init__(self) -> None:
        self.position = 0
        self.touched = ""
        self.written: Counter[str] = Counter()

    def withheld(self, name: str = "") -> Any:
        """Return a value in place of a withheld one.

        Args:
            name: How it is written, between two ▒; "": the record's index.
        """
        return Withheld(self, f"▒{name or self.position}▒")


def touches(how: str) -> Callable[..., Any]:
    """Return a method that notes in the ledger that a withheld value was looked into."""

    def touch(value: Withheld, *_: object) -> Any:
        object.__getattribute__(value, "_ledger").touched = how
        raise CannotTell(how)

    return touch


class Withheld:
    """Stands for an unknown value; only operations that do not depend on the value are possible."""

    __slots__ = ("_ledger", "_name")

    _ledger: Ledger
    _name: str
    __class__ = property(  # pyright: ignore[reportIncompatibleMethodOverride]
        touches("is told by its type")
    )

    def __init__(self, ledger: Ledger, name: str) -> None:
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
        return are_same(self)

    def __setattr__(self, name: str, value: object) -> None:
        """Ignore the assignment: the value cannot be read back."""


def are_same(value: Withheld, *_: object, **__: object) -> Withheld:
    """Return a withheld value of the same name: whatever is computed from a withheld value is
    withheld too.
    """
    return Withheld(
        object.__getattribute__(value, "_ledger"), object.__getattribute__(value, "_name")
    )


COMPUTED = """
    add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos abs
    round call getitem setitem delitem
"""
LOOKED_INTO = {
    "eq": "is compared", "ne": "is compared", "lt": "is compared", "le": "is compared",
    "gt": "is compared", "ge": "is compared", "hash": "is looked up", "bool": "decides",
    "contains": "is searched", "len": "is counted", "iter": "is looped over",
    "int": "is counted with", "float": "is counted with", "index": "is counted with",
    "bytes": "is encoded", "enter": "is entered", "await": "is awaited",
}  # fmt: skip
