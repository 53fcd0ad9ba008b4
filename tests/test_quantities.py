"""Every number of seconds or things that an author may pass, and every value that is none: it is
refused where it is passed, with the error that the manual names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Limits, step
from wechat_dialog.api import Api, AsyncApi
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.testing import Talk

HUGE = 10**400
"""Greater than any `float`."""
ENDLESS = 10**5000
"""Has more digits than Python turns into text."""
NO_NUMBERS: tuple[object, ...] = (
    True,
    Decimal(1),
    Decimal("NaN"),
    Fraction(1, 2),
    "5",
    [],
    timedelta(1),
    datetime.max,
)
NO_SECONDS = (-1, -0.5, math.nan, math.inf, -math.inf, HUGE, -HUGE, ENDLESS, 1e300)
NO_COUNTS = (-1, 1.5, 2.0, math.nan, math.inf, HUGE, -HUGE, ENDLESS)
LONGEST = 100 * 366 * 86_400
"""A hundred years: the most seconds, where there is no other limit."""

Call = Callable[[Any], object]


def in_dialog(wait: Callable[[Chat, Any], Any]) -> Call:
    """Return a function that makes a call in a dialog, and raises what it raises."""

    def call(value: Any) -> None:
        bot = Bot()

        @bot.text("走")
        def go(chat: Chat) -> Any:
            waited = wait(chat, value)
            if waited is not None:
                yield from waited

        Talk(bot)("走")

    return call


def route(value: Any) -> None:
    Bot().text("走", timeout=value)(lambda _chat: "好")


def talk(what: str) -> Call:
    def call(value: Any) -> None:
        bot = Bot()

        @step
        def charge() -> None: ...

        @bot.text("走")
        def go(chat: Chat) -> Any:
            yield from chat.step(charge)

        talk = Talk(bot)
        if what == "advance":
            talk.advance(value)
        elif what == "takes":
            talk.takes(charge, value)
        else:
            talk.crashes(charge, times=value)
        talk("帮助")

    return call


def run_due(value: Any) -> None:
    Bot("t", account="gh", store="memory://").run_due(value)


def nothing() -> None:
    """A step that does nothing."""


def bot(name: str, **more: Any) -> Call:
    return lambda value: Bot(**{name: value}, **more)


SAFE = {"token": "t", "app_id": "wx1", "aes_key": "a" * 43, "mode": "safe"}
SECONDS: dict[str, tuple[Call, bool]] = {
    "chat.ask(timeout=)": (in_dialog(lambda chat, at: chat.ask("？", timeout=at)), False),
    "chat.choose(timeout=)": (
        in_dialog(lambda chat, at: chat.choose("？", ["甲", "乙"], timeout=at)), False,
    ),
    "chat.confirm(timeout=)": (in_dialog(lambda chat, at: chat.confirm("？", timeout=at)), False),
    "step(timeout=)": (lambda value: step(nothing, timeout=value), False),
    "step(backoff=)": (lambda value: step(nothing, backoff=value), True),
    "@bot.text(timeout=)": (route, False),
    "Bot(timeout=)": (bot("timeout"), False),
    "Bot(lease=)": (bot("lease"), False),
    "Bot(longest_turn=)": (bot("longest_turn"), False),
    "Bot(drain=)": (bot("drain"), True),
    "Bot(max_age=)": (bot("max_age"), False),
    "Bot(max_age=) in safe mode": (bot("max_age", **SAFE), False),
    "Window(seconds=)": (lambda value: Window(seconds=value), False),
    "Window(patience=)": (lambda value: Window(patience=value), False),
    "Talk.advance": (talk("advance"), True),
    "SQLiteStore(patience=)": (lambda value: SQLiteStore("x.db", patience=value), True),
    "RedisStore(patience=)": (lambda value: RedisStore("redis://x", patience=value), True),
    "AsyncRedisStore(patience=)": (lambda at: AsyncRedisStore("redis://x", patience=at), True),
    "Api(timeout=)": (lambda value: Api("wx1", "s", timeout=value), False),
    "AsyncApi(timeout=)": (lambda value: AsyncApi("wx1", "s", timeout=value), False),
}  # fmt: skip
"""Every call that is passed seconds, and whether these may be 0."""

COUNTS: dict[str, tuple[Call, int]] = {
    "chat.ask(attempts=)": (in_dialog(lambda chat, most: chat.ask("？", attempts=most)), 1),
    "step(retries=)": (lambda value: step(nothing, retries=value), 0),
    "Bot(journal_limit=)": (bot("journal_limit"), 2),
    "Bot(live_dialogs=)": (bot("live_dialogs"), 0),
    "Limits(held_parts=)": (lambda value: Limits(held_parts=value), 1),
    "Limits(held_bytes=)": (lambda value: Limits(held_bytes=value), 1),
    "Limits(parked=)": (lambda value: Limits(parked=value), 1),
    "Limits(parked_bytes=)": (lambda value: Limits(parked_bytes=value), 1),
    "Window(requests=)": (lambda value: Window(requests=value), 1),
    "Talk.crashes(times=)": (talk("crashes"), 0),
    "bot.run_due": (run_due, 1),
}
"""Every call that is passed a count, and the least that it may be."""

WAITS = {
    "chat.sleep": in_dialog(lambda chat, at: chat.sleep(at)),
    "chat.remind": in_dialog(lambda chat, at: chat.remind(at, "该走了")),
    "chat.ask(within=)": in_dialog(lambda chat, at: chat.ask("？", within=at)),
    "chat.wait_for(within=)": in_dialog(lambda chat, at: chat.wait_for("paid", within=at)),
}
"""Every call that is passed a time to wait for: seconds, a `timedelta` or a `datetime`."""


def refuses(call: Call, value: object, kinds: tuple[type[Exception], ...]) -> bool:
    """Whether a call refuses a value with one of these errors, and in a sentence of its own."""
    try:
        call(value)
    except kinds as error:
        return bool(str(error)) and "not supported between" not in str(error)
    return False


def told(value: object) -> str:
    """Return a value as a text; Python refuses that to a number of 5000 digits."""
    return f"10**{math.log10(abs(value)):.0f}" if isinstance(value, int) and value else repr(value)


def accepted(call: Call, *values: object) -> list[str]:
    """Return those of the values that a call does not refuse as it should."""
    refused = (ConfigurationError, ValueError)
    return [
        told(value)
        for value in values
        if not refuses(call, value, (*refused, TypeError) if value in NO_NUMBERS else refused)
    ]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", SECONDS)
def test_what_are_no_seconds_is_refused_where_it_is_passed(name: str) -> None:
    call, zero = SECONDS[name]
    assert accepted(call, *NO_NUMBERS, *NO_SECONDS, *(() if zero else (0, 0.0))) == []
    for value in (1, 2.5, LONGEST, *((0, 0.0) if zero else ())):
        call(value)


@pytest.mark.filterwarnings("ignore:.*no worker died")
@pytest.mark.parametrize("name", COUNTS)
def test_what_is_no_count_is_refused_where_it_is_passed(name: str) -> None:
    call, least = COUNTS[name]
    assert accepted(call, *NO_NUMBERS, *NO_COUNTS, least - 1) == []
    for value in (least, 5, 10**6):
        call(value)


@pytest.mark.parametrize("name", WAITS)
def test_a_time_to_wait_for_is_a_year_ahead_at_most(name: str) -> None:
    call, year = WAITS[name], 366 * 86_400
    wrong: tuple[object, ...] = (True, Decimal(1), Fraction(1, 2), "5", [])
    far = (math.nan, math.inf, HUGE, ENDLESS, year + 1, timedelta.max, datetime.max, datetime.now())
    assert [told(value) for value in wrong if not refuses(call, value, (TypeError,))] == []
    assert [told(value) for value in far if not refuses(call, value, (ValueError,))] == []
    aware = datetime.min.replace(tzinfo=UTC)
    for value in (0, -1, -math.inf, -HUGE, -ENDLESS, year, timedelta.min, aware):
        call(value)
    assert refuses(call, datetime.max.replace(tzinfo=UTC), (ValueError,))


def test_a_step_may_take_for_ever_in_a_test() -> None:
    talk("takes")(math.inf)
    assert accepted(talk("takes"), *NO_NUMBERS, -1, math.nan, -math.inf, HUGE, ENDLESS) == []


@pytest.mark.parametrize("repetition", [1, 50, 2000, HUGE], ids=told)
def test_the_pause_before_a_retry_has_an_end(repetition: int) -> None:
    assert 0 < step(nothing, retries=3, backoff=0.5).options.pause(repetition) <= LONGEST
    assert step(nothing, retries=3, backoff=0).options.pause(repetition) == 0


@pytest.mark.parametrize("pause", [*NO_NUMBERS, *NO_SECONDS, None], ids=told)
def test_a_function_that_returns_no_seconds_is_told_so(pause: object) -> None:
    options = step(nothing, retries=1, backoff=lambda _: pause).options  # type: ignore[arg-type,return-value]
    assert refuses(lambda _: options.pause(1), pause, (TypeError, ValueError))
