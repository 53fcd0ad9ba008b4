"""What the dialogs of `test_hostile_authors` are written with: steps, and objects that break."""

from __future__ import annotations

import argparse
import asyncio
import enum
import gc
import sys
import types
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from wechat_dialog import Cancelled, UnexpectedAnswer, replies, step
from wechat_dialog.core.dialog.effects import PutAway
from wechat_dialog.errors import DialogError

__all__ = ["Cancelled", "PutAway", "UnexpectedAnswer", "asyncio", "replies", "step", "sys"]

ran: Counter[str] = Counter()
"""How often each step has run."""
seen: list[str] = []
"""What is otherwise the second time."""


def begin_anew() -> None:
    ran.clear()
    seen.clear()


# Steps. -------------------------------------------------------------------------------------------


def pay() -> str:
    ran["pay"] += 1
    return "paid"


def raises(make: Callable[[], BaseException]) -> NoReturn:
    ran["raises"] += 0  # one that is told to be repeated is
    raise make()


def returns(make: Callable[[], Any]) -> Any:
    ran["returns"] += 1
    return make()


def takes(*_: object) -> None:
    ran["takes"] += 1


@dataclass
class Picky:
    """A class that does not want what JSON has of it."""

    x: int = 0

    def __post_init__(self) -> None:
        if seen:
            raise KeyError("picky")
        seen.append("picky")


def refused() -> Picky:
    ran["refused"] += 1
    return Picky()


@step(name="a\ud800")
def half_named() -> None:
    ran["half named"] += 1


@dataclass
class Unhashable:
    """A callable that has no hash: what compares by value and may change."""

    x: int = 0

    def __call__(self, y: int) -> int:
        ran["unhashable"] += 1
        return self.x + y


async def later() -> None:
    """Never awaited."""


@types.coroutine
def foreign() -> Generator[Any, Any, None]:
    yield 5


# Objects. -----------------------------------------------------------------------------------------


class Liar:
    """Whatever is asked of it, it raises: a proxy whose other side is gone."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise RuntimeError("no class")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparing")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise RuntimeError("neither")


class Unequal(Exception):
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparing")

    def __hash__(self) -> int:
        return 1


class BrokenText(str):
    """A text of a class of its own, which does not do what a text does."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def strip(self, *_: Any) -> str:
        raise RuntimeError("no strip")

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise RuntimeError("no encode")


@dataclass
class HalfMade:
    """A dataclass with a field that breaks when it is read."""

    x: int = field(init=False)


HalfMade.x = property(lambda _: throw(RuntimeError("no x")))  # type: ignore[assignment]


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


# Errors. ------------------------------------------------------------------------------------------


class Own(BaseException):
    """An author's own, of no framework."""


class BrokenError(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class BrokenValueError(ValueError):
    """A hint that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class BrokenDialogError(DialogError):
    """One of ours, so that the log shows its text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class BrokenArgs(Exception):
    """Its arguments cannot be had."""

    @property
    def args(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no args")


class HalfError(Exception):
    """With half a character."""


class Strange(Exception):
    """Cannot be made again of what it was made of, and shows something that is no text."""

    def __init__(self, *args: Any) -> None:
        if args:
            raise SystemExit("not twice")
        super().__init__(1, 2)

    def __str__(self) -> Any:
        return 5  # noqa: PLE0307 - that is the row


class Rebuilt(Exception):
    """Becomes something else when it is made again."""

    def __new__(cls, *args: Any) -> Any:
        return object() if args else super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.args = (1,)


class Unpicklable(Exception):
    """With an argument that nobody can write."""


BrokenClassName: Any = type("Half", (Exception,), {"__module__": "half\ud800"})


def throw(what: Any) -> NoReturn:
    raise what


def endless() -> None:
    endless()


# Parsers, labels and forms. -----------------------------------------------------------------------


def arguments(text: str) -> Any:
    parser = argparse.ArgumentParser(exit_on_error=True)
    parser.add_argument("--number", type=int, required=True)
    return parser.parse_args(text.split())


def once() -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in seen:
            raise SystemExit("not twice")
        seen.append(text)
        return text

    return parse


class BrokenLabel(enum.Enum):
    A = 1
    B = 2

    @property
    def label(self) -> str:
        raise RuntimeError("no label")


@dataclass
class Refusing:
    name: str = field(metadata={"title": "名字"})

    def __post_init__(self) -> None:
        raise SystemExit("refused")


def _no_default() -> str:
    raise RuntimeError("no default")


@dataclass
class BrokenDefault:
    name: str = field(default_factory=_no_default)


def closing(frame: Any) -> None:
    """Close the generator or coroutine that runs in a frame."""
    for one in gc.get_objects():
        if getattr(one, "gi_frame", None) is frame or getattr(one, "cr_frame", None) is frame:
            one.close()
