"""What happens in a talk without a message of its user: times that fall due, signals, conversations
that are begun. It works as the sweep of a process does, on the talk's clock.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Literal, TypeVar

from wechat_dialog.core.store.times import Due
from wechat_dialog.core.turn.mail import Letter
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Operation
from wechat_dialog.core.turn.outside import Fired, Sent, fire, send
from wechat_dialog.replies import Reply

from .timed_steps import Crash
from .world import Performer, World

__all__ = ["Background"]

T = TypeVar("T")

TICK = 1e-6
"""Seconds by which the clock is put beyond a due time, so that rounding does not make it early."""

ROUNDS = 1_000
"""After so many firings in a row, a dialog counts as setting due times without end."""


class Background:
    """The sweep of one account's users.

    Attributes:
        world: The world.
        account: The account.
        pushed: What was pushed, as pairs of OpenID and reply, in order.
        crashed: Whether a worker died meanwhile.
    """

    def __init__(self, world: World, account: str) -> None:
        self.world = world
        self.account = account
        self.pushed: list[tuple[str, Reply]] = []
        self.crashed = False
        self._reported = 0
        world.deliver_to(weakref.WeakMethod(self.deliver))

    def deliver(
        self, openid: str, letter: Letter, id: str, post_only: bool
    ) -> Literal["taken", "kept", "repeated"]:
        """Deliver what the code under test has given the bot; see `Bot.delivers`."""
        if post_only:  # sent by a step: the turn that it causes comes after this one
            user = f"{self.account}:{openid}"
            sent = self._drive(user, lambda _: self._sending(openid, letter, id, post_only=True))
        else:
            sent = self.send(openid, letter, id)
        return "kept" if sent is None else sent.outcome

    def untold(self, openid: str) -> list[Reply]:
        """Return what was pushed to a user since the last call."""
        new, self._reported = self.pushed[self._reported :], len(self.pushed)
        return [reply for receiver, reply in new if receiver == openid]

    def send(self, openid: str, letter: Letter, id: str) -> Sent | None:
        """Put a letter into a user's mailbox, and run the turns that it causes; None: the worker
        died.
        """
        user = f"{self.account}:{openid}"
        sent = self._drive(user, lambda notes: self._sending(openid, letter, id, notes=notes))
        if sent is not None and sent.again is not None:
            self.fire(sent.again)
        return sent

    def fire(self, due: Due | None) -> None:
        """Run a user's firing, and the firings that it leaves due."""
        rounds = ROUNDS
        while due is not None:
            if not rounds:
                raise AssertionError(
                    f"{due.user}: something is due again and again: a dialog waits for times that "
                    "are over already, or starts itself"
                )
            rounds -= 1
            openid = due.user.removeprefix(f"{self.account}:")
            fired = self._drive(due.user, partial(self._firing, due, openid))
            due = None if fired is None else fired.again

    def pass_until(self, time: float) -> None:
        """Let time pass; what falls due on the way is done when it does, in that order.

        Args:
            time: Seconds since 1970.
        """
        world = self.world
        while (following := self._next()) is not None and following <= time:
            world.clock = max(world.clock, following + TICK)
            due = world.store.due(self.account, 1, 2 * world.settings.lease)
            for entry in due.entries:
                self.fire(entry)
            if not due.entries:
                break
        world.clock = max(world.clock, time)

    def _next(self) -> float | None:
        """Return when something falls due next, without leasing it."""
        following = self.world.store.due(self.account, 0, 0.0).next
        return None if following is None else following / 1000

    def _firing(
        self, due: Due, openid: str, notes: Notes | None
    ) -> Generator[Operation, Any, Fired]:
        return fire(self.world.settings, due, self.account, openid, notes=notes)

    def _sending(
        self, openid: str, letter: Letter, id: str, *, post_only: bool = False,
        notes: Notes | None = None,
    ) -> Generator[Operation, Any, Sent]:  # fmt: skip
        user, settings = f"{self.account}:{openid}", self.world.settings
        return send(
            settings, user, self.account, openid, letter, id, post_only=post_only, notes=notes
        )

    def _drive(
        self, user: str, begin: Callable[[Notes | None], Generator[Operation, Any, T]]
    ) -> T | None:
        performer = Performer(self.world, user)
        try:
            return performer.drive(begin, f"fire {id(begin)}")
        except Crash:
            self.crashed = True
            self.world.take(self.world.bot)
            return None
        finally:
            openid = user.removeprefix(f"{self.account}:")
            self.pushed += [(openid, reply) for reply in performer.pushed]
