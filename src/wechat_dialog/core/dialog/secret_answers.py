"""Answers that are never stored or logged: a dialog holds one without seeing it, a step gets its
value.

`chat.ask(…, secret=True)` returns a `SecretAnswer`, live and on every replay, so that the dialog
cannot depend on a value that is known only in the turn of the answer. Passed to a step, as an
argument or inside one, it is replaced by the user's words, until the next question is asked.

Proof: `tests/dialogs/test_secret_answers.py`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, cast

import msgspec

from wechat_dialog.core.secrecy import SHOWN
from wechat_dialog.errors import SecretGone, SecretMisused

__all__ = ["SecretAnswer", "must_be_plain", "revealed", "unsaid"]

_GONE: Any = object()


def _refuses(how: str) -> Callable[..., Any]:
    def refuse(_secret: SecretAnswer, *_: object) -> Any:
        raise SecretMisused(how)

    return refuse


class SecretAnswer:
    """Stands for a secret answer in a dialog.

    Attributes:
        position: Index of its record; -1 until it has one.
        read: Returns its value, given the chat and its message; None: it cannot be read again.
    """

    __slots__ = ("_value", "position", "read")

    def __init__(self, value: object = _GONE) -> None:
        self._value = value
        self.position = -1
        self.read: Callable[[Any, Any], Any] | None = None

    def __repr__(self) -> str:
        return SHOWN

    def __getattr__(self, name: str) -> Any:
        # Python and libraries look up such names to find out what an object can do; authors do not.
        if name.startswith("__"):
            raise AttributeError(name)
        raise SecretMisused(f"is asked for its {name!r}")

    def __copy__(self) -> SecretAnswer:
        return self

    def __deepcopy__(self, _memo: object) -> SecretAnswer:
        return self

    @property
    def is_gone(self) -> bool:
        """Whether its value is lost."""
        return self._value is _GONE

    def learn(self, value: object) -> None:
        """Set its value again, read from the message that a dead worker left in the store."""
        self._value = value

    def lose(self) -> None:
        """Forget its value, so that this process knows no more than any other."""
        self._value = _GONE


_REFUSED = {
    "eq": "is compared", "ne": "is compared", "lt": "is compared", "le": "is compared",
    "gt": "is compared", "ge": "is compared", "hash": "is looked up", "bool": "decides",
    "contains": "is searched", "len": "is counted", "iter": "is looped over",
    "getitem": "is taken apart", "int": "is counted with", "float": "is counted with",
    "index": "is counted with", "bytes": "is encoded", "str": "is written into a text",
    "format": "is written into a text", "reduce_ex": "is written down",
}  # fmt: skip
_COMPUTED = """
    add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos abs
    round call
"""
for _name, _how in [*_REFUSED.items(), *((name, "is computed with") for name in _COMPUTED.split())]:
    setattr(SecretAnswer, f"__{_name}__", _refuses(_how))


def unsaid(value: object) -> object:
    """Encode a secret answer as "●●●"; for msgspec's `enc_hook`."""
    if type(value) is SecretAnswer:
        return SHOWN
    raise TypeError(f"{type(value).__qualname__} is no JSON data")


def revealed(value: Any) -> Any:
    """Return a step's argument with secret answers replaced by their values: the argument itself,
    and the contents of lists, tuples, dicts, dataclasses and Structs. Returns `value` itself if it
    contains none.

    Raises:
        SecretGone: A value is lost.
    """
    kind = cast("Any", type(value))
    if kind is SecretAnswer:
        if value.is_gone:
            raise SecretGone
        return value._value  # noqa: SLF001 - defined in this module
    if kind is list or kind is tuple:
        items: list[Any] = [revealed(item) for item in value]
        if not _differ(items, value):
            return value
        return items if kind is list else tuple(items)
    if kind is dict:
        items = [revealed(item) for item in value.values()]
        return dict(zip(value, items, strict=True)) if _differ(items, value.values()) else value
    if dataclasses.is_dataclass(kind):
        return _with_fields(value, [field.name for field in dataclasses.fields(kind)])
    if isinstance(value, msgspec.Struct):
        return _with_fields(value, kind.__struct_fields__)
    return value


def must_be_plain(state: Any) -> None:
    """Refuse a value that is to be stored and contains a secret answer.

    Raises:
        SecretMisused: It contains one.
    """
    try:
        if revealed(state) is not state:
            raise SecretMisused("is written down")
    except SecretGone:
        raise SecretMisused("is written down") from None


def _differ(new: Any, old: Any) -> bool:
    return any(now is not before for now, before in zip(new, old, strict=True))


def _with_fields(value: Any, names: Any) -> Any:
    result = value
    for name in names:
        old = getattr(value, name, None)
        new = revealed(old)
        if new is not old:
            if result is value:
                result = copy.copy(value)
            if isinstance(result, msgspec.Struct):
                msgspec.structs.force_setattr(result, name, new)
            else:
                object.__setattr__(result, name, new)
    return result
