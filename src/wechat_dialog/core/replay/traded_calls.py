"""Calls of one step that have traded places since the journal was written.

A record of a step's outcome contains a digest of the arguments. Other arguments alone are not a
difference, since the step has run. But if the recorded result of one call is given to another,
while the first call is still made elsewhere in the dialog, results would go to the wrong calls, or
the step would run again.
"""

from __future__ import annotations

from typing import Any

from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.replay.driver import Driver
from wechat_dialog.core.replay.records import Failed, GatheredFailed, GatheredReturned, Returned
from wechat_dialog.core.replay.standing import doing
from wechat_dialog.errors import ReplayMismatch

__all__ = ["TradedCalls"]

CallId = tuple[str, str]
"""The name of a step and the digest of its arguments."""


class TradedCalls:
    """Compares a dialog's step calls with the recorded ones during a replay.

    Attributes:
        driver: Drives the dialog.
        same_code: Whether the journal was written by the same code.
        lost: Calls whose recorded result was given to a call with other arguments, and the position
            of the first such record.
        cleanup: (position, exception) of each step requested while an exception was being handled:
            clean-up steps.
    """

    __slots__ = ("_gained", "cleanup", "driver", "lost", "same_code")

    def __init__(self, driver: Driver, *, same_code: bool) -> None:
        self.driver = driver
        self.same_code = same_code
        self.lost: dict[CallId, int] = {}
        self.cleanup: list[tuple[int, BaseException]] = []
        # The calls that were given such a result, and where.
        self._gained: dict[CallId, int] = {}

    def compare(
        self,
        call: StepCall[Any],
        record: Returned | Failed | GatheredReturned | GatheredFailed,
        position: int,
        gather: Gather[Any] | None = None,
    ) -> None:
        """Compare a call with the record of its outcome.

        Args:
            call: The call that the dialog requests.
            record: The outcome that it will be given.
            position: Number of records before it.
            gather: The gathering that contains the call, or None.

        Raises:
            ReplayMismatch: At the first call that traded places with another.
        """
        at: StepCall[Any] | Gather[Any] = call if gather is None else gather
        amid = at.amid or call.amid
        if amid is not None:
            self.cleanup.append((position, amid))
        if not record.call:
            return
        recorded, now = (record.name, record.call), (record.name, call.digest)
        if recorded != now:
            self._gained.setdefault(now, position)
            self.lost.setdefault(recorded, position)
        if self.lost:
            self._must_not_repeat(call, at)
            if recorded in self._gained:
                raise self._traded(self._gained[recorded], record.name, at)

    def must_not_repeat(self, at: StepCall[Any] | Gather[Any]) -> None:
        """Refuse a call whose recorded result was given to another one.

        Raises:
            ReplayMismatch: At that other call.
        """
        for call in at.calls if isinstance(at, Gather) else (at,):
            self._must_not_repeat(call, at)

    def _must_not_repeat(self, call: StepCall[Any], at: StepCall[Any] | Gather[Any]) -> None:
        position = self.lost.get((call.name, call.digest))
        if position is not None:
            raise self._traded(position, call.name, at)

    def _traded(self, position: int, name: str, at: StepCall[Any] | Gather[Any]) -> ReplayMismatch:
        driver = self.driver
        expected = f"step {name!r} with other arguments, which is called elsewhere now"
        return ReplayMismatch(driver.dialog.name, position, expected, doing(at), driver.where())
