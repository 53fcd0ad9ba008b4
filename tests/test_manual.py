"""The manual is complete in both languages: a change of a page is also made in the other language.

No test can compare what sentences say. Compared are headings, blocks of code (without comments),
and the rows of tables with the code in them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import CHINESE, DOCS, ROOT, Page

# What a manual, the commands and the simulator say in Chinese.
SAID_IN_CHINESE = [
    ROOT / "README.zh-CN.md",
    *sorted(CHINESE.glob("*.md")),
    *sorted((ROOT / "src" / "wechat_dialog").rglob("*.py")),
    *sorted((ROOT / "src" / "wechat_dialog").rglob("*.js")),
]
# WeRoBot's sessions are 会话 in its own manual.
OF_ANOTHER_LIBRARY = {"from-werobot.md"}

# For those who change the library, or speak its protocol, and not for those who use it.
ENGLISH_ONLY = {
    "architecture",
    "glossary",
    "performance",
    "protocol",
}
NAMES = sorted({page.stem for page in DOCS.glob("*.md")} - ENGLISH_ONLY)
PAIRS = [
    (ROOT / "README.md", ROOT / "README.zh-CN.md"),
    *((DOCS / f"{name}.md", CHINESE / f"{name}.md") for name in NAMES),
]
pairs = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=["README", *(name for name in NAMES)]
)


def test_every_page_is_there_in_both_languages() -> None:
    assert {page.stem for page in CHINESE.glob("*.md")} == set(NAMES)


@pairs
def test_both_languages_have_the_same_headings(english: Path, chinese: Path) -> None:
    assert Page(chinese).headings == Page(english).headings


@pairs
def test_both_languages_have_the_same_code(english: Path, chinese: Path) -> None:
    one, other = (
        [(block.language, block.title, block.uncommented) for block in Page(path).blocks]
        for path in (english, chinese)
    )
    assert other == one


@pairs
def test_both_languages_have_the_same_tables(english: Path, chinese: Path) -> None:
    assert Page(chinese).tables == Page(english).tables


@pairs
def test_code_is_fenced_so_that_it_is_compared(english: Path, chinese: Path) -> None:
    assert [*Page(english).indented, *Page(chinese).indented] == []


def test_a_conversation_has_one_name_in_chinese() -> None:
    assert [
        path.name
        for path in SAID_IN_CHINESE
        if "会话" in path.read_text("utf-8") and path.name not in OF_ANOTHER_LIBRARY
    ] == []
