"""Documentation that points at something points at something that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"(?<![\w/.])((?:tests|docs|examples|benchmarks|fuzz|src)/[\w./-]*\w/?)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where it is shown."""
    found = re.findall(r"^#+ +(.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(page: Path) -> Iterator[str]:
    for one, other in LINK.findall(page.read_text("utf-8")):
        yield one or other


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_place_in_the_tree_that_a_page_names_exists(page: Path) -> None:
    assert [place for place in PLACE.findall(page.read_text("utf-8")) if not there(place)] == []


def there(place: str) -> bool:
    return (ROOT / place).exists() or (ROOT / "src" / "wechat_dialog" / place).exists()


def test_every_room_has_its_line_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.split("## The house")[1].split("## One message")[0]
    told = {word.split(".")[0] for word in re.findall(r"`([\w.]+)`", table)}
    rooms = {
        path.stem if path.is_file() else path.name
        for path in (ROOT / "src" / "wechat_dialog").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    untold = {
        "__init__",
        "__main__",
        "application",
        "demo",
        "scaffold",
        "account_cli",
        "operator_cli",
        "simulator_cli",
    }
    untold |= {"testing_plugin"}
    assert rooms - told - untold == set()


def test_pages_are_found_from_the_readme() -> None:
    for readme in ("README.md", "README.zh-CN.md"):
        linked = {link.partition("#")[0] for link in links(ROOT / readme)}
        pages = {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"}
        assert pages - linked == set(), readme
