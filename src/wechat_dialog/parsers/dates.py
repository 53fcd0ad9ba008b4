"""Days, as people name them: 明天, 下周一, 10月1号, 三天后.

A table of forms, each a pattern and a function of the match and a day to count from. `date` wants a
form to be the whole text; `datetime` (in `moments`) takes a form as the beginning and reads a time
behind it. A form is *recurring* if it names a day of every week, month or year: then it means the
first such day that is not over, and today counts. Lunar festivals are left out: without a table of
lunar months they cannot be right.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from wechat_dialog.parsers.numerals import read_number
from wechat_dialog.parsers.parser import Parser
from wechat_dialog.parsers.spoken import politely, spoken

__all__ = ["NamedDay", "day", "named_days", "small"]

_EXAMPLE = "请回复一个日期，例如 10月1日、明天、下周一。"
_TOO_FAR = "这个日期太远了，请换一个。"
_SMALL = r"(?:[0-9]{1,4}|[零一二两三四五六七八九十百廿卅]{1,7})"
_WEEKDAY = r"(?:周|星期|礼拜)([一二三四五六日天1-6])"
_WEEKDAY_BEHIND = re.compile(rf" ?\(?{_WEEKDAY}\)?")
_FESTIVALS = {
    "元旦": (1, 1), "情人": (2, 14), "妇女": (3, 8), "三八": (3, 8), "劳动": (5, 1), "五一": (5, 1),
    "儿童": (6, 1), "六一": (6, 1), "建军": (8, 1), "教师": (9, 10), "国庆": (10, 1),
    "平安夜": (12, 24), "圣诞": (12, 25),
}  # fmt: skip
_BY_DISTANCE = {
    "大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3,
    "去": -1, "本": 0, "这": 0, "上上": -2, "上": -1, "": 0, "下": 1, "下下": 2,
}  # fmt: skip
_LUNAR = re.compile(
    r"春节|除夕|大年|过年|元宵|端午|中秋|重阳|清明|七夕|腊八|农历|阴历|初[一二三四五六七八九十]"
)


@dataclass(frozen=True)
class NamedDay:
    """A form that fits the beginning of a text.

    Attributes:
        first: Gives the day meant, counted from a day. Raises `ValueError` with a sentence for
            the user if there is no such day.
        recurring: Whether a later `from` gives a later such day.
        rest: What follows the form in the text; empty if it is the whole.
    """

    first: Callable[[date], date]
    recurring: bool
    rest: str


def named_days(said: str, *, whole: bool) -> Iterator[NamedDay]:
    """Yield every reading of `said` (as `spoken` gives it) that is, or begins with, a day."""
    for pattern, make, recurring in _FORMS:
        found = pattern.match(said)
        if found is None:
            continue
        first, rest = _bound(make, found), said[found.end() :]
        behind = _WEEKDAY_BEHIND.match(rest)
        if behind is not None:
            first, rest = _checked(first, behind[1]), rest[behind.end() :]
        if not (whole and rest):
            yield NamedDay(first, recurring, rest)


def _checked(first: Callable[[date], date], weekday: str) -> Callable[[date], date]:
    """Copied dates often carry their weekday. A wrong one says that one of the two is a slip."""

    def checked(start: date) -> date:
        found = first(start)
        if found.weekday() != _weekday(weekday):
            raise ValueError(f"{found.month}月{found.day}日不是星期{weekday}，请再确认一下日期。")
        return found

    return checked


def _bound(make: _Make, found: re.Match[str]) -> Callable[[date], date]:
    def first(start: date) -> date:
        try:
            return make(found, start)
        except OverflowError as error:
            raise ValueError(_TOO_FAR) from error

    return first


def _read_day(text: str, now: datetime) -> date:
    said = spoken(text)
    for named in named_days(said, whole=True):
        return named.first(now.date())
    if _LUNAR.search(said):
        raise ValueError("农历的日子还看不懂，请回复公历日期，例如 10月1日。")
    raise ValueError(_EXAMPLE)


def small(text: str) -> int:
    """Return a number of days, months or a day of the month; -1 if `text` is not one."""
    value = read_number(text)
    return -1 if value is None or value != value.to_integral_value() else int(value)


def _on(year: int, month: int, day_: int) -> date:
    try:
        return date(year, month, day_)
    except ValueError as error:
        raise ValueError(f"{month}月{day_}日这一天不存在，请重新回复日期。") from error


def _yearly(month: int, day_: int, start: date) -> date:
    """The first such day from `start` on. 8 years: the longest gap between two 29 February."""
    for year in range(start.year, min(start.year + 9, date.max.year + 1)):
        if 1 <= month <= 12 and 1 <= day_ <= calendar.monthrange(year, month)[1]:
            found = date(year, month, day_)
            if found >= start:
                return found
    return _on(start.year, month, day_)


def _months_on(start: date, months: int) -> date:
    """The same day `months` later; the last day of that month if it is shorter."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _near(found: re.Match[str], start: date) -> date:
    return start + timedelta(days=_BY_DISTANCE[found[1]])


def _full(found: re.Match[str], _start: date) -> date:
    return _on(small(found[1]), small(found[2]), small(found[3]))


def _month_day(found: re.Match[str], start: date) -> date:
    return _yearly(small(found[1]), small(found[2]), start)


def _year_month_day(found: re.Match[str], start: date) -> date:
    return _on(start.year + _BY_DISTANCE[found[1]], small(found[2]), small(found[3]))


def _festival(found: re.Match[str], start: date) -> date:
    return _yearly(*_FESTIVALS[found[1]], start)


def _festival_of_year(found: re.Match[str], start: date) -> date:
    return _on(start.year + _BY_DISTANCE[found[1]], *_FESTIVALS[found[2]])


def _weekday(char: str) -> int:
    return 6 if char in "日天" else "一二三四五六123456".index(char) % 6


def _weekday_next(found: re.Match[str], start: date) -> date:
    return start + timedelta(days=(_weekday(found[1]) - start.weekday()) % 7)


def _weekday_of_week(found: re.Match[str], start: date) -> date:
    monday = start - timedelta(days=start.weekday())
    return monday + timedelta(weeks=_BY_DISTANCE[found[1]], days=_weekday(found[2]))


def _apart(found: re.Match[str], start: date) -> date:
    count, unit = small(found[1]), found[2]
    if count < 0:
        raise ValueError(_EXAMPLE)
    count = -count if found[3].endswith("前") else count
    if unit in "天日":
        return start + timedelta(days=count)
    if unit == "年":
        return _months_on(start, 12 * count)
    if unit == "个月":
        return _months_on(start, count)
    return start + timedelta(weeks=count)


def _day_of_named_month(found: re.Match[str], start: date) -> date:
    month = _months_on(start.replace(day=1), _BY_DISTANCE[found[1]])
    return _on(month.year, month.month, small(found[2]))


def _day_of_month(found: re.Match[str], start: date) -> date:
    """15号: this month's or the next that has one. Of three months in a row one has it."""
    wanted = small(found[1])
    for ahead in range(3):
        month = _months_on(start.replace(day=1), ahead)
        if 1 <= wanted <= calendar.monthrange(month.year, month.month)[1]:
            found_day = month.replace(day=wanted)
            if found_day >= start:
                return found_day
    raise ValueError(f"没有{wanted}号这一天，请重新回复日期。" if wanted >= 0 else _EXAMPLE)


def _month_end(found: re.Match[str], start: date) -> date:
    month = _months_on(start.replace(day=1), _BY_DISTANCE[found[1] or ""])
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


_Make = Callable[[re.Match[str], date], date]


_Form = tuple[re.Pattern[str], _Make, bool]


def _form(pattern: str, make: _Make, *, recurring: bool = False) -> _Form:
    """A row of the table; in `pattern`, N is a small number and W a weekday with its group."""
    return re.compile(pattern.replace("N", _SMALL).replace("W", _WEEKDAY)), make, recurring


_FESTIVAL = "(" + "|".join(_FESTIVALS) + ")节?"
_FORMS = (
    _form(r"(大前|前|昨|今|明|大后|后)[天日儿]", _near),
    _form(r"(大前|前|昨|今|明|大后|后)(?=早|晚)", _near),
    _form(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])", _full),
    _form(r"([0-9]{4}|[零一二三四五六七八九]{4})年(N)月(N)[日号]?", _full),
    _form(r"([0-9]{4})([0-9]{2})([0-9]{2})(?![0-9])", _full),
    _form(r"(前|去|今|明|后)年的?(N)月(N)[日号]?", _year_month_day),
    _form(r"(前|去|今|明|后)年的?" + _FESTIVAL, _festival_of_year),
    _form(r"(N)月(N)(?:[日号]|(?![0-9]))", _month_day, recurring=True),
    _form(r"([0-9]{1,2})[-/.]([0-9]{1,2})(?![-/.0-9])", _month_day, recurring=True),
    _form(_FESTIVAL, _festival, recurring=True),
    _form(r"W", _weekday_next, recurring=True),
    _form(r"(上上|上|这|本|下下|下)个?W", _weekday_of_week),
    _form(r"(?:再?过)?(N)个?(天|日|周|星期|礼拜|个月|年)((?:之|以)?[后前])", _apart),
    _form(r"再?过(N)个?(天|日|周|星期|礼拜|个月|年)()", _apart),
    _form(r"(上上|上|这|本|下下|下)个?月的?(N)[日号]", _day_of_named_month),
    _form(r"(N)[日号]", _day_of_month, recurring=True),
    _form(r"(?:(上|这|本|下下|下)个?)?月[底末]", _month_end),
)  # fmt: skip

day: Parser[date] = Parser("date", politely(_read_day, booking=True))
