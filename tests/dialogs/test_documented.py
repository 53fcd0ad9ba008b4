"""`docs/dialogs.md`: every block of code runs, and its user sees what stands below it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.dialogs.transcripts import play
from wechat_dialog import Bot
from wechat_dialog.testing import Talk

PAGE = (Path(__file__).parents[2] / "docs" / "dialogs.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    text: str
    line: int


BLOCKS = [
    Block(found[1], found[2], PAGE.count("\n", 0, found.start()) + 2)
    for found in BLOCK.finditer(PAGE)
]
SHARED, *REST = BLOCKS
PAIRS = list(zip(REST[::2], REST[1::2], strict=True))


def test_every_block_of_code_stands_beside_its_transcript() -> None:
    assert SHARED.language == "python"
    assert {(code.language, seen.language) for code, seen in PAIRS} == {("python", "text")}
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert len(PAIRS) >= 14


@pytest.mark.parametrize(
    ("code", "transcript"), PAIRS, ids=[f"line {code.line}" for code, _ in PAIRS]
)
def test_a_block_does_what_stands_below_it(code: Block, transcript: Block) -> None:
    module = ModuleType(f"documented_{code.line}")
    sys.modules[module.__name__] = module
    try:
        # Blank lines before it, so that a traceback names the page's own line.
        for block in (SHARED, code):
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, "docs/dialogs.md", "exec"), module.__dict__)
        assert isinstance(module.bot, Bot)
        play(Talk(module.bot), transcript.text)
    finally:
        del sys.modules[module.__name__]
