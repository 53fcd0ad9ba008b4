"""What holds for every text: a value of its type or a sentence; what is written reads back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parsers.numeral_writer import written
from wechat_dialog.parsers import (
    Parser,
    amount,
    email,
    id_number,
    match_choice,
    match_choices,
    parser_for,
    phone,
    yes_no,
)

T = TypeVar("T")
NOW = datetime(2026, 9, 16, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
TYPED: dict[type, Parser[Any]] = {
    kind: parser_for(kind) for kind in (str, int, float, Decimal, bool, date, time, datetime)
}
READY: list[tuple[type, Parser[Any]]] = [
    *TYPED.items(), (Decimal, amount), (str, phone), (str, id_number), (str, email)
]  # fmt: skip

# Text made of the words the parsers know reaches much deeper into them than any text does.
WORDS = [
    *"零一二两三四五六七八九十百千万亿点半负个元块毛分角周日天月年号后前上下早晚刻差过第选和到的吧",
    *"0123456789０１２３.,-:：/%+ ¥，。、", "小时", "分钟", "下午", "凌晨", "星期", "明天",
    "礼拜", "国庆", "最后", "百分之", "am", "pm", "2026", "T", "@qq.com", "全部", "好", "不",
]  # fmt: skip
said = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
numbers = st.one_of(st.integers(0, 10**4), st.integers(0, 10**12), st.integers(0, 10**16 - 1))


def outcome(parse: Callable[..., T], *arguments: Any) -> tuple[T | None, str]:
    """The value and "", or None and the sentence for the user. Any other error fails the test."""
    try:
        return parse(*arguments), ""
    except ValueError as error:
        return None, str(error)


@given(said)
def test_any_text_gives_a_value_of_its_type_or_a_sentence(text: str) -> None:
    for kind, parser in READY:
        value, sentence = outcome(parser, text, NOW)
        assert sentence.endswith("。") if value is None else type(value) is kind


@given(said, st.lists(st.one_of(said, st.sampled_from(["3人", "第一", "1-3"])), max_size=12))
def test_any_text_chooses_existing_options_or_none(text: str, labels: list[str]) -> None:
    one, sentence = outcome(match_choice, text, labels)
    assert sentence.endswith("。") if one is None else 0 <= one < len(labels)
    several, sentence = outcome(match_choices, text, labels)
    assert sentence.endswith("。") if several is None else set(several) <= set(range(len(labels)))


@pytest.mark.parametrize(
    "piece", ["1", "一", "十", "百一", "1,", " ", "1.", "a@", "对", "天后", "和", "点", "a.", "我"]
)
def test_a_megabyte_is_refused_like_a_word(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    refused = [outcome(parser, text, NOW) for _, parser in READY if parser is not TYPED[str]]
    refused += [outcome(match, text, ["苹果", "香蕉"]) for match in (match_choice, match_choices)]
    assert all(value is None and sentence.endswith("。") for value, sentence in refused)


@given(numbers)
def test_a_written_numeral_reads_back_equal(number: int) -> None:
    read = parser_for(int)
    assert read(written(number), NOW) == number
    assert read("负" + written(number), NOW) == -number
    assert read(f"{number:,}", NOW) == number
    assert read(str(number).translate({48 + d: 0xFF10 + d for d in range(10)}), NOW) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**9))
def test_a_decimal_stays_exact(number: Decimal) -> None:
    figures = f"{number:f}"
    assert str(parser_for(Decimal)(figures, NOW)) == figures
    whole, _, places = figures.partition(".")
    spelled = "".join("零一二三四五六七八九"[int(place)] for place in places)
    assert parser_for(Decimal)(f"{written(int(whole))}点{spelled}", NOW) == number
    assert amount(f"{whole}块{places}", NOW) == number
    assert amount(f"{written(int(whole))}元{places[0]}角{places[1]}分", NOW) == number


@given(st.dates(min_value=date(1000, 1, 1)), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_date_reads_back_however_it_is_written(day: date, today: date) -> None:
    read, now = parser_for(date), datetime.combine(today, time(10), UTC)
    month, number = written(day.month), written(day.day)
    assert read(day.isoformat(), now) == day
    assert read(f"{day.year}年{month}月{number}号", now) == day
    following = read(f"{month}月{number}日", now)
    assert following >= today
    assert (following.month, following.day) == (day.month, day.day)
    assert following - today <= timedelta(days=8 * 366)


@given(st.times(), st.sampled_from(["", "钟"]))
def test_a_time_reads_back_however_it_is_written(moment: time, clock: str) -> None:
    read, minute = parser_for(time), moment.replace(second=0, microsecond=0)
    assert read(f"{minute:%H:%M}", NOW) == minute
    assert read(f"{minute:%I:%M}{'pm' if minute.hour > 11 else 'am'}", NOW) == minute
    said = f"{written(minute.hour)}点{written(minute.minute)}分"
    if 1 <= minute.hour <= 11:  # of either half of the day
        for text in (said, f"{minute.hour}点{clock}"):
            with pytest.raises(ValueError, match="还是"):
                read(text, NOW)
    else:
        assert read(said, NOW) == minute
        assert read(f"{minute.hour}点{clock}", NOW) == minute.replace(minute=0)


@given(st.integers(0, 10), st.sampled_from("一二三四五六日"))
def test_a_bare_weekday_is_within_the_week_ahead(ahead: int, char: str) -> None:
    now = NOW + timedelta(days=ahead)
    found = parser_for(date)(f"周{char}", now)
    assert 0 <= (found - now.date()).days < 7
    assert found.weekday() == "一二三四五六日".index(char)


@pytest.mark.parametrize("yes", ["是", "好的", "对对对", "ok", "👍"])
@pytest.mark.parametrize("no", ["不", "不要了", "算了", "no", "👎"])
def test_an_answer_that_says_both_is_refused(yes: str, no: str) -> None:
    for text in (f"{yes}，{no}", f"{no}、{yes}", f"{yes}。{yes}。{no}。"):
        assert outcome(yes_no, text) == (None, "请回复“是”或“否”。")
