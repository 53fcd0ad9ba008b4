"""A step that is given up is not called again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from wechat_dialog.core.dialog.steps import StepCall, StepOptions
from wechat_dialog.core.turn.operations import RunStep
from wechat_dialog.runtime.attempt import Attempt
from wechat_dialog.runtime.steps import Steps


def test_a_step_given_up_in_the_pause_before_a_retry_is_not_called_again() -> None:
    steps, attempt, calls = Steps(), Attempt(), list[int]()

    def pay() -> None:
        calls.append(1)
        raise ConnectionError("the bank is away")

    def given_up_meanwhile(_repetition: int) -> float:
        attempt.give_up()
        return 0.0

    options = StepOptions(retries=3, backoff=given_up_meanwhile)
    call: StepCall[Any] = StepCall(SimpleNamespace(made=0), pay, (), {}, options)  # type: ignore[arg-type]
    outcome = steps.run(RunStep(call, "k"), "gh:ada", attempt)
    steps.close()
    assert calls == [1]
    assert isinstance(outcome.error, ConnectionError)
