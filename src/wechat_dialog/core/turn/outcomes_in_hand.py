"""Outcomes in hand: how steps ended, until the store is known to have the outcome.

A step that has returned must not run again, whatever becomes of the claim it ran under: the store
may stall until the claim has expired, or be unavailable when the outcome is to be recorded. So a
process keeps each outcome by the step's idempotency key, and the call itself while it runs. A turn
that starts over, or another message's turn that takes over the cut-off one in this process, joins
the call instead of repeating it. An outcome is removed when its record was acknowledged, or when
the turn of its message has ended.

Whoever runs a step joins its call here first, makes the call if nobody else does, and finishes it.
If a joined call ends without an outcome, the turn starts over and does not make the call: its claim
may have expired while it waited. There is no clock and no thread here: the two drivers of
`runtime/steps.py` and the simulation in `tests/simulation/` use the same registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock

from wechat_dialog.core.logs import log
from wechat_dialog.forks import mind

from .operations import StepOutcome

__all__ = ["Call", "Outcomes"]

MOST = 10_000
"""How many outcomes are kept at most; the oldest is dropped first."""

LONGEST = 86_400.0
"""Seconds for which an outcome is kept: as long as a store keeps a message whose turn was cut
off.
"""


class Call:
    """One call of a step, in progress or ended.

    Attributes:
        user: Key of the user in the store.
        key: Idempotency key of the step.
        outcome: How it ended. None while it runs, or if it ended without an outcome.
        ended: When it ended, in seconds on the process's clock; 0.0 while it runs.
        given_up: Whether the turn that made the call ran out of time.
        over: Whether it has ended, with an outcome or without.
        waiting: Callbacks, each called once when the call is over; empty from then on.
    """

    __slots__ = ("ended", "given_up", "key", "outcome", "over", "user", "waiting")

    def __init__(self, user: str, key: str) -> None:
        self.user = user
        self.key = key
        self.outcome: StepOutcome | None = None
        self.ended = 0.0
        self.given_up = False
        self.over = False
        self.waiting: list[Callable[[], object]] = []


class Outcomes:
    """The outcomes of one process that the store is not known to have, and the calls in progress;
    safe to use from several threads.
    """

    def __init__(self, most: int = MOST, longest: float = LONGEST) -> None:
        """Create an empty registry.

        Args:
            most: How many outcomes are kept.
            longest: For how many seconds an outcome is kept.
        """
        self._most = most
        self._longest = longest
        self._begin()
        mind(self)

    def _begin(self) -> None:
        self._lock = Lock()
        self._calls: dict[str, dict[str, Call]] = {}
        self._ended: dict[Call, None] = {}
        self._parts: dict[str, dict[str, dict[str, bytes]]] = {}

    def begin_anew(self) -> None:
        """See `forks.Forked`: calls and outcomes belong to turns of the parent process."""
        self._begin()

    def join(self, user: str, key: str) -> tuple[Call, bool]:
        """Return the call of a step, and whether the caller has to make and `finish` it; False if
        another caller makes it or has made it.
        """
        with self._lock:
            calls = self._calls.setdefault(user, {})
            call = calls.get(key)
            if call is not None:
                return call, False
            call = calls[key] = Call(user, key)
            return call, True

    def finish(self, call: Call, outcome: StepOutcome | None, now: float) -> None:
        """End a call and notify whoever joined it.

        Args:
            call: The call.
            outcome: How it ended; None: it was given up without an outcome.
            now: Seconds on the process's clock.
        """
        dropped: list[Call] = []
        with self._lock:
            call.outcome, call.ended, call.over = outcome, now, True
            waiting, call.waiting = call.waiting, []
            if outcome is None:
                self._forget(call)
            elif self._calls.get(call.user, {}).get(call.key) is call:
                self._ended[call] = None
                dropped = self._beyond_limits(now)
        for tell in waiting:
            tell()
        for old in dropped:
            log.warning(
                "user %s: the outcome of step %s was not recorded for too long, or there are too "
                "many such; it is dropped, and the step may run again under this key",
                old.user, old.key,
            )  # fmt: skip

    def when_over(self, call: Call, tell: Callable[[], object]) -> None:
        """Call `tell` when the call is over, from the thread that ends it; at once if it is
        over.
        """
        with self._lock:
            if not call.over:
                call.waiting.append(tell)
                return
        tell()

    def holds(self, user: str) -> bool:
        """Return whether a step of this user has an outcome in hand or a call in progress."""
        return user in self._calls or user in self._parts

    def keys(self, user: str) -> list[str]:
        """Return the idempotency keys of a user's steps that are in progress or have an outcome in
        hand; empty if there are none.
        """
        with self._lock:
            parted = [key for key, parts in self._parts.get(user, {}).items() if parts]
            return list({**self._calls.get(user, {}), **dict.fromkeys(parted)})

    def parts(self, user: str, key: str) -> dict[str, bytes]:
        """Return the parts of a step that have ended in this process and that the store is not
        known to have, by their ids; whoever runs the step changes the dict.
        """
        with self._lock:
            return self._parts.setdefault(user, {}).setdefault(key, {})

    def recorded(self, user: str, keys: Iterable[str]) -> None:
        """Forget the outcomes of these steps: the store has them."""
        with self._lock:
            calls = self._calls.get(user, {})
            for key in keys:
                self._forget_parts(user, key)
                if key in calls:
                    self._forget(calls[key])

    def settle(self, user: str, message: str) -> None:
        """Forget the calls and outcomes of a message whose turn has ended.

        Args:
            user: Key of the user in the store.
            message: The message's part of an idempotency key, the second of three.
        """
        with self._lock:
            for call in list(self._calls.get(user, {}).values()):
                if call.key.split(":", 2)[1] == message:
                    self._forget(call)
            for key in list(self._parts.get(user, ())):
                if key.split(":", 2)[1] == message:
                    self._forget_parts(user, key)

    def _beyond_limits(self, now: float) -> list[Call]:
        """Drop the oldest outcomes if there are too many, and those that are too old; return
        them.
        """
        dropped: list[Call] = []
        while self._ended:
            oldest = next(iter(self._ended))
            if len(self._ended) <= self._most and now - oldest.ended <= self._longest:
                break
            self._forget(oldest)
            dropped.append(oldest)
        return dropped

    def _forget(self, call: Call) -> None:
        self._ended.pop(call, None)
        calls = self._calls.get(call.user)
        if calls is not None and calls.get(call.key) is call:
            del calls[call.key]
            if not calls:
                del self._calls[call.user]

    def _forget_parts(self, user: str, key: str) -> None:
        steps = self._parts.get(user)
        if steps is not None and steps.pop(key, None) is not None and not steps:
            del self._parts[user]

    def __len__(self) -> int:
        return len(self._ended)
