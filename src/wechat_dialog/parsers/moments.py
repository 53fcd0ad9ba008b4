"""A day and a time together: 后天下午三点, 10月1号 9:30, 明早8点, 半小时后.

Values are aware datetimes in the time zone of `now`. A distance from now (两个小时后) is
counted in real time. A named time is looked up on the wall clock, and refused where summer time
skips it; of an hour that summer time repeats, the first is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from .dates import named_days
from .numerals import read_number
from .parser import Parser
from .spoken import politely, spoken
from .times import Clock, read_clock, typed, which_half

__all__ = ["moment", "moment_ahead"]

_EXAMPLE = "请回复日期和时间，例如 明天下午三点、10月1日 9:30。"
_TOO_FAR = "这个时间太远了，请换一个。"
_SKIPPED = "这一天的时钟会跳过这个时间（夏令时），请换一个时间。"

_COUNT = r"([0-9]{1,5}(?:\.5)?|[零一二两三四五六七八九十百]{1,7})"
_APART = re.compile(
    r"(?:再?过)?(?:(半)个?(?:小时|钟头)|" + _COUNT + r"个?(半)?(?:小时|钟头))?"
    r"(?:" + _COUNT + r"(?:分钟|分)|([一1三3])刻钟)?(?:(?:之|以)?([后前]))?"
)
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:z|[+-][0-9]{2}:?[0-9]{2})"
)


_OVER = "这个时间已经过去了，请换一个以后的时间。"


def _read_moment(text: str, now: datetime) -> datetime:
    return _read(text, now, ahead=False)


def _read_ahead(text: str, now: datetime) -> datetime:
    result = _read(text, now, ahead=True)
    if result <= now:
        raise ValueError(_OVER)
    return result


def _read(text: str, now: datetime, *, ahead: bool) -> datetime:
    phrase = spoken(text)
    try:
        result = (
            _apart(phrase, now) or _with_offset(phrase, now) or _named(phrase, now, ahead=ahead)
        )
    except OverflowError as error:
        raise ValueError(_TOO_FAR) from error
    if result is None:
        raise ValueError(_EXAMPLE)
    return result


def _apart(text: str, now: datetime) -> datetime | None:
    """`半小时后`, `一个半小时后`, `过20分钟`, `1小时30分钟后`, `一刻钟后`; and 现在."""
    if text in {"现在", "马上"}:
        return now
    match = _APART.fullmatch(text)
    if match is None:
        return None
    half, hours, and_half, minutes, quarters, direction = match.groups()
    if not (half or hours or minutes or quarters):
        return None
    if direction is None and not text.startswith(("过", "再过")):
        return None  # 两小时 is a span, not a moment
    counts = [read_number(count or "0") for count in (hours, minutes, quarters)]
    if None in counts:
        return None
    in_hours, in_minutes, in_quarters = (float(count or 0) for count in counts)
    span = timedelta(hours=in_hours, minutes=in_minutes + 15 * in_quarters)
    span += timedelta(minutes=30 if half or and_half else 0)
    # In UTC: the wall clock may be changed between now and then.
    then = now.astimezone(UTC) + (-span if direction == "前" else span)
    return then.astimezone(now.tzinfo)


def _with_offset(text: str, now: datetime) -> datetime | None:
    """An ISO 8601 moment that names its own offset: it is that moment, shown in the bot's zone."""
    if _ISO.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(now.tzinfo)
    except ValueError as error:
        raise ValueError(_EXAMPLE) from error


def _named(text: str, now: datetime, *, ahead: bool) -> datetime | None:
    """A named day and a time behind it, or a time alone: then the next such moment.

    Raises:
        ValueError: The hour may be in either half of the day (今天三点). If only the future may be
            meant, and one of the two is over, the other is taken.
    """
    named = _day_and_clock(text)
    if named is None:
        return None
    first, recurring, clock = named
    result = _on(first, recurring, now, clock)
    if not clock.either:
        return result
    both = (result, _on(first, recurring, now, clock.later))
    possible = [moment for moment in both if moment > now] if ahead else both
    if len(possible) == 1:
        return possible[0]
    raise ValueError(which_half(clock) if possible else _OVER)


def _day_and_clock(text: str) -> tuple[Callable[[date], date], bool, Clock] | None:
    """Return the day that is named (as a function of the day to count from), whether it recurs, and
    the time behind it; a time alone recurs every day.
    """
    for named in named_days(text, whole=False):
        rest = named.rest.lstrip(" 的,、t")
        clock = read_clock(rest) or typed(rest)
        if clock is not None:
            return named.first, named.recurring, clock
    alone = read_clock(text)
    return None if alone is None else (_same, True, alone)


def _on(first: Callable[[date], date], recurring: bool, now: datetime, clock: Clock) -> datetime:
    result = _combine(first(now.date()), clock, now)
    if recurring and result < now.replace(second=0, microsecond=0):
        return _combine(first(now.date() + timedelta(days=1)), clock, now)
    return result


def _same(day: date) -> date:
    return day


def _combine(day: date, clock: Clock, now: datetime) -> datetime:
    wall = datetime.combine(day + timedelta(days=clock.days), clock.time, now.tzinfo)
    # A time the clock skips does not survive the way to UTC and back.
    if wall.astimezone(UTC).astimezone(now.tzinfo).replace(fold=0) != wall:
        raise ValueError(_SKIPPED)
    return wall


moment: Parser[datetime] = Parser("datetime", politely(_read_moment, booking=True))
moment_ahead: Parser[datetime] = Parser("datetime ahead", politely(_read_ahead, booking=True))
"""As `moment`, but a moment in the past is refused, and not counted as a possible meaning."""
