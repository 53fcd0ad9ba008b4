"""Where a dialog stands, at an effect or past its end: described in words, and as a place in its
source.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any

import msgspec

from wechat_dialog.core.blame import Place, authors, place_of
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import decode_answered, wait_id
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import LIMIT, UNBOUNDED, Rival, SignalRival
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.logs import place
from wechat_dialog.errors import ReplayMismatch, SecretMisused
from wechat_dialog.replies import Markdown

__all__ = [
    "At",
    "Ended",
    "Raised",
    "describe",
    "difference",
    "doing",
    "pending_at",
    "rivals_of",
    "way_in",
    "where",
]


class Ended(msgspec.Struct, frozen=True):
    """The dialog returned.

    Attributes:
        value: What it returned: a text, a reply, None or a `ContinueAs`.
    """

    value: object


class Raised(msgspec.Struct, frozen=True):
    """The dialog raised: an error, or a `Signal`, which is not an error."""

    error: BaseException


At = Wait[Any] | Background[Any] | StepCall[Any] | Gather[Any] | Ended | Raised
"""Where a dialog stands."""


_KINDS = {
    "y": "yield",
    "a": "ask",
    "A": "ask in secret",
    "c": "choose",
    "d": "confirm",
    "f": "form",
    "s": "sleep",
    "w": "wait_for",
    "r": "a race",
}
BACKGROUND = "swr"
"""Kinds of waits without a question; see `Background`."""


LONGEST = 40
"""How many characters of a question are quoted."""


def describe(wait: str, fn: Callable[..., Any] | None = None) -> str:
    """Describe a question, given its id in a journal.

    The journal has no more than the id. If the current code asks the same question somewhere, its
    text is found there.

    Args:
        wait: The id.
        fn: The dialog's function; None if no code is available.
    """
    kind = _KINDS.get(wait[:1], wait[:1])
    if wait[:1] in BACKGROUND:
        name = decode_answered(wait)[0][2:] if wait[:1] == "w" else ""
        return f"{kind} {name!r}" if name else kind
    if wait[1:2] == "=":
        return f"{kind} with key {wait[2:]!r}"
    text = next((text for text in _texts(fn) if wait_id(wait[:1], None, text) == wait), None)
    return f"{kind} #{wait[1:]}" if text is None else f"{kind} {text[:LONGEST]!r}"


def pending_at(wait: str, fn: Callable[..., Any] | None = None) -> str:
    """Describe a wait, given its id in a header; see `describe`."""
    description = describe(wait, fn)
    return description if wait[:1] in BACKGROUND else f"the question {description}"


def _texts(fn: Callable[..., Any] | None) -> Iterator[str]:
    """Yield the text constants of a function and its module."""
    plain = None if fn is None else inspect.unwrap(fn)
    pending: list[object] = [getattr(plain, "__code__", None)]
    while pending:
        constant = pending.pop()
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            pending += constant.co_consts
    yield from (
        constant
        for constant in getattr(plain, "__globals__", {}).values()
        if isinstance(constant, str)
    )


def doing(at: At) -> str:
    """Describe what a dialog does."""
    if isinstance(at, Wait):
        kind = _KINDS.get(at.kind, at.kind)
        spoken: tuple[object, ...] = getattr(at, "said", ())  # the question, if it has no text
        texts = [str(part) for part in (at.prompt, *spoken) if isinstance(part, (str, Markdown))]
        if not texts:
            return f"{describe(at.id)} ({type(at.prompt).__name__})"
        key = "" if at.key is None else f" with key {at.key!r}"
        return f"{kind} {' '.join(texts)[:LONGEST]!r}{key}"
    if isinstance(at, Background):
        return _waiting(at)
    if isinstance(at, StepCall):
        return f"step {at.name!r}"
    if isinstance(at, Gather):
        return f"a gathering of {', '.join(repr(call.name) for call in at.calls)}"
    if isinstance(at, Raised):
        return f"raise {type(at.error).__name__}"
    return "return"


def rivals_of(at: Wait[Any] | Background[Any]) -> str:
    """Describe what else ends a wait; "" if nothing does."""
    return ", ".join(_way(rival) for rival in at.rivals if rival is not UNBOUNDED)


def _waiting(at: Background[Any]) -> str:
    return f"a race of {rivals_of(at)}" if at.kind == "r" else rivals_of(at)


def _way(rival: Rival) -> str:
    if isinstance(rival, SignalRival):
        return f"wait_for {rival.name!r}"
    return "a limit" if rival.branch == LIMIT else "sleep"


def where(running: Any) -> str:
    """Return `file:line` of the innermost line of the author's own code at which a generator or
    coroutine stands; "" if it has ended, or is None.
    """
    way = way_in(running)
    at = authors(way)
    return str(way[at]) if at >= 0 else ""


def way_in(running: Any) -> list[Place]:
    """Return the places at which a generator or coroutine stands, through everything it waits for,
    outermost first.
    """
    way: list[Place] = []
    while running is not None:
        frame = getattr(running, "gi_frame", None) or getattr(running, "cr_frame", None)
        if frame is None:
            break
        way.append(place_of(frame))
        running = getattr(running, "gi_yieldfrom", None) or getattr(running, "cr_await", None)
    return way


def difference(
    dialog: str, position: int, expected: str, at: At | None, stood: str,
    lost: Mapping[tuple[str, str], int],
) -> ReplayMismatch:  # fmt: skip
    """Return the error that says what a dialog does where a record has something else.

    Args:
        dialog: Its name.
        position: Index of the record.
        expected: A description of what the journal has there.
        at: Where the dialog stands; None: it has not begun.
        stood: The same as `file:line`; see `where`.
        lost: As `TradedCalls.lost`.
    """
    actual = None if at is None or isinstance(at, Ended) else doing(at)
    if not isinstance(at, Raised):
        return ReplayMismatch(dialog, position, expected, actual, stood)
    if lost:
        # It failed because of another call's result: the first of those is where they differ.
        (step, _), position = min(lost.items(), key=lambda call: call[1])
        expected, actual = f"step {step!r}", f"step {step!r} with other arguments"
        return ReplayMismatch(dialog, position, expected, actual, stood)
    if isinstance(at.error, SecretMisused):
        actual, stood = f"something that depends on a secret: it {at.error.how}", place(at.error)
    error = ReplayMismatch(dialog, position, expected, actual, stood)
    error.__cause__ = at.error
    return error
