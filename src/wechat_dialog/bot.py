"""One account's bot: its codec, its routes and its store, put together.

`answer` takes the bytes of one push and returns the bytes of one HTTP body. It raises only
`Refused`, for requests that must not be answered. If the store fails, the platform is made to
repeat the message (`AskAgain`); if it fails at the last repetition as well, or if a dialog fails,
the user gets an apology and the error is logged.
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
from wechat_dialog.core.turn.outcome import Outcome
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
    from .core.turn.turn_report import OnTurn
    from .web.asgi import Application as AsgiApplication
    from .web.wsgi import Application as WsgiApplication

__all__ = ["Bot"]

REMEMBERED = 60.0
"""Seconds for which the reply to a message is stored for its repetitions, at least."""

F = TypeVar("F", bound=Callable[..., Any])


class Bot(BotResources):
    """An Official Account's bot.

    Attributes:
        rules: Its settings for conversations.
        router: Its routes.
        window: How long the platform waits for an answer.
        drain: Seconds that in-flight turns have to end when the bot is closed.
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
        on_turn: OnTurn | None = None,
        api_host: str = "https://api.weixin.qq.com",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Put a bot together; nothing is opened or connected before the first push.

        Args:
            token: As set in the console. Empty: only the simulator and the testing kit can talk to
                it.
            app_id: The account's AppID; needed in compatible and safe mode and for the active side.
            aes_key: The EncodingAESKey, 43 letters and digits; needed in the same modes.
            previous_aes_key: The previous key, while both are in use.
            app_secret: The AppSecret, for the active side; empty: the bot has no active side.
            account: The account's original id (原始ID, `gh_…`), the first part of every user's key.
                Signals need it before the first push. Empty: it is learned from the first push and
                stored.
            mode: How pushes are encrypted (protocol reference 2).
            store: A URL (`sqlite:///file.db`, `redis://…`, `rediss://…`, `redis+cluster://…`,
                `redis+sentinel://…`, `memory://`) or a store; None: SQLite, `wechat-dialog.db` in
                the working directory.
            timeout: Seconds without an answer after which a conversation expires; None: never.
                Dialogs and questions may have their own.
            texts: Every sentence that the library itself says to users; None: Chinese ones.
            cancel: Words that cancel a conversation. Empty: there are no such words.
            back: Words that take the last answer back. Empty: there are no such words.
            on_divergence: What happens to a conversation whose dialog's code has changed.
            time_zone: Time zone of `chat.now()` and of dates in answers: a name of the IANA time
                zone database or a `tzinfo`.
            journal_limit: Records one conversation may have, 2 or more.
            live_dialogs: How many dialogs are kept running in this process; 0: every message
                replays its dialog.
            window: How long the platform waits; None: 3 requests of 5 s.
            lease: Seconds after which the turn of a worker that died may be taken over.
            longest_turn: Seconds that a turn, its steps included, may take before it is given up
                and its conversation parked; None: no limit.
            drain: Seconds that in-flight turns have to end when the bot is closed.
            max_age: Seconds by which a push may be older or newer than this machine's clock; None:
                any. "safe": 300 in safe mode, where the timestamp is the message's own and cannot
                be changed; no limit in the other modes. The reply to a push is stored for longer
                than the push is accepted. See docs/security.md.
            strict: Whether every turn is replayed from the start and compared. For development.
            data: Type of `chat.data`: a `TypedDict`, dataclass or `msgspec.Struct` that can be
                created without arguments; None: a plain dict.
            customer_messages: Whether the account may send customer messages (protocol reference
                7.5): a late answer, and what does not fit into one reply, is then pushed.
            forget_on_unsubscribe: Whether everything that is stored of a user is deleted when they
                unsubscribe, after clean-up steps and the dialog for that event have run.
            limits: How much is stored of one user; None: the values of `Limits()`.
            ai_generated: Whether an AI generates what the dialogs say: then a line below every text
                says so (`Texts.ai_generated`), and customer messages are marked for the platform. A
                reply may override it: `replies.Text(…, ai_generated=False)`.
            review: Called with every outgoing reply, and the message it answers, before it is sent;
                returns what is sent: `outgoing.reply`, or something in its place; None refuses it.
                Sync or async, 10 s at most, or `step(fn, timeout=…)`. If it fails, nothing that it
                has not passed is sent. None: there is no reviewer.
            pages: Where answers that are late, or do not fit into one reply, can be read: a URL of
                the bot's own, `https://example.com/wx/p`, below which its web application answers.
                The waiting text and the first part of a long answer link to it. http:// only on
                this machine. None: there are no pages.
            timers: Whether this process runs what falls due. False: other processes do, or
                `wechat-dialog work`, or `run_due`.
            on_turn: Called with a `TurnReport` of every turn of this process, for metrics, traces
                and audits: see docs/operation.md. None: not called.
            api_host: URL of the platform's API, without a path: for emulators and proxies.
            clock: Returns the time in seconds since 1970.

        Raises:
            ConfigurationError: A setting is invalid; the message names it.
        """
        # from here on no stack frame has them in clear: see `secrecy.Secret`
        token, app_secret, store = hidden(token), hidden(app_secret), hidden(store)
        aes_key, previous_aes_key = hidden(aes_key), hidden(previous_aes_key)
        check_policies(
            {"cancel": cancel, "back": back}, on_divergence=on_divergence, review=review,
            on_turn=on_turn, journal_limit=journal_limit, live_dialogs=live_dialogs,
        )  # fmt: skip
        check_times(timeout=timeout, longest_turn=longest_turn, lease=lease, drain=drain)
        refuse(
            customer_messages and token and not (app_id and app_secret),
            "customer_messages=True needs app_id= and app_secret=",
        )
        age, texts, cancel = age_limit(max_age, mode), texts or Texts(), tuple(cancel)
        self.token = token
        self.app_id = app_id
        self.app_secret = app_secret
        self.account = account
        self.timers = timers
        self.on_turn = on_turn
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
            texts=texts,
            zone=zone_of(time_zone),
            timeout=timeout,
            on_divergence=on_divergence,
            cancel=frozenset(cancel),
            way_out=texts.way_out.format(cancel=cancel[0]) if cancel else "",
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
            # A push stamped by a clock ahead of ours stays valid for up to twice its age limit
            # after its turn. For so long a captured copy of it gets the stored reply, and no turn.
            remember=max(REMEMBERED, 2 * age) if age is not None and mode == "safe" else REMEMBERED,
        )

        mind(self)

    def routes(self) -> Routes:
        """Return the routes in which conversations look their dialogs up."""
        return self.router

    # Routes ---------------------------------------------------------------------------------------

    def include(self, dialogs: Dialogs) -> None:
        """Add the routes of another module after the existing ones.

        Raises:
            ConfigurationError: Two different functions are dialogs of the same name and version.
        """
        self._collected()
        self.router.include(dialogs)

    def _collected(self) -> Dialogs:
        self._checked = False
        return self.router.collected

    def check(self) -> None:
        """Refuse routes that can never work, before the first push arrives.

        Raises:
            ConfigurationError: A route can never be reached; the message names it and the route
                that precedes it.
        """
        if not self._checked:
            if self.rules.pages is not None:
                require_markdown()
            self.router.check()
            # taken now, not at the first turn: a fingerprint of the code as it was loaded
            for dialog in list(self.router.collected.dialogs.values()):
                code_of(dialog)
            self._checked = True

    # Answering ------------------------------------------------------------------------------------

    def echo(self, query: Query) -> str:
        """Answer the platform's GET request, which verifies the server's URL (protocol reference
        1).

        Args:
            query: The query: a mapping, or the raw query string.

        Returns:
            The `echostr`, to be sent back as it is.

        Raises:
            Refused: The signature is wrong, or a parameter is missing.
        """
        return self._codec.echo(query)

    def answer(self, body: bytes, query: Query) -> bytes:
        """Answer one push. May be called from any number of threads.

        Args:
            body: The request's body.
            query: The query: a mapping, or the raw query string.

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

        If the store fails, it is tried again for as long as the platform waits.
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
        """Answer a message that came another way than as a push: from the testing kit or another
        transport.

        Args:
            message: The message.
            arrived: When it arrived, in seconds since 1970.

        Raises:
            AskAgain: The store failed, and the platform will repeat the message.
            StoreError: The store failed at the platform's last request, too.
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

    def user_key(self, message: Message) -> str:
        """Return the key of a message's user in the store."""
        return f"{message.account}:{message.user}"

    def _failed(self, message: Message, error: Exception) -> Outcome:
        report(
            logging.ERROR, "user %s: a %s could not be answered", message.user, message.kind,
            error=error,
        )  # fmt: skip
        if self.rules.refused is not None:
            self.rules.refused(message.user, error)
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
