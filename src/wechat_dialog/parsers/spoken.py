"""What is done to every text before a parser looks at it.

Phones write `１２：３０` as readily as `12:30`, speech recognition ends its sentences with `。`,
and users in Hong Kong write 點 for 点. None of it changes what was meant, so it is evened out
once, here. Unicode's own NFKC is not used: it reads `3²` as 32 and takes ½ apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

__all__ = ["LONGEST", "fold", "narrow", "politely", "spoken"]

T = TypeVar("T")

LONGEST = 200
"""Characters a number, date or choice may have. Longer texts fit no parser: bounded work."""

# Invisible characters, pasted with text from web pages, or part of emoji: zero-width space and
# joiners, direction marks, the byte order mark, the emoji variation selector and the keycap.
_INVISIBLE = [
    0x200B,
    0x200C,
    0x200D,
    0x200E,
    0x200F,
    0x202A,
    0x202C,
    0x2060,
    0xFEFF,
    0xFE0F,
    0x20E3,
]
_WIDTH: dict[int, int | str | None] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    0x3000: " ",
    0x00A0: " ",
    0xFFE5: "¥",
    0x2212: "-",
    0x2013: "-",
    0x2014: "-",
    **dict.fromkeys(_INVISIBLE),
}

# Only characters of words that the parsers know, and the capital numerals of amounts.
_SIMPLE = str.maketrans(
    "萬億點號後週禮負塊兩個時鐘間內選項條種貳參陸幾這還對錯沒謝們確認問題當單雙開關過裡裏錢"
    "國慶聖誕節勞動兒童婦師農舊曆臘陰陽現馬預約訂給請煩頭來歲貨圍願絕嘅喺"
    "壹贰叁肆伍陆柒捌玖拾佰仟圆圓○〇",
    "万亿点号后周礼负块两个时钟间内选项条种二三六几这还对错没谢们确认问题当单双开关过里里钱"
    "国庆圣诞节劳动儿童妇师农旧历腊阴阳现马预约订给请烦头来岁货围愿绝的在"
    "一二三四五六七八九十百千元元零零",
)

_TRAILING = " \t\r\n。.!！~～,，、;；:：?？…"
# Chinese keyboards have 。 in place of the point: 12。5 is 12.5.
_POINT = re.compile(r"(?<=[0-9])。(?=[0-9])")
_BESIDE_HAN = re.compile(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")


def narrow(text: str) -> str:
    """Return `text` stripped, full-width ASCII made narrow, invisible characters removed."""
    return text.translate(_WIDTH).strip()


def spoken(text: str) -> str:
    """Return the gist of a short answer: narrow, lower case, simplified, unpunctuated at its end.

    Spaces beside a Chinese character are dropped (`10 月 1 日`); those between digits or letters
    carry meaning, and become one space. "" if nothing is left, or if `text` is longer than
    `LONGEST`: both are then refused alike.
    """
    if len(text) > LONGEST:
        return ""
    even = _POINT.sub(".", narrow(text)).lower().translate(_SIMPLE).rstrip(_TRAILING)
    return " ".join(_BESIDE_HAN.sub("", even).split())


# 我要三个, 就明天吧, 那就下午三点好了: what people say around a number or a day when they answer.
_OPENING = re.compile(r"(?:那么?|就|我们?)*(?:想要|想|要|选|来|给我来?)*")
_BOOKING_OPENING = re.compile(r"(?:那么?|就|我们?)*(?:想要|想|要|选|订|预订|定|约|预约)*")
_POLITE = re.compile(
    r"(?:吧|啊|呀|哦|噢|哈|呢|啦|可以|就行|就好|好了|都行|谢谢了?|麻烦了?|[ ,，、!！~])+$"
)


def politely(
    read: Callable[[str, datetime], T], *, booking: bool = False
) -> Callable[[str, datetime], T]:
    """Return a reading that also takes what people say around an answer: 就明天吧, 我要三个.

    The answer is not searched for within the text: what is left after removing such words has to be
    the whole answer.

    Args:
        read: The reading.
        booking: Whether it reads a day or a time, before which 约 means to book (约明天); in 约12
            it means "about".
    """
    before = _BOOKING_OPENING if booking else _OPENING

    def read_politely(text: str, now: datetime) -> T:
        try:
            return read(text, now)
        except ValueError as error:
            phrase = spoken(text)
            opening = before.match(phrase)
            bare = _POLITE.sub("", phrase[opening.end() if opening else 0 :])
            if not bare or bare == phrase:
                raise
            try:
                return read(bare, now)
            except ValueError:
                # The error for the whole answer is the more helpful one.
                raise error from None

    return read_politely


def fold(text: str) -> str:
    """Return `text` as it is compared with a label: `spoken`, and without any space."""
    return spoken(text).replace(" ", "")
