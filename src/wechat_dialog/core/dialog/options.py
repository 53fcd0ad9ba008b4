"""The options of a menu: values and their labels."""

from __future__ import annotations

import enum
from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache
from typing import Any

from wechat_dialog.parsers.spoken import fold

__all__ = ["LONGEST_LABEL", "among", "exact", "identity", "label_of", "pairs"]


LONGEST_LABEL = 200  # characters; longer answers are not read either: `parsers.spoken.LONGEST`


def label_of(member: enum.Enum) -> str:
    """Return what a user sees of an Enum member.

    That is its attribute `label`, else its value if that is a text, else its name.
    """
    own = getattr(member, "label", None)
    if isinstance(own, str):
        return own
    return member.value if isinstance(member.value, str) else member.name


def pairs(options: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the labels and the values of the options that an author passed.

    Args:
        options: A sequence of labels, or of (label, value) pairs; a mapping from label to value; an
            Enum class.

    Raises:
        TypeError: The options are none of these.
        ValueError: There are no options; two have labels that read the same; a label is blank or
            longer than an answer may be (200 characters).
    """
    anything: Any = options  # isinstance would narrow it to unknown types
    if isinstance(options, type) and issubclass(options, enum.Enum):
        labelled: list[tuple[Any, Any]] = [(label_of(member), member) for member in options]
    elif isinstance(options, Mapping):
        labelled = list(anything.items())
    elif isinstance(options, Sequence) and not isinstance(options, (str, bytes)):
        labelled = [
            (option, option) if isinstance(option, str) else _pair(option) for option in anything
        ]
    else:
        raise TypeError(
            "choose: options are a list of labels or of (label, value) pairs, a mapping from label "
            f"to value, or an Enum class, not {type(anything).__qualname__}"
        )
    labels = tuple(label for label, _ in labelled)
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"choose: a label is a text, not {label!r}")
    return _checked(labels), tuple(value for _, value in labelled)


def _pair(option: Any) -> tuple[Any, Any]:
    anything: Any = option  # isinstance would narrow it to unknown types
    if isinstance(option, tuple) and len(anything) == 2:
        return anything[0], anything[1]
    raise TypeError(f"choose: an option is a label or a pair (label, value), not {option!r}")


@lru_cache(maxsize=1024)
def _checked(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels as shown, each on one line."""
    if not labels:
        raise ValueError("choose: no options; a menu needs at least one")
    even = tuple(" ".join(label.split()) for label in labels)
    seen: dict[str, str] = {}
    for label in even:
        if not label or len(label) > LONGEST_LABEL:
            raise ValueError(
                f"choose: the label {label[:20]!r} is blank or over {LONGEST_LABEL} characters"
            )
        read = fold(label) or label
        if read in seen:
            raise ValueError(
                f"choose: two options read the same to a user: {seen[read]!r} and {label!r}"
            )
        seen[read] = label
    return even


@lru_cache(maxsize=1024)
def exact(labels: tuple[str, ...]) -> frozenset[str]:
    """Return the folded texts that always mean one of the options: labels and numbers."""
    numbers = {str(number) for number in range(1, len(labels) + 1)}
    return frozenset({fold(label) for label in labels} | numbers) - {""}


def among(words: Container[str]) -> Callable[[str], bool]:
    """Return a function that says whether a text is one of these folded words."""
    return lambda word: fold(word) in words


def identity(label: str, value: object) -> str:
    """Return what identifies an option: the member's name of an Enum, the value if it is a text,
    else the label. The first two stay the same when a label is reworded.
    """
    if isinstance(value, enum.Enum):
        return value.name
    return value if isinstance(value, str) else label
