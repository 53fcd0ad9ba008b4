"""The running turns of this process: who runs a message's turn, who joins it, who waits for it.

The first request with a message begins its *running turn*; a copy that arrives meanwhile joins it,
and only listens (`core/turn/listening.py`). There is no thread, event loop or store here.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from threading import Lock

from wechat_dialog.core.turn.listening import SLACK, nothing
from wechat_dialog.core.turn.operations import Pause
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import Listener, RunningTurn, TurnId
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import Closing, StoreError

from .holders import Holders
from .retries import Failed
from .signals import Signal

__all__ = ["Completed", "RunningTurns"]


class Completed(Signal):
    """The outcome of a turn, once it has ended; safe to use from several threads."""

    __slots__ = ("_error", "_outcome")

    def __init__(self) -> None:
        self._over = False  # as in `Signal.__init__`, inlined: this runs at every turn
        self._waiting = ()
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None

    def failed(self) -> bool:
        """Whether the turn raised an exception."""
        return self._error is not None

    def result(self) -> Outcome:
        """Return the outcome.

        Raises:
            BaseException: The exception that the turn raised.
        """
        if self._error is not None:
            raise self._error
        if self._outcome is None:
            raise AssertionError("the turn has not ended")
        return self._outcome

    def set_result(self, outcome: Outcome) -> None:
        """End the turn."""
        self._outcome = outcome
        self.happen()

    def set_exception(self, error: BaseException) -> None:
        """End the turn with its exception."""
        self._error = error
        self.happen()


class RunningTurns:
    """The running turns of one process; safe to use from several threads.

    Attributes:
        closing: Whether no more turns may begin.
    """

    def __init__(self) -> None:
        self.closing = False
        self._turns: dict[TurnId, RunningTurn] = {}
        self._waiting: dict[str, list[tuple[float, str, Signal]]] = {}
        self._failed = Failed()
        self._lock = Lock()
        self._holders = Holders()
        self._when_empty: list[Callable[[], object]] = []

    def join(
        self, id: TurnId, now: float, *, on_thread: bool = False, follows: bool = False
    ) -> Listener:
        """Let a request listen for a message's turn. If the turn is not running it is begun, and
        the request has to run it (`Listener.runs`).

        Args:
            id: The user's key and the message's.
            now: The process's clock.
            on_thread: Whether the request occupies a thread while it listens.
            follows: Whether this is the continuation of an earlier turn, while that is running.

        Raises:
            Closing: No more turns may begin.
        """
        with self._lock:
            turn = self._turns.get(id)
            if turn is None:
                if self.closing and not follows:
                    raise Closing("the bot is being closed")
                began, before = self._failed.take(id, now) if self._failed else (now, 0)
                turn = RunningTurn(
                    id, began, Completed(), 1, copies_elsewhere=before, latest=now,
                    on_threads=on_thread, detached=not on_thread,
                )  # fmt: skip
                self._turns[id] = turn
                return Listener(turn, 1, now)
            turn.copies += 1
            turn.latest = now
            return Listener(turn, turn.copies, now)

    def close(self, tell: Callable[[], object]) -> None:
        """Let no more turns begin, and wake those that wait for a claim.

        Args:
            tell: Called once no turn is running, from any thread; at once if none is.
        """
        with self._lock:
            self.closing = True
            waiting = [entry[2] for entries in self._waiting.values() for entry in entries]
            if self._turns:
                self._when_empty.append(tell)
                tell = nothing
        for woken in waiting:
            woken.happen()
        tell()

    def running(self) -> list[RunningTurn]:
        """Return the running turns."""
        with self._lock:
            return list(self._turns.values())

    def __len__(self) -> int:
        """Return how many turns are running."""
        return len(self._turns)

    def finish(self, turn: RunningTurn, outcome: Outcome | BaseException, now: float = 0.0) -> None:
        """End a turn and notify its listeners.

        Args:
            turn: The turn.
            outcome: Its outcome, or its exception.
            now: The process's clock, if the store failed it.
        """
        empty: Sequence[Callable[[], object]] = ()
        with self._lock:
            self._turns.pop(turn.id, None)
            if type(outcome) is not Outcome and isinstance(outcome, StoreError):
                copies = turn.copies_elsewhere + turn.copies
                self._failed.note(turn.id, turn.began, copies, now)
            waiting = self._waiting.get(turn.id[0])
            following = waiting.pop(0)[2] if waiting else None
            if self.closing and not self._turns:
                empty, self._when_empty = self._when_empty, []
        if isinstance(outcome, Outcome):
            turn.completion.set_result(outcome)
        else:
            turn.completion.set_exception(outcome)
        if following is not None:
            following.happen()
        for tell in empty:
            tell()

    @contextmanager
    def waiting(self, pause: Pause, first_seen: float) -> Generator[Signal]:
        """Return a signal that happens when it is time to ask for the claim again.

        That is when a turn of the user ends in this process and this one is the first of those
        waiting for it here; or when another one learns from the store that this one is next. If all
        of them asked whenever a turn ends, they would crowd the store; if each asked after a pause
        of its own, many messages of one user would be slow, and occupy a thread each for that long.

        Args:
            pause: The pause.
            first_seen: When the waiting message was first seen, by the process's clock.
        """
        entry = first_seen, pause.key, Signal()
        with self._lock:
            waiting = self._waiting.setdefault(pause.user, [])
            following = next((signal for _, key, signal in waiting if key == pause.before), None)
            insort(waiting, entry, key=itemgetter(0))
        if following is not None:
            following.happen()
        try:
            yield entry[2]
        finally:
            with self._lock:
                waiting = self._waiting.get(pause.user, [])
                if entry in waiting:
                    waiting.remove(entry)
                if not waiting:
                    self._waiting.pop(pause.user, None)

    def waits_in_vain(self, pause: Pause, now: float, window: Window) -> bool:
        """Whether a request that occupies a thread should not wait for this turn's claim.

        Args:
            pause: The pause.
            now: The process's clock.
            window: The platform's window.
        """
        if pause.before in ("", pause.key):  # unknown, or the turn of a copy of this very message
            return False
        with self._lock:
            age = self._holders.age(pause.user, pause.before, now)
            waiting = self._waiting.get(pause.user, ())
            keys = [key for _, key, _ in waiting]
            before = keys.index(pause.key) if pause.key in keys else len(keys)
            return self._holders.in_vain(age, before, window)

    def stops_waiting(
        self, pause: Pause, turn: RunningTurn, now: float, window: Window, *, pushes: bool
    ) -> bool:
        """Whether to stop waiting for the claim: no request listens, and the store keeps the
        message for whoever has the next turn.

        If late answers are pushed, the user's last message continues to wait, since its turn also
        handles the ones before, and the user should not have to write again.

        Args:
            pause: The pause.
            turn: The waiting turn.
            now: The process's clock.
            window: The platform's window.
            pushes: Whether late answers are pushed.
        """
        over = now - turn.began > window.requests * window.seconds + SLACK
        if turn.departed < turn.copies or not (turn.deferred or over):
            return False
        with self._lock:
            waiting = self._waiting.get(pause.user)
            return not (pushes and (not waiting or waiting[-1][0] <= turn.began))
