"""`docs/parsers.md` is the specification: every row of its tables, and its code, is a test.

`tests/test_manual.py` sees to it that the Chinese page has the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wechat_dialog.parsers import (
    Parser,
    ahead,
    amount,
    count,
    email,
    id_number,
    match_choice,
    match_choices,
    parser_for,
    phone,
)

PAGE = Path(__file__, "../../../docs/parsers.md").resolve().read_text("utf-8")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 9, 16, 10, 0, tzinfo=SHANGHAI)

# Heading of a table: the parser, and how the page writes its values.
KINDS: dict[str, tuple[Parser[Any], Callable[[str], object]]] = {
    "int": (parser_for(int), int),
    "Decimal": (parser_for(Decimal), Decimal),
    "count": (count("位", "人", "个人"), int),
    "amount": (amount, Decimal),
    "date": (parser_for(date), date.fromisoformat),
    "time": (parser_for(time), time.fromisoformat),
    "datetime": (
        parser_for(datetime),
        lambda text: datetime.fromisoformat(text).replace(tzinfo=SHANGHAI),
    ),
    "datetime ahead": (
        ahead(datetime),
        lambda text: datetime.fromisoformat(text).replace(tzinfo=SHANGHAI),
    ),
    "date ahead": (ahead(date), date.fromisoformat),
    "phone": (phone, str),
    "id_number": (id_number, str),
    "email": (email, str),
    "bool": (parser_for(bool), lambda text: {"True": True, "False": False}[text]),
}


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table under a heading, header left out, code marks taken off."""
    section = PAGE.split(f"\n### {heading}\n", 1)[1].split("\n#", 1)[0]
    for line in re.findall(r"^\| (.*?) ?\|$", section, re.MULTILINE)[1:]:
        yield [cell.strip().removeprefix("`").removesuffix("`") for cell in line.split(" | ")]


def all_rows() -> Iterator[Any]:
    for heading in KINDS:
        for said, read, *_ in rows(heading):
            yield pytest.param(heading, said, read, id=f"{heading}: {said} -> {read}")


def offered(heading: str) -> Iterator[Any]:
    for options, said, read, *_ in rows(heading):
        yield pytest.param(options.split("/"), said, read, id=f"{said} of {options} -> {read}")


@pytest.mark.parametrize(("heading", "said", "read"), list(all_rows()))
def test_what_is_said_is_read_as_documented(heading: str, said: str, read: str) -> None:
    parser, value = KINDS[heading]
    if read == "refused":
        with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]"):  # a sentence for the user
            parser(said, NOW)
    else:
        found = parser(said, NOW)
        assert found == value(read)
        assert type(found) is type(value(read))


@pytest.mark.parametrize(("labels", "said", "read"), list(offered("one choice")))
def test_one_choice_is_the_documented_one(labels: list[str], said: str, read: str) -> None:
    if read == "refused":
        with pytest.raises(ValueError, match="请"):
            match_choice(said, labels)
    else:
        assert labels[match_choice(said, labels)] == read


@pytest.mark.parametrize(("labels", "said", "read"), list(offered("several choices")))
def test_several_choices_are_the_documented_ones(labels: list[str], said: str, read: str) -> None:
    if read == "refused":
        with pytest.raises(ValueError, match="请"):
            match_choices(said, labels)
    else:
        found = match_choices(said, labels)
        assert found == sorted(set(found))
        assert "、".join(labels[index] for index in found) == read.replace("nothing", "")


def test_the_page_shows_more_than_120_inputs() -> None:
    assert len(list(all_rows())) > 120
    assert len(list(offered("one choice"))) + len(list(offered("several choices"))) > 60


def test_the_code_of_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "docs/parsers.md", "exec"), {})
