"""Days, as people name them: 明天, 下周一, 10月1号, 三天后.

A table of forms: each is a pattern, and a function of the match and the day to count from. For
`date` a form has to be the whole text; `datetime` (in `moments`) takes a form at the beginning, and
reads a time after it. A form is *recurring* if it names a day of every week, month or year: then it
means the first such day that is not over, and today counts. Lunar days are refused: without a table
of lunar months they cannot be converted. A month and day in Chinese numerals without 日 or 号
(八月十五) may be lunar or not, and is refused as well.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .numerals import read_number
from .parser import Parser
from .spoken import politely, spoken

__all__ = ["NamedDay", "day", "day_ahead", "named_days", "small"]

_EXAMPLE = "请回复一个日期，例如 10月1日、明天、下周一。"
_TOO_FAR = "这个日期太远了，请换一个。"
_SMALL = r"(?:[0-9]{1,4}|[零一二两三四五六七八九十百廿卅]{1,7})"
_WEEKDAY = r"(?:周|星期|礼拜)([一二三四五六日天1-6])"
_WEEKDAY_BEHIND = re.compile(rf" ?\(?{_WEEKDAY}\)?")
_FESTIVALS = {
    "元旦": (1, 1), "情人": (2, 14), "妇女": (3, 8), "三八": (3, 8), "植树": (3, 12),
    "三一五": (3, 15), "315": (3, 15), "愚人": (4, 1), "劳动": (5, 1), "五一": (5, 1),
    "青年": (5, 4), "五四": (5, 4), "护士": (5, 12), "儿童": (6, 1), "六一八": (6, 18),
    "618": (6, 18), "六一": (6, 1), "建党": (7, 1), "七一": (7, 1), "建军": (8, 1), "八一": (8, 1),
    "教师": (9, 10), "国庆": (10, 1), "万圣": (10, 31), "记者": (11, 8), "光棍": (11, 11),
    "双十一": (11, 11), "双11": (11, 11), "双十二": (12, 12), "双12": (12, 12),
    "平安夜": (12, 24), "圣诞": (12, 25),
}  # fmt: skip
# Month, weekday (0 is Monday), and which of them in that month.
_BY_WEEKDAY = {"母亲": (5, 6, 2), "父亲": (6, 6, 3), "感恩": (11, 3, 4)}
_BY_DISTANCE = {
    "大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3,
    "去": -1, "本": 0, "这": 0, "上上": -2, "上": -1, "": 0, "下": 1, "下下": 2,
}  # fmt: skip
_LUNAR = re.compile(
    r"春节|除夕|大年|过年|元宵|端午|中秋|重阳|清明|七夕|腊八|农历|阴历|旧历|正月|腊月|冬月|闰"
    r"|初[一二三四五六七八九十]"
)
_EITHER_CALENDAR = re.compile(r"[一二三四五六七八九十0-9]月[一二三四五六七八九十廿]{1,3}(?![日号])")


@dataclass(frozen=True)
class NamedDay:
    """A form that fits the beginning of a text.

    Attributes:
        first: Gives the day meant, counted from a day. Raises `ValueError` with a sentence for
            the user if there is no such day.
        recurring: Whether counting from a later day gives a later day.
        rest: What follows the form in the text; "" if it is the whole text.
    """

    first: Callable[[date], date]
    recurring: bool
    rest: str


def named_days(text: str, *, whole: bool) -> Iterator[NamedDay]:
    """Yield every reading of `text` (as `spoken` returns it) that is, or begins with, a day."""
    for pattern, make, recurring in _FORMS:
        match = pattern.match(text)
        if match is None:
            continue
        first, rest = _bound(make, match), text[match.end() :]
        behind = _WEEKDAY_BEHIND.match(rest)
        if behind is not None:
            first, rest = _checked(first, behind[1]), rest[behind.end() :]
        if not (whole and rest):
            yield NamedDay(first, recurring, rest)


def _checked(first: Callable[[date], date], weekday: str) -> Callable[[date], date]:
    """Check the weekday that follows a copied date: if they disagree, one is a slip."""

    def checked(start: date) -> date:
        result = first(start)
        if result.weekday() != _weekday(weekday):
            raise ValueError(f"{result.month}月{result.day}日不是星期{weekday}，请再确认一下日期。")
        return result

    return checked


def _bound(make: _Make, match: re.Match[str]) -> Callable[[date], date]:
    def first(start: date) -> date:
        try:
            return make(match, start)
        except OverflowError as error:
            raise ValueError(_TOO_FAR) from error

    return first


def _read_day(text: str, now: datetime) -> date:
    phrase = spoken(text)
    for named in named_days(phrase, whole=True):
        return named.first(now.date())
    if _LUNAR.search(phrase):
        raise ValueError("农历的日子还看不懂，请回复公历日期，例如 10月1日。")
    if _EITHER_CALENDAR.search(phrase):
        raise ValueError("是公历还是农历？公历请写成 8月15日 这样，农历的日子还看不懂。")
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
            result = date(year, month, day_)
            if result >= start:
                return result
    return _on(start.year, month, day_)


def _months_on(start: date, months: int) -> date:
    """The same day `months` later; the last day of that month if it is shorter."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _near(match: re.Match[str], start: date) -> date:
    return start + timedelta(days=_BY_DISTANCE[match[1]])


def _full(match: re.Match[str], _start: date) -> date:
    return _on(small(match[1]), small(match[2]), small(match[3]))


def _full_said(match: re.Match[str], _start: date) -> date:
    return _on(small(match[1]), small(match[2]), small(match[3] or match[4]))


def _month_day(match: re.Match[str], start: date) -> date:
    return _yearly(small(match[1]), small(match[2] or match[3]), start)


def _month_day_written(match: re.Match[str], start: date) -> date:
    return _yearly(small(match[1]), small(match[2]), start)


def _year_month_day(match: re.Match[str], start: date) -> date:
    return _on(start.year + _BY_DISTANCE[match[1]], small(match[2]), small(match[3] or match[4]))


def _festival(match: re.Match[str], start: date) -> date:
    return _yearly(*_FESTIVALS[match[1]], start)


def _festival_of_year(match: re.Match[str], start: date) -> date:
    return _on(start.year + _BY_DISTANCE[match[1]], *_FESTIVALS[match[2]])


def _by_weekday(match: re.Match[str], start: date) -> date:
    month, weekday, nth = _BY_WEEKDAY[match[1]]

    def in_year(year: int) -> date:
        first = _on(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7, weeks=nth - 1)

    found_day = in_year(start.year)
    return found_day if found_day >= start else in_year(start.year + 1)


def _weekday(char: str) -> int:
    return 6 if char in "日天" else "一二三四五六123456".index(char) % 6


def _weekday_next(match: re.Match[str], start: date) -> date:
    return start + timedelta(days=(_weekday(match[1]) - start.weekday()) % 7)


def _weekday_of_week(match: re.Match[str], start: date) -> date:
    monday = start - timedelta(days=start.weekday())
    return monday + timedelta(weeks=_BY_DISTANCE[match[1]], days=_weekday(match[2]))


def _apart(match: re.Match[str], start: date) -> date:
    count, unit = small(match[1]), match[2]
    if count < 0:
        raise ValueError(_EXAMPLE)
    count = -count if match[3].endswith("前") else count
    if unit in "天日":
        return start + timedelta(days=count)
    if unit == "年":
        return _months_on(start, 12 * count)
    if unit == "个月":
        return _months_on(start, count)
    return start + timedelta(weeks=count)


def _half_years(match: re.Match[str], start: date) -> date:
    years = small(match[1]) if match[1] else 0
    if years < 0:
        raise ValueError(_EXAMPLE)
    months = 12 * years + 6
    return _months_on(start, -months if match[2].endswith("前") else months)


def _day_of_named_month(match: re.Match[str], start: date) -> date:
    month = _months_on(start.replace(day=1), _BY_DISTANCE[match[1]])
    return _on(month.year, month.month, small(match[2]))


def _day_of_month(match: re.Match[str], start: date) -> date:
    """15号: this month's or the next that has one. Of three months in a row one has it."""
    number = small(match[1])
    for ahead in range(3):
        month = _months_on(start.replace(day=1), ahead)
        if 1 <= number <= calendar.monthrange(month.year, month.month)[1]:
            named_day = month.replace(day=number)
            if named_day >= start:
                return named_day
    raise ValueError(f"没有{number}号这一天，请重新回复日期。" if number >= 0 else _EXAMPLE)


def _month_end(match: re.Match[str], start: date) -> date:
    month = _months_on(start.replace(day=1), _BY_DISTANCE[match[1] or ""])
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _year_end(match: re.Match[str], start: date) -> date:
    return _on(start.year + _BY_DISTANCE[match[1] or "今"], 12, 31)


_Make = Callable[[re.Match[str], date], date]


_Form = tuple[re.Pattern[str], _Make, bool]


def _form(pattern: str, make: _Make, *, recurring: bool = False) -> _Form:
    """A row of the table; in `pattern`, N is a small number, W a weekday with its group, and D a
    month and a day that cannot be lunar, in three groups of which one of the last two is empty.
    """
    spelled = pattern.replace("D", r"(N)月(?:(N)[日号]|([0-9]{1,2})(?![0-9]))")
    return re.compile(spelled.replace("N", _SMALL).replace("W", _WEEKDAY)), make, recurring


_YEAR = r"([0-9]{4}|[零一二三四五六七八九]{4}|[一二两]千[零一二三四五六七八九十百]{1,5})"
_FESTIVAL = "(" + "|".join(_FESTIVALS) + ")节?"
_FORMS = (
    _form(r"(大前|前|昨|今|明|大后|后)[天日儿]", _near),
    _form(r"(大前|前|昨|今|明|大后|后)(?=早|晚)", _near),
    _form(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])", _full),
    _form(_YEAR + "年D", _full_said),
    _form(r"([0-9]{4})([0-9]{2})([0-9]{2})(?![0-9])", _full),
    _form(r"(前|去|今|明|后)年的?D", _year_month_day),
    _form(r"(前|去|今|明|后)年的?" + _FESTIVAL, _festival_of_year),
    _form(r"D", _month_day, recurring=True),
    _form(r"([0-9]{1,2})[-/.]([0-9]{1,2})(?![-/.0-9])", _month_day_written, recurring=True),
    _form(_FESTIVAL, _festival, recurring=True),
    _form("(" + "|".join(_BY_WEEKDAY) + ")节", _by_weekday, recurring=True),
    _form(r"W", _weekday_next, recurring=True),
    _form(r"(上上|上|这|本|下下|下)个?(?:(?:周|星期|礼拜)的?)?W", _weekday_of_week),
    _form(r"(?:再?过)?(N)个?(天|日|周|星期|礼拜|个月|年)((?:之|以)?[后前])", _apart),
    _form(r"再?过(N)个?(天|日|周|星期|礼拜|个月|年)(?!半)()", _apart),
    _form(r"(?:再?过)?(?:半年|(N)年半)((?:之|以)?[后前])", _half_years),
    _form(r"再?过(?:半年|(N)年半)()", _half_years),
    _form(r"(上上|上|这|本|下下|下)个?月的?(N)[日号]", _day_of_named_month),
    _form(r"(N)[日号]", _day_of_month, recurring=True),
    _form(r"(?:(上|这|本|下下|下)个?)?月[底末]", _month_end),
    _form(r"(?:(前|去|今|明|后)年年?|年)[底末]", _year_end),
)  # fmt: skip


def _read_day_ahead(text: str, now: datetime) -> date:
    result = _read_day(text, now)
    if result < now.date():
        raise ValueError("这一天已经过去了，请换一个今天或以后的日期。")
    return result


day: Parser[date] = Parser("date", politely(_read_day, booking=True))
day_ahead: Parser[date] = Parser("date ahead", politely(_read_day_ahead, booking=True))
"""As `day`, but a day before today is refused."""
