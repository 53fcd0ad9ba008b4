"""The site that `make docs` builds: it has every page once, with a link to it. Building it needs
the extra `docs`, which is not part of `dev`.
"""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.pages import CHINESE, DOCS, ROOT, manual


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_of_docs", ROOT / ".ci" / "site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(site: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.assemble(folder)
    return folder


def named(nav: Any) -> list[str]:
    """The pages of the navigation, in its order."""
    if isinstance(nav, str):
        return [nav]
    if isinstance(nav, dict):
        return [page for value in nav.values() for page in named(value)]
    return [page for entry in nav for page in named(entry)]


def test_every_page_is_in_the_navigation_and_no_other(folder: Path) -> None:
    settings = tomllib.loads((folder / "zensical.toml").read_text("utf-8"))
    pages = {path.relative_to(folder / "pages").as_posix() for path in folder.rglob("*.md")}
    assert sorted(named(settings["project"]["nav"])) == sorted(pages)
    assert len(pages) > len([*DOCS.glob("*.md"), *CHINESE.glob("*.md")])


def test_every_module_of_the_reference_exists(site: ModuleType) -> None:
    for _, module in site.REFERENCE.values():
        assert importlib.util.find_spec(module), module


def test_every_link_of_the_site_leads_somewhere(folder: Path) -> None:
    wrong = []
    for page in folder.rglob("*.md"):
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if "://" in link:
                continue
            if not target.is_file() or (
                anchor and f"{{#{anchor}}}" not in target.read_text("utf-8")
            ):
                wrong.append((page.name, link))
    assert wrong == []


def test_a_transcript_becomes_bubbles(folder: Path) -> None:
    for page in manual("dialogs"):
        at = page.path.relative_to(DOCS)
        made = (folder / "pages" / at).read_text("utf-8")
        transcripts = [block for block in page.blocks if block.language == "text"]
        assert made.count('<div class="chat">') == len(transcripts) > 20
        assert made.count('<p class="user">') == page.text.count("\n用户：")
        assert "用户：" not in made
