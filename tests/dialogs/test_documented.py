"""`docs/dialogs.md` and the README, in both languages: every block of code runs, and its user sees
what stands below it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.dialogs.transcripts import play
from tests.pages import ROOT, Block, Page, manual
from wechat_dialog import Bot
from wechat_dialog.testing import Talk

PAGES = manual("dialogs")
READMES = [Page(ROOT / "README.md"), Page(ROOT / "README.zh-CN.md")]


def shown(page: Page) -> list[tuple[Page, Block, Block]]:
    """The blocks of a page behind the first, which all share, two by two: code, transcript."""
    rest = page.blocks[1:]
    return [(page, *pair) for pair in zip(rest[::2], rest[1::2], strict=True)]


PAIRS = [pair for page in PAGES for pair in shown(page)]


@contextlib.contextmanager
def running(page: Page, *blocks: Block) -> Iterator[Bot]:
    """The bot of blocks that stand in one module, which can be imported meanwhile."""
    # Of one name in both languages, as of a module that is reloaded: it may register messages.
    module = ModuleType(f"documented_{page.blocks.index(blocks[-1])}")
    sys.modules[module.__name__] = module
    try:
        for block in blocks:
            exec(compile(block.in_place, page.name, "exec"), module.__dict__)
        bot = module.bot
        assert isinstance(bot, Bot)
        yield bot
    finally:
        del sys.modules[module.__name__]


def test_every_block_of_code_stands_beside_its_transcript() -> None:
    assert {page.blocks[0].language for page in PAGES} == {"python"}
    assert {(code.language, seen.language) for _, code, seen in PAIRS} == {("python", "text")}
    for page in PAGES:
        assert page.text.count("```") == 2 * len(page.blocks)
    assert len(PAIRS) >= 2 * 14


@pytest.mark.parametrize(
    ("page", "code", "transcript"),
    PAIRS,
    ids=[f"{page.name} line {code.line}" for page, code, _ in PAIRS],
)
def test_a_block_does_what_stands_below_it(page: Page, code: Block, transcript: Block) -> None:
    with running(page, page.blocks[0], code) as bot:
        play(Talk(bot), transcript.text)


@pytest.mark.parametrize("page", READMES, ids=repr)
def test_the_twenty_lines_of_the_readme_do_what_stands_below_them(page: Page) -> None:
    [code, transcript] = [
        block for block in page.blocks if "@bot" in block.text or "用户：" in block.text
    ]
    assert code.text.count("\n") <= 20
    with running(page, code) as bot:
        play(Talk(bot), transcript.text)
