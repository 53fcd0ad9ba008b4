"""The registry of outcomes in hand: what is joined, what is kept, and when it goes."""

from __future__ import annotations

import logging
import os

import pytest

from wechat_dialog.core.turn.operations import StepOutcome
from wechat_dialog.core.turn.outcomes_in_hand import Call, Outcomes
from wechat_dialog.core.turn.step_records import idempotency_key, message_part

USER = "gh:ada"
KEY = idempotency_key("c0ffee", "1:1", 2)


def ended(outcomes: Outcomes, key: str, now: float = 0.0, user: str = USER) -> Call:
    call, mine = outcomes.join(user, key)
    assert mine
    outcomes.finish(call, StepOutcome(0, key), now)
    return call


def test_a_call_under_way_is_joined_and_its_outcome_told() -> None:
    outcomes, told = Outcomes(), []
    call, mine = outcomes.join(USER, KEY)
    joined, again = outcomes.join(USER, KEY)
    assert (mine, again, joined) == (True, False, call)
    outcomes.when_over(joined, lambda: told.append(joined.outcome))
    assert told == []
    outcomes.finish(call, StepOutcome(0, 7), 1.0)
    outcomes.when_over(joined, lambda: told.append(joined.outcome))
    assert told == [StepOutcome(0, 7)] * 2


def test_what_came_to_no_end_may_be_called_by_whoever_waited() -> None:
    outcomes, told = Outcomes(), []
    call, _ = outcomes.join(USER, KEY)
    outcomes.when_over(call, lambda: told.append(outcomes.join(USER, KEY)[1]))
    outcomes.finish(call, None, 1.0)
    assert told == [True]
    assert len(outcomes) == 0


def test_an_outcome_goes_when_its_record_is_known() -> None:
    outcomes = Outcomes()
    other = idempotency_key("c0ffee", "1:1", 3)
    for key in (KEY, other):
        ended(outcomes, key)
    outcomes.recorded(USER, [KEY])
    assert outcomes.join(USER, other)[1] is False
    assert outcomes.join(USER, KEY)[1] is True


def test_all_of_a_message_goes_with_its_turn_and_nothing_of_another() -> None:
    outcomes = Outcomes()
    others = [idempotency_key("c0ffee", "1:2", 2), f"{KEY}:0", f"{KEY}:1"]
    for key in (KEY, *others):
        ended(outcomes, key)
    outcomes.settle(USER, message_part("1:1"))
    assert len(outcomes) == 1
    assert outcomes.holds(USER)
    outcomes.settle(USER, message_part("1:2"))
    assert not outcomes.holds(USER)


def test_what_ends_after_its_turn_is_over_is_not_kept() -> None:
    outcomes = Outcomes()
    call, _ = outcomes.join(USER, KEY)
    outcomes.settle(USER, message_part("1:1"))
    outcomes.finish(call, StepOutcome(0, 7), 1.0)
    assert (len(outcomes), outcomes.holds(USER)) == (0, False)


def test_users_have_their_own() -> None:
    outcomes = Outcomes()
    ended(outcomes, KEY)
    assert outcomes.join("gh:bob", KEY)[1] is True


@pytest.mark.parametrize(
    ("ends", "kept"),
    [
        pytest.param([0.0, 1.0, 2.0], ["k:1:1", "k:1:2"], id="too many: the oldest goes"),
        pytest.param([0.0, 101.0], ["k:1:1"], id="too old"),
        pytest.param([0.0, 100.0], ["k:1:0", "k:1:1"], id="old enough"),
    ],
)
def test_the_registry_has_a_bound_and_says_what_it_drops(
    ends: list[float], kept: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = Outcomes(most=2, longest=100.0)
    with caplog.at_level(logging.WARNING):
        for number, now in enumerate(ends):
            ended(outcomes, f"k:1:{number}", now)
    assert [
        key for key in (f"k:1:{n}" for n in range(len(ends))) if key in outcomes.keys(USER)
    ] == kept
    assert len(caplog.records) == len(ends) - len(kept)
    assert all("k:1:0" in record.getMessage() for record in caplog.records)


def test_a_call_under_way_is_never_dropped() -> None:
    outcomes = Outcomes(most=0)
    call, _ = outcomes.join(USER, KEY)
    ended(outcomes, "k:1:1", 1e9)
    assert outcomes.keys(USER) == [KEY]
    outcomes.finish(call, None, 0.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_none_of_its_parent_s() -> None:
    outcomes = Outcomes()
    outcomes.join(USER, KEY)
    child = os.fork()
    if not child:
        os._exit(0 if outcomes.join(USER, KEY)[1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert outcomes.holds(USER)
