"""What a bot remembers of a user, as its dialogs see it: plain JSON data, or an author's class.

A store keeps JSON data by name. `Bot(data=Profile)` gives it the shape of a class: `chat.data` is
then a `TypedDict`, a dataclass or a `msgspec.Struct` with its types, dates and enums included. Only
names whose value was changed are written back, each for itself, so that what an older or newer
class has stored under other names, or in another type, is left alone.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, cast, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

from .errors import ConfigurationError
from .logs import report

__all__ = ["GONE", "PLAIN", "Remembered", "carry_out", "difference", "remembered"]


class Remembered(msgspec.Struct, frozen=True):
    """The shape of a user's data.

    Attributes:
        cls: The author's class; None is a plain dict.
        kinds: Types of its values by name; a name that is not there is not shown to dialogs.
    """

    cls: type | None = None
    kinds: Mapping[str, Any] = {}

    def read(self, stored: Mapping[str, Any]) -> Any:
        """Make what a dialog sees of what is stored, a fresh copy.

        A value that no longer fits its type is left out, which the log is told; what is stored
        stays as it is until a dialog assigns to its name.
        """
        if self.cls is None:
            return msgspec.to_builtins(stored)
        fit: dict[str, Any] = {}
        for name, kind in self.kinds.items():
            if name in stored:
                try:
                    fit[name] = msgspec.convert(stored[name], kind)
                except msgspec.ValidationError as error:
                    _warn(self.cls, name, error)
        try:
            return self.cls(**fit)
        except (TypeError, ValueError) as error:  # its own __post_init__ does not want them
            _warn(self.cls, "its values", error)
            return self.cls()

    def plain(self, view: Any) -> dict[str, Any]:
        """Return what a dialog sees as JSON data by name, a fresh copy.

        Raises:
            TypeError: A value is nothing JSON knows.
        """
        if self.cls is None or is_typeddict(self.cls):
            fields: dict[str, Any] = dict(view)
        else:
            fields = {name: getattr(view, name) for name in self.kinds}
        try:
            # Encoded, and not only made of JSON's types: there is more that JSON cannot say.
            return msgspec.json.decode(msgspec.json.encode(fields))  # type: ignore[no-any-return]
        except (TypeError, ValueError) as error:
            raise TypeError(f"chat.data: what is remembered must be JSON data: {error}") from error


PLAIN = Remembered()

GONE = object()
"""Stands for a value that was removed."""


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is other in `now`, by name: its values, `GONE` for what is not there."""
    found = {
        name: value for name, value in now.items() if name not in before or before[name] != value
    }
    found.update(dict.fromkeys(before.keys() - now.keys(), GONE))
    return found


def carry_out(changes: Mapping[str, Any], data: dict[str, Any]) -> None:
    """Make changes in a user's data."""
    for name, value in changes.items():
        if value is GONE:
            data.pop(name, None)
        else:
            data[name] = value


def remembered(cls: Any) -> Remembered:
    """Return the shape that a class gives to a user's data.

    Args:
        cls: A `TypedDict`, a dataclass or a `msgspec.Struct` that can be made of nothing, since a
            new user has nothing; None is a plain dict.

    Raises:
        ConfigurationError: It is none of these, a type of its is nothing msgspec knows, or it has a
            name that must be there.
    """
    if cls is None:
        return PLAIN
    typed = is_typeddict(cls)
    if not (typed or _is_dataclass(cls) or _is_struct(cls)):
        raise ConfigurationError(
            f"data={cls!r}: a TypedDict, a dataclass or a msgspec.Struct is wanted"
        )
    name: str = cls.__qualname__
    try:
        hints = get_type_hints(cls, include_extras=True)
        missing = _required(cls, hints) if typed else _without_default(cls)
        kinds = {one: _bare(hints[one]) for one in (hints if typed else _fields(cls))}
        for kind in kinds.values():
            msgspec.json.Decoder(kind)
    except (TypeError, NameError) as error:
        raise ConfigurationError(f"data={name}: {error}") from error
    if missing:
        how = "total=False" if typed else "give it a default"
        raise ConfigurationError(
            f"data={name}: {missing[0]!r} must be there, but a new user has nothing: {how}"
        )
    return Remembered(cast("type", cls), kinds)


def _is_dataclass(cls: Any) -> bool:
    return isinstance(cls, type) and dataclasses.is_dataclass(cls)


def _is_struct(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, msgspec.Struct)


def _required(cls: Any, hints: Mapping[str, Any]) -> list[str]:
    # `__required_keys__` alone is wrong where annotations are texts.
    says = {name: _name(get_origin(hint)) for name, hint in hints.items()}
    return [
        name
        for name in hints
        if says[name] == "Required"
        or (name in cls.__required_keys__ and says[name] != "NotRequired")
    ]


def _fields(cls: Any) -> list[str]:
    if _is_struct(cls):
        return list(cls.__struct_fields__)
    return [field.name for field in dataclasses.fields(cls) if field.init]


def _without_default(cls: Any) -> list[str]:
    if _is_struct(cls):
        return [field.name for field in msgspec.structs.fields(cls) if field.required]
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.init
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]


def _name(origin: Any) -> str:
    return str(getattr(origin, "_name", ""))


def _bare(hint: Any) -> Any:
    """Return a type without what only a class says of it: Required, NotRequired, ReadOnly."""
    while _name(get_origin(hint)) in ("Required", "NotRequired", "ReadOnly"):
        hint = get_args(hint)[0]
    return hint


_warned: set[tuple[type, str]] = set()


def _warn(cls: type, name: str, error: Exception) -> None:
    if (cls, name) not in _warned:
        _warned.add((cls, name))
        report(
            logging.WARNING, "chat.data: what is stored as %r no longer fits %s, and is left out",
            name, cls.__qualname__, error=error,
        )  # fmt: skip
