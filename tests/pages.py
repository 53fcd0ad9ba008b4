"""The pages of documentation as the tests read them: headings, fenced blocks, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CHINESE = DOCS / "zh"

_FENCED = re.compile(r'^```(\w+)(?: title="(.+?)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: What it is fenced as.
        text: What stands in it.
        line: The page's line at which its text begins.
        title: The file it is the content of, or "".
    """

    language: str
    text: str
    line: int
    title: str = ""

    @property
    def uncommented(self) -> str:
        """The part that is the same in every language: the text without comments and without a
        command's output.
        """
        if self.language == "text":
            return self.text
        if self.language == "console":
            return "\n".join(re.findall(r"^\$ .*", self.text, re.MULTILINE))
        return "\n".join(line.rstrip() for line in _COMMENT.sub("", self.text).splitlines())

    @property
    def in_place(self) -> str:
        """The text after so many blank lines that a traceback shows the page's line numbers."""
        return "\n" * (self.line - 1) + self.text


class Page:
    """A page of Markdown."""

    def __init__(self, path: Path) -> None:
        """Read it."""
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text("utf-8")
        self.blocks = [
            Block(found[1], found[3], self.text.count("\n", 0, found.start()) + 2, found[2] or "")
            for found in _FENCED.finditer(self.text)
        ]
        self.prose = _FENCED.sub("", self.text)

    def __repr__(self) -> str:
        return self.name

    @property
    def headings(self) -> list[str]:
        """The marks of the headings: "##" for each of level two, and so on."""
        return re.findall(r"^(#+) ", self.prose, re.MULTILINE)

    @property
    def tables(self) -> list[list[tuple[int, tuple[str, ...]]]]:
        """For each table its rows: the number of cells, and the code in them in any order."""
        tables = re.findall(r"(?:^\|.*\n)+", self.prose, re.MULTILINE)
        return [
            [
                (len(re.split(r"(?<!\\)\|", row)), tuple(sorted(re.findall(r"`[^`]+`", row))))
                for row in table.splitlines()
            ]
            for table in tables
        ]

    @property
    def indented(self) -> list[str]:
        """Lines of code that are indented instead of fenced, which no test would see."""
        return re.findall(r"(?<=\n\n) {4}\S.*", self.prose)


def manual(name: str) -> list[Page]:
    """One page of the manual in both languages, English first."""
    return [Page(DOCS / f"{name}.md"), Page(CHINESE / f"{name}.md")]
