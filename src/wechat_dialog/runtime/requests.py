"""One request with a message, and the turn that it runs or joins: what happens in which order.

The first request with a message runs its turn to the end, whatever becomes of the connection. A
copy that arrives meanwhile joins it. The platform's last copy does not wait beyond its patience: it
tells the store that the reply will be held (`Store.defer`), answers with the waiting text, and the
turn continues without it. If the account pushes held parts, every request does so and answers
nothing, and what a turn leaves to push is pushed after it has ended.

Nothing is performed here; see `drive.py`. The differences between threads and event loops:

- On an event loop, a turn is a task of its own. On threads, it begins on its request's thread,
  since most turns are over before another thread could have been started. Before anything that may
  take long (a step, a pause) it is *handed over* to a thread of its own, and its request only
  listens.
- If the store fails a turn, it is tried again as long as a request waits for it. On an event loop,
  where that occupies no thread, the turn itself is retried until its last request has left. On
  threads only the platform's last request retries, and the others are answered at once so that the
  platform retries (see `retries.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from wechat_dialog.core.logs import report
from wechat_dialog.core.store.times import Due
from wechat_dialog.core.turn.forgotten import COPIES
from wechat_dialog.core.turn.listening import listen
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Operation
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.push import push
from wechat_dialog.core.turn.running_turn import Listener, Request, RunningTurn
from wechat_dialog.core.turn.transaction import turn as begin_turn
from wechat_dialog.errors import Closing, StoreError

from .drive import Driving, TurnDriver, hand_over
from .retries import pauses
from .signals import NEVER, Signal
from .untaken_replies import UntakenReply
from .wanted import Begin, BeginBeside, TellUntaken, Wait

__all__ = ["Begins", "Requests", "Untaken", "Wary"]

Begins = Callable[[Notes | None], Transaction]
"""Returns an operator's transaction, given the notes for its report."""


class Untaken(Protocol):
    """Knows which replies were not taken; see `UntakenReplies`."""

    @property
    def users(self) -> dict[str, UntakenReply]:
        """Replies of which the store has still to be told, by user."""
        ...

    def note(self, user: str, key: str, takes: int) -> None:
        """Note that the reply to a message was not taken: the store will be told."""
        ...

    def begin(self, user: str) -> tuple[UntakenReply, Signal | None] | None:
        """Take on the task of telling the store of a user's reply; see `UntakenReplies.begin`."""
        ...

    def end(self, user: str, reply: UntakenReply, *, store_knows: bool) -> None:
        """End that task."""
        ...


class Wary(Protocol):
    """Knows whether dialogs compute for too long in this process; see `Watch`."""

    @property
    def wary(self) -> bool:
        """Whether every turn on threads is to have its own thread from the beginning."""
        ...


class Requests:
    """The requests of one process, and the turns they run.

    Attributes:
        goes_on: Returns the request to do what a turn has made due at once, given account and
            entry; None: a sweep does it.
    """

    def __init__(
        self,
        driver: TurnDriver,
        untaken: Untaken,
        watch: Wary,
        pauses: Callable[[], Iterator[float]] = pauses,
    ) -> None:
        """Create it without requests.

        Args:
            driver: Drives the turns.
            untaken: Knows which replies were not taken.
            watch: Knows whether every turn on threads is to have its own thread.
            pauses: Yields the seconds before each further try if the store fails.
        """
        self._driver = driver
        self._turns = driver.turns
        self._window = driver.window
        self._clock = driver.clock
        self._untaken = untaken
        self._watch = watch
        self._pauses = pauses
        self.goes_on: Callable[[str, Due], BeginBeside] | None = None

    # A request ------------------------------------------------------------------------------------

    def tell_untaken(self, user: str) -> Driving[None]:
        """Tell the store that a reply was not taken, before the user's next message has its
        turn.
        """
        while (begun := self._untaken.begin(user)) is not None:
            reply, by_another = begun
            if by_another is not None:
                yield Wait(by_another.when_over, self._window.patience)
                if not by_another.done():
                    return  # the store stalls, and so does this request
                continue
            store_knows = False
            try:
                yield TellUntaken(user, reply.key, reply.takes)
                store_knows = True
            except StoreError:
                return  # what follows will fail, too
            finally:
                self._untaken.end(user, reply, store_knows=store_knows)

    def answer(self, request: Request, listener: Listener, *, on_thread: bool) -> Driving[Outcome]:
        """Answer a request that has joined its message's turn, by listening for the outcome.

        Args:
            request: The request.
            listener: Its place among the listening requests.
            on_thread: Whether it occupies a thread meanwhile.

        Raises:
            AskAgain: The store failed, and the platform has another request.
            Closing: The bot is being closed, and the turn has not begun.
            StoreError: The store failed the platform's last request.
        """
        tries: Iterator[float] | None = None
        while True:
            try:
                return (yield from self._listen(request, listener, on_thread=on_thread))
            except StoreError as error:
                tries = tries or self._pauses()
                left = listener.arrived + self._window.patience - self._clock()
                if not (on_thread and error.may_pass) or left <= 0:
                    self._untaken.note(request.user, request.key, listener.turn.takes)
                    raise
            yield Wait(NEVER.when_over, min(next(tries), left))
            again = self._turns.join(listener.turn.id, self._clock(), on_thread=on_thread)
            again.turn.failing = True
            listener = msgspec.structs.replace(again, arrived=listener.arrived)
            if listener.runs:
                yield Begin(listener.turn, self.run(request, listener))

    def _listen(self, request: Request, listener: Listener, *, on_thread: bool) -> Driving[Outcome]:
        turn = listener.turn
        return listen(
            listener, request, self._window, self._driver.settings().rules, self._clock(),
            lambda: self._untaken.note(request.user, request.key, turn.takes),
            on_thread=on_thread,
        )  # fmt: skip

    # A turn ---------------------------------------------------------------------------------------

    def run(self, request: Request, listener: Listener) -> Driving[Outcome | None]:
        """Run the turn of a request's message to its end, whatever becomes of the request.

        Returns:
            The outcome; None: it raised, or no request waited for its reply. Listeners are
            notified.
        """
        turn, settings = listener.turn, self._driver.settings()
        # If the platform had hung up before the request was read, the message has waited here.
        waited = request.waited if turn.departed >= turn.copies else 0.0
        turn.unanswered = listener.arrived - max(waited, COPIES)
        try:
            if not turn.detached and (
                turn.failing
                or self._watch.wary
                or (turn.copies_elsewhere and listener.is_last(self._window))
            ):
                # The request may have to leave the turn soon: it has failed before, or dialogs
                # compute for too long in this process.
                yield hand_over(turn)
            began = self._clock() if turn.failing else listener.arrived
            transaction = begin_turn(
                settings, request.user, request.message, request.key, request.arrived,
                notes=turn.notes,
            )  # fmt: skip
            try:
                outcome = yield from self._driver.drive(transaction, listener, began)
            except StoreError as error:
                outcome = yield from self._try_again(request, listener, error)
            follows = self._follows(request, turn, outcome)
        except BaseException as error:  # noqa: BLE001 - passed on to the turn's listeners
            self._failed(turn, error)
            return None
        if follows is None:
            self._turns.finish(turn, outcome)
        else:
            yield from self._end(turn, outcome, follows)
        if outcome.again is not None and self.goes_on is not None:
            with suppress(Closing):
                yield self.goes_on(request.message.account, outcome.again)
        return None if turn.untaken else outcome

    def _try_again(
        self, request: Request, listener: Listener, error: StoreError
    ) -> Driving[Outcome]:
        """Drive a turn again after the store failed it: on an event loop, while a request waits."""
        turn = listener.turn
        for pause in self._pauses():
            listened = turn.departed < turn.copies
            if listened and not turn.failing:
                _tell_of_failure(turn, error)
            if turn.on_threads or not (error.may_pass and listened):
                break
            turn.begin_again()
            yield Wait(NEVER.when_over, pause)
            transaction = begin_turn(
                self._driver.settings(), request.user, request.message, request.key,
                request.arrived, arrives=not turn.counted, notes=turn.notes,
            )  # fmt: skip
            try:
                return (yield from self._driver.drive(transaction, listener, self._clock()))
            except StoreError as again:
                error = again
        raise error

    def operate(self, listener: Listener, begin: Begins) -> Driving[None]:
        """Run an operator's transaction; see `run`."""
        turn = listener.turn
        try:
            transaction = begin(turn.notes)
            outcome = yield from self._driver.drive(transaction, listener, listener.arrived)
        except BaseException as error:  # noqa: BLE001 - see `run`
            self._failed(turn, error)
        else:
            if outcome.pushes is None:
                self._turns.finish(turn, outcome)
            else:
                yield from self._end(turn, outcome, outcome.pushes)

    def _failed(self, turn: RunningTurn, error: BaseException) -> None:
        self._turns.finish(turn, error, self._clock())
        if isinstance(error, StoreError) and turn.failing:
            return  # reported at the first failure
        alone = turn.departed >= turn.copies
        if alone and isinstance(error, Exception) and not isinstance(error, Closing):
            report(
                logging.ERROR,
                "user %s: a turn failed after its last request; the next message tries it again",
                turn.user, error=error,
            )  # fmt: skip

    def _end(
        self, turn: RunningTurn, outcome: Outcome, follows: Generator[Operation, Any, None]
    ) -> Driving[None]:
        """End a turn; then push what it left to push."""
        user, key = turn.id
        onward = self._turns.join((user, f"push {key}"), self._clock(), follows=True)
        self._turns.finish(turn, outcome)
        try:
            if not turn.detached:
                yield hand_over(turn)
            yield from self._driver.drive(follows, onward, self._clock())
        except Exception as error:  # noqa: BLE001 - nobody waits for it any more
            report(
                logging.ERROR,
                "user %s: what is held was not pushed; it comes with their next message",
                user, error=error,
            )  # fmt: skip
        finally:
            self._turns.finish(onward.turn, Outcome(None))

    def _follows(
        self, request: Request, turn: RunningTurn, outcome: Outcome
    ) -> Generator[Operation, Any, None] | None:
        """Return what to perform after a turn. If its reply was not taken, it is pushed if
        possible; if its commit took too long for any request to take the reply, the store is told.
        """
        if outcome.reply is None or outcome.late:
            return outcome.pushes
        if not turn.untaken:
            if turn.nobody_waits(self._clock(), self._window):
                turn.untaken = True
                self._untaken.note(request.user, request.key, turn.takes)
            return outcome.pushes
        settings = self._driver.settings()
        if outcome.pushes is not None or not settings.rules.may_push:
            return outcome.pushes
        return push(
            settings.rules, request.user, request.message, f"push:{request.key}", request.arrived,
            lease=settings.lease, poll=settings.poll, replied=False,
            created=request.message.created,
        )  # fmt: skip


def _tell_of_failure(turn: RunningTurn, error: StoreError) -> None:
    report(
        logging.WARNING, "user %s: the store failed a turn, which is tried again", turn.user,
        error=error,
    )  # fmt: skip
