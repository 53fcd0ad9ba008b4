"""Values of form fields: their limits, and how they are shown."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Union, cast

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.dialog.options import label_of
from wechat_dialog.parsers import parser_for

__all__ = ["checker", "shown"]


# Constraints --------------------------------------------------------------------------------------

_LIMITS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("ge", lambda value, limit: value >= limit, "不能小于 {0}。"),
    ("gt", lambda value, limit: value > limit, "要大于 {0}。"),
    ("le", lambda value, limit: value <= limit, "不能大于 {0}。"),
    ("lt", lambda value, limit: value < limit, "要小于 {0}。"),
    ("multiple_of", lambda value, limit: value % limit == 0, "要是 {0} 的倍数。"),
    ("min_length", lambda value, limit: len(value) >= limit, "至少要 {0} {1}。"),
    ("max_length", lambda value, limit: len(value) <= limit, "最多 {0} {1}。"),
    ("pattern", lambda value, limit: re.search(limit, value) is not None, "格式不对，请重新回复。"),
)


def checker(metas: list[msgspec.Meta]) -> Callable[[Any], str]:
    """Return a function that returns the sentence of the first limit a value breaks, or ""."""
    rules = [
        (fits, limit, sentence)
        for meta in metas
        for name, fits, sentence in _LIMITS
        if (limit := getattr(meta, name)) is not None
    ]

    def check(value: Any) -> str:
        if value is None:
            return ""
        unit = "个字" if isinstance(value, str) else "项"
        for fits, limit, sentence in rules:
            if not fits(value, limit):
                return sentence.format(limit, unit)
        return ""

    return check


# Values, as a summary shows them ------------------------------------------------------------------


def shown(value: Any, *, yes: str, no: str, nothing: str) -> str:  # noqa: PLR0911
    """Return a value as shown to the user: a date as 10月1日, an option by its label."""
    if value in (None, "", [], ()):
        return nothing
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, enum.Enum):
        return label_of(value)
    if isinstance(value, date):
        clock = f" {value:%H:%M}" if isinstance(value, datetime) else ""
        return f"{value.year}年{value.month}月{value.day}日{clock}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, (list, tuple)):
        items: list[Any] = [*value]
        return "、".join(shown(item, yes=yes, no=no, nothing=nothing) for item in items)
    if isinstance(value, messages.Location):
        return value.label or f"{value.location_x}, {value.location_y}"
    if isinstance(value, messages.Message):
        return f"[{_KINDS.get(value.kind, value.kind)}]"
    if isinstance(value, re.Match):
        return str(cast("re.Match[str]", value).group())
    return str(value)


_KINDS = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "shortvideo": "小视频",
    "link": "链接",
    "file": "文件",
}


def skips(text: str) -> bool:
    """Whether a text asks to leave a field unchanged."""
    # `str | None` is skipped by exactly these words, in every spelling the parsers know.
    return parser_for(Union[str, None])(text, _ANY_TIME) is None  # noqa: UP007


_ANY_TIME = datetime.fromtimestamp(0).astimezone()
