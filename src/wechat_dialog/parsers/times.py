"""Times of day, as people say them: 三点半, 下午三点, 晚上8点一刻, 15:30.

A bare 三点 is 3:00 or 15:00, and the caller has to find out which: see `Clock.either`. A time with
a colon is in 24-hour notation, and has one meaning. A part of the day must agree with the hour it
stands with; 凌晨八点 is refused and not corrected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, time

from .numerals import read_number
from .parser import Parser
from .spoken import politely, spoken

__all__ = ["Clock", "clock", "read_clock", "typed", "which_half"]

_HALVES = ((6, "凌晨"), (12, "上午"), (18, "下午"), (24, "晚上"))
_EXAMPLE = "请回复一个时间，例如 下午三点半、15:30。"

_NUMBER = r"([0-9]{1,2}|[零一二两三四五六七八九十廿]{1,4})"
# For each part of the day the hours that may be said with it -> hours on the clock. 24 and more are
# on the next day: 晚上十二点 is the end of the evening.
_EARLY = {hour: hour for hour in range(7)} | {12: 0}
_MORNING = {hour: hour for hour in range(1, 13)}
_NOON = {11: 11, 12: 12, 1: 13, 2: 14, 13: 13, 14: 14}
_AFTERNOON = {12: 12} | {hour: hour + 12 for hour in range(1, 9)} | {h: h for h in range(13, 21)}
_DUSK = {hour: hour + 12 for hour in range(4, 9)} | {hour: hour for hour in range(16, 21)}
_EVENING = (
    {hour: hour + 12 for hour in range(5, 12)}
    | {hour: hour for hour in range(17, 25)}
    | {12: 24, 0: 24, 1: 25, 2: 26, 3: 27, 4: 28}
)
_ENGLISH = {
    "am": {hour: hour % 12 for hour in range(1, 13)},
    "pm": {hour: hour % 12 + 12 for hour in range(1, 13)},
}
_PARTS = {
    "凌晨": _EARLY,
    "清晨": _MORNING, "清早": _MORNING, "早上": _MORNING, "早晨": _MORNING, "上午": _MORNING,
    "早": _MORNING,
    "中午": _NOON, "正午": _NOON,
    "下午": _AFTERNOON, "午后": _AFTERNOON,
    "傍晚": _DUSK,
    "晚上": _EVENING, "晚间": _EVENING, "夜里": _EVENING, "夜晚": _EVENING, "半夜": _EVENING,
    "深夜": _EVENING, "晚": _EVENING,
}  # fmt: skip
_BARE = {"中午": (12, 0), "正午": (12, 0), "午夜": (24, 0)}
_PART = "(" + "|".join(_PARTS) + ")?的?"

_DIGITAL = re.compile(_PART + r" ?([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))? ?(am|pm)?")
_TYPED = re.compile(r"([0-9]{1,2}(?=\.)|[0-9]{2})\.?([0-9]{2})")
_ENGLISH_HOUR = re.compile(r"([0-9]{1,2}) ?(am|pm)")
_SAID = re.compile(
    _PART + _NUMBER + r"(?:点钟|点整|时整|点|时)"
    r"(?:(半)|(?:过|零|0)?([一1三3])刻钟?"
    r"|(?:过)?(零|0)?" + _NUMBER + r"(?:(分)(?:零?" + _NUMBER + r"秒)?)?)?"
)
_SHORT_OF = re.compile(
    r"(?:" + _PART + r"差" + _NUMBER + r"(分钟?|刻钟?)|差" + _NUMBER + r"(分钟?|刻钟?)到?" + _PART
    + r")" + _NUMBER + r"点整?钟?"
)  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """A reading of the clock, counted from the beginning of the day it is said of.

    Attributes:
        minutes: Whole minutes since 0:00. 1440 and above is the next day: 晚上十二点, 24:00.
        seconds: 0 to 59.
        either: Whether twelve hours later may be meant as well, as with 三点 without a part of the
            day.
    """

    minutes: int
    seconds: int = 0
    either: bool = False

    @property
    def days(self) -> int:
        """0, or 1 if this is on the next day."""
        return self.minutes // 1440

    @property
    def later(self) -> Clock:
        """The other possible meaning, if `either`: the same time in the second half of the day."""
        return Clock(self.minutes + 720, self.seconds)

    @property
    def time(self) -> time:
        """The time of day, whatever the day."""
        return time(self.minutes // 60 % 24, self.minutes % 60, self.seconds)


def which_half(clock: Clock) -> str:
    """Return the question which of the two an hour was meant; see `Clock.either`."""
    text, later = clock.time, clock.later.time
    return f"是{_half(text)}还是{_half(later)}？请再说清楚一些，例如 {later:%H:%M}。"


def _half(moment: time) -> str:
    part = next(name for until, name in _HALVES if moment.hour < until)
    return f"{part}{moment.hour % 12 or 12}点" + (f"{moment.minute}分" if moment.minute else "")


def read_clock(text: str) -> Clock | None:
    """Return the time of day that `text` (as `spoken` returns it) names; None if it is not one."""
    if text in _BARE:
        hour, minute = _BARE[text]
        return Clock(60 * hour + minute)
    return _digital(text) or _english_hour(text) or _spoken_clock(text) or _short_of(text)


def _digital(text: str) -> Clock | None:
    match = _DIGITAL.fullmatch(text)
    if match is None or (match[1] and match[5]):
        return None
    return _at(match[1] or match[5], int(match[2]), int(match[3]), int(match[4] or 0))


def typed(text: str) -> Clock | None:
    """Return the time `1530` and `8.30` name, where nothing but a time can be meant."""
    match = _TYPED.fullmatch(text)
    return None if match is None else _at(None, int(match[1]), int(match[2]))


def _english_hour(text: str) -> Clock | None:
    match = _ENGLISH_HOUR.fullmatch(text)
    return None if match is None else _at(match[2], int(match[1]), 0)


def _spoken_clock(text: str) -> Clock | None:
    match = _SAID.fullmatch(text)
    if match is None:
        return None
    part, hour, half, quarter, zero, number, unit, seconds = match.groups()
    if half:
        minute = 30
    elif quarter:
        minute = 15 if quarter in "一1" else 45
    elif number:
        minute = _count(number)
        # 三点五 may be 3:05 or, half said, 3:50. 三点零五, 三点五分 and 三点05 are clear.
        if minute < 10 and not (zero or unit or number.startswith(("0", "零"))):
            return None
    else:
        minute = 0
    second = _count(seconds) if seconds else 0
    return _said_hour(part, _count(hour), minute, second)


def _said_hour(part: str | None, hour: int, minute: int, second: int = 0) -> Clock | None:
    """The clock at a spoken hour: without a part of the day, one to eleven may be in either half of
    it.
    """
    result = _at(part, hour, minute, second)
    either = part is None and 1 <= hour <= 11
    return replace(result, either=True) if result is not None and either else result


def _short_of(text: str) -> Clock | None:
    """`差五分三点`, `差一刻三点`, `下午差十分三点`."""
    match = _SHORT_OF.fullmatch(text)
    if match is None:
        return None
    part = match[1] or match[6]
    missing = _count(match[2] or match[4]) * (15 if (match[3] or match[5])[0] == "刻" else 1)
    full = _at(part, _count(match[7]), 0)
    if full is None or not 0 < missing < 60 or missing > full.minutes:
        return None
    either = part is None and 60 <= full.minutes < 12 * 60
    return Clock(full.minutes - missing, either=either)


def _count(text: str) -> int:
    value = read_number(text)
    return -1 if value is None else int(value)


def _at(part: str | None, hour: int, minute: int, second: int = 0) -> Clock | None:
    """The clock at `hour` of a part of the day, or None where the two contradict each other."""
    if not (0 <= minute < 60 and 0 <= second < 60):
        return None
    if part is not None:
        hours = _ENGLISH.get(part) or _PARTS[part]
        return Clock(60 * hours[hour] + minute, second) if hour in hours else None
    if hour == 24 and minute == second == 0:
        return Clock(24 * 60)
    return Clock(60 * hour + minute, second) if 0 <= hour < 24 else None


def _read_time(text: str, _now: datetime) -> time:
    phrase = spoken(text)
    result = read_clock(phrase) or typed(phrase)
    if result is None:
        raise ValueError(_EXAMPLE)
    if result.either:
        raise ValueError(which_half(result))
    return result.time


clock: Parser[time] = Parser("time", politely(_read_time, booking=True))
