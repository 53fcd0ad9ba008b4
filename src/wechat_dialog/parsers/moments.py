"""A day and a time together: 后天下午三点, 10月1号 9:30, 明早8点, 半小时后.

Values are aware datetimes in the time zone of `now`. What is apart from now (两个小时后) is
counted in real time; what is named is looked up on the wall clock, and refused where summer time
skips it. An hour that summer time repeats is its first.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from wechat_dialog.parsers.dates import named_days
from wechat_dialog.parsers.numerals import read_number
from wechat_dialog.parsers.parser import Parser
from wechat_dialog.parsers.spoken import politely, spoken
from wechat_dialog.parsers.times import Clock, read_clock

__all__ = ["moment"]

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


def _read_moment(text: str, now: datetime) -> datetime:
    said = spoken(text)
    try:
        found = _apart(said, now) or _with_offset(said, now) or _named(said, now)
    except OverflowError as error:
        raise ValueError(_TOO_FAR) from error
    if found is None:
        raise ValueError(_EXAMPLE)
    return found


def _apart(said: str, now: datetime) -> datetime | None:
    """`半小时后`, `一个半小时后`, `过20分钟`, `1小时30分钟后`, `一刻钟后`; and 现在."""
    if said in {"现在", "马上"}:
        return now
    found = _APART.fullmatch(said)
    if found is None:
        return None
    half, hours, and_half, minutes, quarters, direction = found.groups()
    if not (half or hours or minutes or quarters):
        return None
    if direction is None and not said.startswith(("过", "再过")):
        return None  # 两小时 is a span, not a moment
    counts = [read_number(count or "0") for count in (hours, minutes, quarters)]
    if None in counts:
        return None
    in_hours, in_minutes, in_quarters = (float(count or 0) for count in counts)
    span = timedelta(hours=in_hours, minutes=in_minutes + 15 * in_quarters)
    span += timedelta(minutes=30 if half or and_half else 0)
    # In UTC: the wall clock may jump between now and then.
    then = now.astimezone(UTC) + (-span if direction == "前" else span)
    return then.astimezone(now.tzinfo)


def _with_offset(said: str, now: datetime) -> datetime | None:
    """An ISO 8601 moment that names its own offset: it is that moment, shown in the bot's zone."""
    if _ISO.fullmatch(said) is None:
        return None
    try:
        return datetime.fromisoformat(said.upper()).astimezone(now.tzinfo)
    except ValueError as error:
        raise ValueError(_EXAMPLE) from error


def _named(said: str, now: datetime) -> datetime | None:
    """A named day and a time behind it, or a time alone: then the next such moment."""
    this_minute = now.replace(second=0, microsecond=0)
    for named in named_days(said, whole=False):
        clock = read_clock(named.rest.lstrip(" 的,、t"))
        if clock is None:
            continue
        found = _combine(named.first(now.date()), clock, now)
        if named.recurring and found < this_minute:
            return _combine(named.first(now.date() + timedelta(days=1)), clock, now)
        return found
    clock = read_clock(said)
    if clock is None:
        return None
    found = _combine(now.date(), clock, now)
    if found < this_minute:
        found = _combine(now.date() + timedelta(days=1), clock, now)
    return found


def _combine(day: date, clock: Clock, now: datetime) -> datetime:
    wall = datetime.combine(day + timedelta(days=clock.days), clock.time, now.tzinfo)
    # A time the clock skips does not survive the way to UTC and back.
    if wall.astimezone(UTC).astimezone(now.tzinfo).replace(fold=0) != wall:
        raise ValueError(_SKIPPED)
    return wall


moment: Parser[datetime] = Parser("datetime", politely(_read_moment, booking=True))
