"""Whole numbers, fractions and amounts of money."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from .numerals import digits, read_number, shifted
from .parser import Parser
from .spoken import politely, spoken

__all__ = ["amount", "count", "decimal", "integer", "real"]

MOST_DIGITS = 18
"""Most digits before the decimal point, and after it. Every such whole number fits 64 bits, as
databases want it; a longer one is a card or order number, for which a pattern of text is right."""

_NOT_WHOLE = "请回复一个整数，例如 12。"
_NOT_NUMBER = "请回复一个数字，例如 12.5。"
_NOT_AMOUNT = "请回复一个金额，例如 12.5元。"
_TOO_LONG = "这个数字太长了，请换一个。"
_SIGN = re.compile(r"(?:(?:人民币|rmb|cny|¥) ?)?(.*?) ?(?:rmb|cny|人民币|整)?")
_PARTS = re.compile(r"(?:([^元块]+)[元块])?(?:([^角毛]{1,2})[角毛])?(?:(.{1,3})分)?")
_JIAO_TAIL = re.compile(r"([^角毛元块])[角毛]([^角毛元块分])")
_TAIL = re.compile(r"([^元块]+)[元块]([^元块角毛分]{1,2}|[^角毛]{1}[角毛].)")


def _read_integer(text: str, _now: datetime) -> int:
    value = read_number(_without_measure(spoken(text)))
    if value is None:
        raise ValueError(_NOT_WHOLE)
    _check_length(value)
    if value != value.to_integral_value():
        raise ValueError(_NOT_WHOLE)
    return int(value)


def _read_decimal(text: str, _now: datetime) -> Decimal:
    phrase = spoken(text)
    value = read_number(_without_measure(phrase))
    if value is None:
        value = _fraction(phrase)
    if value is None:
        raise ValueError(_NOT_NUMBER)
    _check_length(value)
    return value


def _read_real(text: str, now: datetime) -> float:
    return float(_read_decimal(text, now))


def _read_amount(text: str, _now: datetime) -> Decimal:
    match = _SIGN.fullmatch(spoken(text))
    value = None if match is None else _money(match[1].removesuffix("钱").removesuffix("整"))
    if value is None:
        raise ValueError(_NOT_AMOUNT)
    _check_length(value)
    if value < 0:
        raise ValueError("金额不能是负数。")
    if value != round(value, 2):
        raise ValueError("金额最多到分，请重新回复，例如 12.50。")
    return round(value, 2)


def _without_measure(text: str) -> str:
    """Drop 个, the only measure word without a meaning; 岁, 元 or 杯 say what is counted."""
    return text.removesuffix("个") if len(text) > 1 else text


def _check_length(value: Decimal) -> None:
    """Refuse a number of too many digits, before `int` or `round` take long over it, or raise."""
    exponent = value.as_tuple().exponent
    if value.adjusted() >= MOST_DIGITS or (isinstance(exponent, int) and exponent < -MOST_DIGITS):
        raise ValueError(_TOO_LONG)


def _fraction(text: str) -> Decimal | None:
    """`5%`, `百分之五`, `一个半`, `半`."""
    if text in {"半", "半个"}:
        return Decimal("0.5")
    if text.endswith("个半"):
        whole = read_number(text.removesuffix("个半"))
        fits = whole is not None and whole >= 0 and whole == whole.to_integral_value()
        return whole + Decimal("0.5") if fits and whole is not None else None
    negative = text.startswith("负百分之")
    text = text.removeprefix("负") if negative else text
    if text.startswith("百分之"):
        rest = text.removeprefix("百分之")
        percent = Decimal(100) if rest == "百" else read_number(rest)
    else:
        percent = read_number(text.removesuffix("%")) if text.endswith("%") else None
    if percent is None:
        return None
    percent = percent.copy_negate() if negative else percent
    return shifted(percent, -2)


def _money(text: str) -> Decimal | None:
    """`12.5`, `12块5毛3`, `十二块五`, `十块零五分`, `五毛`, `两块半`."""
    bare = read_number(text)
    if bare is not None:
        return bare
    if text.endswith(("元半", "块半")):
        whole = read_number(text[:-2])
        return None if whole is None or whole != int(whole) else whole + Decimal("0.5")
    few = _JIAO_TAIL.fullmatch(text)
    if few is not None:
        jiao, fen = read_number(few[1]), read_number(few[2])
        return None if jiao is None or fen is None else _sum(Decimal(0), 10 * jiao + fen)
    tail = _TAIL.fullmatch(text)
    if tail is not None:
        whole, cents = read_number(tail[1]), _cents(tail[2])
        return None if whole is None or cents is None else _sum(whole, cents)
    match = _PARTS.fullmatch(text)
    if match is None or not text:
        return None
    yuan, jiao, fen = (
        Decimal(0) if part is None else read_number(part.removeprefix("零") or part)
        for part in match.groups()
    )
    if yuan is None or jiao is None or fen is None or min(jiao, fen) < 0:
        return None
    if match[1] is not None and (jiao > 9 or fen > 99 or (match[2] is not None and fen > 9)):
        return None
    return _sum(yuan, 10 * jiao + fen)


def _cents(tail: str) -> Decimal | None:
    """What follows 块 without a unit: 块五 is 50 fen, 块零五 and 块05 5 fen, 块5毛3 53 fen."""
    tail = tail.replace("角", "").replace("毛", "")
    figures = tail if tail.isascii() and tail.isdigit() else digits(tail)
    return None if figures is None else Decimal(figures.ljust(2, "0"))


def _sum(yuan: Decimal, cents: Decimal) -> Decimal | None:
    """The whole amount; None where a fraction of a yuan is followed by smaller money (1.5元3角)."""
    if cents and (yuan != yuan.to_integral_value() or yuan < 0):
        return None
    if cents != cents.to_integral_value():
        return None
    return yuan + cents / 100 if cents else yuan


def count(*measures: str) -> Parser[int]:
    """Return a parser of how many there are: a whole number, 0 or more, with or without one of
    these measure words behind it. 个 is always accepted.

        people = yield from chat.ask("几位？", parsers.count("位", "人", "个人"))

    Args:
        measures: What is counted: 位, 人, 杯.

    Raises:
        ValueError: One of them is empty.
    """
    words = sorted(map(spoken, measures), key=len, reverse=True)
    if not all(words):
        raise ValueError(f"parsers.count: a measure word is a text that is not empty: {measures}")

    def read(text: str, now: datetime) -> int:
        phrase = spoken(text)
        word = next((word for word in words if phrase.endswith(word)), "")
        value = _read_integer(phrase.removesuffix(word), now)
        if value < 0:
            raise ValueError(_NOT_WHOLE)
        return value

    return Parser(f"count of {'、'.join(measures)}", politely(read))


integer: Parser[int] = Parser("int", politely(_read_integer))
real: Parser[float] = Parser("float", politely(_read_real))
decimal: Parser[Decimal] = Parser("Decimal", politely(_read_decimal))
amount: Parser[Decimal] = Parser("amount", politely(_read_amount))
"""An amount in yuan, with exactly two decimals; not negative."""
