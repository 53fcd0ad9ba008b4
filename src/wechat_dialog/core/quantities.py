"""Numbers that an author passes: seconds and counts.

Anything else (a `bool`, a `Decimal`, NaN, infinity, more than any clock or store can count) is
refused where it is passed, and not in the turn that computes with it.
"""

from __future__ import annotations

from math import log10
from typing import TypeGuard

__all__ = [
    "LONGEST",
    "as_text",
    "is_count",
    "is_number",
    "is_seconds",
    "refusal",
    "require_seconds",
]

LONGEST = 100 * 366 * 86_400
"""The most seconds that are accepted: a hundred years."""

MOST = 2**53
"""Below this is every count: JavaScript's and Lua's numbers are exact up to here."""


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is an `int` or a `float`, and not a `bool`."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_seconds(value: object, *, zero: bool = False) -> TypeGuard[float]:
    """Return whether a value is a number of seconds, at most `LONGEST`; `zero`: it may be 0."""
    return is_number(value) and (0 < value <= LONGEST or (zero and value == 0))


def is_count(value: object, least: int = 1) -> TypeGuard[int]:
    """Return whether a value is a whole number from `least` up."""
    return isinstance(value, int) and is_number(value) and least <= value < MOST


def as_text(value: object) -> str:
    """Return a value as it is written in a refusal; Python gives long numbers no text."""
    if isinstance(value, int) and abs(value) >= MOST:
        return f"{'-' if value < 0 else ''}10**{log10(abs(value)):.0f}"
    return repr(value)


def refusal(value: object, sentence: str) -> TypeError | ValueError:
    """Return the error for a value that is refused, with this sentence."""
    return ValueError(sentence) if is_number(value) else TypeError(sentence)


def require_seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Refuse an argument that is no number of seconds above 0; `zero`: it may be 0.

    Raises:
        TypeError: It is no number.
        ValueError: It is too small, or too great.
    """
    if not is_seconds(value, zero=zero):
        wanted = "seconds, 0 or more" if zero else "seconds above 0"
        raise refusal(value, f"{name}={as_text(value)}: {wanted}")
