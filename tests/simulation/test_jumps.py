"""The store's clock is set, as when another server takes over, whose clock differs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from .mutants import MUTANTS
from .rare_plans import jumping_of
from .search import failure_of

SEEDS = [*range(40), 102, 111, 152, 218, 1318]
"""In the last ones, a turn asks again after the clock was set back, and another message is kept."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_clock_that_is_set_breaks_no_rule() -> None:
    assert {seed: failure_of(jumping_of(seed)) for seed in SEEDS} == dict.fromkeys(SEEDS)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(20))
def test_a_clock_that_is_set_breaks_no_rule_in_many_worlds(chunk: int) -> None:
    seeds = range(1_000_000 + 300 * chunk, 1_000_300 + 300 * chunk)
    assert {seed: failure_of(jumping_of(seed)) for seed in seeds} == dict.fromkeys(seeds)


@pytest.mark.parametrize(
    "broken",
    [
        "takes a message for forgotten when the clock was set back",
        "takes a message for new when the clock was set back",
    ],
)
def test_the_mutant_is_noticed(broken: str) -> None:
    with MUTANTS[broken]() as store:
        assert any(failure_of(jumping_of(seed), store) for seed in SEEDS)
