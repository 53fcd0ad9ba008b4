"""What a full garbage collection walks while many dialogs are live, and what it gets to see."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from benchmarks.turns import QUERY, TOKEN, accumulator, push
from wechat_dialog import Bot
from wechat_dialog.runtime.garbage import WALKED, SurvivorsFrozen


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def frozen(time: Time) -> Iterator[SurvivorsFrozen]:
    survivors = SurvivorsFrozen(time)
    survivors.install()
    yield survivors
    survivors.uninstall()


def open_bot(live: int) -> Bot:
    bot = Bot(TOKEN, store="memory://", live_dialogs=live, timeout=3600)
    bot.text("累加器")(accumulator)
    return bot


def begin(bot: Bot, names: range) -> None:
    for number in names:
        for text in ("累加器", "1000000"):
            bot.answer(push(f"user{number}", text), QUERY)


@pytest.mark.usefixtures("frozen")
def test_a_collection_walks_no_dialog_twice() -> None:
    bot = open_bot(live=500)
    begin(bot, range(500))
    gc.collect()
    assert len(gc.get_objects()) < 500, "fewer than the dialogs are"


def test_a_dialog_put_away_leaves_nothing_that_only_a_collection_finds() -> None:
    bot = open_bot(live=10)
    begin(bot, range(20))
    gc.collect()
    gc.disable()
    try:
        begin(bot, range(20, 220))
        assert gc.collect() == 0
    finally:
        gc.enable()


class Knot:
    """Holds itself: no reference count ever frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("frozen")
def test_a_cycle_that_was_frozen_is_found_within_the_hour(time: Time) -> None:
    knot = Knot()
    gone = weakref.ref(knot)
    gc.collect()
    del knot
    gc.collect()
    assert gone() is not None
    time.now += WALKED
    gc.collect()
    assert gone() is None
