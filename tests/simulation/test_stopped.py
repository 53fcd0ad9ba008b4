"""Processes that are stopped for longer than the store remembers a reply."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from .mutants import MUTANTS
from .plan import Freeze, Hang, Plan, Say
from .rare_plans import stopped_of
from .search import failure_of
from .world import run

LOST = frozenset((1, 2))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_message_that_was_answered_meanwhile_has_no_second_turn() -> None:
    assert [failure_of(stopped_of(seed)) for seed in range(60)] == [None] * 60


@pytest.mark.parametrize(
    "broken",
    [
        "takes a message that was answered long ago for new",
        "forgets a reply that nobody took",
        "lets a message that is kept lose its place",
    ],
)
def test_the_mutant_is_noticed(broken: str) -> None:
    with MUTANTS[broken]() as store:
        assert any(failure_of(stopped_of(seed), store) for seed in range(60))


def plan_of(*actions: Say | Freeze | Hang, fast: bool) -> Plan:
    """Return a plan with one process, on an event loop."""
    return Plan(
        1, cache=fast, fast=fast, requests=3, workers=1, latency=0.0, slow=False, actions=actions
    )


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("said", "seconds", "handled"),
    [
        pytest.param("帮助", 25.0, True, id="nothing is forgotten yet"),
        pytest.param("帮助", 40.0, False, id="it may have been answered"),
        pytest.param("5", 40.0, True, id="nothing was committed since it was written"),
    ],
)
def test_a_message_read_before_its_process_was_stopped(
    said: str, seconds: float, handled: bool, *, fast: bool
) -> None:
    begun = [Say(0.0, 4, 0, "加2")] if said == "5" else []
    stops = Freeze(5, 1, seconds, before=True)
    world = run(plan_of(*begun, Say(20.0, 5, 0, said, LOST), stops, fast=fast))
    assert (5 in world.judge.replies) is handled


@pytest.mark.parametrize("fast", [False, True])
def test_a_message_that_waits_behind_a_long_step_is_not_taken_for_answered(*, fast: bool) -> None:
    world = run(plan_of(Say(0.0, 4, 0, "加1a"), Hang(4), Say(1.0, 5, 0, "帮助"), fast=fast))
    assert 5 in world.judge.replies


def test_a_live_dialog_that_has_come_to_a_step_goes_on_if_nothing_was_committed_since() -> None:
    """It has blocked for so long, or its developer stood at a breakpoint."""
    talk = Say(0.0, 4, 0, "加2s"), Say(5.0, 5, 0, "5", LOST), Freeze(5, 1, 40.0, before=True)
    world = run(plan_of(*talk, fast=True))
    assert 5 in world.judge.replies


@pytest.mark.parametrize("first", [3, 32])
def test_a_message_that_is_kept_comes_before_those_that_its_stopped_process_reads_later(
    first: int,
) -> None:
    """The process stops between the claim for the first message and its commit, and two others come
    meanwhile. One of them asks the store before the first asks again, which has been known to the
    store all along, though it has not asked for more than a minute.
    """
    stops = Freeze(first, 2, 87.0, before=True)
    later = Say(13.0, first + 1, 0, "5", LOST), Say(26.0, first + 2, 0, "帮助", LOST)
    world = run(plan_of(Say(0.0, first, 0, "加1"), stops, *later, fast=False))
    assert first in world.judge.replies
