"""What a bot opens when it is first needed, and releases when it is closed: the store, the runner
of its turns, the active side, the handler of its pages.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from .bot_outside import BotOutside
from .core.secrecy import hidden
from .core.wire.codec import Codec
from .errors import ConfigurationError
from .forks import leave_behind
from .runtime.live_dialogs import LiveDialogs

if TYPE_CHECKING:
    from wechat_dialog.core.store.contract import AsyncStore, Store

    from .api import Api, AsyncApi
    from .core.pages.address import Pages
    from .core.turn.outcome import Outcome
    from .core.turn.settings import Settings
    from .core.turn.turn_report import OnTurn
    from .core.turn.window import Window
    from .runtime.page_door import PageDoor
    from .runtime.requests import Begins
    from .runtime.runner import Runner

__all__ = ["BotResources"]


class BotResources(BotOutside):
    """The part of a bot that holds resources to be released; see `Bot` for its attributes."""

    token: str
    app_id: str
    app_secret: str
    api_host: str
    settings: Settings
    window: Window
    longest_turn: float | None
    drain: float
    on_turn: OnTurn | None
    _clock: Callable[[], float]
    _codec: Codec
    _store_setting: str | Store | None

    @cached_property
    def store(self) -> Store:
        """The bot's store, opened at first use.

        Raises:
            ConfigurationError: The URL is invalid, or its driver is not installed.
        """
        # Stores, threads and event loops are imported when a bot is first used, not when its module
        # is imported to check it or to collect its routes.
        from .stores import open_store

        setting = self._store_setting
        return open_store(setting) if setting is None or isinstance(setting, str) else setting

    @cached_property
    def async_store(self) -> AsyncStore:
        """The store's interface for event loops."""
        from .stores import for_async

        return for_async(self.store)

    @cached_property
    def _runner(self) -> Runner:
        from .runtime.runner import Runner

        pusher = None
        if self.rules.may_push:
            api, asynchronous = self.api, self.async_api
            from .api.pusher import Pusher

            pusher = Pusher(api, asynchronous)
        if self.rules.pages is not None and not hasattr(self.store, "page_append"):
            raise ConfigurationError("pages= needs a store that keeps them: see `core.store.pages`")
        _open.add(self)
        return Runner(
            self.settings, self.store, lambda: self.async_store, self.window, pusher,
            self.longest_turn, self._accounts(), self.on_turn,
        )  # fmt: skip

    @cached_property
    def api(self) -> Api:
        """The active side for threads and for steps that are plain functions: `bot.api.send(…)`.

        Raises:
            ConfigurationError: AppID or AppSecret are missing, or `wechat-dialog[api]` is not
                installed.
        """
        if not (self.app_id and self.app_secret):
            raise ConfigurationError("the active side needs app_id= and app_secret=")
        try:
            from .api import Api
        except ModuleNotFoundError as error:
            if error.name != "httpx":
                raise
            raise ConfigurationError(
                'the active side needs httpx: pip install "wechat-dialog[api]"'
            ) from error
        return Api(self.app_id, self.app_secret, host=self.api_host)

    @cached_property
    def async_api(self) -> AsyncApi:
        """The active side for event loops and for steps that are coroutines; see `api`."""
        return self.api.for_async()

    @property
    def pages(self) -> PageDoor | None:
        """The request handler of answer pages; None: the bot has none (`Bot(pages=…)`)."""
        return None if self.rules.pages is None else self._page_door

    @cached_property
    def _page_door(self) -> PageDoor:
        from .core.pages.door import Door
        from .runtime.page_door import PageDoor

        if self.rules.pages is None:
            raise AssertionError("a bot without pages has no door to them")
        door = Door(self.rules.pages, lambda: self.rules.texts)
        return PageDoor(door, lambda: self.store, lambda: self.async_store)

    def _pages_at(self, url: str) -> Pages:
        from .core.pages.address import Pages

        return Pages(url, self._name_for_pages, os.urandom)

    def _name_for_pages(self) -> str:
        """See `BotOutside`."""
        return self.app_id or self.token

    @property
    def store_name(self) -> str:
        """Location of the store as an operator may read it: a URL without user, password,
        options.
        """
        path, setting = getattr(self.store, "path", ""), self._store_setting
        if path:
            return f"sqlite:///{path}"
        if not isinstance(setting, str):
            return type(self.store).__name__
        scheme, separator, rest = setting.partition("://")
        return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"

    def operate(self, user: str, begin: Begins) -> Outcome:
        """Run an operator's transaction on one user; see `operators.Conversations`.

        Raises:
            StoreError: The store failed.
        """
        return self._runner.operate(user, begin)

    def settings_now(self) -> Settings:
        """Return the settings for a turn that begins now: it pushes only if the account may push
        now.
        """
        return self._runner.settings_now()

    # Simulation -----------------------------------------------------------------------------------

    def simulate(
        self,
        *,
        clock: Callable[[], float] | None = None,
        store: str | Store | None = None,
        api: str | None = None,
        token: str = "",
    ) -> None:
        """Replace parts of the real world from now on, for simulators and tools.

        If another `store` or `api` is given, the bot is closed first, and starts anew with its next
        message.

        Args:
            clock: Returns the time in seconds since 1970, for the bot and its store; None:
                unchanged.
            store: The store; None: unchanged.
            api: URL of the platform's API, without a path. A bot without AppID or AppSecret gets
                made-up ones. None: unchanged.
            token: The token, if the bot has none.

        Raises:
            ConfigurationError: The store's clock cannot be replaced: a Redis server has its own.
        """
        if store is not None or api is not None:
            self.close()
        if store is not None:
            vars(self).pop("store", None)
            self._store_setting = hidden(store)
            if self.rules.pages is not None:
                self.rules.pages.begin_anew()
        if clock is not None:
            use = getattr(self.store, "use_clock", None)
            if use is None:
                raise ConfigurationError("the store has a clock of its own")
            use(clock)
            self._clock = clock
        if api is not None:
            self.app_id = self.app_id or "wx0123456789abcdef"
            self.app_secret = self.app_secret or hidden("simulated")
            self.api_host = api
        if token and not self.token:
            self.token = hidden(token)
            self._codec = Codec(token)

    # Closing --------------------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """See `forks.Forked`: turns, claims, threads and connections belong to the parent."""
        for name in ("_runner", "async_store", "async_api", "api"):
            leave_behind(vars(self).pop(name, None))

    def close(self, drain: float | None = None) -> None:
        """Let in-flight turns end, and release threads, connections and files.

        New messages are refused meanwhile, so that the platform repeats them, and so are signals.
        If the bot is used after that, it opens its store again. On an event loop, await
        `close_async`.

        Args:
            drain: Seconds that turns have to end, before they are logged and left running; None:
                the bot's.
        """
        runner = vars(self).get("_runner")
        if runner is not None:
            runner.close(self.drain if drain is None else drain)
        self._give_back()

    async def close_async(self, drain: float | None = None) -> None:
        """Close the bot without blocking the event loop, as the ASGI application does at shutdown.

        See `close`. What turns and stores have opened on the running event loop is closed, too.
        """
        runner: Runner | None = vars(self).get("_runner")
        if runner is not None:
            await runner.close_async(self.drain if drain is None else drain)
        if "async_store" in vars(self):
            from .stores.asynchronous import close_face

            close = partial(close_face, self.async_store, with_store=self._made_its_store())
            await close()
            if runner is not None:
                # A turn still running after the closing may open connections again.
                runner.when_idle(close)
        if "async_api" in vars(self):
            await self.async_api.close()
        self._give_back()

    async def settle(self) -> None:
        """Wait for the turn that the request of the running task has left running, if any: servers
        that announce no shutdown wait for the tasks of their requests.
        """
        runner = vars(self).get("_runner")
        if runner is not None:
            await runner.settle(self.drain)

    def _give_back(self) -> None:
        vars(self).pop("_runner", None)
        _open.discard(self)
        if isinstance(self.settings.cache, LiveDialogs):
            self.settings.cache.clear()
        vars(self).pop("async_store", None)
        vars(self).pop("async_api", None)
        if "api" in vars(self):
            vars(self).pop("api").close()
        if self._made_its_store() and "store" in vars(self):
            vars(self).pop("store").close()

    def _made_its_store(self) -> bool:
        """Whether the store is ours to close; a store that was passed in belongs to the caller."""
        return self._store_setting is None or isinstance(self._store_setting, str)


_open: weakref.WeakSet[BotResources] = weakref.WeakSet()
"""Bots that have run turns and were not closed."""


@atexit.register
def _close_all() -> None:
    """Close them: WSGI has no shutdown hook."""
    deadline = time.monotonic() + max((bot.drain for bot in _open), default=0.0)
    for bot in list(_open):
        bot.close(max(0.0, min(bot.drain, deadline - time.monotonic())))
