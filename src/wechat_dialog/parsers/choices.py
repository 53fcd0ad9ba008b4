"""Which of the offered options an answer means.

The answer is compared with the labels that were shown, in the order of `match_choice`. The first
reading that finds exactly one option is taken; a reading that finds several is refused with their
names, because a wrong option is worse than a second question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .numerals import digits, read_number
from .spoken import fold, narrow
from .times import read_clock

__all__ = ["SeveralChoices", "match_choice", "match_choices", "means"]

_NUMBER = r"([0-9]{1,4}|[零一二两三四五六七八九十百]{1,5})"
_UNIT = r"(?:选项|[个项条款种位号道份行类本家间场张件杯碗盘只支部篇首节套台辆幅所])?"
_ORDINAL = re.compile(
    rf"(?:第{_NUMBER}{_UNIT}|选项?{_NUMBER}{_UNIT}|{_NUMBER}号|{_NUMBER}\)|\({_NUMBER}\)|no\.?{_NUMBER})"
)
_FROM_END = re.compile(rf"(?:倒数第{_NUMBER}|(最后)一?){_UNIT}")
_FIRST = re.compile(rf"[头首]一?{_UNIT}")
_PLACE = re.compile(rf"(第|倒数第|选项?|no\.?|\()?{_NUMBER}")
_SPELLED = re.compile("[零一二两三四五六七八九十百]{1,5}")
_LEADING = re.compile(r"[0-9]+")
_OPENING = re.compile(
    r"^(?:那|就|我)*(?:想要|想选|选择|选项:?|要|选|来|点|给我来?|用)?(?:一[个份杯碗盘张件]|个|份)?"
)
_POLITE = re.compile(r"(?:的|吧|啊|呀|哦|啦|了|好了|就行|就好|谢谢)+$")
_ALL = {"全部", "全部都要", "全都要", "都要", "全要", "所有", "全选", "都选", "以上都是"} | {"all"}
_NONE = {"都不要", "都不选", "全不要", "全都不要", "全不选", "一个都不要", "以上都不要"}
_STRONG = re.compile(r"[,，、;；/\n|+&]+")
_WEAK = re.compile(r"\s+|以及|还有|或者|和|跟|与|及|加")
# So that `1 2` is not 12, although `Iced  Tea` is read as icedtea.
_NUMBERS_APART = re.compile(r"[0-9]\s+[0-9]")
_RANGE = re.compile(rf"(?:第|从)?{_NUMBER}(?:-|~|～|到|至)(?:第)?{_NUMBER}{_UNIT}")
_LINE = re.compile(rf"{_NUMBER}[.。、,:)](.+)")
_CIRCLED = {chr(0x2460 + index): str(index + 1) for index in range(20)}
_NAMED_AT_MOST = 6
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?![0-9])")
_PART = re.compile("[凌清早上中正午傍晚夜深半]")


class SeveralChoices(ValueError):
    """An answer may mean several of the options; the text of the error names them."""


def match_choice(text: str, labels: Sequence[str]) -> int:
    """Return the index (from 0) of the one label `text` means.

    In this order: the label itself (width, case, spaces and final punctuation aside); a position
    named as such (第二个, 选2, 最后一个), unless labels begin that way (2号店 for 2号); a bare
    number, which is the number a label begins with if one label does (`3` is 3人 wherever it
    stands) and a position otherwise; the beginning of a label; a part of a label, from two
    characters on. Then once more without what is said around it (我要…吧), and with its number in
    figures (三人 for 3人).

    Args:
        text: What the user wrote or said.
        labels: The options in the order they were shown; not empty.

    Raises:
        SeveralChoices: It may mean several of them.
        ValueError: It means none of them.
    """
    phrase = _even(text)
    prepared = _prepared(tuple(labels))
    folded = prepared.folded
    if (exact := prepared.exact.get(phrase, -1)) >= 0:
        return exact
    bare = _POLITE.sub("", _OPENING.sub("", phrase))
    apart = _NUMBERS_APART.search(narrow(text)) and phrase not in folded
    for attempt in () if apart else dict.fromkeys((phrase, bare, _arabic(bare))):
        indexes = _readings(attempt, prepared) if attempt else []
        indexes = indexes or _line(attempt, folded)
        if len(indexes) == 1:
            return indexes[0]
        if indexes:
            names = _listed(labels[index] for index in indexes)
            raise SeveralChoices(f"您是指{names}？请说得更具体一些。")
    raise ValueError(f"请回复选项的序号（1-{len(labels)}）或名称。")


def means(label: str, labels: tuple[str, ...]) -> bool:
    """Return whether a label, sent unchanged, is read as this label, whatever the others are."""
    return _prepared(labels).exact.get(_even(label), -1) >= 0


def match_choices(text: str, labels: Sequence[str]) -> list[int]:
    """Return the indexes of all labels `text` means, ascending, each once.

    Takes `1,3`, `1 3`, `一和三`, `1-3`, `全部`, and labels in place of numbers; `13` for 1 and 3
    where there are fewer than ten options and none has a digit in its label. Empty for 都不要. A
    text that is a whole label means that label, also if it contains a comma.

    Raises:
        SeveralChoices: A part of `text` may mean several of the options.
        ValueError: A part of `text` means none of them.
    """
    phrase, prepared = _even(text), _prepared(tuple(labels))
    if (exact := prepared.exact.get(phrase, -1)) >= 0:
        return [exact]
    folded = prepared.folded
    bare = _POLITE.sub("", phrase) or phrase
    if bare in _ALL or phrase in _ALL:
        return list(range(len(labels)))
    if bare in _NONE or phrase in _NONE:
        return []
    indexes: set[int] = set()
    # Not `spoken`, which drops the spaces next to Chinese: here they separate options.
    for part in _STRONG.split(narrow(text)) if phrase else ():
        if part:
            indexes.update(_part(part, labels, folded))
    if not indexes:
        return [match_choice(text, labels)]  # for its error, which has the right text
    return sorted(indexes)


def _part(part: str, labels: Sequence[str], folded: list[str]) -> list[int]:
    """Read one part between commas: a label, a range, digits side by side, or several with 和."""
    phrase = _even(part)
    span = _RANGE.fullmatch(phrase)
    if span is not None and phrase not in folded:
        first, last = _count(span[1]), _count(span[2])
        if not 1 <= first <= last <= len(labels):
            raise ValueError(f"请回复1-{len(labels)}之间的序号。")
        return list(range(first - 1, last))
    glued = [] if _NUMBERS_APART.search(part) else _glued(phrase, folded)
    if glued:
        return glued
    pieces = [piece for piece in _WEAK.split(part) if piece]
    try:
        return [match_choice(part, labels)]
    except ValueError:
        if len(pieces) < 2:
            raise
    indexes: list[int] = []
    for piece in pieces:
        indexes.extend(_part(piece, labels, folded))
    return indexes


def _glued(phrase: str, folded: list[str]) -> list[int]:
    """Read `13` or 一三 as 1 and 3 where it can mean nothing else; otherwise return []."""
    figures = phrase if phrase.isascii() and phrase.isdigit() else digits(phrase) or ""
    clear = (
        2 <= len(figures) <= len(folded) < 10
        and len(set(figures)) == len(figures)
        and all(1 <= int(figure) <= len(folded) for figure in figures)
        and not any(re.search("[0-9]", label) or label.startswith(phrase) for label in folded)
    )
    return [int(figure) - 1 for figure in figures] if clear else []


class _Labels(NamedTuple):
    """Labels, prepared once for comparison with any number of answers.

    Attributes:
        folded: The labels as `fold` returns them, in their order.
        exact: The index of each label that occurs once; -1 for labels that are equal when folded.
        letters: The indexes of each label without 选项 before it: for 选项A people say the letter.
    """

    folded: list[str]
    exact: dict[str, int]
    letters: dict[str, list[int]]


@lru_cache(maxsize=256)
def _prepared(labels: tuple[str, ...]) -> _Labels:
    folded = [fold(label) for label in labels]
    exact: dict[str, int] = {}
    letters: dict[str, list[int]] = {}
    for index, label in enumerate(folded):
        exact[label] = -1 if label in exact or not label else index
        letters.setdefault(label.removeprefix("选项"), []).append(index)
    return _Labels(folded, exact, letters)


def _even(text: str) -> str:
    return "".join(_CIRCLED.get(char, char) for char in fold(text))


def _arabic(phrase: str) -> str:
    """Return 三人 as 3人: speech recognition spells a label's number out."""
    numeral = _SPELLED.match(phrase)
    number = -1 if numeral is None else _count(numeral[0])
    return phrase if numeral is None or number < 0 else f"{number}{phrase[numeral.end() :]}"


def _readings(phrase: str, prepared: _Labels) -> list[int]:
    """The options of the first reading that finds any."""
    folded = prepared.folded
    if phrase in prepared.exact:
        return [index for index, label in enumerate(folded) if label == phrase]
    if phrase in prepared.letters:
        return prepared.letters[phrase]
    place = _position(phrase, len(folded))
    if place is not None:
        named = _named(phrase, folded)
        own = [place] if 0 <= place < len(folded) else []
        return own if named is None else named
    starting = [index for index, label in enumerate(folded) if label.startswith(phrase)]
    number = _count(phrase)
    if number >= 0:
        return _numbered(phrase, number, folded, starting)
    if starting:
        return starting
    within = [index for index, label in enumerate(folded) if len(phrase) > 1 and phrase in label]
    return within or _timed(phrase, folded)


def _line(phrase: str, folded: list[str]) -> list[int]:
    """The option of a line as a menu shows it: 2.香蕉, 2、香蕉; number and label must agree."""
    match = _LINE.fullmatch(phrase)
    place = -1 if match is None else _count(match[1]) - 1
    fits = match is not None and 0 <= place < len(folded) and folded[place] == match[2]
    return [place] if fits else []


def _position(phrase: str, count: int) -> int | None:
    """Return the index of a position (第二个), perhaps out of range; None if it is not one."""
    match = _ORDINAL.fullmatch(phrase)
    if match is not None:
        number = next(group for group in match.groups() if group)
        return _count(number) - 1
    match = _FROM_END.fullmatch(phrase)
    if match is not None:
        return count - (1 if match[2] else _count(match[1]))
    return 0 if _FIRST.fullmatch(phrase) else None


def _named(phrase: str, folded: list[str]) -> list[int] | None:
    """The options with the number of a position in their labels: 第二场 or 2号 where labels begin
    with 第三场, 1号店. None if no label has such a number: then it can only be the line's.
    """
    form, number = _form(phrase)
    numbers = {
        index: own
        for index, (beginning, own) in enumerate(map(_form, folded))
        if beginning.startswith(form)
    }
    return [index for index, own in numbers.items() if own == number] if numbers else None


def _form(phrase: str) -> tuple[str, int]:
    """Return 第二场 as 第#场 and 2; a phrase that does not begin with a number as it is, and -1."""
    match = _PLACE.match(phrase)
    if match is None:
        return phrase, -1
    return f"{phrase[: match.start(2)]}#{phrase[match.end(2) :]}", _count(match[2])


def _numbered(phrase: str, number: int, folded: list[str], starting: list[int]) -> list[int]:
    """What a bare number means: the label with that number, or the position.

    A Chinese numeral at the beginning of a label may not be its number (三 in 三星), so such a
    label and the position are both candidates.
    """
    own = [index for index, label in enumerate(folded) if _own_number(label) == number]
    at = [number - 1] if 1 <= number <= len(folded) else []
    if own and not any(_CLOCK.match(folded[index]) for index in own):
        return own
    if own:
        return sorted({*own, *at})  # in a menu of hours, 10 may mean 10:00 or the tenth line
    if phrase.isascii():
        return at
    return sorted({*starting, *at})


def _timed(phrase: str, folded: list[str]) -> list[int]:
    """The labels that begin with the time of day in the answer: 15:00 for 下午三点.

    For 三点 too, unless 3:00 is one of the labels.
    """
    clock = read_clock(phrase)
    if clock is None:
        return []
    times = [
        None if (match := _CLOCK.match(label)) is None else read_clock(match[0]) for label in folded
    ]
    minutes = [None if time is None else time.minutes for time in times]
    exact = [index for index, start in enumerate(minutes) if start == clock.minutes]
    if exact or not clock.either:
        return exact
    return [index for index, start in enumerate(minutes) if start == clock.minutes + 720]


def _own_number(label: str) -> int:
    """The number a label begins with (3 of 3人); -1 if it begins with none."""
    match = _LEADING.match(label)
    return int(match[0]) if match is not None and len(match[0]) < 10 else -1


def _count(text: str) -> int:
    value = read_number(text)
    return -1 if value is None or value != value.to_integral_value() else int(value)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    suffix = "等" if len(listed) > _NAMED_AT_MOST else ""
    return "、".join(f"“{name}”" for name in listed[:_NAMED_AT_MOST]) + suffix
