"""Which dialog a message starts.

Routes are tried in the order they were registered; the first that matches wins. Matching is decided
by the message alone. A route that can never be reached, because one before it takes everything it
would match, is an error when the bot starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypedDict, TypeVar, Unpack, cast

import msgspec

from . import answers, messages
from .engine import Dialog
from .errors import ConfigurationError
from .messages.base import event_name

__all__ = ["DialogOptions", "Dialogs", "Match", "Route", "RouteOptions", "Router"]

F = TypeVar("F", bound=Callable[..., Any])

POLICIES = ("resume", "restart", "park")


class DialogOptions(TypedDict, total=False):
    """What may be said of a dialog where it is registered; see `Dialog`.

    Attributes:
        name: Stored in every header; the function's unless given.
        version: Where several are registered under one name, new conversations start on the last.
        timeout: Seconds without an answer after which a conversation is gone; the bot's unless
            given.
        on_divergence: What becomes of a running conversation whose code was changed; likewise.
        pure: False for dialogs that may act between their questions, as those of 2017 did.
    """

    name: str | None
    version: str | int
    timeout: float | None
    on_divergence: Literal["resume", "restart", "park"] | None
    pure: bool


class RouteOptions(DialogOptions, total=False):
    """And what of a route.

    Attributes:
        anytime: Whether it answers in the middle of another conversation too.
    """

    anytime: bool


class Match(msgspec.Struct, frozen=True):
    """A route that takes a message, and the arguments it found in it."""

    route: Route
    args: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Route:
    """One way into a dialog.

    Attributes:
        kind: "text", "event", "click", "scan", "message" or "fallback".
        patterns: Texts and compiled patterns; event names, keys, scenes, kinds; empty takes every
            message of the route's kind.
        dialog: The dialog.
        anytime: Whether it answers in the middle of another conversation too.
        registered: `file:line` of the dialog's function, for messages to its author.
    """

    kind: str
    patterns: tuple[str | re.Pattern[str], ...]
    dialog: Dialog
    anytime: bool = False
    registered: str = ""

    def match(self, message: messages.Message) -> dict[str, Any] | None:
        """Return the dialog's arguments if this route takes the message, else None."""
        subject = self._subject(message)
        if subject is None:
            return None
        if not self.patterns:
            return {}
        for pattern in self.patterns:
            if isinstance(pattern, str):
                if pattern == subject:
                    return {}
            elif found := pattern.fullmatch(subject):
                return {
                    name: value for name, value in found.groupdict().items() if value is not None
                }
        return None

    def _subject(self, message: messages.Message) -> str | None:
        """Return what of the message the patterns are matched against, None if the route is for
        others.
        """
        kind = self.kind
        if kind == "text":
            text = answers.text_of(message)
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

    def covers(self, other: Route) -> bool:
        """Whether this route takes every message that `other` would."""
        if self.kind == "fallback":
            return True
        if self.kind == "event" and other.kind in ("click", "scan"):
            names = {"click"} if other.kind == "click" else {"scan", "subscribe"}
            return not self.patterns or names <= set(self.patterns)
        if self.kind == "message" and other.kind in ("event", "click", "scan"):
            return not self.patterns or "event" in self.patterns
        if self.kind != other.kind:
            return self.kind == "message" and not self.patterns
        if not self.patterns:
            return True
        return bool(other.patterns) and all(self._takes(pattern) for pattern in other.patterns)

    def _takes(self, other: str | re.Pattern[str]) -> bool:
        for pattern in self.patterns:
            if pattern == other:
                return True
            if isinstance(pattern, str):
                continue
            if isinstance(other, str) and pattern.fullmatch(other):
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


class Dialogs:
    """Routes collected in a module of their own, for `bot.include`."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.dialogs: dict[tuple[str, str], Dialog] = {}

    def text(
        self, *patterns: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route texts to a dialog; a decorator.

        Args:
            patterns: A `str` matches the whole text, stripped; a compiled pattern matches it with
                `fullmatch` and hands its named groups to the dialog as arguments. None at all:
                every text.
            options: `anytime`, `name`, `version`, `timeout`, `on_divergence`; see `add`.
        """
        return self._decorate("text", patterns, options)

    def event(self, *names: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Route events by name, in any case ("subscribe", "CLICK"); none at all: every event. A
        decorator.
        """
        return self._decorate("event", tuple(name.lower() for name in names), options)

    def click(
        self, *keys: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route taps of menu buttons by the button's key; none at all: every tap. A decorator."""
        return self._decorate("click", keys, options)

    def scan(
        self, *scenes: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route scans of a parametric QR code by scene, by followers and new ones alike. A
        decorator.
        """
        return self._decorate("scan", scenes, options)

    def message(
        self, *kinds: str | type[messages.Message], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route messages by kind ("image", or `messages.Image`); none at all: every message. A
        decorator.

        Raises:
            TypeError: A class is an event, which has a route by its name, or has no kind.
        """
        return self._decorate("message", tuple(_kind_of(kind) for kind in kinds), options)

    def fallback(self, fn: F) -> F:
        """Take every message no other route takes, wherever it was registered. A decorator without
        arguments.
        """
        self.add("fallback", (), fn)
        return fn

    def dialog(self, fn: Callable[..., Any] | None = None, **options: Unpack[DialogOptions]) -> Any:
        """Name a dialog that no message starts, for `chat.continue_as`. A decorator, with or
        without options.
        """
        if fn is None:
            return partial(self.dialog, **options)
        self._dialog(fn, **options)
        return fn

    def _decorate(
        self, kind: str, patterns: Sequence[str | re.Pattern[str]], options: RouteOptions
    ) -> Callable[[F], F]:
        for pattern in patterns:
            # A decorator used without its parentheses gets the function here.
            if not isinstance(cast("object", pattern), (str, re.Pattern)):
                raise TypeError(
                    f"@{kind} takes texts or compiled patterns, not {pattern!r}; "
                    f"write @bot.{kind}(…)"
                )
            if kind == "text" and isinstance(pattern, str) and pattern != pattern.strip():
                raise ConfigurationError(
                    f"@text({pattern!r}) can never be reached: texts are compared without the "
                    f"white space around them; write {pattern.strip()!r}"
                )

        def register(fn: F) -> F:
            self.add(kind, tuple(patterns), fn, **options)
            return fn

        return register

    def add(
        self,
        kind: str,
        patterns: tuple[str | re.Pattern[str], ...],
        fn: Callable[..., Any],
        *,
        anytime: bool = False,
        **options: Unpack[DialogOptions],
    ) -> Route:
        """Register a route.

        Args:
            kind: "text", "event", "click", "scan", "message" or "fallback".
            patterns: See `Route`.
            fn: The dialog's function.
            anytime: Whether the route answers in the middle of another conversation too.
            options: `name` (else the function's), `version`, `timeout` in seconds, `on_divergence`
                ("resume", "restart", "park"), `pure`; see `Dialog`.

        Raises:
            ConfigurationError: Two different functions under one name and version, or an option
                that is none.
        """
        code = getattr(fn, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
        route = Route(kind, patterns, self._dialog(fn, **options), anytime, place)
        self.routes.append(route)
        return route

    def _dialog(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
        on_divergence: str | None = None,
        pure: bool = True,
    ) -> Dialog:
        if not callable(fn):
            raise TypeError(f"a dialog is a function, not {fn!r}")
        if on_divergence is not None and on_divergence not in POLICIES:
            raise ConfigurationError(
                f"on_divergence={on_divergence!r}: one of {', '.join(POLICIES)} is wanted"
            )
        own = name or getattr(fn, "__name__", "") or type(fn).__name__
        mark = own, str(version)
        known = self.dialogs.get(mark)
        if known is None:
            known = self.dialogs[mark] = Dialog(own, fn, str(version), timeout, on_divergence, pure)
        elif known.fn is not fn:
            raise ConfigurationError(
                f"two dialogs are named {own!r}{f' in version {version}' if version else ''}: "
                f"{_place(known.fn)} and {_place(fn)}; give one of them another name= or version="
            )
        return known


@dataclass
class Router:
    """All routes of a bot, in order, and its dialogs by name."""

    collected: Dialogs = field(default_factory=Dialogs)

    def include(self, dialogs: Dialogs) -> None:
        """Add the routes of another collection behind those there are.

        Raises:
            ConfigurationError: One of its dialogs has the name of another function's.
        """
        for mark, dialog in dialogs.dialogs.items():
            known = self.collected.dialogs.setdefault(mark, dialog)
            if known.fn is not dialog.fn:
                raise ConfigurationError(
                    f"two dialogs are named {dialog.name!r}: {_place(known.fn)} and "
                    f"{_place(dialog.fn)}; give one of them another name="
                )
        self.collected.routes.extend(dialogs.routes)

    def check(self) -> None:
        """Refuse a route that can never be reached.

        Raises:
            ConfigurationError: It names that route and the one before it that takes all its
                messages.
        """
        routes = [route for route in self.collected.routes if route.kind != "fallback"]
        fallbacks = [route for route in self.collected.routes if route.kind == "fallback"]
        if len(fallbacks) > 1:
            raise ConfigurationError(
                f"two fallbacks: {fallbacks[0]} and {fallbacks[1]}; only one can ever be reached"
            )
        for index, route in enumerate(routes):
            for before in routes[:index]:
                if before.covers(route) and not self._newer_version(before, route):
                    raise ConfigurationError(
                        f"{route} can never be reached: {before} takes all its messages first"
                    )

    @staticmethod
    def _newer_version(before: Route, route: Route) -> bool:
        return (
            before.dialog.name == route.dialog.name
            and before.dialog.version != route.dialog.version
        )

    def matches(self, message: messages.Message, *, anytime: bool = False) -> Iterator[Match]:
        """Yield the routes that take the message, in order, the fallback last.

        Args:
            message: The message.
            anytime: Only those that do so in the middle of another conversation: few of many, and
                asked for at every answer.
        """
        last: list[Match] = []
        for route in self.collected.routes:
            if anytime and not route.anytime:
                continue
            args = route.match(message)
            if args is None:
                continue
            if route.kind == "fallback":
                last.append(Match(route, args))
            else:
                yield Match(self._newest(route), args)
        yield from last

    def _newest(self, route: Route) -> Route:
        """Return the route on the newest version of its dialog: new conversations start there."""
        dialog = self.newest(route.dialog.name)
        if dialog is None or dialog is route.dialog:
            return route
        return Route(route.kind, route.patterns, dialog, route.anytime, route.registered)

    def newest(self, name: str) -> Dialog | None:
        """Return the newest version of a dialog: the one registered last; None if there is none of
        the name.
        """
        best = None
        for (known, _), dialog in self.collected.dialogs.items():
            if known == name:
                best = dialog
        return best

    def find(self, name: str, version: str) -> Dialog | None:
        """Return the dialog of this name and version, or None."""
        return self.collected.dialogs.get((name, version))

    def named(self, fn: Callable[..., Any]) -> Dialog | None:
        """Return the newest dialog whose function this is, or None."""
        for dialog in reversed(self.collected.dialogs.values()):
            if dialog.fn is fn:
                return self.newest(dialog.name)
        return None


def _kind_of(kind: str | type[messages.Message]) -> str:
    if not isinstance(cast("object", kind), type):
        return cast("str", kind)  # what is neither is refused with all other patterns
    cls = cast("type[messages.Message]", kind)
    if issubclass(cls, messages.Event) and cls is not messages.Event:
        # All events are of one kind: it would take every other one too.
        raise TypeError(f"{cls.__name__} is an event; write @bot.event({event_name(cls) or '…'!r})")
    name = cast("object", cls.kind)
    if not (isinstance(name, str) and name):
        raise TypeError(
            f"{cls.__name__} is no kind of message; write @bot.message(…) with the kind's name, or "
            "@bot.message() for every message"
        )
    return name


def _place(fn: Callable[..., Any]) -> str:
    code = getattr(fn, "__code__", None)
    return f"{fn.__qualname__} ({code.co_filename}:{code.co_firstlineno})" if code else repr(fn)
