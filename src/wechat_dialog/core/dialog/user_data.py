"""What a bot remembers about a user, as its dialogs see it: plain JSON data, or an author's class.

A store has JSON data by name. `Bot(data=Profile)` gives it the shape of a class: `chat.data` is
then a `TypedDict`, a dataclass or a `msgspec.Struct` with its types, including dates and enums.
Only changed values are written back, each under its name, so that values that an older or newer
class has stored under other names, or in another type, are not touched.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, cast, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

from wechat_dialog.core.logs import report
from wechat_dialog.errors import ConfigurationError

__all__ = ["PLAIN", "REMOVED", "DataShape", "apply_changes", "difference", "shape_of"]


class DataShape(msgspec.Struct, frozen=True):
    """The shape of a user's data.

    Attributes:
        cls: The author's class; None: a plain dict.
        kinds: Types of its values by name; other names are not visible to dialogs.
    """

    cls: type | None = None
    kinds: Mapping[str, Any] = {}

    def read(self, stored: Mapping[str, Any]) -> Any:
        """Return a copy of the stored data as a dialog sees it.

        A value that no longer fits its type is left out, and logged; the stored value remains until
        a dialog assigns to its name.
        """
        if self.cls is None:
            return msgspec.to_builtins(stored)
        fitting: dict[str, Any] = {}
        for name, kind in self.kinds.items():
            if name in stored:
                try:
                    fitting[name] = msgspec.convert(stored[name], kind)
                except Exception as error:  # noqa: BLE001 - a class may raise anything
                    _warn(self.cls, name, error)
        try:
            return self.cls(**fitting)
        except Exception as error:  # noqa: BLE001 - its __post_init__ refuses the values
            _warn(self.cls, "its values", error)
            return self.cls()

    def renewed(self, view: Any, fresh: Any) -> Any:
        """Update the object that a dialog holds with the values of a new one, and return it; return
        the new one if the old one cannot be changed.
        """
        try:
            if self.cls is None or is_typeddict(self.cls):
                view.clear()
                view.update(fresh)
            else:
                for name in self.kinds:
                    setattr(view, name, getattr(fresh, name))
        except Exception:  # noqa: BLE001 - frozen, or replaced by the author
            return fresh
        return view

    def plain(self, view: Any) -> dict[str, Any]:
        """Return a copy of what a dialog sees, as JSON data by name; the inverse of `read`.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        if self.cls is None or is_typeddict(self.cls):
            fields: dict[str, Any] = dict(view)
        else:
            fields = {name: getattr(view, name) for name in self.kinds}
        try:
            # Encoded, since the types alone are not enough: half a character, for example, is a
            # `str`.
            return msgspec.json.decode(msgspec.json.encode(fields))  # type: ignore[no-any-return]
        except (TypeError, ValueError) as error:
            raise TypeError(f"chat.data: what is remembered must be JSON data: {error}") from error


PLAIN = DataShape()

REMOVED = object()
"""Stands for a value that was removed."""


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes from `before` to `now`, by name: new values, and `REMOVED` for removed
    ones.
    """
    changes = {
        name: value for name, value in now.items() if name not in before or before[name] != value
    }
    changes.update(dict.fromkeys(before.keys() - now.keys(), REMOVED))
    return changes


def apply_changes(changes: Mapping[str, Any], data: dict[str, Any]) -> None:
    """Apply the result of `difference` to a user's data."""
    for name, value in changes.items():
        if value is REMOVED:
            data.pop(name, None)
        else:
            data[name] = value


def shape_of(cls: Any) -> DataShape:
    """Return the shape that a class gives to a user's data.

    Args:
        cls: A `TypedDict`, a dataclass or a `msgspec.Struct` that can be created without arguments,
            since a new user has no data; None: a plain dict.

    Raises:
        ConfigurationError: It is none of these, msgspec cannot decode one of its types, or one of
            its fields is required.
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
        kinds = {field: _bare(hints[field]) for field in (hints if typed else _fields(cls))}
        for kind in kinds.values():
            msgspec.json.Decoder(kind)
    except (TypeError, NameError) as error:
        raise ConfigurationError(f"data={name}: {error}") from error
    if missing:
        how = "total=False" if typed else "give it a default"
        raise ConfigurationError(
            f"data={name}: {missing[0]!r} must be there, but a new user has nothing: {how}"
        )
    return DataShape(cast("type", cls), kinds)


def _is_dataclass(cls: Any) -> bool:
    return isinstance(cls, type) and dataclasses.is_dataclass(cls)


def _is_struct(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, msgspec.Struct)


def _required(cls: Any, hints: Mapping[str, Any]) -> list[str]:
    # `__required_keys__` alone is wrong if annotations are strings.
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
    """Return a type without the qualifiers of a `TypedDict`: Required, NotRequired, ReadOnly."""
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
