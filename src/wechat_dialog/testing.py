"""The kit for authors' own tests: talk to a bot in process, with the clock in the test's hands.

    def test_it_adds_up():
        talk = Talk(bot)
        assert talk("累加器") == "要加几个数？"
        talk("2"), talk("3")
        assert talk("4") == "一共是 7。"

No network, no database, no waiting: the bot's own routes, rules and texts on a store in memory. A
step that takes long, a worker that dies in it and the platform's repeated requests happen on the
talk's clock: say `takes` or `crashes`, and talk on. Every turn is replayed from scratch and
compared (strict mode), so that a dialog that reads a clock or a global fails here, with file and
line, and not in production.

A failing test shows the conversation so far if the pytest plugin is there, and it is wherever this
package is installed. `StoreContract`, the promises of a store as tests, is here too, for stores of
your own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import messages, replies
from .bot import Bot
from .errors import NotRepeatable
from .head import decode_state
from .journal import Record, decode_records, effective
from .platform.showing import FAULT, Shown, show
from .rehearsal import Crash, Delivery, Plan, World
from .replies import Reply
from .turn import Outcome
from .wire.render import ARTICLES_FOR_EVENTS, fields

if TYPE_CHECKING:
    from .store_contract import StoreContract

__all__ = ["Seen", "StoreContract", "Talk"]


_open: weakref.WeakSet[Talk] = weakref.WeakSet()


def __getattr__(name: str) -> Any:
    # The contract imports pytest, which an author's own program need not have.
    if name == "StoreContract":
        from .store_contract import StoreContract

        return StoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Seen(str):  # noqa: SLOT000 - it has two attributes of its own
    """What the user sees: a text as it is shown, links as their labels; "" is nothing.

    Attributes:
        reply: The reply itself; None if there was none.
        pushed: What was pushed after it, for a bot with customer messages.
        taps: What tapping a link sends, by its label.
    """

    reply: Reply | None
    pushed: Sequence[Reply]
    taps: Mapping[str, str]

    def __new__(cls, reply: Reply | None, pushed: Sequence[Reply] = ()) -> Seen:
        """Show a reply, and what was pushed after it."""
        all_ = [_shown(one) for one in (reply, *pushed) if one is not None]
        seen = super().__new__(cls, "\n".join(one.text for one in all_ if one.text))
        seen.reply = reply
        seen.pushed = pushed
        seen.taps = {label: sent for one in all_ for label, sent in one.taps.items()}
        return seen


def _shown(reply: Reply) -> Shown:
    return show(fields(reply, ARTICLES_FOR_EVENTS), to_event=True)


class Talk:
    """One user's talk with a bot.

    Call it with a text for what the user sees in answer. Messages of other kinds have methods of
    their own, and `send` takes any fields.

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
        account: str = "gh_talk",
    ) -> None:
        """Begin a talk.

        Args:
            bot: The bot. Its own store is not touched, and it needs no token.
            user: The user's OpenID.
            strict: Whether every turn is replayed from scratch and compared.
            account: The account's id.
        """
        self._world = World(bot, strict)
        self._begin(user, account)

    def _begin(self, user: str, account: str) -> None:
        self.user = user
        self.account = account
        self.transcript: list[str] = []
        self._last: messages.Message | None = None
        self._seen = Seen(None)
        _open.add(self)

    def other(self, user: str) -> Talk:
        """Return another user's talk with the same bot, on the same store and clock."""
        talk = Talk.__new__(Talk)
        talk._world = self._world  # noqa: SLF001 - of its own class
        talk._begin(user, self.account)  # noqa: SLF001
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
            LookupError: It has no such link that sends anything.
        """
        if label not in self._seen.taps:
            raise LookupError(
                f"no tappable {label!r}; there is {', '.join(self._seen.taps) or 'none'}"
            )
        return self(self._seen.taps[label])

    def resend(self) -> Seen:
        """Deliver the last message once more, as the platform does when it thinks it was not heard.

        Raises:
            LookupError: Nothing was sent yet.
        """
        if self._last is None:
            raise LookupError("nothing was sent yet")
        return self._deliver(self._last, again=True)

    # What happens meanwhile -----------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._world.clock += seconds

    def takes(self, step: str | Callable[..., Any], seconds: float) -> None:
        """Let a step take that long from now on, on the talk's clock."""
        self._plan(step).takes = seconds

    def fake(
        self,
        step: str | Callable[..., Any],
        returns: Any = None,
        *,
        raises: Exception | None = None,
    ) -> None:
        """Give back `returns`, or raise `raises`, in place of running a step."""

        def instead(*_: Any, **__: Any) -> Any:
            if raises is not None:
                raise raises
            return returns

        self._plan(step).fake = instead

    def crashes(
        self,
        step: str | Callable[..., Any],
        when: str = "in",
        *,
        times: int = 1,
        repeats: bool = True,
    ) -> None:
        """Let the worker die at a step: "before" it, "in" it (it has happened, nobody knows), or
        "after" it.

        The platform repeats the message, and another worker finishes the turn.

        Args:
            step: The step, or its name.
            when: Where in it.
            times: How many workers in a row. After three, the conversation is parked.
            repeats: Whether the platform's repetitions reach another worker. False: the machine
                went down; the user sees the platform's fault notice, and the turn is finished when
                he writes again.
        """
        if when not in ("before", "in", "after"):
            raise ValueError('when is "before", "in" or "after"')
        plan = self._plan(step)
        plan.crashes, plan.deaths, plan.repeats = when, times, repeats

    def restart(self, bot: Bot | None = None) -> None:
        """Let the process die and another one start, with other code if a bot is given, on the
        same store.
        """
        self._world.take(bot or self._world.bot)

    def _plan(self, step: str | Callable[..., Any]) -> Plan:
        name = step if isinstance(step, str) else _name(step)
        return self._world.plans.setdefault(name, Plan())

    # What can be looked at ------------------------------------------------------------------------

    @property
    def journal(self) -> list[Record]:
        """The records of the running conversation that count, oldest first; empty if there is
        none.
        """
        found = self._world.store.show(f"{self.account}:{self.user}")
        if found is None or not found.head:
            return []
        stack = decode_state(found.head).stack
        return effective(decode_records(found.records)[stack[-1].base :]) if stack else []

    @property
    def waiting(self) -> bool:
        """Whether a conversation is running."""
        found = self._world.store.show(f"{self.account}:{self.user}")
        return found is not None and bool(found.head) and bool(decode_state(found.head).stack)

    @property
    def parked(self) -> int:
        """How many of the user's conversations are parked."""
        found = self._world.store.show(f"{self.account}:{self.user}")
        return 0 if found is None else len(found.parked)

    def __str__(self) -> str:
        return "\n".join(self.transcript)

    # The platform ---------------------------------------------------------------------------------

    def _deliver(self, message: messages.Message, *, again: bool = False) -> Seen:
        __tracebackhide__ = True
        world = self._world
        self._last = message
        self._note("用户", _said(message) + ("（重发）" if again else ""))
        began, window = world.clock, world.bot.window
        outcome: Outcome | None = None
        pushed: list[Reply] = []
        for request in range(window.requests):
            world.clock = max(world.clock, began + request * window.seconds)
            delivery = Delivery(world, message, began)
            try:
                outcome = delivery.run()
                pushed = delivery.push()
                break
            except NotRepeatable as error:
                # It names the line; the way through the library to its discovery helps nobody.
                raise error.with_traceback(None) from None
            except Crash:
                self._note("——", "进程中断")
                world.take(world.bot)
                if delivery.told is not None:
                    outcome = delivery.told  # the platform has an answer, and asks no more
                    break
                if not delivery.repeats:
                    break
        self._seen = Seen(
            outcome.reply if outcome is not None else replies.Text(FAULT),
            pushed,
        )
        self._note("公众号", self._seen or "（无回复）")
        return self._seen

    def _note(self, who: str, what: str) -> None:
        self.transcript.append(f"{who}：{what}")


def _name(fn: Callable[..., Any]) -> str:
    options = getattr(fn, "options", None)
    return getattr(options, "name", "") or getattr(fn, "__qualname__", type(fn).__name__)


def _said(message: messages.Message) -> str:
    if isinstance(message, messages.Text):
        return message.text
    if isinstance(message, messages.Event):
        return f"[{message.event} {message.event_key}]".replace(" ]", "]")
    return f"[{message.kind}]"


def forget() -> None:
    """Leave the talks of a test that is over out of later reports, for the pytest plugin."""
    _open.clear()


def transcripts() -> list[str]:
    """Return the transcripts of the talks that are alive, for the pytest plugin."""
    return [str(talk) for talk in _open if talk.transcript]
