"""Links, paths and names in the documentation exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"(?<![\w/.])((?:tests|docs|examples|benchmarks|fuzz|src)/[\w./-]*\w/?)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as renderers make them."""
    found = re.findall(r"^#+ +(.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(page: Path) -> Iterator[str]:
    for one, other in LINK.findall(page.read_text("utf-8")):
        yield one or other


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_path_that_a_page_names_exists(page: Path) -> None:
    assert [place for place in PLACE.findall(page.read_text("utf-8")) if not there(place)] == []


def there(place: str) -> bool:
    return (ROOT / place).exists() or (ROOT / "src" / "wechat_dialog" / place).exists()


def test_the_readme_links_to_every_page() -> None:
    """A reader of Chinese is led to the Chinese page, wherever there is one."""
    for readme in ("README.md", "README.zh-CN.md"):
        linked = {link.partition("#")[0] for link in links(ROOT / readme)}
        names = {page.stem for page in PAGES if page.parent.name == "docs"}
        chinese = {page.stem for page in PAGES if page.parent.name == "zh"} & {
            *(names if readme == "README.zh-CN.md" else ())
        }
        pages = {f"docs/{name}.md" for name in names - chinese}
        pages |= {f"docs/zh/{name}.md" for name in chinese}
        assert pages - linked == set(), readme


def test_the_readme_is_short() -> None:
    for readme in ("README.md", "README.zh-CN.md"):
        assert (ROOT / readme).read_text("utf-8").count("\n") < 120, readme


def test_every_module_that_the_glossary_names_exists() -> None:
    """The glossary is where readers look for a thing."""
    rows = re.findall(
        r"^\| .* \| (.*) \|$", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE
    )
    named = {place for row in rows for place in re.findall(r"`([\w/.]+)`", row)}
    assert {place for place in named if not there(place)} == set()
    assert len(named) > 30


SOURCE = ROOT / "src"
TEXTS = [ROOT / "docs/architecture.md", *sorted(SOURCE.rglob("*.py"))]
TOP = {path.stem for path in (SOURCE / "wechat_dialog").iterdir()} | {"tests", "fuzz", "docs"}


def wrong_names(text: str) -> Iterator[str]:
    """Yield what a text names in backticks as a module of ours, or a name in one, if it does not
    exist.

    Only forms that can be nothing else are considered: `runtime/drive`, `core/turn/push.py`,
    `tests/engine/`, `stores.sqlite.rows`.
    """
    for place in re.findall(r"`([\w/]+/[\w/]*\w(?:\.py)?|[\w/]+/)`", text):
        if place.split("/")[0] in TOP and not (there(place) or there(f"{place}.py")):
            yield place
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", text):
        first, *others = name.removeprefix("wechat_dialog.").split(".")
        folder = SOURCE / "wechat_dialog" / first
        if folder.is_dir() and others and not is_in(folder, others):
            yield name


def is_in(folder: Path, names: list[str]) -> bool:
    """Whether a dotted name leads to a module below a package, or to a word in one."""
    for number, name in enumerate(names):
        if (folder / name).is_dir():
            folder /= name
        elif (folder / f"{name}.py").exists():
            source = (folder / f"{name}.py").read_text("utf-8")
            return all(re.search(rf"\b{word}\b", source) for word in names[number + 1 :])
        else:
            return name in (folder / "__init__.py").read_text("utf-8")
    return True


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_that_a_docstring_names_exists(path: Path) -> None:
    """Readers follow such a name; it must not lead nowhere after a module was moved."""
    assert list(wrong_names(path.read_text("utf-8"))) == []


def test_a_name_of_a_module_that_moved_is_noticed() -> None:
    gone = "`stores.sqlite_rows` `runtime/flights` `core/turn/interrupted.py` `tests/nothing/`"
    assert list(wrong_names(gone)) == [
        "runtime/flights", "core/turn/interrupted.py", "tests/nothing/", "stores.sqlite_rows",
    ]  # fmt: skip
    assert not list(wrong_names("`stores.sqlite.rows` `runtime/drive` `tests/engine/` `chat.ask`"))
