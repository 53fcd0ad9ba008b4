"""Chinese numerals as a schoolbook writes them: the independent other half of reading them back."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"


def written(number: int) -> str:
    """`number`, from 0 to 10**16 - 1, in standard Chinese: 10203 is 一万零二百零三."""
    if number == 0:
        return "零"
    text, gap = "", False
    for unit, name in ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1, "")):
        section, number = divmod(number, unit)
        if section == 0:
            gap = bool(text)
            continue
        if text and (gap or section < 1000):
            text += "零"
        # 万亿 and 亿 share the word 亿: 三万亿 and 五亿 together are 三万零五亿.
        text += _section(section) + ("万" if unit == 10**12 and number >= 10**8 else name)
        gap = False
    return text.removeprefix("一") if text.startswith("一十") else text


def _section(number: int) -> str:
    """A number from 1 to 9999."""
    text, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit == 0:
            gap = bool(text)
            continue
        text += ("零" if gap else "") + _DIGITS[digit] + name
        gap = False
    return text
