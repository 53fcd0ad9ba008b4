"""Counts and times what a turn asks for, and makes the reports of `Bot(on_turn=…)`.

A bot without `on_turn` has nothing of this: no wrapped generator, no clock call, no object.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from wechat_dialog.core.logs import report
from wechat_dialog.core.store.values import Claimed
from wechat_dialog.core.turn.notes import Notes, cause_of
from wechat_dialog.core.turn.operations import Push, RunStep, StepOutcome
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import Listener, Request, RunningTurn
from wechat_dialog.core.turn.turn_report import Delivery, StepReport, TurnReport

from .drive import Driving, TurnDriver
from .requests import Begins, Requests, Untaken, Wary
from .retries import pauses
from .wanted import ON_STORE, Gather, NextOutcome, Step, Wait, Wanted

__all__ = ["ReportedRequests", "Reporting", "firing_notes", "observed"]

T = TypeVar("T")


class Reporting:
    """Makes the reports of one process."""

    def __init__(
        self,
        emit: Callable[[TurnReport], object],
        clock: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Create it.

        Args:
            emit: Receives each report, when its turn is over.
            clock: The process's clock.
            wall_clock: Returns the seconds since 1970.
        """
        self._clock = clock
        self._emit = emit
        self._wall_clock = wall_clock

    def message(self, request: Request, turn: RunningTurn, began: float) -> None:
        """Begin the notes of a message's turn, which began at this time of the process's clock."""
        message = request.message
        cause, kind = cause_of(request.key, message)
        turn.notes = Notes(
            message.user, message.account, key=request.key, arrived=request.arrived / 1000,
            began=began, cause=cause, kind=kind,
        )  # fmt: skip

    def firing(self, turn: RunningTurn, account: str, openid: str) -> Notes:
        """Begin the notes of a firing, and return them. It is reported when it is finished."""
        arrived, began = self._wall_clock(), self._clock()
        notes = turn.notes = Notes(openid, account, key="", arrived=arrived, began=began)
        turn.completion.when_over(lambda: self.over(turn, notes))
        return notes

    def operator(self, turn: RunningTurn) -> None:
        """Begin the notes of an operator's turn."""
        account, _, openid = turn.user.partition(":")
        turn.notes = Notes(
            openid, account, key=turn.id[1], arrived=self._wall_clock(), began=self._clock(),
            cause="operator",
        )  # fmt: skip

    def reported(self, driving: Driving[T], turn: RunningTurn) -> Driving[T]:
        """Yield what a turn asks for, and report it when it is over.

        Args:
            driving: The turn; finishes it.
            turn: The turn, whose notes have begun; without notes it is not reported.
        """
        notes = turn.notes
        if notes is None:
            return (yield from driving)
        try:
            return (yield from observed(driving, notes, self._clock))
        finally:
            if turn.completion.done():  # otherwise this process ends
                self.over(turn, notes)

    def over(self, turn: RunningTurn, notes: Notes) -> None:
        """Emit the reports of a turn that has ended."""
        notes.now = self._clock()
        try:
            reports = _reports(turn, notes)
        except Exception as error:  # noqa: BLE001 - a mistake here is not to cost a user the reply
            report(logging.ERROR, "user %s: a turn is not reported", turn.user, error=error)
            return
        for turn_report in reports:
            self._emit(turn_report)


def _reports(turn: RunningTurn, notes: Notes) -> list[TurnReport]:
    try:
        outcome = turn.completion.result()
    except BaseException as error:  # noqa: BLE001 - raised to whoever waited for the turn
        return notes.over(error=error)
    delivery = _delivery(turn, outcome)
    request = turn.copies_elsewhere + turn.copies if delivery == "reply" else 0
    return notes.over(is_kept=outcome.late, delivery=delivery, request=request)


def _delivery(turn: RunningTurn, outcome: Outcome) -> Delivery:
    if outcome.late:
        return "held"
    if outcome.reply is None:
        return "none"
    return "nobody" if turn.untaken else "reply"


class ReportedRequests(Requests):
    """The requests of a bot with `on_turn`."""

    def __init__(
        self,
        driver: TurnDriver,
        untaken: Untaken,
        watch: Wary,
        pauses: Callable[[], Iterator[float]] = pauses,
        *,
        reporting: Reporting,
    ) -> None:
        """See `Requests`; `reporting` makes the reports."""
        super().__init__(driver, untaken, watch, pauses)
        self._reporting = reporting

    def run(self, request: Request, listener: Listener) -> Driving[Outcome | None]:
        """See `Requests.run`."""
        self._reporting.message(request, listener.turn, listener.arrived)
        return self._reporting.reported(super().run(request, listener), listener.turn)

    def operate(self, listener: Listener, begin: Begins) -> Driving[None]:
        """See `Requests.operate`."""
        self._reporting.operator(listener.turn)
        return self._reporting.reported(super().operate(listener, begin), listener.turn)


def firing_notes(
    reporting: Reporting | None, turn: RunningTurn, account: str, openid: str
) -> Notes | None:
    """Begin the notes of a firing; None: nobody wants reports."""
    return None if reporting is None else reporting.firing(turn, account, openid)


def observed(
    driving: Generator[Wanted, Any, T], notes: Notes, clock: Callable[[], float]
) -> Driving[T]:
    """Yield what a generator asks for, and note how long that takes and what comes of it.

    Args:
        driving: The generator.
        notes: Receives it.
        clock: The process's clock.
    """
    result: Any = None
    error: BaseException | None = None
    steps = _Steps(notes)
    while True:
        try:
            wanted = driving.send(result) if error is None else driving.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        began = clock()
        result = error = None
        try:
            result = yield wanted
        except GeneratorExit:
            driving.close()
            raise
        except BaseException as failure:  # noqa: BLE001 - the generator decides what it means
            error = failure
        notes.now = clock()
        if isinstance(wanted, ON_STORE):
            _note_trip(notes, result, notes.now - began)
        elif isinstance(wanted, Wait):
            if not notes.turn.is_over:
                notes.waited += notes.now - began
        elif isinstance(wanted, Push):
            notes.turn.pushes += error is None and result is None
        else:
            steps.note(wanted, began, result, error)


def _note_trip(notes: Notes, result: object, seconds: float) -> None:
    turn = notes.turn
    if not turn.is_over:
        turn.trips += 1
        turn.store_seconds += seconds
    if type(result) is Claimed:
        notes.way = "claimed"


class _Steps:
    """The steps that one turn calls."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._called: dict[int, tuple[RunStep, float]] = {}

    def note(
        self, wanted: Wanted, began: float, result: object, error: BaseException | None
    ) -> None:
        """Note what came of the call of a step, or of several."""
        if isinstance(wanted, Step):
            self._ended(wanted.step, began, result, error)
        elif isinstance(wanted, Gather):
            self._called = {step.slot: (step, began) for step in wanted.steps}
        elif isinstance(wanted, NextOutcome):
            if isinstance(result, StepOutcome):
                if result.slot in self._called:
                    self._ended(*self._called.pop(result.slot), result, error)
                return
            for step, called in self._called.values():
                self._ended(step, called, result, error)
            self._called = {}

    def _ended(
        self, step: RunStep, began: float, outcome: object, error: BaseException | None
    ) -> None:
        notes, attempts = self._notes, 0
        if isinstance(outcome, StepOutcome):
            error, attempts = outcome.error, outcome.attempts
        notes.turn.steps.append(
            StepReport(
                step.call.name, notes.at(began), notes.now - began, attempts,
                "" if error is None else type(error).__name__,
            )
        )  # fmt: skip
