"""Which dialog a message starts.

Routes are tried in the order of registration; the first that matches wins. Matching depends on the
message alone. A route that can never be reached, because an earlier one takes everything that it
would match, is an error when the bot starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from wechat_dialog import messages
from wechat_dialog.core.dialog.fitting import misfit
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.registration import Registration
from wechat_dialog.core.dialog.routes import (
    POLICIES,
    DialogOptions,
    Match,
    Route,
    place_of,
)
from wechat_dialog.core.quantities import as_text, is_seconds
from wechat_dialog.errors import ConfigurationError

__all__ = ["Dialogs", "Router"]


class Dialogs(Registration):
    """Routes collected in a module, for `bot.include`."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.dialogs: dict[tuple[str, str], RegisteredDialog] = {}

    def _collected(self) -> Dialogs:
        return self

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
            anytime: Whether the route also matches in the middle of another conversation.
            options: `name` (default: the function's), `version`, `timeout` in seconds,
                `on_divergence` ("resume", "restart", "park"), `pure`; see `RegisteredDialog`.

        Raises:
            ConfigurationError: Two different functions have the same name and version, or an option
                has an invalid value.
        """
        dialog = self.register(fn, **options)
        _must_fit(fn, patterns if kind in ("text", "click", "scan") else ())
        code = getattr(fn, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
        route = Route(kind, patterns, dialog, anytime, place)
        self.routes.append(route)
        return route

    def register(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
        on_divergence: str | None = None,
        pure: bool = True,
    ) -> RegisteredDialog:
        """Register a dialog without a route; see `add`."""
        if not callable(fn):
            raise TypeError(f"a dialog is a function, not {fn!r}")
        _must_fit(fn, None)
        if on_divergence is not None and on_divergence not in POLICIES:
            raise ConfigurationError(
                f"on_divergence={on_divergence!r}: one of {', '.join(POLICIES)} is wanted"
            )
        if timeout is not None and not is_seconds(timeout):
            raise ConfigurationError(
                f"timeout={as_text(timeout)}: seconds above 0, or None for the bot's own"
            )
        own = name or getattr(fn, "__name__", "") or type(fn).__name__
        key = own, str(version)
        known = self.dialogs.get(key)
        if known is None:
            known = self.dialogs[key] = RegisteredDialog(
                own, fn, str(version), timeout, on_divergence, pure
            )
        elif known.fn is not fn:
            raise ConfigurationError(
                f"two dialogs are named {own!r}{f' in version {version}' if version else ''}: "
                f"{place_of(known.fn)} and {place_of(fn)}; "
                "give one of them another name= or version="
            )
        return known


def _must_fit(fn: Callable[..., Any], patterns: Sequence[str | re.Pattern[str]] | None) -> None:
    if why := misfit(fn, patterns):
        raise ConfigurationError(why)


@dataclass
class Router:
    """All routes of a bot, in order, and its dialogs by name."""

    collected: Dialogs = field(default_factory=Dialogs)

    def include(self, dialogs: Dialogs) -> None:
        """Add the routes of another collection after the existing ones.

        Raises:
            ConfigurationError: One of its dialogs has the name of another function.
        """
        for key, dialog in dialogs.dialogs.items():
            known = self.collected.dialogs.setdefault(key, dialog)
            if known.fn is not dialog.fn:
                raise ConfigurationError(
                    f"two dialogs are named {dialog.name!r}: {place_of(known.fn)} and "
                    f"{place_of(dialog.fn)}; give one of them another name="
                )
        self.collected.routes.extend(dialogs.routes)

    def check(self) -> None:
        """Refuse a route that can never be reached, and a dialog that cannot be called.

        Raises:
            ConfigurationError: Names the route and the one before it that takes all its messages;
                or the dialog.
        """
        for dialog in self.collected.dialogs.values():
            _must_fit(dialog.fn, None)  # its annotations may have been undefined before
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
        """Yield the routes that match the message, in order, the fallback last.

        Args:
            message: The message.
            anytime: Only the routes that also match in the middle of another conversation. There
                are few of them, and they are tried for every answer.
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
        """Return the route with the newest version of its dialog, for new conversations."""
        dialog = self.newest(route.dialog.name)
        if dialog is None or dialog is route.dialog:
            return route
        return Route(route.kind, route.patterns, dialog, route.anytime, route.registered)

    def newest(self, name: str) -> RegisteredDialog | None:
        """Return the newest version of a dialog, which is the one registered last; None if no
        dialog has this name.
        """
        best = None
        for (known, _), dialog in self.collected.dialogs.items():
            if known == name:
                best = dialog
        return best

    def find(self, name: str, version: str) -> RegisteredDialog | None:
        """Return the dialog of this name and version, or None.

        Version "" is also found as "1": authors number a function that had no version when they put
        the changed one beside it as version 2, and its conversations are to go on with it.
        """
        dialogs = self.collected.dialogs
        return dialogs.get((name, version)) or (None if version else dialogs.get((name, "1")))

    def named(self, fn: Callable[..., Any]) -> RegisteredDialog | None:
        """Return the newest dialog whose function this is, or None."""
        for dialog in reversed(self.collected.dialogs.values()):
            if dialog.fn is fn:
                return self.newest(dialog.name)
        return None
