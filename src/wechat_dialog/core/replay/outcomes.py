"""Outcomes of steps, and data of signals: how they are recorded and decoded.

What a dialog gets from a step or a signal has been encoded as JSON and decoded, live as well as in
a replay, so that both are the same value.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import typing
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from wechat_dialog.core.blame import is_bug, told, writable
from wechat_dialog.core.dialog.rivals import SignalRival
from wechat_dialog.errors import DialogError, SignalMisfit, StepFailed

from .records import Failed, GatheredFailed, GatheredReturned, Returned, SignalRecord

__all__ = [
    "READER",
    "OutcomeReader",
    "class_of",
    "failed",
    "must_come_back",
    "raised",
    "returned",
    "value",
]

T = TypeVar("T")


LONGEST_ARGS = 16_384
"""Longest exception arguments that are recorded, in bytes."""


def returned(
    name: str, result: object, slot: int | None = None, call: str = ""
) -> Returned | GatheredReturned:
    """Return the record of a step that returned; `call` is `StepCall.digest`.

    Raises:
        TypeError: The result cannot be encoded as JSON.
    """
    try:
        raw = msgspec.Raw(msgspec.json.encode(result))
    except Exception as error:
        raise TypeError(
            f"step {name!r} returned {type(result).__qualname__}, which cannot be written down "
            f"({told(error)}); return JSON data, a dataclass or a msgspec.Struct"
        ) from error
    if slot is None:
        return Returned(name, raw, call)
    return GatheredReturned(slot, name, raw, call)


def failed(
    name: str, error: BaseException, slot: int | None = None, call: str = ""
) -> Failed | GatheredFailed:
    """Return the record of a step that raised; `call` is `StepCall.digest`."""
    cls = type(error)
    place = writable(f"{cls.__module__}:{cls.__qualname__}")
    args, text = _args_of(error), told(error)
    if slot is None:
        return Failed(name, place, args, text, call)
    return GatheredFailed(slot, name, place, args, text, call)


def _args_of(error: BaseException) -> list[Any] | None:
    """Return the arguments of an exception as decoded from JSON; None if they would differ from the
    original, or are too long. An argument that raises when it is inspected must not lose the
    outcome.
    """
    try:
        encoded = msgspec.json.encode(list(error.args))
        args = msgspec.json.decode(encoded)
        # A tuple is decoded as a list, an object as a dict.
        return args if len(encoded) <= LONGEST_ARGS and args == list(error.args) else None
    except Exception:  # noqa: BLE001 - see above
        return None


class OutcomeReader:
    """Decodes recorded outcomes of steps, and data of signals."""

    __slots__ = ()

    def value(self, fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
        """See `value`."""
        return value(fn, record)

    def raised(self, record: Failed | GatheredFailed) -> Exception:
        """See `raised`."""
        return raised(record)

    def data(self, rival: SignalRival, record: SignalRecord) -> Any:
        """See `signals.read_data`."""
        from wechat_dialog.core.dialog.signals import read_data  # few dialogs wait for a signal

        return read_data(rival, record.data)

    def misfit(self, record: SignalRecord) -> SignalMisfit:
        """Return the exception to raise if the data did not fit."""
        return SignalMisfit(record.name, record.misfit)


READER = OutcomeReader()


def value(fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
    """Decode a step's result as the annotated return type of its function.

    Raises:
        ValueError: It is no longer of that type.
    """
    try:
        return msgspec.json.decode(record.result, type=_result_type_of(fn))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def must_come_back(fn: Callable[..., Any], name: str, result: object, read: object) -> None:
    """Refuse a result that JSON silently turns into another type because there is no annotation: a
    `Decimal` into a `str`, a `tuple` into a list. Annotated results are decoded as annotated.

    What its annotation names is as its annotation says.

    Args:
        fn: The step's function.
        name: The step's name.
        result: What it returned.
        read: The result, encoded and decoded.

    Raises:
        TypeError: It changes; the text says what to annotate.
    """
    if not _is_open(_result_type_of(fn)):
        return
    difference = _first_difference(result, read, "")
    if difference is None:
        return
    index, is_, becomes = difference
    kind = type(is_).__qualname__
    if index:
        finding = f"holds {kind} at {index}"
        advice = "annotate its return with a dataclass or TypedDict that says so"
    elif type(is_) is type(becomes):
        finding, advice = f"returned {kind} of something", f"annotate it `-> {kind}[…]`"
    else:
        finding, advice = f"returned {kind}", f"annotate it `-> {kind}`"
    raise TypeError(
        f"step {name!r} {finding}, which JSON gives back as {type(becomes).__qualname__}: {advice}"
    )


def _is_open(kind: Any) -> bool:
    """Whether an annotation does not determine the type of everything in a result."""
    if kind is Any or kind is object or kind in (dict, list, tuple, set, frozenset):
        return True
    return any(_is_open(argument) for argument in typing.get_args(kind))


def _first_difference(before: Any, after: Any, index: str) -> tuple[str, object, object] | None:
    """Return where two values first differ, as an index into them, and both values there."""
    if type(before) is type(after) and isinstance(before, (dict, list)):
        for key, mine in _items(before):
            if isinstance(after, dict) and key not in after:
                return f"key {key!r}", key, str(key)
            if difference := _first_difference(mine, after[key], f"{index}[{key!r}]"):
                return difference
        return None
    try:
        same = bool(before == after) and (
            isinstance(after, type(before)) or isinstance(before, type(after))
        )
    except Exception:  # noqa: BLE001 - values may raise when they are compared
        same = False
    return None if same else (index, before, after)


def _items(holder: Any) -> list[tuple[Any, Any]]:
    pairs: list[tuple[Any, Any]] = list(getattr(holder, "items", lambda: enumerate(holder))())
    return pairs


def _result_type_of(fn: Callable[..., Any]) -> Any:
    try:
        return _result_type(fn)
    except TypeError:  # a callable that cannot be hashed
        return _result_type.__wrapped__(fn)


def raised(record: Failed | GatheredFailed) -> Exception:
    """Rebuild a step's exception: of its own class if that is loaded and accepts the recorded
    `args`, else `StepFailed`.

    No module is imported for it, and only subclasses of `Exception` are called, so that a forged
    journal cannot run code.
    """
    cls = class_of(record.cls)
    if record.args is not None and cls is not None:
        try:
            error: object = cls(*record.args)
        except BaseException as broken:  # a constructor may not take its own args
            if not is_bug(broken):
                raise
            error = None
        is_ours = isinstance(error, DialogError)
        if isinstance(error, Exception) and (is_ours or told(error) == record.text):
            return error
    return StepFailed(record.cls.replace(":", "."), record.text)


def class_of(place: str) -> type[Exception] | None:
    """Return the class that a record names (`module:qualname`), or None if it is not loaded, is not
    a subclass of `Exception`, or is `StopIteration`, which no generator can raise.
    """
    module, _, qualname = place.partition(":")
    cls: Any = builtins if module == "builtins" else sys.modules.get(module)
    for part in qualname.split("."):
        cls = getattr(cls, part, None)
    if not isinstance(cls, type) or issubclass(cls, StopIteration):
        return None
    return cls if issubclass(cls, Exception) else None


@lru_cache(maxsize=1024)
def _result_type(fn: Callable[..., Any]) -> Any:
    try:
        hint = typing.get_type_hints(inspect.unwrap(fn)).get("return", Any)
        msgspec.json.Decoder(hint)
    except Exception:  # noqa: BLE001 - a hint that cannot be evaluated, or is unknown to msgspec
        return Any
    return hint
