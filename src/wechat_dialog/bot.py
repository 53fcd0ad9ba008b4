"""One account's bot: its door, its routes and its store, put together.

`answer` takes the bytes of one push and returns the bytes of one HTTP body. It raises `Refused` for
what must not be answered, and nothing else: where the store fails, the platform is to ask again
(`AskAgain`); where it failed the last time, too, or where a dialog fails, the user is told that
something went wrong, and the log is told what.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from wechat_dialog.core.dialog.router import Dialogs, Router
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.settings import Routes, Rules, Settings
from wechat_dialog.messages.keys import message_key

from . import replies
from .bot_resources import BotResources
from .bot_settings import age_limit, check_policies, check_times, refuse, require_markdown, zone_of
from .core.dialog.texts import Texts
from .core.dialog.user_data import shape_of
from .core.logs import report
from .core.replay.codes import code_of
from .core.secrecy import hidden
from .core.turn.limits import Limits
from .core.turn.window import Window
from .core.wire.codec import Codec, Push, Query
from .core.wire.crypto import Seal
from .errors import Refused
from .forks import mind
from .messages import Message
from .replies import Reply
from .runtime.live_dialogs import LiveDialogs

if TYPE_CHECKING:
    from wechat_dialog.core.store.contract import Store

    from .core.dialog.review import Reviewer
    from .web.asgi import Application as AsgiApplication
    from .web.wsgi import Application as WsgiApplication

__all__ = ["Bot"]

REMEMBERED = 60.0
"""Seconds for which a reply is remembered for repetitions of its message, at least."""

F = TypeVar("F", bound=Callable[..., Any])


class Bot(BotResources):
    """An Official Account's bot.

    Attributes:
        rules: What it decided for its conversations.
        router: Its routes.
        window: The platform's window, as it counts on it.
        drain: Seconds that turns under way have to end when the bot is closed.
    """

    def __init__(
        self,
        token: str = "",
        *,
        app_id: str = "",
        aes_key: str = "",
        previous_aes_key: str = "",
        app_secret: str = "",
        account: str = "",
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
        longest_turn: float | None = 300.0,
        drain: float = 15.0,
        max_age: float | Literal["safe"] | None = "safe",
        strict: bool = False,
        data: type | None = None,
        customer_messages: bool = False,
        forget_on_unsubscribe: bool = False,
        limits: Limits | None = None,
        ai_generated: bool = False,
        review: Reviewer | None = None,
        pages: str | None = None,
        timers: bool = True,
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
            account: The account's original id (原始ID, `gh_…`), which keys of users begin with.
                Signals need it before the first push; empty: that tells it, and the store keeps it.
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
            longest_turn: Seconds a turn may take, its steps included, before it is given up and its
                conversation parked; None: for ever.
            drain: Seconds that turns under way have to end when the bot is closed.
            max_age: Seconds by which a push may be older or newer than this machine's clock; None:
                any. "safe": 300 in safe mode, where it is the message's own time and nobody can
                change it; any elsewhere. A push that is not refused for its age is remembered
                longer than it can be sent again. See docs/security.md.
            strict: Whether every turn is replayed from scratch and compared. For development.
            data: What `chat.data` is: a `TypedDict`, dataclass or `msgspec.Struct` that can be made
                of nothing; None: a plain dict.
            customer_messages: Whether the account may send customer messages (protocol reference
                7.5): an answer that is late, and what does not fit one reply, is then pushed.
            forget_on_unsubscribe: Whether everything that is stored of a user goes when they
                unsubscribe, after clean-up steps and the dialog for that event have run.
            limits: How much is kept of one user; None: what `Limits()` says.
            ai_generated: Whether an AI makes what the dialogs say: then a line below every text
                says so (`Texts.ai_generated`), and of what is pushed the platform does. A reply may
                say otherwise: `replies.Text(…, ai_generated=False)`.
            review: Sees what goes out before it does, with what came in, and returns what is sent:
                `outgoing.reply`, or something in its place; None refuses it. Sync or async, 10 s at
                most, or `step(fn, timeout=…)`. Where it fails, nothing it has not passed is sent.
                None: there is no reviewer.
            pages: Where answers that come late, or do not fit one reply, can be read: an address of
                the bot's own, `https://example.com/wx/p`, below which its web application answers.
                The waiting text and the first part of a long answer link to it. http:// on this
                machine only. None: there are no pages.
            timers: Whether this process sees to what falls due. False: others do, or
                `wechat-dialog work`, or `run_due`.
            api_host: Where the active side is, without a path: for emulators and proxies.
            clock: Gives the time in seconds since 1970.

        Raises:
            ConfigurationError: A setting cannot be; the sentence names it.
        """
        # From here on no frame has them in clear: see `secrecy.Secret`.
        token, app_secret, store = hidden(token), hidden(app_secret), hidden(store)
        aes_key, previous_aes_key = hidden(aes_key), hidden(previous_aes_key)
        check_policies(
            {"cancel": cancel, "back": back}, on_divergence=on_divergence, review=review,
            journal_limit=journal_limit,
        )  # fmt: skip
        check_times(timeout=timeout, longest_turn=longest_turn, drain=drain)
        refuse(
            customer_messages and token and not (app_id and app_secret),
            "customer_messages=True needs app_id= and app_secret=",
        )
        age = age_limit(max_age, mode)
        self.token = token
        self.app_id = app_id
        self.app_secret = app_secret
        self.account = account
        self.timers = timers
        self.api_host = api_host
        self.router = Router()
        self.window = window or Window()
        self.longest_turn = longest_turn
        self.drain = drain
        self.mode: Literal["plain", "compatible", "safe"] = mode
        self._codec = Codec(
            token,
            app_id=app_id,
            aes_key=aes_key,
            previous_aes_key=previous_aes_key,
            mode=mode,
            max_age=age,
        )
        self.aes_key = aes_key
        self._clock = clock
        self._store_setting = store
        self._checked = False
        self.rules = Rules(
            routes=self.routes(),
            texts=texts or Texts(),
            zone=zone_of(time_zone),
            timeout=timeout,
            on_divergence=on_divergence,
            cancel=frozenset(cancel),
            back=frozenset(back),
            journal_limit=journal_limit,
            strict=strict,
            data_shape=shape_of(data),
            may_push=customer_messages,
            forget_on_unsubscribe=forget_on_unsubscribe,
            limits=limits or Limits(),
            seal=Seal(token, aes_key, chance=os.urandom),
            ai_generated=ai_generated,
            review=review,
            pages=None if pages is None else self._pages_at(pages),
        )
        self.settings = Settings(
            self.rules,
            LiveDialogs(live_dialogs) if live_dialogs else None,
            lease=lease,
            # A push made by a clock that is ahead of ours counts until twice its age after its
            # turn. For so long a captured one gets the reply that there was, and no turn.
            remember=max(REMEMBERED, 2 * age) if age is not None and mode == "safe" else REMEMBERED,
        )

        mind(self)

    def routes(self) -> Routes:
        """Return what conversations ask for their dialogs."""
        return self.router

    # Routes ---------------------------------------------------------------------------------------

    def include(self, dialogs: Dialogs) -> None:
        """Add the routes of another module behind those there are.

        Raises:
            ConfigurationError: Two different functions are dialogs of one name and version.
        """
        self._collected()
        self.router.include(dialogs)

    def _collected(self) -> Dialogs:
        self._checked = False
        return self.router.collected

    def check(self) -> None:
        """Refuse what can never work, before the first push does.

        Raises:
            ConfigurationError: A route can never be reached; the sentence names it and the one in
                its way.
        """
        if not self._checked:
            if self.rules.pages is not None:
                require_markdown()
            self.router.check()
            # Taken now, not at the first turn, so that it speaks of the code as it was loaded.
            for dialog in list(self.router.collected.dialogs.values()):
                code_of(dialog)
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
            Refused: It must not be answered, or not now (`AskAgain`: the store failed); its
                `status` is the HTTP status to send.
            ConfigurationError: The bot's routes cannot work.
        """
        self.check()
        arrived = self._clock()
        push = self._codec.open(body, query, now=arrived)
        try:
            outcome = self.respond(push.message, arrived)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - the user gets an apology, no fault notice
            outcome = self._failed(push.message, error)
        return self._seal(push, outcome.reply)

    async def answer_async(self, body: bytes, query: Query) -> bytes:
        """Answer one push on an event loop, without blocking it; see `answer`.

        Where the store fails, it waits for it, as long as the platform waits for us.
        """
        self.check()
        arrived = self._clock()
        push = self._codec.open(body, query, now=arrived)
        try:
            outcome = await self.respond_async(push.message, arrived)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - see `answer`
            outcome = self._failed(push.message, error)
        return self._seal(push, outcome.reply)

    def respond(self, message: Message, arrived: float) -> Outcome:
        """Answer a message that came through no door: the testing kit's, or another transport's.

        Args:
            message: The message.
            arrived: When, in seconds since 1970.

        Raises:
            AskAgain: The store failed, and the platform has another request.
            StoreError: It failed the platform's last one, too.
        """
        self._hears(message)
        self.sweep()
        return self._runner.run(
            self.user_key(message), message, message_key(message), int(arrived * 1000)
        )

    def respond_async(self, message: Message, arrived: float) -> Awaitable[Outcome]:
        """See `respond`."""
        self._hears(message)
        self.sweep_here()
        return self._runner.run_async(
            self.user_key(message), message, message_key(message), int(arrived * 1000)
        )

    def operate(self, user: str, transaction: Transaction) -> Outcome:
        """Drive an operator's transaction on one user; see `operators.Conversations`.

        Raises:
            StoreError: The store failed.
        """
        return self._runner.operate(user, transaction)

    def settings_now(self) -> Settings:
        """Return how a turn that begins now is run: it pushes only if the account may just now."""
        return self._runner.settings_now()

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

    # Doors ----------------------------------------------------------------------------------------

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
