"""`docs/time.md`, in both languages: every block with a transcript does what stands below it."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from tests.dialogs.test_documented import running
from tests.dialogs.transcripts import play
from tests.pages import Block, Page, manual
from wechat_dialog.testing import Talk

PAGES = manual("time")


def shown(page: Page) -> list[tuple[Page, Block, Block]]:
    """Code and the transcript that stands below it."""
    pairs = zip(page.blocks, page.blocks[1:], strict=False)
    return [(page, code, seen) for code, seen in pairs if seen.language == "text"]


PAIRS = [pair for page in PAGES for pair in shown(page)]


def test_there_are_transcripts() -> None:
    assert len(PAIRS) >= 2 * 4
    assert {code.language for _, code, _ in PAIRS} == {"python"}


@pytest.mark.parametrize(
    ("page", "code", "transcript"),
    PAIRS,
    ids=[f"{page.name} line {code.line}" for page, code, _ in PAIRS],
)
def test_a_block_does_what_stands_below_it(page: Page, code: Block, transcript: Block) -> None:
    with running(page, page.blocks[0], code) as bot:
        play(Talk(bot), transcript.text)


SAID_FIRST = {
    "docs/time.md": r"\*\*A personal account cannot remind a user, .* with the answer to the "
    r"user's next message\.\*\*",
    "docs/zh/time.md": r"\*\*个人帐号谁也提醒不了，.*随用户下一条消息的回答一起到。\*\*",
}


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_the_page_says_first_what_a_personal_account_can_do_and_what_it_cannot(page: Page) -> None:
    _, first, *_ = page.text.split("\n\n")
    assert re.match(SAID_FIRST[page.name], first.replace("\n", " "))


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_the_tests_that_it_shows_pass(page: Page) -> None:
    code = [code for _, code, _ in shown(page)]
    (tests,) = [block for block in page.blocks if block.title]
    module = ModuleType("shown_tests")
    exec(compile(tests.in_place, page.name, "exec"), module.__dict__)
    run = [test for name, test in vars(module).items() if name.startswith("test_")]
    assert len(run) == 2
    for test in run:
        with running(page, page.blocks[0], *code) as bot:
            test(Talk(bot))
