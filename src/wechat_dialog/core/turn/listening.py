"""How long a request listens for the outcome of its message's turn, and what it is answered.

The first request with a message runs the message's turn; a copy that arrives meanwhile only
listens. How long a request listens depends on whether it is the platform's last one for its
message. That is a property of the request, fixed when it arrives by what this process and the store
have seen until then: the turn may outlive its first request, and copies that reach other processes
later do not change which request is the last.

There is no clock, thread, event loop or store here: `listen` is a generator of things to wait for,
so that requests on threads, on event loops and in `tests/simulation/` follow the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import msgspec

from wechat_dialog.core.store.pages import PageOpen, PageSecret
from wechat_dialog.core.store.values import Answered
from wechat_dialog.core.turn.forgotten import COPIES, SURE
from wechat_dialog.core.turn.operations import Defer
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.page_link import link_to_page
from wechat_dialog.core.turn.pending import sealed_pending
from wechat_dialog.core.turn.running_turn import Completion, Listener, Request
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.waiting_text import too_late
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import AskAgain, Closing, StoreError
from wechat_dialog.replies.stored import decode_reply

__all__ = ["SLACK", "Deferral", "Listen", "listen", "nothing"]


LOOK_AGAIN = 0.25
"""Seconds after which a request checks again whether the store has said which copy it is."""

SLACK = 0.5
"""Seconds beyond the window for which a request listens: a clock that is slightly ahead must not
end the platform's retries with an early `success`.
"""

ON_THREAD = 0.5
"""Seconds for which a request on a thread listens before it checks whether to continue."""


class Listen(msgspec.Struct, frozen=True):
    """Wait until the turn has ended, at most for this time.

    The result is the process's clock, whether or not the turn has ended; None if the request's
    client has hung up.

    Attributes:
        completion: The turn's completion.
        seconds: The longest time to wait, 0 or more.
    """

    completion: Completion
    seconds: float


class Deferral(msgspec.Struct, frozen=True):
    """Perform a store operation, and wait for the answer for `defer.within` seconds at most.

    The result is that answer. `StoreError` is raised if the store fails or answers too late; in the
    latter case `late` is called with the answer when it arrives.
    """

    defer: Defer | PageOpen | PageSecret
    late: Callable[[object], object]


_Listening = Generator[Listen | Deferral, Any, Outcome]


def nothing() -> None:
    """Do nothing."""


def listen(
    listener: Listener,
    request: Request,
    window: Window,
    rules: Rules,
    now: float,
    note: Callable[[], object] = nothing,
    *,
    on_thread: bool = False,
) -> _Listening:
    """Wait for a turn's outcome, as long as the request's connection is open.

    Args:
        listener: The request's place among those that listen.
        request: The request.
        window: The platform's window.
        rules: The bot's rules. If it pushes, every request is the last, since its answer ends the
            platform's retries; unless the store is unavailable, because the next request may reach
            it.
        now: The process's clock; later than the request's arrival if the request itself ran the
            turn.
        note: Notes that a reply was not taken, if the store returned it to this request too late.
        on_thread: Whether the request occupies a thread while it listens. Such a request does not
            wait for an unavailable store: the platform's next one will ask.

    Returns:
        The turn's outcome. If that takes too long, the text of `too_late` for the platform's last
        request, and nothing for any other: its connection is closed by then.

    Raises:
        AskAgain: The store is unavailable, and the platform has another request.
        Closing: The process ends before the turn has begun, and the platform has another request.
        StoreError: The store is unavailable, and this was the last request.
        BaseException: What the turn raised.
    """
    listening = _Listener(listener, request, window, rules, note, on_thread)
    try:
        return (yield from listening.wait(now))
    except StoreError as error:
        if listener.is_last(window):
            raise
        raise AskAgain(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Listener:
    """See `listen`."""

    place: Listener
    request: Request
    window: Window
    rules: Rules
    note: Callable[[], object]
    on_thread: bool

    def wait(self, now: float) -> _Listening:
        turn, arrived, window = self.place.turn, self.place.arrived, self.window
        leaves_early = self.rules.may_push
        while True:
            last, left = self.place.is_last(window), 0.0
            early = last or leaves_early or turn.leave_at_once
            if turn.completion.done():
                try:
                    return (yield from self._outcome(now))
                except Closing:
                    if not last:
                        raise
            elif not turn.leave_at_once:
                left = arrived + (window.patience if early else window.seconds + SLACK) - now
            if left > 0:
                sure = turn.counted or early
                heard = yield from self._listen(left if sure else min(left, LOOK_AGAIN))
                if heard is None:
                    return Outcome(None)
                now = heard
            elif not early or now - arrived > max(SURE - COPIES, window.seconds + SLACK):
                # Stopped for so long, it might have a message kept that was answered and forgotten.
                return self._closed()
            else:
                try:
                    return (yield from self._defer())
                except StoreError:
                    if last:
                        turn.departed += 1
                        raise
                    leaves_early = turn.leave_at_once = False

    def _listen(self, seconds: float) -> Generator[Listen | Deferral, Any, float | None]:
        """Wait for the turn's end; returns the time, or None if the client has hung up."""
        turn = self.place.turn
        wanted = Listen(turn.completion, min(seconds, ON_THREAD) if self.on_thread else seconds)
        heard: float | None = yield from self._asked(wanted)
        if heard is None:
            turn.departed += 1
        elif (
            self.on_thread
            and turn.failing
            and not turn.completion.done()
            and not self.place.is_last(self.window)
        ):
            turn.departed += 1
            raise AskAgain("the store is away")
        return heard

    def _asked(self, wanted: Listen | Deferral) -> Generator[Listen | Deferral, Any, Any]:
        try:
            return (yield wanted)
        except StoreError:
            raise
        except BaseException:  # the request was cancelled: its server knows that the client hung up
            turn = self.place.turn
            turn.departed += not turn.completion.done()
            raise

    def _closed(self) -> Outcome:
        """Leave: the platform has closed the connection, and has another request."""
        turn = self.place.turn
        turn.departed += 1
        if turn.failing:
            raise StoreError("the store is away")
        return Outcome(None)

    def _defer(self) -> _Listening:
        """Leave, and have the store keep the message, or return the reply if there is one
        already.
        """
        # Measured from the first copy: the question it answers may have expired since.
        request, turn = self.request, self.place.turn
        since = int((self.place.arrived - turn.began) * 1000)
        pending = sealed_pending(self.rules.seal, request.message, request.arrived - since)
        within = max((self.window.seconds - self.window.patience) / 2, 0.05)
        answer = yield from self._deferred(Defer(request.user, request.key, pending, within))
        if isinstance(answer, Answered):
            return Outcome(decode_reply(answer.reply))
        turn.departed += 1
        turn.deferred = True
        page = yield from self._page(within / 2)
        return Outcome(too_late(self.rules, page), late=True)

    def _page(self, within: float) -> Generator[Listen | Deferral, Any, str]:
        """Create the page that will show the answer; returns its address. If the store is too slow
        for that, the user waits without a page.
        """
        request = self.request
        ops = link_to_page(self.rules, request.user, request.message, request.key)
        answer: Any = None
        while True:
            try:
                op = ops.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            in_time = msgspec.structs.replace(op, within=within)
            try:
                answer = yield from self._asked(Deferral(in_time, lambda _: None))
            except StoreError:
                return ""

    def _outcome(self, now: float) -> _Listening:
        """Return the outcome of a turn that has ended. If its reply was committed with no request
        to take it, a request that arrived since takes it from the store, unless another message was
        quicker.
        """
        outcome = self.place.turn.completion.result()
        if not self.place.turn.untaken:
            return outcome
        answer = None
        if now - self.place.arrived <= self.window.seconds:
            defer = Defer(self.request.user, self.request.key, b"", self.window.seconds)
            answer = yield from self._deferred(defer)
        return Outcome(decode_reply(answer.reply) if isinstance(answer, Answered) else None)

    def _deferred(self, defer: Defer) -> Generator[Listen | Deferral, Any, object]:
        turn, note = self.place.turn, self.note
        return (
            yield from self._asked(Deferral(defer, lambda result: turn.learn_late(result, note)))
        )
