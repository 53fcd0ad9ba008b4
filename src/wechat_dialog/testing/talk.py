"""The kit for authors' own tests: talk to a bot in process, with the clock in the test's hands.

    def test_it_adds_up():
        talk = Talk(bot)
        assert talk("累加器") == "要加几个数？"
        talk("2"), talk("3")
        assert talk("4") == "一共是 7。"

No network, no database, no waiting: the bot's own routes, rules and texts on a store in memory. A
step that takes long, a worker that dies in it and the platform's repeated requests happen on the
talk's clock: call `takes` or `crashes`, then send the next message. Every turn is replayed from
scratch and compared (strict mode), so that a dialog that reads a clock or a global fails here, with
file and line, and not in production. What a dialog raises is raised here, from its own line; with
`Talk(bot, apologies=True)` its user gets the apology, as in production.

A failing test shows the conversation so far: the pytest plugin, which is installed with this
package, adds it to the report. `StoreContract`, the promises of a store as tests, is here too, for
stores of your own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wechat_dialog import messages, replies
from wechat_dialog.bot import Bot
from wechat_dialog.core.replay.header import Frame, decode_head
from wechat_dialog.core.replay.records import Record, decode_records, effective, is_secret
from wechat_dialog.core.secrecy import SHOWN
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.errors import (
    NotRepeatable,
    NotWaitedFor,
    SideEffect,
)
from wechat_dialog.messages.said import text_of
from wechat_dialog.platform.display import FAULT
from wechat_dialog.replies import Reply

from .arguments import must_be_bot, must_be_exception, must_be_number
from .background import Background
from .plans import forget as forget_plans
from .seen import Seen
from .seen_page import SeenPage, link_in, read
from .talk_times import TalkTimes
from .timed_steps import Crash
from .world import Delivery, World

if TYPE_CHECKING:
    from .store_contract import StoreContract

__all__ = ["StoreContract", "Talk"]


_open: weakref.WeakSet[Talk] = weakref.WeakSet()


def __getattr__(name: str) -> Any:
    # The contract imports pytest, which an author's own program need not have.
    if name == "StoreContract":
        from .store_contract import StoreContract

        return StoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Talk(TalkTimes):
    """One user's talk with a bot.

    Call it with a text: it returns what the user sees in answer. There is a method for each other
    kind of message, and `send` takes any fields.

    Attributes:
        user: The user's OpenID.
        transcript: Who said what so far, a line each.
    """

    def __init__(
        self,
        bot: Bot,
        user: str = "oTalk0000000000000000000000",
        *,
        strict: bool = True,
        apologies: bool = False,
        account: str = "gh_talk",
    ) -> None:
        """Begin a talk.

        Args:
            bot: The bot. Its own store is not touched, and it needs no token.
            user: The user's OpenID.
            strict: Whether every turn is replayed from scratch and compared.
            apologies: Whether a dialog that raises parks its conversation and apologises to the
                user, as in production. False: what it raised is raised here, too.
            account: The account's id.
        """
        must_be_bot(bot)
        self._world = World(bot, strict)
        self._background = Background(self._world, account)
        self._begin(user, account, apologies)

    def _begin(self, user: str, account: str, apologies: bool) -> None:
        self._heard = 0
        self._apologies = apologies
        self.user = user
        self.account = account
        self.transcript: list[str] = []
        self._last: messages.Message | None = None
        self._hushed = False
        self._seen = Seen(None)
        self._page = ""
        _open.add(self)

    def other(self, user: str) -> Talk:
        """Return another user's talk with the same bot, on the same store and clock."""
        talk = Talk.__new__(Talk)
        talk._world = self._world  # noqa: SLF001 - of its own class
        talk._background = self._background  # noqa: SLF001
        talk._begin(user, self.account, self._apologies)  # noqa: SLF001
        return talk

    # What the user does ---------------------------------------------------------------------------

    def __call__(self, text: str) -> Seen:
        """Send a text."""
        __tracebackhide__ = True  # pytest points at the author's line, not at ours
        return self.send("text", Content=text)

    def send(self, kind: str, **fields: Any) -> Seen:
        """Send a message of any kind.

        Args:
            kind: The `MsgType`.
            fields: The platform's fields, by the platform's names.
        """
        __tracebackhide__ = True
        world = self._world
        world.sent += 1
        raw: dict[str, Any] = {
            "ToUserName": self.account,
            "FromUserName": self.user,
            "CreateTime": str(int(world.clock)),
            "MsgType": kind,
            **{
                name: value if isinstance(value, (dict, list)) else str(value)
                for name, value in fields.items()
            },
        }
        if kind != "event":
            raw["MsgId"] = str(24_000_000_000_000_000 + world.sent)
        return self._deliver(messages.from_fields(raw))

    def image(self, media_id: str = "media-1", pic_url: str = "http://mmbiz.qpic.cn/1") -> Seen:
        """Send a picture."""
        return self.send("image", PicUrl=pic_url, MediaId=media_id)

    def voice(self, recognition: str = "", media_id: str = "media-1") -> Seen:
        """Send a voice message."""
        return self.send("voice", MediaId=media_id, Format="amr", Recognition=recognition)

    def location(self, latitude: float, longitude: float, label: str = "") -> Seen:
        """Send a place on the map."""
        return self.send(
            "location", Location_X=latitude, Location_Y=longitude, Scale=16, Label=label
        )

    def event(self, name: str, key: str = "", **fields: Any) -> Seen:
        """Let an event happen, such as "subscribe", or "CLICK" with its key."""
        if key:
            fields["EventKey"] = key
        # Two events of one second with one name and key are copies of one; a person is slower
        # than that.
        self._world.clock += 1
        return self.send("event", Event=name, **fields)

    def tap(self, label: str) -> Seen:
        """Tap a link of the last answer, by its label.

        Raises:
            LookupError: It has no link with this label that sends a text.
        """
        if label not in list(self._seen.taps):
            raise LookupError(
                f"no tappable {label!r}; there is {', '.join(self._seen.taps) or 'none'}"
            )
        return self(self._seen.taps[label])

    def resend(self) -> Seen:
        """Deliver the last message once more, as the platform does when it got no answer in time.

        Raises:
            LookupError: No message was sent yet.
        """
        if self._last is None:
            raise LookupError("nothing was sent yet")
        return self._deliver(self._last, again=True)

    # What happens meanwhile -----------------------------------------------------------------------

    def takes(self, step: str | Callable[..., Any], seconds: float) -> None:
        """Let a step, or a part of one, take this many seconds from now on, on the talk's clock.

        What its `timeout`, its retries and the bot's `longest_turn` make of that happens as in
        production; a function that times out has run, and its result is lost.

        Args:
            step: The step, or its name; or that of a part of one.
            seconds: For each call of its function, 0 or more; `math.inf`: it hangs.

        Raises:
            LookupError: The bot has no step of that name, but one of a similar name.
            ValueError: The seconds are below 0.
        """
        must_be_number(seconds, "takes", "seconds", endless=True)
        self._world.plans.of(step, "takes").takes = seconds

    def fake(
        self,
        step: str | Callable[..., Any],
        returns: Any = None,
        *,
        raises: Exception | None = None,
    ) -> None:
        """From now on return `returns`, or raise `raises`, instead of calling a step's function.

        An exception is retried as the step's own would be.

        Raises:
            LookupError: See `takes`.
        """
        must_be_exception(raises, "fake")

        def instead(*_: Any, **__: Any) -> Any:
            if raises is not None:
                raise raises
            return returns

        self._world.plans.of(step, "fake").fake = instead

    def crashes(
        self,
        step: str | Callable[..., Any],
        when: str = "in",
        *,
        times: int = 1,
        repeats: bool = True,
    ) -> None:
        """Let the worker die at a step: "before" it, "in" it (it has run, but its outcome is lost),
        or "after" it.

        The platform repeats the message, and another worker finishes the turn.

        Args:
            step: The step, or its name; or that of a part of one.
            when: "before", "in" or "after".
            times: How many workers die in a row. After three, the conversation is parked.
            repeats: Whether the platform's repetitions reach another worker. If False, as if the
                machine went down, the user sees the platform's fault notice, and the turn is
                finished when they write again.

        Raises:
            LookupError: See `takes`.
            ValueError: `when` is something else.
        """
        if when not in ("before", "in", "after"):
            raise ValueError('when is "before", "in" or "after"')
        must_be_number(times, "crashes", "times")
        self._world.plans.crash(step, when, times=times, repeats=repeats)

    def restart(self, bot: Bot | None = None) -> None:
        """Let the process die and another one start on the same store, with the code of `bot` if
        one is given.
        """
        bot = self._world.bot if bot is None else bot
        must_be_bot(bot)
        self._world.take(bot)

    # What can be looked at ------------------------------------------------------------------------

    @property
    def journal(self) -> list[Record]:
        """The records of the running conversation that count, oldest first; empty if there is
        none.
        """
        stored = self._world.store.show(f"{self.account}:{self.user}")
        if stored is None or not stored.head:
            return []
        stack = decode_head(stored.head).stack
        return effective(decode_records(stored.records)[stack[-1].base :]) if stack else []

    @property
    def page(self) -> SeenPage | None:
        """The answer page that was linked to last, as it is now; None if none was (the bot has no
        `pages=`, nothing was late or too long), or its day is over.
        """
        return read(self._world.rules, self._world.store, self._page) if self._page else None

    @property
    def waiting(self) -> bool:
        """Whether a conversation is running."""
        return self._top is not None

    def _is_secret(self, message: messages.Message) -> bool:
        """Return whether it answers a secret question, as far as is known before its turn."""
        text, top = text_of(message), self._top
        rules = self._world.rules
        words = {rules.texts.more, *rules.cancel, *rules.back}
        is_asked = top is not None and is_secret(top.wait)
        return is_asked and text is not None and text.strip() not in words

    @property
    def _top(self) -> Frame | None:
        stored = self._world.store.show(f"{self.account}:{self.user}")
        if stored is None or not stored.head:
            return None
        stack = decode_head(stored.head).stack
        return stack[-1] if stack else None

    @property
    def parked(self) -> int:
        """How many of the user's conversations are parked."""
        stored = self._world.store.show(f"{self.account}:{self.user}")
        return 0 if stored is None else len(stored.parked)

    def __str__(self) -> str:
        return "\n".join(self.transcript)

    # The platform ---------------------------------------------------------------------------------

    def _deliver(self, message: messages.Message, *, again: bool = False) -> Seen:
        __tracebackhide__ = True
        world = self._world
        self._last = message
        self._heard = self._count_pushed()
        if not again:
            self._hushed = self._is_secret(message)
        text = SHOWN if self._hushed else _text(message)
        self._note("用户", text + ("（重发）" if again else ""))
        began, window = world.clock, world.bot.window
        world.broken.clear()
        outcome: Outcome | None = None
        pushed: list[Reply] = []
        for request in range(window.requests):
            world.clock = max(world.clock, began + request * window.seconds)
            delivery = Delivery(world, message, began)
            try:
                outcome = delivery.run()
                pushed = delivery.push()
                break
            except (NotRepeatable, NotWaitedFor, SideEffect) as error:
                # It names the line; the part of the traceback within the library helps nobody.
                raise error.with_traceback(None) from None
            except Crash:
                self._note("——", "进程中断")
                world.take(world.bot)
                if delivery.answered is not None:
                    outcome = delivery.answered  # the platform has an answer, and repeats nothing
                    break
                if not delivery.repeats:
                    break
        self._seen = Seen(
            outcome.reply if outcome is not None else replies.Text(FAULT),
            pushed,
        )
        self._page = link_in(world.rules, self._seen.reply) or self._page
        self._note("公众号", self._seen or "（无回复）")
        if outcome is not None:
            self._background.fire(outcome.again)
        self._background.pass_until(world.clock)
        self._tell_of_background()
        if (bug := self._bug()) is not None:
            raise bug
        return self._seen

    def _note(self, who: str, text: str) -> None:
        self.transcript.append(f"{who}：{text}")


def _text(message: messages.Message) -> str:
    if isinstance(message, messages.Text):
        return message.text
    if isinstance(message, messages.Event):
        return f"[{message.event} {message.event_key}]".replace(" ]", "]")
    return f"[{message.kind}]"


def forget() -> None:
    """Forget the talks of a finished test, so that later reports leave them out (pytest plugin)."""
    _open.clear()
    forget_plans()


def transcripts() -> list[str]:
    """Return the transcripts of the current test's talks, for the pytest plugin; may be empty."""
    return [str(talk) for talk in _open if talk.transcript]
