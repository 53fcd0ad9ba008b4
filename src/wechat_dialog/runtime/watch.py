"""One thread of the process ensures that no turn runs forever.

A step that never returns would exclude its user, with its claim renewed, until the process ends. So
a turn has a longest time, measured from its claim. When it has passed in a step, the step is given
up and another thread continues the turn, which parks the conversation. If there is nothing to give
up (a dialog that computes between two questions: nothing can be thrown into running code), the
claim is no longer renewed: it expires, the next message's turn tries again, and the third such
attempt is parked as one that kills its workers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from wechat_dialog.core.logs import log
from wechat_dialog.core.turn.running_turn import RunningTurn

from .running_turns import RunningTurns
from .ticker import Ticker

__all__ = ["Watch"]

TICK = 1.0
"""Seconds between two checks."""


class Watch:
    """Checks the running turns of a process, about once a second.

    Attributes:
        wary: Whether a request was blocked by code that computes for longer than the platform
            waits; every turn on threads then has its own thread from the beginning.
    """

    def __init__(
        self,
        turns: RunningTurns,
        longest: float,
        lease: float,
        patience: float,
        let_go: Callable[[int], object],
    ) -> None:
        """Create it; the thread starts later.

        Args:
            turns: The running turns.
            longest: Seconds a turn may take.
            lease: Additional seconds for a turn that was told to end.
            patience: Seconds a request may wait.
            let_go: Stops renewing a claim, given `RunningTurn.renewal`.
        """
        self.wary = False
        self._turns = turns
        self._longest = longest
        self._lease = lease
        self._patience = patience
        self._let_go = let_go
        self._thread = Ticker("wechat-dialog-watch")

    def begin(self) -> None:
        """Check from now on."""
        self._thread.begin(self, Watch._look)

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _look(self) -> float:
        now = time.monotonic()
        for turn in self._turns.running():
            if not turn.detached and now - turn.began > self._patience:
                self._grow_wary(turn.user)
            longest = min(self._longest, turn.longest)
            if turn.claimed_since and now - turn.claimed_since > longest:
                self._end(turn, now, longest)
        return min(TICK, self._longest / 4)

    def _grow_wary(self, user: str) -> None:
        if not self.wary:
            self.wary = True
            log.warning(
                "user %s: code between two questions has kept a request for longer than the "
                "platform waits; what takes long belongs in a step. Each turn of this process has "
                "a thread of its own from now on, so that its request can leave",
                user,
            )

    def _end(self, turn: RunningTurn, now: float, longest: float) -> None:
        give_up = turn.give_up
        if give_up is not None and give_up():
            return
        if turn.renewal and now - turn.claimed_since > longest + self._lease:
            log.log(
                logging.ERROR,
                "user %s: a turn has run for %.0f s, after %s, in code that cannot be given up; "
                "its claim is not renewed any more, and expires",
                turn.user, now - turn.claimed_since, turn.doing or "its beginning",
            )  # fmt: skip
            self._let_go(turn.renewal)
            turn.renewal = 0
