"""Chinese, Arabic and mixed numerals to exact numbers.

One small grammar instead of a library: what was measured of cn2an, pycnnum and others is in
`docs/parsers.md`. It reads what has exactly one meaning and nothing else: 两百五 is 250, but 两三
("two or three"), 十几 and 百 are no numbers. No pattern here nests repetitions, and the recursion
is two deep, so any input is decided in linear time.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import cast

__all__ = ["digits", "read_number", "shifted"]

_VALUES = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "幺": 1}
_SCALES = {
    "": 0, "十": 1, "百": 2, "千": 3, "k": 3, "万": 4, "w": 4, "十万": 5, "百万": 6, "千万": 7,
    "亿": 8, "十亿": 9, "百亿": 10, "千亿": 11, "万亿": 12,
}  # fmt: skip

_ARABIC = re.compile(r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?)([十百千万亿kw]{0,2})")
_SECTION = re.compile(
    r"(?:([一二两三四五六七八九1-9])千)?"
    r"(零(?!$))?(?:([一二两三四五六七八九1-9])百)?"
    r"(零(?!$))?(?:([一二三四五六七八九1-9])?(十))?"
    r"([一二三四五六七八九1-9])?"
)
_ONE_DIGIT = re.compile(r"[一二三四五六七八九1-9]")
_SPELLED = re.compile(r"[零一二三四五六七八九幺]+")
_DECIMALS = re.compile(r"([零一二三四五六七八九]+|[0-9]+)([十百千万亿]{0,2})")
# Said for "about": 三四个 is three or four. Written side by side they are not thirty-four.
_ABOUT = {"一二", "二三", "三四", "四五", "五六", "六七", "七八", "八九", "三五"}


def digits(text: str) -> str | None:
    """Return spelled-out digits as Arabic ones (`幺三八零`: `1380`); None if there are others."""
    if _SPELLED.fullmatch(text) is None:
        return None
    return "".join(str(_VALUES[char]) for char in text)


def read_number(text: str) -> Decimal | None:
    """Return the exact value of a numeral, or None if `text` is not one.

    Args:
        text: As `spoken` returns it: narrow, simplified, without spaces around it. A sign may be
            `-`, `+` or 负.
    """
    sign = -1 if text[:1] in {"-", "负"} else 1
    body = text[1:] if text[:1] in {"-", "+", "负"} else text
    value = _arabic(body)
    if value is None:
        value = _with_point(body)
    if value is None:
        whole = _whole(body)
        value = None if whole is None else Decimal(whole)
    if value is None:
        return None
    return value.copy_negate() if sign < 0 and value else value


def _arabic(text: str) -> Decimal | None:
    """`1,000`, `12.5`, `.5`, `1.2万`, `3k`."""
    match = _ARABIC.fullmatch(text)
    if match is None or not match[1] or match[2] not in _SCALES:
        return None
    return shifted(Decimal(match[1].replace(",", "")), _SCALES[match[2]])


def _with_point(text: str) -> Decimal | None:
    """`十二点五`, `一点二万`, `3点5`."""
    before, point, after = text.partition("点")
    match = _DECIMALS.fullmatch(after) if point else None
    whole = None if match is None else _whole(before)
    if match is None or whole is None or match[2] not in _SCALES:
        return None
    places = match[1] if match[1].isascii() else digits(match[1])
    return shifted(Decimal(f"{whole}.{places}"), _SCALES[match[2]])


def shifted(value: Decimal, places: int) -> Decimal:
    """Return `value` times 10 to the power of `places`, exactly; `value` is finite.

    Written anew from its figures, because arithmetic rounds to the context's 28 digits.
    """
    sign, figures, exponent = value.as_tuple()
    moved = cast(int, exponent) + places
    if moved > 0:
        figures, moved = (*figures, *[0] * moved), 0
    return Decimal((sign, figures, moved))


def _whole(text: str) -> int | None:
    """A whole number: spelled digit by digit, or with units, the biggest unit first."""
    if text == "两":
        return 2
    if len(text) > 1 and text not in _ABOUT:
        spelled = digits(text)
        if spelled is not None:
            return int(spelled)
    for mark, unit in (("亿", 10**8), ("万", 10**4)):
        if mark in text:
            head, _, tail = text.partition(mark)
            if mark == "亿" and tail.startswith("亿"):
                return None
            return _joined(_whole_below(head, unit), tail, unit)
    return _section(text)


def _whole_below(head: str, unit: int) -> int | None:
    """How many of `unit` there are: below 10000, or for 亿 below 亿 (万亿 is one, 亿亿 is not)."""
    if unit == 10**8 and "万" in head:
        before, _, after = head.partition("万")
        return _joined(_head(before), after, 10**4)
    return _head(head)


def _head(text: str) -> int | None:
    """What stands before 万 or 亿: there, and only there, 两 may stand alone."""
    return 2 if text == "两" else _section(text)


def _joined(head: int | None, tail: str, unit: int) -> int | None:
    """`head` units and what follows them.

    A single digit stands for the next lower place (两万三 is 23000), unless 零 says otherwise.
    """
    if not head:
        return None
    if not tail:
        return head * unit
    if _ONE_DIGIT.fullmatch(tail):
        return head * unit + _digit(tail) * unit // 10
    rest = _whole_tail(tail.removeprefix("零"))
    return None if not rest or rest >= unit else head * unit + rest


def _whole_tail(tail: str) -> int | None:
    """What may follow 亿 or 万: anything with units, but not a number spelled digit by digit."""
    head, mark, after = tail.partition("万")
    return _joined(_head(head), after, 10**4) if mark else _section(tail)


def _section(text: str) -> int | None:
    """A number below 10000: `一千零五`, `两百五`, `十二`, `廿五`, `9999`, `1百23`."""
    if 0 < len(text) <= 18 and text.isascii() and text.isdigit():
        return int(text)
    if text == "零":
        return 0
    text = re.sub(r"^廿", "二十", re.sub(r"^卅", "三十", text))
    mixed = re.fullmatch(r"([1-9])([百千])([0-9]{2,3})", text)
    if mixed is not None:
        unit = 100 if mixed[2] == "百" else 1000
        return int(mixed[1]) * unit + int(mixed[3]) if int(mixed[3]) < unit else None
    match = _SECTION.fullmatch(text)
    if match is None or not text:
        return None
    thousand, gap_1, hundred, gap_2, ten, tens, last = match.groups()
    # 零 stands for places left out: behind 千 for 百, behind 百 for 十, and there it stands once.
    if (gap_1 and (hundred or not thousand)) or (gap_2 and (tens or not hundred)):
        return None
    value = 1000 * _digit(thousand) + 100 * _digit(hundred)
    if tens:
        return value + 10 * (_digit(ten) or 1) + _digit(last)
    if gap_1 or gap_2 or not value:
        return value + _digit(last)
    return value + _digit(last) * (10 if hundred else 100)


def _digit(char: str | None) -> int:
    if not char:
        return 0
    return int(char) if char.isascii() else _VALUES[char]
