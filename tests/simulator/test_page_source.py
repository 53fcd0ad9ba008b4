"""The page's files: nothing from a network, no markup from data, one table of sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wechat_dialog.platform

PAGE = Path(wechat_dialog.platform.__file__).parent / "simulator" / "page"
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted(PAGE.glob("*.js"))}
STYLES = {path.name: path.read_text("utf-8") for path in sorted(PAGE.glob("*.css"))}
INDEX = (PAGE / "index.html").read_text("utf-8")
STRINGS = re.findall(r'^  (\w+): \["(.*)", "(.*)"\],$', SCRIPTS["strings.js"], re.MULTILINE)

# Texts of bots and users never become markup, and the Content-Security-Policy allows no inline
# script or style.
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment"
    r"|\beval\(|new Function|setHTML|srcdoc|setAttribute\(\"style"
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_from_text(name: str) -> None:
    assert not MARKUP.findall(SCRIPTS[name])


@pytest.mark.parametrize(
    "line", ["node.innerHTML = text", "eval(text)", 'a.setAttribute("style", b)']
)
def test_a_script_that_did_would_be_found(line: str) -> None:
    assert MARKUP.search(line)


def test_everything_the_page_loads_is_its_own() -> None:
    loaded = re.findall(r'(?:src|href)="([^"]+)"', INDEX)
    assert loaded
    for address in loaded:
        assert address.startswith("/assets/")
        assert (PAGE / address.removeprefix("/assets/")).is_file()
    for name, text in SCRIPTS.items():
        for module in re.findall(r'^import .* from "(.+)";$', text, re.MULTILINE):
            assert module.startswith("./"), name
            assert (PAGE / module).is_file(), name
    for name, text in STYLES.items():
        assert "@import" not in text, name
        assert "url(" not in text, name


def test_the_page_has_no_inline_script_and_no_inline_style() -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=", INDEX)
    assert re.findall(r"<script[^>]*>(.*?)</script>", INDEX, re.DOTALL) == ["", ""]


def test_every_sentence_is_there_in_both_languages() -> None:
    table = SCRIPTS["strings.js"]
    lines = table[table.index("STRINGS = {") : table.index("\n};")].splitlines()[1:]
    assert len(STRINGS) == len([line for line in lines if ": [" in line])
    assert len({name for name, _, _ in STRINGS}) == len(STRINGS)
    for name, chinese, english in STRINGS:
        assert chinese, name
        assert english, name
        assert set(re.findall(r"\{\d\}", chinese)) == set(re.findall(r"\{\d\}", english)), name


def test_every_sentence_is_used_and_every_used_one_is_there() -> None:
    names = {name for name, _, _ in STRINGS}
    elsewhere = "\n".join(text for name, text in SCRIPTS.items() if name != "strings.js")
    asked = set(re.findall(r'\bt\("(\w+)"', elsewhere))
    assert asked <= names
    quoted = set(re.findall(r'"(\w+)"|\b(\w+): \[', elsewhere))
    words = {word for pair in quoted for word in pair if word}
    made = ("kind_", "mode_", "outage_", "signal_", "status_")  # names that are put together
    unused = {
        name
        for name in names - words - asked
        if not name.startswith(made) and name.removesuffix("Hint") not in words
    }
    assert not unused


def test_no_sentence_is_written_outside_the_table() -> None:
    # Chinese outside comments: names of places and emoticons, what a painted receipt says, and a
    # sample's title are data, not the page's words.
    data = {"strings.js", "emoticons.js", "samples.js"}
    for name, text in SCRIPTS.items():
        code = re.sub(r"^\s*//.*$|/\*.*?\*/|\s//.*$", "", text, flags=re.MULTILINE | re.DOTALL)
        found = re.findall(r'"([^"\n]*[\u4e00-\u9fff][^"\n]*)"', code)
        if name == "sending.js":
            found = [
                one
                for one in found
                if one not in {"天安门", "东方明珠", "广州塔", "洪崖洞", "一篇好文章"}
            ]
        assert name in data or not found, (name, found)


def test_the_manual_lists_the_page_s_shortcuts() -> None:
    listed = re.findall(r'^  \["(.+)", "key\w+"\],$', SCRIPTS["keys.js"], re.MULTILINE)
    manual = PAGE.parents[4] / "docs" / "simulator.md"
    assert re.findall(r"^\| `(.+?)` \|", manual.read_text("utf-8"), re.MULTILINE) == listed
    # Each of them is listened for: as a code, by the field that is written in, or by the browser.
    heard = SCRIPTS["app.js"] + SCRIPTS["keys.js"] + SCRIPTS["composer.js"]
    for key in listed:
        names: list[str] = re.findall(r"\b[A-Z]\b|\d|[↑↓]|Enter|Esc|\?", key)
        for name in names:
            code: str = {"↑": "ArrowUp", "↓": "ArrowDown", "Esc": "Escape"}.get(name, name)
            code = f"Key{name}" if name.isalpha() and len(name) == 1 else code
            code = f"Digit{name}" if name.isdigit() else code
            assert code in heard, key


@pytest.mark.parametrize("name", [*SCRIPTS, *STYLES])
def test_a_file_is_of_one_idea(name: str) -> None:
    assert len((SCRIPTS | STYLES)[name].splitlines()) < 400
