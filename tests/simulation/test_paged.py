"""Answer pages in simulated worlds: what their readers see while workers die, stop and lose the
store; and what breaks that, on purpose.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from wechat_dialog.core.pages import pieces
from wechat_dialog.core.store import page_rules
from wechat_dialog.core.turn import page
from wechat_dialog.core.turn.step_parts import TriedParts
from wechat_dialog.stores import memory_pages

from .judge import Violation
from .paged import paged_of, run_paged

SEEDS = range(60)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("chunk", range(3))
def test_readers_see_each_paragraph_once_in_order_and_the_end(chunk: int) -> None:
    worlds = [run_paged(paged_of(seed)) for seed in SEEDS[20 * chunk : 20 * chunk + 20]]
    assert sum(world.judge.turns for world in worlds) > 600
    assert sum(world.late for world in worlds) > 2
    assert sum(world.readers.appended for world in worlds) > 10


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(20))
def test_readers_see_each_paragraph_once_in_many_worlds(chunk: int) -> None:
    for seed in range(1_000_000 + 500 * chunk, 1_000_500 + 500 * chunk):
        run_paged(paged_of(seed))


@contextmanager
def _silent_cut() -> Iterator[None]:
    """A page that is cut back keeps its edition."""
    append = page_rules.append

    def broken(entry: Any, *rest: Any) -> Any:
        edition = entry.edition
        done = append(entry, *rest)
        entry.edition = edition
        return done

    with patch.object(memory_pages, "append", broken):
        yield


@contextmanager
def _never_ends() -> Iterator[None]:
    """The turn's end is not written."""
    with patch.object(pieces, "fitting", lambda whole: list(whole)[:-1]):
        yield


@contextmanager
def _said_twice() -> Iterator[None]:
    """A paragraph of a recorded part is given out twice."""
    say = TriedParts.say

    def broken(self: TriedParts, text: Any) -> Any:
        yield from say(self, text)
        yield from say(self, text)

    with patch.object(TriedParts, "say", broken):
        yield


@contextmanager
def _loses_what_was_said() -> Iterator[None]:
    """What a turn said before it was late is not on its page."""
    with patch.object(page, "pieces_of", lambda _: []):
        yield


BROKEN: dict[str, tuple[Callable[[], AbstractContextManager[None]], int]] = {
    "cut in silence": (_silent_cut, 11), "never ends": (_never_ends, 6),
    "said twice": (_said_twice, 0), "lost": (_loses_what_was_said, 10),
}  # fmt: skip
"""The mutants, each with the seed that noticed it, which is tried first."""


@pytest.mark.parametrize("broken", BROKEN)
def test_each_mutant_of_pages_is_noticed(broken: str) -> None:
    mutant, shown_by = BROKEN[broken]
    with mutant():
        assert any(_fails(seed) for seed in (shown_by, *SEEDS))


def _fails(seed: int) -> bool:
    try:
        run_paged(paged_of(seed))
    except Violation:
        return True
    return False
