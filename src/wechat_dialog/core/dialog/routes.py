"""Routes: which messages go to which dialog."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, cast

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.messages.base import event_name
from wechat_dialog.messages.said import text_of

__all__ = ["DialogOptions", "Match", "Route", "RouteOptions", "kind_of", "place_of"]


F = TypeVar("F", bound=Callable[..., Any])

POLICIES = ("resume", "restart", "park")


class DialogOptions(TypedDict, total=False):
    """Options of a dialog when it is registered; see `RegisteredDialog`.

    Attributes:
        name: Stored in every header; by default the function's name.
        version: If several are registered under one name, new conversations start with the last.
        timeout: Seconds without an answer after which a conversation expires; by default the bot's.
        on_divergence: What happens to a running conversation whose code was changed; by default the
            bot's.
        pure: False for dialogs that may act between their questions, as those of 2017 did.
    """

    name: str | None
    version: str | int
    timeout: float | None
    on_divergence: Literal["resume", "restart", "park"] | None
    pure: bool


class RouteOptions(DialogOptions, total=False):
    """Options of a route.

    Attributes:
        anytime: Whether it also matches in the middle of another conversation.
    """

    anytime: bool


class Match(msgspec.Struct, frozen=True):
    """A route that matches a message, and the arguments found in the message."""

    route: Route
    args: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Route:
    """A rule that starts a dialog.

    Attributes:
        kind: "text", "event", "click", "scan", "message" or "fallback".
        patterns: Texts and compiled patterns; event names, keys, scenes, kinds. If empty, it
            matches every message of the route's kind.
        dialog: The dialog.
        anytime: Whether it also matches in the middle of another conversation.
        registered: `file:line` of the dialog's function, for error messages.
    """

    kind: str
    patterns: tuple[str | re.Pattern[str], ...]
    dialog: RegisteredDialog
    anytime: bool = False
    registered: str = ""

    def match(self, message: messages.Message) -> dict[str, Any] | None:
        """Return the dialog's arguments if this route matches the message, else None."""
        subject = self._subject(message)
        if subject is None:
            return None
        if not self.patterns:
            return {}
        for pattern in self.patterns:
            if isinstance(pattern, str):
                if pattern == subject:
                    return {}
            elif match := pattern.fullmatch(subject):
                return {
                    name: value for name, value in match.groupdict().items() if value is not None
                }
        return None

    def _subject(self, message: messages.Message) -> str | None:
        """Return the text of the message against which the patterns are matched; None if the route
        never matches such messages.
        """
        kind = self.kind
        if kind == "text":
            text = text_of(message)
            return None if text is None else text.strip()
        if kind == "fallback":
            return ""
        if kind == "message":
            return message.kind
        if not isinstance(message, messages.Event):
            return None
        name = message.event.lower()
        if kind == "event":
            return name
        if kind == "click":
            return message.event_key if name == "click" else None
        scene = getattr(message, "scene", None)
        return scene if name in ("scan", "subscribe") else None

    def covers(self, later: Route) -> bool:
        """Whether this route matches every message that `later` would."""
        if self.kind == "fallback":
            return True
        if self.kind == "event" and later.kind in ("click", "scan"):
            names = {"click"} if later.kind == "click" else {"scan", "subscribe"}
            return not self.patterns or names <= set(self.patterns)
        if self.kind == "message" and later.kind in ("event", "click", "scan"):
            return not self.patterns or "event" in self.patterns
        if self.kind != later.kind:
            return self.kind == "message" and not self.patterns
        if not self.patterns:
            return True
        return bool(later.patterns) and all(self._takes(pattern) for pattern in later.patterns)

    def _takes(self, other_pattern: str | re.Pattern[str]) -> bool:
        for pattern in self.patterns:
            if pattern == other_pattern:
                return True
            if isinstance(pattern, str):
                continue
            if isinstance(other_pattern, str) and pattern.fullmatch(other_pattern):
                return True
            if (
                pattern.pattern in (".*", ".+", r"[\s\S]*")
                and self.kind == "text"
                and pattern.flags & re.DOTALL
            ):
                return True
            if pattern.pattern in (r"[\s\S]*", r"[\s\S]+"):
                return True
        return False

    def __str__(self) -> str:
        wanted = (
            ", ".join(repr(p if isinstance(p, str) else p.pattern) for p in self.patterns)
            or "anything"
        )
        place = f" ({self.registered})" if self.registered else ""
        return f"@{self.kind}({wanted}) → {self.dialog.name!r}{place}"


def kind_of(kind: str | type[messages.Message]) -> str:
    """Return the kind of message, from its name or its class."""
    if not isinstance(cast("object", kind), type):
        return cast("str", kind)  # anything else is refused with all other patterns
    cls = cast("type[messages.Message]", kind)
    if issubclass(cls, messages.Event) and cls is not messages.Event:
        # All events have one kind, so this would match every other event, too.
        raise TypeError(f"{cls.__name__} is an event; write @bot.event({event_name(cls) or '…'!r})")
    name = cast("object", cls.kind)
    if not (isinstance(name, str) and name):
        raise TypeError(
            f"{cls.__name__} is no kind of message; write @bot.message(…) with the kind's name, or "
            "@bot.message() for every message"
        )
    return name


def place_of(fn: Callable[..., Any]) -> str:
    """Return a function's name, file and line."""
    code = getattr(fn, "__code__", None)
    return f"{fn.__qualname__} ({code.co_filename}:{code.co_firstlineno})" if code else repr(fn)
