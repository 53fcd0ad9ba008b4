"""Deployments: workers with other code finish what workers with the old code have begun."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from .mutants import MUTANTS
from .plan import Deploy, Kill, Plan, Say
from .rare_plans import deployed_of
from .search import failure_of
from .world import run

SEEDS = [*range(40), 377, 397, 400, 495, 891, 1251, 2185, 5070]
"""In the last ones: a conversation that was parked by a worker with other code is resumed (377,
891, 2185, 5070); a step of changed code and one that ends the conversation are of one turn (397,
1251); a message's step died under the old code (400); a user leaves, and a worker with other code
finishes that turn (495).
"""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_workers_with_other_code_break_no_rule() -> None:
    assert {seed: failure_of(deployed_of(seed)) for seed in SEEDS} == dict.fromkeys(SEEDS)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(20))
def test_workers_with_other_code_break_no_rule_in_many_worlds(chunk: int) -> None:
    seeds = range(1_000_000 + 300 * chunk, 1_000_300 + 300 * chunk)
    assert {seed: failure_of(deployed_of(seed)) for seed in seeds} == dict.fromkeys(seeds)


def dies_at(nth: int, word: str, *, fast: bool, after: bool) -> Plan:
    """Return a plan in which the code changes while a question waits, and the worker that handles
    the next message dies at or after its `nth` operation.
    """
    talk = Say(0.0, 4, 0, "加3fv"), Say(5.0, 5, 0, "5"), Deploy(9.0, 0), Say(15.0, 6, 0, word)
    return Plan(
        1, cache=fast, fast=fast, requests=3, workers=1, latency=0.0, slow=False,
        actions=(*talk, Kill(6, nth, after)),
    )  # fmt: skip


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("word", "answer"),
    [
        pytest.param("取消", "已取消。", id="cancels"),
        pytest.param("帮助", "帮⟨6.", id="interrupts"),
        pytest.param("客服", "⟨6.", id="interrupts, with a step"),
        pytest.param("!CLICK", "⟨6.", id="changes the subject"),
        pytest.param("!unsubscribe", "", id="leaves"),
    ],
)
def test_a_word_is_heeded_wherever_the_worker_dies_that_continues_the_changed_code(
    word: str, answer: str, *, fast: bool
) -> None:
    for nth in range(1, 10):
        for after in (False, True):
            world = run(dies_at(nth, word, fast=fast, after=after))
            assert answer in world.judge.replies[6].decode()


@pytest.mark.parametrize(
    "broken",
    [
        "forgets that a message was not heard",
        "counts the steps of changed code as those of the message",
    ],
)
def test_the_mutant_is_noticed(broken: str) -> None:
    with MUTANTS[broken]() as store:
        plans = [
            dies_at(nth, word, fast=False, after=True)
            for nth in range(1, 6)
            for word in ("取消", "!CLICK")
        ]
        assert any(failure_of(plan, store) for plan in plans)
