"""What a dialog may wait for besides its user's answer, and start beside itself.

    payment = yield from chat.wait_for("paid", Payment, match=order.no, within=900)
    chat.remind(when, "明天 9:00 到店。", key="visit")

The rest of an author's vocabulary is in `chat`. See `docs/time.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from wechat_dialog.core.dialog.effects import Effect

from .chat_state import ChatState, D

# Few dialogs need these modules, and none while the library is imported: each method has its own.
if TYPE_CHECKING:
    from types import UnionType

    from wechat_dialog.core.dialog.requests import Request
    from wechat_dialog.core.dialog.rivals import TimerRival
    from wechat_dialog.core.dialog.timers import HowLong
    from wechat_dialog.replies import Sayable

__all__ = ["ChatTimes"]

T = TypeVar("T")
T0 = TypeVar("T0")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


class ChatTimes(ChatState[D]):
    """Times, signals, and conversations beside this one."""

    __slots__ = ()

    # What a dialog may wait for -------------------------------------------------------------------

    def sleep(self, how_long: HowLong) -> Effect[None]:
        """Wait for a time.

        The user is free meanwhile: what they write is routed as if this conversation were not
        there. It goes on in a turn of its own, in which `chat.now()` is when that was.

        Args:
            how_long: Seconds or a `timedelta`, counted from the end of this turn; or an aware
                `datetime`. A year at most; one that is over already is due at once.

        Raises:
            TypeError: It is none of these.
            ValueError: It is NaN, a `datetime` without a time zone, or more than a year away.
        """
        from .timers import Sleep

        return Sleep(self, how_long)

    @overload
    def wait_for(
        self, name: str, *, match: str = ..., within: HowLong | None = ...
    ) -> Effect[object]: ...
    @overload
    def wait_for(
        self, name: str, type: type[T], *, match: str = ..., within: HowLong | None = ...
    ) -> Effect[T]: ...
    @overload
    def wait_for(
        self, name: str, type: UnionType, *, match: str = ..., within: HowLong | None = ...
    ) -> Effect[Any]: ...
    def wait_for(
        self, name: str, type: Any = object, *, match: str = "", within: HowLong | None = None
    ) -> Effect[Any]:
        """Wait for a signal: what `bot.signal` sends to this user under an equal name and match.

        One that came before this wait counts, up to a week old; each is taken by one wait only, the
        oldest first. The user is free meanwhile, as with `sleep`.

        Args:
            name: The signal's name.
            type: What its data are converted to: a class, or any type that msgspec reads. Without
                one they are JSON data as they are.
            match: What tells this signal from others of its name, such as an order's number.
            within: How long to wait; see `sleep` for what it may be. None: 30 days.

        Returns:
            An effect for the data.

        Raises:
            TypeError: Name or match is no text, msgspec cannot read the type, or `within` is no
                time.
            ValueError: The name is empty, a text is longer than 200 characters, or `within` is no
                time that `sleep` takes.
            NoAnswer: When waited for: `within` is over.
            SignalMisfit: When waited for: the data of a signal that was kept are not of the type.
        """
        from .signals import SignalWait
        from .timers import limit

        limits = limit(self, within, "chat.wait_for")
        return SignalWait(self, name, type, match, limits)

    @overload
    def race(
        self, a: Effect[T0], b: Effect[T1], /
    ) -> Effect[tuple[Literal[0], T0] | tuple[Literal[1], T1]]: ...
    @overload
    def race(
        self, a: Effect[T0], b: Effect[T1], c: Effect[T2], /
    ) -> Effect[tuple[Literal[0], T0] | tuple[Literal[1], T1] | tuple[Literal[2], T2]]: ...
    @overload
    def race(
        self, a: Effect[T0], b: Effect[T1], c: Effect[T2], d: Effect[T3], /
    ) -> Effect[
        tuple[Literal[0], T0] | tuple[Literal[1], T1] | tuple[Literal[2], T2]
        | tuple[Literal[3], T3]
    ]: ...  # fmt: skip
    @overload
    def race(
        self, a: Effect[T0], b: Effect[T1], c: Effect[T2], d: Effect[T3], e: Effect[T4], /
    ) -> Effect[
        tuple[Literal[0], T0] | tuple[Literal[1], T1] | tuple[Literal[2], T2]
        | tuple[Literal[3], T3] | tuple[Literal[4], T4]
    ]: ...  # fmt: skip
    @overload
    def race(self, *waits: Effect[T]) -> Effect[tuple[int, T]]: ...
    def race(self, *waits: Effect[Any]) -> Effect[Any]:
        """Wait for the first of several.

            match (yield from chat.race(chat.wait_for("paid"), chat.ask("或回复“已付”。"))):
                case 0, payment: ...
                case 1, said: ...

        What lost is over. A question in a race does not expire while another branch can still win;
        without a time among the branches, `NoAnswer` is raised after 30 days. A limit of a branch
        (`within=`) is one of the whole race.

        Args:
            waits: What `ask`, `choose`, `confirm`, `wait_for` and `sleep` return, not waited for
                yet; at most one of them a question.

        Returns:
            An effect for a tuple: the number of the branch that won, counted from 0, and its value.

        Raises:
            TypeError: One of them is something else: a form, a step, a race.
            ValueError: There are none, or two questions, or a question with `timeout=`.
            NoAnswer: When waited for: the limit of a branch is over.
        """
        from .races import Race

        return Race(self, waits)

    # What goes on beside it -----------------------------------------------------------------------

    def start(
        self, dialog: Callable[..., Any], state: Mapping[str, Any] | None = None, *, key: str = ""
    ) -> None:
        """Begin a conversation of its own beside this one, for the same user.

        Called, not awaited, like `say`: it is carried out when this turn is committed, and dropped
        if the turn breaks. The new conversation runs in a turn of its own right after, and lives on
        when this one ends. Its `chat.message` is a `messages.Begun`.

        Args:
            dialog: A dialog of the bot: one with a route, or one named with `bot.dialog`.
            state: Its arguments by name; JSON data. None: it has none.
            key: The user's name for it: a conversation with the same key ends, and this one takes
                its place. "" replaces nothing.

        Raises:
            TypeError: The dialog is no function, the state no JSON data, or the key no text.
            ValueError: The key is longer than 200 characters.
            SecretMisused: A secret answer is in the state.
        """
        from .requests import Start, checked_dialog, checked_key, plain_state

        call = "chat.start"
        plain = plain_state(state or {}, call)
        self._request(Start(checked_dialog(dialog, call), plain, checked_key(key, call)))

    def stop(self, key: str) -> None:
        """End the conversation, or the reminder, that was begun with this key; its clean-up steps
        run. Nothing happens where there is none.

        Called, not awaited; see `start`.

        Raises:
            TypeError: The key is no text.
            ValueError: It is empty, or longer than 200 characters.
        """
        from .requests import Stop, named

        self._request(Stop(named(key, "chat.stop")))

    def remind(self, when: HowLong, reply: Sayable, *, key: str = "") -> None:
        """Say something to the user at a time, whatever they do until then.

        Called, not awaited; see `start`. Where the account may not push, it comes with the user's
        next message.

        Args:
            when: When; see `sleep` for what it may be.
            reply: What is said: a text or another reply.
            key: See `start`.

        Raises:
            NotSayable: It is neither a text nor another reply.
            TypeError: `when` is no time, or the key no text.
            ValueError: There is nothing to say, `when` is no time that `sleep` takes, or the key is
                too long.
        """
        from .requests import Remind, checked_key, something
        from .timers import timer

        call = "chat.remind(…)"
        said = something(reply, call)
        self._request(Remind(timer(self, when, call), said, checked_key(key, call)))

    # Limits of questions --------------------------------------------------------------------------

    def _limit(self, within: HowLong, call: str) -> tuple[TimerRival, ...]:
        from .timers import limit

        return limit(self, within, call)

    def _limited(self, how: dict[str, Any], call: str) -> dict[str, Any]:
        """Return options of a question with its limit as a rival."""
        within = how.pop("within", None)
        if within is not None:
            how["rivals"] = self._limit(within, call)
        return how

    def _request(self, request: Request) -> None:
        if not self.put_away:
            self.requests.append(request)
            self.called = True
