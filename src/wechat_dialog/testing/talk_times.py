"""What a test does to a talk besides talking: let time pass, send signals, begin conversations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from wechat_dialog.core.blame import OURS, place_of
from wechat_dialog.core.turn.mail import Letter, SignalMail, begin_mail
from wechat_dialog.errors import ReplayMismatch, TurnTooLong, WorkerDied

from .arguments import must_be_number
from .background import Background
from .seen import Seen
from .world import World

__all__ = ["TalkTimes"]

NO_BUGS = (ReplayMismatch, TurnTooLong, WorkerDied)
"""What parks a conversation without being an exception of its dialog: a test expects it
explicitly.
"""


class TalkTimes(ABC):
    """Time, and what comes from outside."""

    _world: World
    _background: Background
    _heard: int
    _apologies: bool
    user: str

    def advance(self, seconds: float) -> None:
        """Let time pass. What falls due on the way is done when it does, in that order."""
        __tracebackhide__ = True
        must_be_number(seconds, "advance", "seconds")
        self._world.broken.clear()
        self._background.pass_until(self._world.clock + seconds)
        self._tell_of_background()
        if (bug := self._bug()) is not None:
            raise bug

    def signal(
        self, name: str, data: object = None, *, match: str = "", id: str = ""
    ) -> Literal["taken", "kept", "repeated"]:
        """Send the user's conversations a signal, as `bot.signal` does.

        Args:
            name: Its name.
            data: Its data.
            match: What distinguishes it from others with its name.
            id: Its id, by which a repetition is recognised.

        Returns:
            What became of it.

        Raises:
            SignalMisfit: The data does not fit what a conversation waits for.
        """
        __tracebackhide__ = True
        return self._send(f"[信号 {name}]", SignalMail.of(name, data, match), id)

    def begin(
        self, dialog: Callable[..., Any], state: Mapping[str, Any] | None = None, *, id: str = ""
    ) -> Literal["taken", "kept", "repeated"]:
        """Begin a conversation that no message began, as `bot.begin` does.

        Args:
            dialog: The dialog.
            state: Its arguments by name.
            id: An id by which a repetition is recognised.
        """
        __tracebackhide__ = True
        letter = begin_mail(self._world.rules.routes, dialog, state)
        return self._send(f"[开始 {letter.dialog}]", letter, id)

    @property
    def pushed(self) -> Sequence[Seen]:
        """What was pushed to the user by itself since they last wrote, oldest first."""
        mine = [reply for openid, reply in self._background.pushed if openid == self.user]
        return tuple(Seen(reply) for reply in mine[self._heard :])

    def _send(self, label: str, letter: Letter, id: str) -> Literal["taken", "kept", "repeated"]:
        __tracebackhide__ = True
        self._world.broken.clear()
        self._note("——", label)
        sent = self._background.send(self.user, letter, id)
        self._tell_of_background()
        if (bug := self._bug()) is not None:
            raise bug
        return "kept" if sent is None else sent.outcome

    def _count_pushed(self) -> int:
        return sum(openid == self.user for openid, _ in self._background.pushed)

    def _tell_of_background(self) -> None:
        """Add what was pushed to the transcript, and that a worker died."""
        background = self._background
        if background.crashed:
            background.crashed = False
            self._note("——", "进程中断")
        for reply in background.untold(self.user):
            self._note("公众号", f"（推送）{Seen(reply)}")

    @abstractmethod
    def _note(self, who: str, text: str) -> None:
        """Add a line to the transcript."""

    def _bug(self) -> BaseException | None:
        """Return what a dialog raised in the turns of this call; None if it raised nothing, or the
        user got the apology.
        """
        bugs = [error for error in self._world.broken if not isinstance(error, NO_BUGS)]
        return _from_its_own_code(bugs[-1]) if bugs and not self._apologies else None


def _from_its_own_code(error: BaseException) -> BaseException:
    """Return an error whose traceback begins in the author's code, without the library's frames."""
    trace = error.__traceback__
    while trace is not None and place_of(trace.tb_frame).package in OURS:
        trace = trace.tb_next
    return error.with_traceback(trace)
