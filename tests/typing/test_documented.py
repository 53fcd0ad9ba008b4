"""mypy and pyright, both strict, find nothing in the code that the manual has its readers write.

Left out is what is no program of the reader's own: other libraries' code, and blocks that are cut
down to the lines that matter and have no annotations (in replay.md and simulator.md).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages import Page, manual
from tests.typing.test_types import Errors, run_mypy, run_pyright


def programs(name: str) -> dict[str, str]:
    """The modules of a page, by file name; blocks that are a file's content have its own."""
    page: Page = manual(name)[0]
    code = [block for block in page.blocks if block.language == "python"]
    shared = code.pop(0).text if name == "dialogs" else ""
    found: dict[str, str] = {}
    for block in code:
        if name in ("tutorial", "testing"):
            found[block.title] = block.text
        elif block.title in ("", "bot.py", "wechat-dialog"):
            module = f"{name}_line_{block.line}.py".replace("-", "_")
            found[module] = f"{shared}\n\n{block.text}" if shared else block.text
    return found


PAGES = (
    "dialogs", "parsers", "tutorial", "testing", "deploy",
    "from-werobot", "from-wechatpy", "from-nonebot2",
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [run_mypy, run_pyright], ids=["mypy", "pyright"])
def test_the_manual_is_type_checked(
    check: Callable[[list[Path], Path], Errors], tmp_path: Path
) -> None:
    files: list[Path] = []
    for page in PAGES:
        for name, text in programs(page).items():
            assert not (tmp_path / name).exists(), name
            (tmp_path / name).write_text(text, "utf-8")
            files.append(tmp_path / name)
    assert len(files) > 45
    assert check(files, tmp_path) == {}
