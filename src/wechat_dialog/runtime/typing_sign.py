"""One thread of the process shows its users that the account is typing, while their turn is slow.

Only if the account has customer messages (protocol reference 7.3). It is best effort, and no turn
waits for it: no answer may be late because of a sign. The platform shows it for 15 s, or until
something is sent, refuses a second one meanwhile, and any later than 30 s after the user's message:
so a turn has two at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from wechat_dialog.core.turn.running_turn import RunningTurn, TurnId

from .running_turns import RunningTurns
from .ticker import Ticker

__all__ = ["Shows", "TypingSign"]

SLOW = 1.0
"""Seconds after which a turn is slow."""
LASTS = 15.5
"""Seconds between two signs."""
EXCHANGE = 29.0
"""Seconds after a message within which the platform accepts a sign."""
TICK = 1.0
"""Seconds between two looks."""
AT_ONCE = 20
"""Most signs per look: if the platform is slow, the others are shown later."""


class Shows(Protocol):
    """Shows the sign; see `api.pusher.Pusher`."""

    @property
    def allowed(self) -> bool:
        """Whether, as far as known, the account may show it."""
        ...

    def typing(self, user: str, *, on: bool) -> bool:
        """Show the sign to a user by their OpenID, or end it; returns whether to try others."""
        ...


class TypingSign:
    """Looks at the running turns of a process, once a second."""

    def __init__(
        self, turns: RunningTurns, shows: Shows, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create it; the thread is started later.

        Args:
            turns: The running turns.
            shows: Shows the sign.
            clock: A monotonic clock, in seconds.
        """
        self._turns = turns
        self._shows = shows
        self._clock = clock
        self._shown: dict[TurnId, float] = {}
        self._rests_until = -math.inf
        self._thread = Ticker("wechat-dialog-typing")

    def begin(self) -> None:
        """Start the thread, unless it was started."""
        self._thread.begin(self, TypingSign.look)

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def look(self) -> float:
        """Show the sign for those turns that need one; returns the seconds until the next look."""
        if self._clock() < self._rests_until or not self._shows.allowed:
            return TICK
        running = {turn.id: turn for turn in self._turns.running()}
        self._shown = {id: at for id, at in self._shown.items() if id in running}
        due = [turn for turn in running.values() if self._is_due(turn)]
        for turn in due[:AT_ONCE]:
            if not self._show(turn):
                self._rests_until = self._clock() + LASTS
                break
        return TICK

    def _is_due(self, turn: RunningTurn) -> bool:
        """Whether it is a message's turn, has its claim, is slow, and is shown no sign now."""
        now = self._clock()
        return (
            turn.claimed_since > 0
            and turn.id[1][:1].isdigit()  # the key of a turn without a message begins with a word
            and SLOW <= now - turn.began <= EXCHANGE
            and now - self._shown.get(turn.id, -math.inf) >= LASTS
            and not turn.completion.done()
        )

    def _show(self, turn: RunningTurn) -> bool:
        self._shown[turn.id] = self._clock()
        openid = turn.user.partition(":")[2]
        try_others = self._shows.typing(openid, on=True)
        if try_others and turn.completion.done():  # its answer may have gone out before the sign
            self._shows.typing(openid, on=False)
        return try_others
