"""A step that is given up is not called again, and nothing waits for its next call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wechat_dialog.core.dialog.steps import StepCall, StepOptions
from wechat_dialog.core.turn.operations import RunStep
from wechat_dialog.runtime.attempt import Attempt
from wechat_dialog.runtime.steps import Steps
from wechat_dialog.runtime.wanted import Wait


class Pausing(Steps):
    """Pauses without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def pause(self, wanted: Wait) -> None:
        self.pauses.append(wanted.seconds)


class Bank:
    """A step that fails, and is given up in its call or in the pause after it."""

    def __init__(self, *, in_the_pause: bool) -> None:
        self.attempt = Attempt()
        self.calls = 0
        self._in_the_pause = in_the_pause

    def pay(self) -> None:
        self.calls += 1
        if not self._in_the_pause:
            self.attempt.give_up()
        raise ConnectionError("the bank is away")

    def backoff(self, _repetition: int) -> float:
        self.attempt.give_up()
        return 60.0


@pytest.mark.parametrize(
    ("in_the_pause", "pauses"),
    [pytest.param(True, [60.0], id="in the pause"), pytest.param(False, [], id="in its call")],
)
def test_a_step_that_is_given_up_is_neither_called_again_nor_paused_for(
    in_the_pause: bool, pauses: list[float]
) -> None:
    steps, bank = Pausing(), Bank(in_the_pause=in_the_pause)
    options = StepOptions(retries=3, backoff=bank.backoff)
    call: StepCall[Any] = StepCall(SimpleNamespace(made=0), bank.pay, (), {}, options)  # type: ignore[arg-type]
    outcome = steps.run(RunStep(call, "k"), "gh:ada", bank.attempt)
    steps.close()
    assert (bank.calls, steps.pauses) == (1, pauses)
    assert isinstance(outcome.error, ConnectionError)
