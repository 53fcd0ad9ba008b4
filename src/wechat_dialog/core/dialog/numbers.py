"""Numbers that JSON cannot represent: NaN and the infinities, which msgspec encodes as null."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, cast

import msgspec

__all__ = ["check_numbers"]


def check_numbers(data: Any, encoded: bytes) -> None:
    """Refuse data in which encoding turned a number into null.

    Args:
        data: The data.
        encoded: The data as encoded by msgspec.

    Raises:
        ValueError: A number in the data cannot be represented in JSON.
    """
    if b"null" in encoded:
        _check(msgspec.to_builtins(data, str_keys=True))


def _check(data: object) -> None:
    if isinstance(data, float) and not isfinite(data):
        raise ValueError(f"JSON has no {data}")
    inside: Iterable[object] = ()
    if isinstance(data, dict):
        inside = cast("dict[str, object]", data).values()
    elif isinstance(data, list | tuple | set | frozenset):
        inside = cast("list[object]", data)
    for each in inside:
        _check(each)
