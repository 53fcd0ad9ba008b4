"""The 2017 interface: `wechat.bot.answer(data, module).format()`.

A module of dialogs gets a bot of its own, created at its first message and reused: one store, one
connection pool. It runs on the same engine, turns and stores as any other bot, so a repeated
message gets its first answer again, two messages of one user never run at once, and if a dialog
raises, the user gets an apology. As in 2017, the web server checks signatures; `ModuleBot` checks
them itself.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from wechat_dialog.bot import Bot
from wechat_dialog.core.secrecy import Secret
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.settings import Routes
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.codec import Query
from wechat_dialog.errors import ConfigurationError, Refused
from wechat_dialog.messages import Message, from_fields

from . import reply
from .dialogs import ModuleRoutes, UnexpectAnswer
from .receive import as_bytes

__all__ = ["ModuleBot", "Refused", "UnexpectAnswer", "answer", "bot_of"]

T = TypeVar("T")

THREADS = 64
"""Most messages answered at once on an event loop, including repetitions that wait."""


def answer(data: str | bytes, module: Any) -> reply.Msg:
    """Answer a push.

    Args:
        data: The HTTP body, whose signature the caller has checked.
        module: The dialog module: `ROUTER`, its functions, and `REDIS_HOST`, `REDIS_PORT`,
            `REDIS_PASSWORD`, `REDIS_DB`, `REDIS_KEY`; without `REDIS_HOST` conversations are stored
            in the embedded store.

    Returns:
        The reply; its `format()` is the HTTP body to send, `success` if there is no reply.

    Raises:
        Refused: The body is not a message; or the store is unavailable (`errors.AskAgain`) or the
            process is ending (`errors.Closing`), and the platform has to repeat the message. Its
            `status` is the HTTP status to send. If it is not caught, the server sends 500, and the
            platform repeats the message as well.
        ConfigurationError: The module's settings or its `ROUTER` are invalid.
    """
    message = from_fields(xml.parse(as_bytes(data)))
    bot = bot_of(module)
    try:
        outcome = bot.respond(message, time.time())
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - noqa: BLE001 - `failed` logs it
        outcome = bot.failed(message, error)
    return reply.of(outcome.reply, message)


# A module's bot. -----------------------------------------------------------------------


class Settings(NamedTuple):
    """A module's `REDIS_…` settings.

    Attributes:
        host: Host of the server; "" means the embedded store.
        port: Its port.
        password: Its password; "" means no password.
        db: Number of the database.
        key: The pattern of a user's keys, which contains `%(open_id)s`.
    """

    host: str
    port: int
    password: str
    db: int
    key: str

    @classmethod
    def of(cls, module: Any) -> Settings:
        """Read the settings of a module."""
        return cls(
            str(getattr(module, "REDIS_HOST", None) or ""),
            int(getattr(module, "REDIS_PORT", None) or 6379),
            Secret(getattr(module, "REDIS_PASSWORD", None) or ""),
            int(getattr(module, "REDIS_DB", None) or 0),
            str(getattr(module, "REDIS_KEY", None) or "wechat-dialog:%(open_id)s"),
        )

    def store(self) -> str | Store | None:
        """Return the store of these settings; None for the embedded one. Nothing is connected yet.

        Raises:
            ConfigurationError: `REDIS_KEY` is not a pattern of users' keys, or redis-py is not
                installed.
        """
        if not self.host:
            return None
        from wechat_dialog.stores.redis import RedisStore

        try:
            # The store's pattern has %(user)s in place of the OpenID.
            key_format = self.key % {"open_id": "%(user)s"}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"REDIS_KEY={self.key!r}: only %(open_id)s may stand in it, once ({error!r})"
            ) from error
        if key_format.count("%(user)s") != 1:
            raise ConfigurationError(
                f"REDIS_KEY={self.key!r}: %(open_id)s has to stand in it, once, else users would "
                "share one conversation"
            )
        host = f"[{self.host}]" if ":" in self.host else self.host
        password = Secret(f":{quote(self.password, safe='')}@" if self.password else "")
        return RedisStore(f"redis://{password}{host}:{self.port}/{self.db}", key_format=key_format)


class ModuleBot(Bot):
    """A 2017 module as a bot that checks signatures: `echo`, `answer`, `answer_async`, `wsgi`,
    `asgi`.

    Attributes:
        module: The module.
    """

    def __init__(
        self, module: Any, *, token: str = "", store: str | Store | None = None, **settings: Any
    ) -> None:
        """Create the bot; nothing is opened or connected before the first push.

        Args:
            module: The dialog module. Its `TIMEOUT`, if it has one, is the seconds that a
                conversation waits for an answer (default 60; None: for ever).
            token: As set in the console; "": the environment variable `WECHAT_TOKEN`, or else the
                module's `TOKEN`.
            store: As for `Bot`; None: the store that the module's `REDIS_…` names configure.
            settings: Further settings of `Bot`. By default there are no cancel and no back words:
                to a 2017 dialog they are answers.

        Raises:
            ConfigurationError: The module or a setting is invalid.
        """
        self.module = module
        self._module_routes = ModuleRoutes(module)
        self._threads: ThreadPoolExecutor | None = None
        self._threads_of = 0
        self._lock = threading.Lock()
        own = Settings.of(module).store() if store is None else None
        self._own_store = None if isinstance(own, str) else own
        token = token or os.environ.get("WECHAT_TOKEN", "") or str(getattr(module, "TOKEN", ""))
        if hasattr(module, "TIMEOUT"):
            settings = {"timeout": module.TIMEOUT, **settings}
        settings = {"cancel": (), "back": (), "timers": False, **settings}
        super().__init__(token, store=own if store is None else store, **settings)

    def begin_anew(self) -> None:
        """See `wechat_dialog.forks.Forked`."""
        self._lock = threading.Lock()
        super().begin_anew()

    def routes(self) -> Routes:
        """Return the module's `ROUTER`."""
        return self._module_routes

    def check(self) -> None:
        """Refuse an invalid `ROUTER`.

        Raises:
            ConfigurationError: The `ROUTER` is invalid; the message says what is wrong.
        """
        if not self._checked:
            self._module_routes.check()
            self._checked = True

    def missing(self) -> list[str]:
        """Return the names of functions that `ROUTER` names and the module does not have."""
        return self._module_routes.missing()

    def user_key(self, message: Message) -> str:
        """Return the OpenID alone, since a `REDIS_KEY` does not contain the account."""
        return message.user

    def _hears(self, message: Message) -> None:
        """Do not learn the account: keys do not contain it, and there are no timers."""

    def failed(self, message: Message, error: Exception) -> Outcome:
        """Log that a message could not be answered, and return the apology for it."""
        return self._failed(message, error)

    async def answer_async(self, body: bytes, query: Query) -> bytes:
        """Answer one push on an event loop; runs on a thread, since the dialog may block."""
        return await self._on_a_thread(self.answer, body, query)

    async def respond_async(self, message: Message, arrived: float) -> Outcome:
        """See `respond`; runs on a thread too."""
        return await self._on_a_thread(self.respond, message, arrived)

    async def _on_a_thread(self, work: Callable[..., T], *args: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(), work, *args)

    def _pool(self) -> ThreadPoolExecutor:
        """Return the thread pool of this process; a forked process gets its own."""
        with self._lock:
            if self._threads is None or self._threads_of != os.getpid():
                self._threads = ThreadPoolExecutor(THREADS, "wechat-dialog-2017")
                self._threads_of = os.getpid()
            return self._threads

    def _give_back(self) -> None:
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None and self._threads_of == os.getpid():
            threads.shutdown(wait=False)
        super()._give_back()
        if self._own_store is not None:
            self._own_store.close()


# The bots of `answer`. -----------------------------------------------------------------

_bots: dict[int, tuple[Settings, ModuleBot]] = {}
_left_behind: list[object] = []
_making = threading.Lock()


def bot_of(module: Any) -> ModuleBot:
    """Return the bot that `answer` uses for a module: created at first use, then reused.

    A module whose `REDIS_…` names have changed since gets a new one.

    Raises:
        ConfigurationError: The module is invalid.
    """
    settings = Settings.of(module)
    known = _bots.get(id(module))
    if known is None or known[0] != settings:
        with _making:
            known = _bots.get(id(module))
            if known is None or known[0] != settings:
                bot = ModuleBot(module)
                bot.check()
                if known is not None:
                    known[1].close()
                # The bot references the module, so that its id is not reused.
                known = _bots[id(module)] = settings, bot
    return known[1]


def _begin_anew() -> None:
    """After a fork: create new bots, since the threads of the old ones are gone and a lock may be
    held.

    The old bots are kept alive, unused: their finalizers would close what the parent still uses.
    """
    global _making  # noqa: PLW0603
    _left_behind.append(dict(_bots))
    _bots.clear()
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
