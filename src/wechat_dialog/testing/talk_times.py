"""What a test does to a talk besides talking: let time pass, send signals, begin conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from wechat_dialog.core.turn.mail import Letter, SignalMail, begin_mail

from .background import Background
from .seen import Seen
from .world import World

__all__ = ["TalkTimes"]


class TalkTimes:
    """Time, and what comes from outside."""

    _world: World
    _background: Background
    _heard: int
    user: str

    def advance(self, seconds: float) -> None:
        """Let time pass. What falls due on the way is done when it does, in that order."""
        __tracebackhide__ = True
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
            match: What tells it from others of its name.
            id: What makes a repetition of it harmless.

        Returns:
            What became of it.

        Raises:
            SignalMisfit: The data are not what is waited for.
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
            id: What makes a repetition harmless.
        """
        __tracebackhide__ = True
        letter = begin_mail(self._world.rules.routes, dialog, state)
        return self._send(f"[开始 {letter.dialog}]", letter, id)

    @property
    def pushed(self) -> Sequence[Seen]:
        """What was pushed to the user by itself since they last wrote, oldest first."""
        mine = [reply for openid, reply in self._background.pushed if openid == self.user]
        return tuple(Seen(reply) for reply in mine[self._heard :])

    def _send(self, what: str, letter: Letter, id: str) -> Literal["taken", "kept", "repeated"]:
        __tracebackhide__ = True
        self._world.broken.clear()
        self._note("——", what)
        sent = self._background.send(self.user, letter, id)
        self._tell_of_background()
        if (bug := self._bug()) is not None:
            raise bug
        return "kept" if sent is None else sent.outcome

    def _count_pushed(self) -> int:
        return sum(openid == self.user for openid, _ in self._background.pushed)

    def _tell_of_background(self) -> None:
        """Note what was pushed, and that a worker died."""
        background = self._background
        if background.crashed:
            background.crashed = False
            self._note("——", "进程中断")
        for reply in background.untold(self.user):
            self._note("公众号", f"（推送）{Seen(reply)}")

    def _note(self, who: str, what: str) -> None:
        raise NotImplementedError

    def _bug(self) -> BaseException | None:
        raise NotImplementedError
