"""One account's bot: its door, its routes and its store, put together.

`answer` takes the bytes of one push and returns the bytes of one HTTP body. It raises `Refused` for
what must not be answered, and nothing else: where the store or a dialog fails, the user is told
that something went wrong, and the log is told what.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from . import replies
from .cache import LiveDialogs
from .conversation import Routes, Rules
from .delivery import Pushes
from .errors import ConfigurationError
from .forks import leave_behind, mind
from .journal import message_key
from .logs import report
from .messages import Message
from .remembered import remembered
from .replies import Reply
from .router import POLICIES, DialogOptions, Dialogs, RouteOptions, Router
from .texts import Texts
from .turn import Outcome, Settings, Transaction
from .window import Window
from .wire.codec import Codec, Push, Query

if TYPE_CHECKING:
    from .api import Api, AsyncApi
    from .runner import Runner
    from .stores.base import AsyncStore, Store
    from .web.asgi import Application as AsgiApplication
    from .web.wsgi import Application as WsgiApplication

__all__ = ["Bot"]

F = TypeVar("F", bound=Callable[..., Any])


class Bot:
    """An Official Account's bot.

    Attributes:
        rules: What it decided for its conversations.
        router: Its routes.
        window: The platform's window, as it counts on it.
    """

    def __init__(
        self,
        token: str = "",
        *,
        app_id: str = "",
        aes_key: str = "",
        previous_aes_key: str = "",
        app_secret: str = "",
        mode: Literal["plain", "compatible", "safe"] = "plain",
        store: str | Store | None = None,
        timeout: float | None = 60,
        texts: Texts | None = None,
        cancel: Iterable[str] = ("取消", "退出"),
        back: Iterable[str] = ("返回",),
        on_divergence: Literal["resume", "restart", "park"] = "resume",
        time_zone: str | tzinfo = "Asia/Shanghai",
        journal_limit: int = 10_000,
        live_dialogs: int = 10_000,
        window: Window | None = None,
        lease: float = 3.0,
        max_age: float | None = None,
        strict: bool = False,
        data: type | None = None,
        customer_messages: bool = False,
        api_host: str = "https://api.weixin.qq.com",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Put a bot together; nothing is opened or connected before the first push.

        Args:
            token: As set in the console. Empty: only the simulator and the testing kit may talk to
                it.
            app_id: The account's AppID; needed in compatible and safe mode and for the active side.
            aes_key: The EncodingAESKey, 43 letters and digits; likewise.
            previous_aes_key: The one before, while both are in use.
            app_secret: The AppSecret, for the active side; empty: there is none.
            mode: How pushes are encrypted (protocol reference 2).
            store: A URL (`sqlite:///file.db`, `redis://…`, `rediss://…`, `redis+cluster://…`,
                `redis+sentinel://…`, `memory://`) or a store; None: SQLite, `wechat-dialog.db` in
                the working directory.
            timeout: Seconds without an answer after which a conversation is gone; None: never.
                Dialogs and questions may have their own.
            texts: Every sentence the library itself says to users; None: Chinese ones.
            cancel: Words that cancel a conversation. Empty: none do.
            back: Words that take the last answer back. Empty: none do.
            on_divergence: What becomes of a conversation whose code has changed under it.
            time_zone: Of `chat.now()` and of dates in answers: a name of the IANA data base or a
                `tzinfo`.
            journal_limit: Records one conversation may have, 2 or more.
            live_dialogs: Dialogs kept running in this process; 0 replays at every message.
            window: How long the platform waits; None: 3 requests of 5 s.
            lease: Seconds after which the turn of a worker that died may be taken over.
            max_age: Seconds a push's timestamp may be off; None: not checked.
            strict: Whether every turn is replayed from scratch and compared. For development.
            data: What `chat.data` is: a `TypedDict`, dataclass or `msgspec.Struct` that can be made
                of nothing; None: a plain dict.
            customer_messages: Whether the account may send customer messages (protocol reference
                7.5): an answer that is late, and what does not fit one reply, is then pushed.
            api_host: Where the active side is, without a path: for emulators and proxies.
            clock: Gives the time in seconds since 1970.

        Raises:
            ConfigurationError: A setting cannot be; the sentence names it.
        """
        for name, words in (("cancel", cancel), ("back", back)):
            if isinstance(words, str):
                raise ConfigurationError(
                    f"{name}={words!r}: a collection of words is wanted, ({words!r},)"
                )
        if timeout is not None and timeout <= 0:
            raise ConfigurationError(f"timeout={timeout}: seconds above 0, or None for never")
        if on_divergence not in POLICIES:
            raise ConfigurationError(
                f"on_divergence={on_divergence!r}: one of {', '.join(POLICIES)}"
            )
        if customer_messages and token and not (app_id and app_secret):
            raise ConfigurationError("customer_messages=True needs app_id= and app_secret=")
        if journal_limit < 2:
            raise ConfigurationError(f"journal_limit={journal_limit}: 2 or more")
        self.token = token
        self.app_id = app_id
        self.app_secret = app_secret
        self.api_host = api_host
        self.router = Router()
        self.window = window or Window()
        self.mode: Literal["plain", "compatible", "safe"] = mode
        self._codec = Codec(
            token,
            app_id=app_id,
            aes_key=aes_key,
            previous_aes_key=previous_aes_key,
            mode=mode,
            max_age=max_age,
        )
        self.aes_key = aes_key
        self._clock = clock
        self._store_setting = store
        self._checked = False
        self.rules = Rules(
            routes=self.routes(),
            texts=texts or Texts(),
            zone=_zone(time_zone),
            timeout=timeout,
            on_divergence=on_divergence,
            cancel=frozenset(cancel),
            back=frozenset(back),
            journal_limit=journal_limit,
            strict=strict,
            remembered=remembered(data),
            pushes=Pushes(customer_messages),
        )
        self.settings = Settings(
            self.rules, LiveDialogs(live_dialogs) if live_dialogs else None, lease=lease
        )

        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: turns, claims, threads and connections of the parent are not ours."""
        for name in ("_runner", "async_store", "async_api", "api"):
            leave_behind(self.__dict__.pop(name, None))

    def simulate(self, token: str) -> None:
        """Give a bot without a token one, so that a simulator can talk to it.

        Raises:
            ConfigurationError: The bot has a token, and with it an account.
        """
        if self.token:
            raise ConfigurationError("the bot has a token of its own")
        self.token = token
        self._codec = Codec(token)

    def use_clock(self, clock: Callable[[], float]) -> bool:
        """Go by another clock from now on; for simulators.

        Args:
            clock: Gives the time in seconds since 1970.

        Returns:
            Whether the store goes by it as well; if not, nothing was changed: the time of a Redis
            server is its own.
        """
        use = getattr(self.store, "use_clock", None)
        if use is None:
            return False
        use(clock)
        self._clock = clock
        return True

    def use_platform(self, app_id: str, app_secret: str, host: str) -> None:
        """Use another active side from now on, a simulator's.

        Args:
            app_id: Stands for the account's AppID where the bot has none.
            app_secret: Likewise.
            host: Where it is: a URL without a path.
        """
        self.close()
        self.app_id, self.app_secret = self.app_id or app_id, self.app_secret or app_secret
        self.api_host = host

    def use_store(self, store: str | Store) -> None:
        """Use another store from now on; for tools that look into one."""
        self.close()
        self.__dict__.pop("store", None)
        self._store_setting = store

    def routes(self) -> Routes:
        """Return what conversations ask for their dialogs."""
        return self.router

    # Routes ---------------------------------------------------------------------------------------

    def text(
        self, *patterns: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route texts to a dialog; see `Dialogs.text`."""
        return self._changed().text(*patterns, **options)

    def event(self, *names: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Route events by name; see `Dialogs.event`."""
        return self._changed().event(*names, **options)

    def click(
        self, *keys: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route taps of menu buttons by key; see `Dialogs.click`."""
        return self._changed().click(*keys, **options)

    def scan(
        self, *scenes: str | re.Pattern[str], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route scans of a parametric QR code by scene; see `Dialogs.scan`."""
        return self._changed().scan(*scenes, **options)

    def message(
        self, *kinds: str | type[Message], **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Route messages by kind; see `Dialogs.message`."""
        return self._changed().message(*kinds, **options)

    def fallback(self, fn: F) -> F:
        """Take every message no other route takes; see `Dialogs.fallback`."""
        return self._changed().fallback(fn)

    def dialog(self, fn: Callable[..., Any] | None = None, **options: Unpack[DialogOptions]) -> Any:
        """Name a dialog that no message starts, for `chat.continue_as`; see `Dialogs.dialog`."""
        return self._changed().dialog(fn, **options)

    def include(self, dialogs: Dialogs) -> None:
        """Add the routes of another module behind those there are.

        Raises:
            ConfigurationError: Two different functions are dialogs of one name and version.
        """
        self._changed()
        self.router.include(dialogs)

    def _changed(self) -> Dialogs:
        self._checked = False
        return self.router.collected

    def check(self) -> None:
        """Refuse what can never work, before the first push does.

        Raises:
            ConfigurationError: A route can never be reached; the sentence names it and the one in
                its way.
        """
        if not self._checked:
            self.router.check()
            # Taken now, not at the first turn, so that it speaks of the code as it was loaded.
            for dialog in list(self.router.collected.dialogs.values()):
                dialog.code  # noqa: B018
            self._checked = True

    # Answering ------------------------------------------------------------------------------------

    def echo(self, query: Query) -> str:
        """Answer the platform's GET, which verifies the server's URL (protocol reference 1).

        Args:
            query: Its query: a mapping, or the raw query string.

        Returns:
            The `echostr`, to be sent back as it is.

        Raises:
            Refused: The signature is wrong, or something is missing.
        """
        return self._codec.echo(query)

    def answer(self, body: bytes, query: Query) -> bytes:
        """Answer one push. May be called from any number of threads.

        Args:
            body: The request's body.
            query: Its query: a mapping, or the raw query string.

        Returns:
            The body of the HTTP 200 answer, `application/xml`; `b"success"` where there is no
            reply.

        Raises:
            Refused: It must not be answered; its `status` is the HTTP status to send.
            ConfigurationError: The bot's routes cannot work.
        """
        self.check()
        arrived = self._clock()
        push = self._codec.open(body, query, now=arrived)
        try:
            outcome = self.respond(push.message, arrived)
        except Exception as error:  # noqa: BLE001 - the user gets an apology, no fault notice
            outcome = self._failed(push.message, error)
        return self._seal(push, outcome.reply)

    async def answer_async(self, body: bytes, query: Query) -> bytes:
        """Answer one push on an event loop, without blocking it; see `answer`."""
        self.check()
        arrived = self._clock()
        push = self._codec.open(body, query, now=arrived)
        try:
            outcome = await self.respond_async(push.message, arrived)
        except Exception as error:  # noqa: BLE001 - see `answer`
            outcome = self._failed(push.message, error)
        return self._seal(push, outcome.reply)

    def respond(self, message: Message, arrived: float) -> Outcome:
        """Answer a message that came through no door: the testing kit's, or another transport's.

        Args:
            message: The message.
            arrived: When, in seconds since 1970.

        Raises:
            StoreError: The store failed.
        """
        return self._runner.run(
            self.user_key(message), message, message_key(message), int(arrived * 1000)
        )

    def respond_async(self, message: Message, arrived: float) -> Awaitable[Outcome]:
        """See `respond`."""
        return self._runner.run_async(
            self.user_key(message), message, message_key(message), int(arrived * 1000)
        )

    def operate(self, user: str, transaction: Transaction) -> Outcome:
        """Drive an operator's transaction on one user; see `operators.Conversations`.

        Raises:
            StoreError: The store failed.
        """
        return self._runner.operate(user, transaction)

    def user_key(self, message: Message) -> str:
        """Return the key of a message's user in the store."""
        return f"{message.account}:{message.user}"

    def _failed(self, message: Message, error: Exception) -> Outcome:
        report(
            logging.ERROR, "user %s: a %s could not be answered", message.user, message.kind,
            error=error,
        )  # fmt: skip
        return Outcome(replies.Text(self.rules.texts.apology))

    def _seal(self, push: Push, reply: Reply | None) -> bytes:
        chance = b"" if push.key is None else os.urandom(16)
        return self._codec.seal(push, reply, now=int(self._clock()), random16=chance)

    # Parts ----------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """The bot's store, opened when first asked for.

        Raises:
            ConfigurationError: The URL is none, or its driver is not installed.
        """
        # Stores, threads and event loops are imported when a bot is first used, not by whoever
        # imports its module: to check it, to collect its routes.
        from .stores import open_store

        setting = self._store_setting
        return open_store(setting) if setting is None or isinstance(setting, str) else setting

    @cached_property
    def async_store(self) -> AsyncStore:
        """The store's face for event loops."""
        from .stores import for_async

        return for_async(self.store)

    @cached_property
    def _runner(self) -> Runner:
        from .runner import Runner

        pusher = None
        if self.rules.pushes.wanted:
            api, asynchronous = self.api, self.async_api
            from .api.pusher import Pusher

            pusher = Pusher(api, asynchronous, self.rules.pushes)
        return Runner(self.settings, self.store, lambda: self.async_store, self.window, pusher)

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

    @cached_property
    def wsgi(self) -> WsgiApplication:
        """The WSGI application: `application = bot.wsgi`, then `gunicorn module:application`."""
        from .web.wsgi import Application

        return Application(self)

    @cached_property
    def asgi(self) -> AsgiApplication:
        """The ASGI application: `uvicorn module:bot.asgi`."""
        from .web.asgi import Application

        return Application(self)

    def close(self) -> None:
        """Give back threads, connections and files. Turns under way go on to their end."""
        if "_runner" in self.__dict__:
            self.__dict__.pop("_runner").close()
        if isinstance(self.settings.cache, LiveDialogs):
            self.settings.cache.clear()
        self.__dict__.pop("async_store", None)
        self.__dict__.pop("async_api", None)
        if "api" in self.__dict__:
            self.__dict__.pop("api").close()
        # A store that was handed in is its owner's to close.
        made_here = self._store_setting is None or isinstance(self._store_setting, str)
        if made_here and "store" in self.__dict__:
            self.__dict__.pop("store").close()


def _zone(setting: str | tzinfo) -> tzinfo:
    if isinstance(setting, tzinfo):
        return setting
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(setting)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"time_zone={setting!r} is none: {error}; use a name like 'Asia/Shanghai'"
        ) from error
