"""Times of day, as people say them: 三点半, 下午三点, 晚上8点一刻, 15:30.

A bare 三点 is 3:00: the clock is believed, not the guess that nobody means the night. A part of the
day must agree with the hour it stands with; 凌晨八点 is refused and not corrected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from wechat_dialog.parsers.numerals import read_number
from wechat_dialog.parsers.parser import Parser
from wechat_dialog.parsers.spoken import politely, spoken

__all__ = ["Clock", "clock", "read_clock"]

_EXAMPLE = "请回复一个时间，例如 下午三点半、15:30。"

_NUMBER = r"([0-9]{1,2}|[零一二两三四五六七八九十廿]{1,4})"
# Part of the day: (the hours that may stand with it: as said -> on the clock). 24 and above is the
# day after: 晚上十二点 ends the evening of the day it is said of.
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
    r"(?:(半)|(?:过|零|0)?([一1三3])刻钟?|(?:过)?(零|0)?" + _NUMBER + r"(分)?)?"
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
    """

    minutes: int
    seconds: int = 0

    @property
    def days(self) -> int:
        """0, or 1 if this is on the next day."""
        return self.minutes // 1440

    @property
    def time(self) -> time:
        """The time of day, whatever the day."""
        return time(self.minutes // 60 % 24, self.minutes % 60, self.seconds)


def read_clock(said: str) -> Clock | None:
    """Return the time of day `said` (as `spoken` gives it) names, or None if it names none."""
    if said in _BARE:
        hour, minute = _BARE[said]
        return Clock(60 * hour + minute)
    return _digital(said) or _english_hour(said) or _said(said) or _short_of(said)


def _digital(said: str) -> Clock | None:
    found = _DIGITAL.fullmatch(said)
    if found is None or (found[1] and found[5]):
        return None
    return _at(found[1] or found[5], int(found[2]), int(found[3]), int(found[4] or 0))


def _typed(said: str) -> Clock | None:
    """`1530` and `8.30`, where nothing but a time was asked for."""
    found = _TYPED.fullmatch(said)
    return None if found is None else _at(None, int(found[1]), int(found[2]))


def _english_hour(said: str) -> Clock | None:
    found = _ENGLISH_HOUR.fullmatch(said)
    return None if found is None else _at(found[2], int(found[1]), 0)


def _said(said: str) -> Clock | None:
    found = _SAID.fullmatch(said)
    if found is None:
        return None
    part, hour, half, quarter, zero, number, unit = found.groups()
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
    return _at(part, _count(hour), minute)


def _short_of(said: str) -> Clock | None:
    """`差五分三点`, `差一刻三点`, `下午差十分三点`."""
    found = _SHORT_OF.fullmatch(said)
    if found is None:
        return None
    part = found[1] or found[6]
    missing = _count(found[2] or found[4]) * (15 if (found[3] or found[5])[0] == "刻" else 1)
    full = _at(part, _count(found[7]), 0)
    if full is None or not 0 < missing < 60 or missing > full.minutes:
        return None
    return Clock(full.minutes - missing)


def _count(text: str) -> int:
    value = read_number(text)
    return -1 if value is None else int(value)


def _at(part: str | None, hour: int, minute: int, second: int = 0) -> Clock | None:
    """The clock at `hour` of a part of the day, or None where the two contradict each other."""
    if not 0 <= minute < 60:
        return None
    if part is not None:
        hours = _ENGLISH.get(part) or _PARTS[part]
        return Clock(60 * hours[hour] + minute, second) if hour in hours else None
    if hour == 24 and minute == second == 0:
        return Clock(24 * 60)
    return Clock(60 * hour + minute, second) if 0 <= hour < 24 else None


def _read_time(text: str, _now: datetime) -> time:
    said = spoken(text)
    found = read_clock(said) or _typed(said)
    if found is None:
        raise ValueError(_EXAMPLE)
    return found.time


clock: Parser[time] = Parser("time", politely(_read_time, booking=True))
