"""The decorators that register dialogs with a bot or a `Dialogs` collection."""

from __future__ import annotations

import re
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, Unpack, cast, overload

from wechat_dialog import messages
from wechat_dialog.core.dialog.routes import DialogOptions, F, RouteOptions, kind_of
from wechat_dialog.errors import ConfigurationError

__all__ = ["Registration"]


class Collection(Protocol):
    """Stores routes and dialogs; see `Dialogs`."""

    def add(
        self,
        kind: str,
        patterns: tuple[str | re.Pattern[str], ...],
        fn: Callable[..., Any],
        **options: Unpack[RouteOptions],
    ) -> object:
        """Register a route."""
        ...

    def register(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        version: str | int = "",
        timeout: float | None = None,
        on_divergence: str | None = None,
        pure: bool = True,
    ) -> object:
        """Register a dialog without a route."""
        ...


class Registration(metaclass=ABCMeta):
    """The decorators of a bot and of `Dialogs`."""

    @abstractmethod
    def _collected(self) -> Collection:
        """Return the collection to which routes and dialogs are added."""

    def text(
        self, *patterns: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route texts to a dialog; a decorator.

        Args:
            patterns: A `str` matches the whole stripped text; a compiled pattern matches it with
                `fullmatch`, and its named groups become arguments of the dialog. Without patterns:
                every text.
            options: `anytime`, `name`, `version`, `timeout`, `on_divergence`; see `add`.
        """
        return self._decorate("text", patterns, options)

    def event(self, *names: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Route events by name, in any case ("subscribe", "CLICK"); without names: every event. A
        decorator.
        """
        return self._decorate("event", names, options)

    def click(
        self, *keys: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route taps on menu buttons by the button's key; without keys: every tap. A decorator."""
        return self._decorate("click", keys, options)

    def scan(
        self, *scenes: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route scans of a parametric QR code by scene, by followers and new users alike. A
        decorator.
        """
        return self._decorate("scan", scenes, options)

    def message(
        self, *kinds: str | type[messages.Message], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route messages by kind ("image", or `messages.Image`); without kinds: every message. A
        decorator.

        Raises:
            TypeError: A class is an event, which is routed by its name, or has no kind.
        """
        return self._decorate("message", tuple(kind_of(kind) for kind in kinds), options)

    @overload
    def fallback(self, fn: F, /) -> F: ...
    @overload
    def fallback(self, fn: None = None, /) -> Callable[[F], F]: ...
    def fallback(self, fn: Any = None, /) -> Any:
        """Take every message that no other route takes, wherever it is registered. A decorator,
        with or without parentheses.
        """
        if fn is None:
            return self.fallback
        self._collected().add("fallback", (), fn)
        return fn

    @overload
    def dialog(self, fn: F, /) -> F: ...
    @overload
    def dialog(self, **options: Unpack[DialogOptions]) -> Callable[[F], F]: ...
    def dialog(self, fn: Callable[..., Any] | None = None, **options: Unpack[DialogOptions]) -> Any:
        """Name a dialog that no message starts, for `chat.continue_as`. A decorator, with or
        without options.
        """
        if fn is None:
            return partial(self.dialog, **options)
        self._collected().register(fn, **options)
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

        if kind == "event":
            patterns = [name.lower() for name in patterns if isinstance(name, str)]

        def register(fn: F) -> F:
            self._collected().add(kind, tuple(patterns), fn, **options)
            return fn

        return register
