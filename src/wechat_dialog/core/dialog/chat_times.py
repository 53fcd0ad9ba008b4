"""What a dialog may wait for besides its user's answer, and what it may start beside itself.

    payment = yield from chat.wait_for("paid", Payment, match=order.no, within=900)
    chat.remind(when, "明天 9:00 到店。", key="visit")

The other methods are in `chat`. See `docs/time.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.effects import Effect

from .chat_state import ChatState, D

# Few dialogs need these modules, so each method imports its own, to keep `import wechat_dialog`
# fast.
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

        The user is free meanwhile: their messages are routed as if this conversation did not exist.
        It continues in a turn of its own, in which `chat.now()` is the due time.

        Args:
            how_long: Seconds or a `timedelta`, measured from the end of this turn; or an aware
                `datetime`. At most a year; a time in the past is due at once.

        Raises:
            TypeError: It is not one of these types.
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
        """Wait for a signal that `bot.signal` sends to this user with an equal name and match.

        A signal that came up to a week before this wait counts. Each signal ends only one wait, the
        oldest. The user is free meanwhile, as with `sleep`.

        Args:
            name: The signal's name.
            type: The type to which its data are converted: a class, or any type that msgspec reads.
                Without it they are plain JSON data.
            match: Distinguishes this signal from others with its name, such as an order number.
            within: How long to wait; for its types see `sleep`. None: 30 days.

        Returns:
            An effect for the data.

        Raises:
            TypeError: Name or match is not a text, msgspec cannot read the type, or `within` is not
                a time.
            ValueError: The name is empty, a text is longer than 200 characters, or `within` is a
                time that `sleep` refuses.
            NoAnswer: When waited for: the time `within` has passed.
            SignalMisfit: When waited for: the data of a signal are not of the type.
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
        """Wait for the first of several effects.

            match (yield from chat.race(chat.wait_for("paid"), chat.ask("或回复“已付”。"))):
                case 0, payment: ...
                case 1, said: ...

        The others are cancelled. A question in a race does not expire while another branch can
        still win; without a time among the branches, `NoAnswer` is raised after 30 days. A branch's
        limit (`within=`) applies to the whole race.

        Args:
            waits: Results of `ask`, `choose`, `confirm`, `wait_for` and `sleep`, not waited for
                yet; at most one of them is a question.

        Returns:
            An effect for a tuple: the number of the branch that won, counted from 0, and its value.

        Raises:
            TypeError: One of them is something else: a form, a step, a race.
            ValueError: There are none, or two questions, or a question with `timeout=`.
            NoAnswer: When waited for: the limit of a branch has passed.
        """
        from .races import Race

        return Race(self, waits)

    # What goes on beside it -----------------------------------------------------------------------

    def start(
        self, dialog: Callable[..., Any], state: Mapping[str, Any] | None = None, *, key: str = ""
    ) -> None:
        """Begin another conversation beside this one, for the same user.

        Called, not awaited, like `say`: it is carried out when this turn is committed, and dropped
        if the turn fails. The new conversation runs in a turn of its own right afterwards, and
        continues when this one ends. Its `chat.message` is a `messages.Begun`.

        Args:
            dialog: A dialog of the bot: one with a route, or one named with `bot.dialog`.
            state: Its arguments by name; JSON data. None: it has none.
            key: The author's name for it: a conversation with the same key is ended and replaced.
                "" replaces nothing.

        Raises:
            TypeError: The dialog is not a function, the state is not JSON data, or the key is not a
                text.
            ValueError: The key is longer than 200 characters.
            SecretMisused: The state contains a secret answer.
        """
        from .requests import Start, checked_dialog, checked_key, plain_state

        call = "chat.start"
        plain = plain_state(state or {}, call)
        self._request(Start(checked_dialog(dialog, call), plain, checked_key(key, call)))

    def stop(self, key: str) -> None:
        """End the conversation, or the reminder, that was begun with this key; its clean-up steps
        run. Does nothing if there is none.

        Called, not awaited; see `start`.

        Raises:
            TypeError: The key is not a text.
            ValueError: It is empty, or longer than 200 characters.
        """
        from .requests import Stop, named

        self._request(Stop(named(key, "chat.stop")))

    def remind(self, when: HowLong, reply: Sayable, *, key: str = "") -> None:
        """Say something to the user at a given time, whatever they do until then.

        Called, not awaited; see `start`. If the account may not push, it comes with the user's next
        message.

        Args:
            when: The time; for its types see `sleep`.
            reply: What to say: a text or another reply.
            key: See `start`.

        Raises:
            NotSayable: It is neither a text nor another reply.
            TypeError: `when` is not a time, or the key is not a text.
            ValueError: There is nothing to say, `when` is a time that `sleep` refuses, or the key
                is too long.
        """
        from .requests import Remind, checked_key, something
        from .timers import timer

        call = "chat.remind(…)"
        parts = something(reply, call)
        self._request(Remind(timer(self, when, call), parts, checked_key(key, call)))

    # Limits of questions --------------------------------------------------------------------------

    def _limit(self, within: HowLong, call: str) -> tuple[TimerRival, ...]:
        from .timers import limit

        return limit(self, within, call)

    def _limited(self, how: dict[str, Any], call: str) -> dict[str, Any]:
        """Return a question's options with its limit as a rival."""
        within = how.pop("within", None)
        if within is not None:
            how["rivals"] = self._limit(within, call)
        return how

    def _request(self, request: Request) -> None:
        if not self.put_away:
            # Those before are cut to the requests that are left: a new turn empties these only.
            self.requested_at = (*self.requested_at[: len(self.requests)], line_at_hand())
            self.requests = (*self.requests, request)
            self.called = True
