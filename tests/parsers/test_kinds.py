"""From a kind to its parser, time zones, and the corners no table of one moment can show."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Union
from zoneinfo import ZoneInfo

import pytest

from wechat_dialog.core.dialog.reading import reading
from wechat_dialog.parsers import Parser, match_choice, match_choices, parser_for, phone

NOW = datetime(2026, 9, 16, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BERLIN = ZoneInfo("Europe/Berlin")


class Size(Enum):
    SMALL = "小杯"
    LARGE = "大杯"


class Stars(IntEnum):
    ONE = 1
    TWO = 2


class Fruit(Enum):
    APPLE = ("a", "苹果")
    PEAR = ("p", "梨")

    @property
    def label(self) -> str:
        return self.value[1]


class Crossed(Enum):
    """The value of the one is the name of the other."""

    A = "B"
    B = "C"


def even(text: str) -> int:
    if int(text) % 2:
        raise ValueError("要偶数。")
    return int(text)


@pytest.mark.parametrize(("kind", "text", "value"), [
    pytest.param(str, " 两个 字 \n", "两个 字", id="a text is stripped, inside it stays"),
    pytest.param(str, "Ａ。", "Ａ。", id="a text keeps its width and punctuation"),
    pytest.param(float, "1.2万", 12000.0, id="a float reads as a Decimal does"),
    pytest.param(int, "  12  ", 12, id="blanks around a number"),
    pytest.param(int, "\u200b12\ufeff", 12, id="invisible characters around a number"),
    pytest.param(Size, "大杯。", Size.LARGE, id="an enum member by value"),
    pytest.param(Size, "small", Size.SMALL, id="an enum member by name in any case"),
    pytest.param(Stars, "二", Stars.TWO, id="an enum member by a number in Chinese"),
    pytest.param(Fruit, "梨", Fruit.PEAR, id="an enum member by label"),
    pytest.param(Crossed, "B", Crossed.A, id="a value goes before a name"),
    pytest.param(Literal["大", "小"], "小！", "小", id="a literal text"),
    pytest.param(Literal[1, 2], "２", 2, id="a literal number"),
    pytest.param(int | None, "没有", None, id="nothing for an optional number"),
    pytest.param(int | None, "三", 3, id="a number for an optional number"),
    pytest.param(str | None, "跳过", None, id="nothing for an optional text"),
    pytest.param(bool | None, "没有", False, id="an optional bool is still a no"),
    pytest.param(Union[None, Size], "无", None, id="the older spelling of an optional"),  # noqa: UP007
    pytest.param(Annotated[int, "at least 1"], "十", 10, id="annotations are for others"),
    pytest.param(even, "12", 12, id="an author's function gets the text"),
    pytest.param(phone, "13800138000", "13800138000", id="a parser is itself"),
])  # fmt: skip
def test_a_kind_reads_its_text(kind: object, text: str, value: object) -> None:
    found = parser_for(kind)(text, NOW)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("kind", "text", "sentence"), [
    pytest.param(str, " \u3000\u200b", "请回复文字内容。", id="blanks"),
    pytest.param(Size, "中杯", "请回复其中一个：小杯、大杯。", id="no member"),
    pytest.param(Size, "", "请回复其中一个：小杯、大杯。", id="nothing"),
    pytest.param(Fruit, "桃", "请回复其中一个：苹果、梨。", id="the labels are shown"),
    pytest.param(Literal["大"], "小", "请回复其中一个：大。", id="another literal"),
    pytest.param(even, "3", "要偶数。", id="the author's own sentence"),
    pytest.param(int | None, "不知道", "请回复一个整数，例如 12。", id="not nothing"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_sentence(
    kind: object, text: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parser_for(kind)(text, NOW)


def test_a_pattern_must_match_the_whole_stripped_text() -> None:
    parser = parser_for(re.compile(r"(?P<letter>[A-Z])(\d+)"))
    assert parser(" B12 ", NOW)["letter"] == "B"
    with pytest.raises(ValueError, match="格式"):
        parser("B12 and more", NOW)


@pytest.mark.parametrize("kind", [list, dict[str, int], int | str, None, 3, object])
def test_a_kind_without_parser_is_the_authors_error(kind: object) -> None:
    with pytest.raises(TypeError, match="no parser for"):
        parser_for(kind)


def test_a_naive_now_is_the_callers_error() -> None:
    with pytest.raises(TypeError, match="aware"):
        parser_for(int)("1", NOW.replace(tzinfo=None))


def in_berlin(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=BERLIN)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(("now", "text", "moment"), [
    pytest.param(in_berlin(2026, 3, 28, 12), "明天3:30", "2026-03-29T03:30:00+02:00", id="summer"),
    pytest.param(in_berlin(2026, 3, 29, 1, 30), "一小时后", "2026-03-29T03:30:00+02:00",
                 id="an hour over the hour that is skipped"),
    pytest.param(in_berlin(2026, 3, 28, 12), "24小时后", "2026-03-29T13:00:00+02:00",
                 id="24 hours are not a day"),
    pytest.param(in_berlin(2026, 10, 24, 12), "明天2:30", "2026-10-25T02:30:00+02:00",
                 id="of a repeated hour the first"),
    pytest.param(in_berlin(2026, 10, 25, 2, 30), "一小时后", "2026-10-25T02:30:00+01:00",
                 id="an hour later it is the same on the wall"),
    pytest.param(datetime(2026, 9, 16, 10, tzinfo=UTC), "后天下午三点", "2026-09-18T15:00:00+00:00",
                 id="another zone"),
    pytest.param(NOW.replace(hour=10, minute=0, second=40), "上午10点", "2026-09-16T10:00:00+08:00",
                 id="the running minute is not over"),
    pytest.param(NOW.replace(hour=23, minute=50), "今晚十二点", "2026-09-17T00:00:00+08:00",
                 id="midnight ends the evening"),
    pytest.param(NOW.replace(month=12, day=31), "明早8点", "2027-01-01T08:00:00+08:00",
                 id="over the new year"),
])  # fmt: skip
def test_moments_follow_the_zone_of_now(now: datetime, text: str, moment: str) -> None:
    assert parser_for(datetime)(text, now).isoformat() == moment


def test_a_time_that_summer_time_skips_is_refused() -> None:
    with pytest.raises(ValueError, match="夏令时"):
        parser_for(datetime)("明天2:30", in_berlin(2026, 3, 28, 12))


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=5, minutes=45)), UTC, BERLIN])
@pytest.mark.parametrize(
    "now", [datetime.min + timedelta(days=2), datetime.max - timedelta(days=2)]
)
@pytest.mark.parametrize("text", [
    "大前天三点", "大后天三点", "上上周一三点", "下下周日三点", "9999小时后", "9999小时前",
    "去年1月1日三点", "明年12月31日三点", "下下个月1号三点", "晚上十二点", "2月29日三点",
    "31号三点", "月底三点", "0001-01-01T00:00+09:00", "9999-12-31T23:59-09:00",
])  # fmt: skip
def test_the_ends_of_the_calendar_are_a_value_or_a_refusal(
    zone: Any, now: datetime, text: str
) -> None:
    try:
        found = parser_for(datetime)(text, now.replace(tzinfo=zone))
    except ValueError:
        return
    assert found.tzinfo is zone


def test_the_day_named_is_that_of_the_bots_zone() -> None:
    late = datetime(2026, 9, 16, 23, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert parser_for(date)("明天", late) == date(2026, 9, 17)
    assert parser_for(date)("明天", late.astimezone(UTC)) == date(2026, 9, 17)
    assert parser_for(date)("明天", late + timedelta(hours=1)) == date(2026, 9, 18)


def test_an_ambiguous_choice_names_the_candidates() -> None:
    with pytest.raises(ValueError, match="“大杯咖啡”、“大杯茶”"):
        match_choice("大杯", ["大杯咖啡", "小杯咖啡", "大杯茶"])
    with pytest.raises(ValueError, match="“茶6”等"):
        match_choice("茶", [f"茶{index}" for index in range(1, 10)])


def test_twice_the_same_label_is_ambiguous_by_name_and_clear_by_position() -> None:
    with pytest.raises(ValueError, match="“茶”、“茶”"):
        match_choice("茶", ["茶", "茶"])
    assert match_choice("2", ["茶", "茶"]) == 1


@pytest.mark.parametrize("match", [match_choice, match_choices])
def test_without_options_nothing_is_chosen(match: Callable[[str, list[str]], object]) -> None:
    with pytest.raises(ValueError, match="请"):
        match("1", [])


def test_many_options_are_reached_by_number_and_not_by_digits_side_by_side() -> None:
    labels = [f"选项{char}" for char in "甲乙丙丁戊己庚辛壬癸子丑"]
    assert match_choice("十二", labels) == 11
    assert match_choices("12", labels) == [11]
    assert match_choices("1 2", labels) == [0, 1]
    with pytest.raises(ValueError, match="请"):
        match_choice("1 2", labels)
    assert match_choice("top 1 2", ["Top 12", "Top 1 3"]) == 0


def test_types_are_those_of_the_kind() -> None:
    number: Parser[int] = parser_for(int)
    size: Parser[Size] = parser_for(Size)
    code: Parser[re.Match[str]] = parser_for(re.compile("x"))
    own: Parser[int] = parser_for(even)
    ready: Parser[str] = parser_for(phone)
    exact: Parser[Decimal] = parser_for(Decimal)
    clock: Parser[time] = parser_for(time)
    names = [repr(parser) for parser in (number, size, code, own, ready, exact, clock)]
    assert names[:5] == [
        "<parser int>", "<parser Size>", "<parser pattern 'x'>", "<parser even>", "<parser phone>"
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [list, tuple, set, dict, bytes, object])
def test_a_container_is_no_parser_for_a_question(kind: object) -> None:
    """It would take any text apart into its characters."""
    with pytest.raises(TypeError, match="no parser for"):
        reading(kind)
