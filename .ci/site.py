"""Make the site of the documentation: `python .ci/site.py FOLDER`, with the extra `docs` installed.

The pages are the very Markdown that is read on GitHub. What has to be otherwise on a site is
changed on the way: where pages lie, what headings are called in links, and transcripts, which
become bubbles. `docs/site/zensical.toml` says which page stands where; the reference is made from
docstrings. A warning is an error.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SITE = ROOT / "docs" / "site"

# Where each page of the repository lies on the site.
PAGES = {
    ROOT / "README.md": "index.md",
    ROOT / "README.zh-CN.md": "zh/index.md",
    ROOT / "CONTRIBUTING.md": "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md": "CHANGELOG.md",
    **{
        page: page.relative_to(ROOT / "docs").as_posix()
        for page in sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/zh").glob("*.md")])
    },
}

# A page of the reference: its title, and what is shown on it.
REFERENCE = {
    "index": ("The public names", "wechat_dialog"),
    "messages": ("Messages", "wechat_dialog.messages"),
    "replies": ("Replies", "wechat_dialog.replies"),
    "parsers": ("Parsers", "wechat_dialog.parsers"),
    "errors": ("Errors", "wechat_dialog.errors"),
    "testing": ("Testing", "wechat_dialog.testing"),
    "operators": ("Operators", "wechat_dialog.operators"),
    "api": ("The active side", "wechat_dialog.api.client"),
    "stores": ("Stores", "wechat_dialog.core.store.contract"),
}

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
SPEAKERS = {"用户：": "user", "公众号：": "account"}


def anchor(heading: str) -> str:
    """What GitHub calls a heading in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def bubbles(fenced: str) -> str:
    """A transcript as bubbles; any other block as it is."""
    head, *lines, _ = fenced.splitlines()
    if head != "```text" or not lines or not lines[0].startswith(tuple(SPEAKERS)):
        return fenced
    said: list[tuple[str, list[str]]] = []
    for line in lines:
        speaker = next((word for word in SPEAKERS if line.startswith(word)), "")
        if speaker:
            said.append((SPEAKERS[speaker], [line.removeprefix(speaker)]))
        elif line.startswith("（过了"):
            said.append(("meanwhile", [line]))
        else:
            said[-1][1].append(line)
    # Markdown would take a line's beginning for a list, and blank lines for its end.
    shown = [
        f'<p class="{who}">{"&#10;".join(html.escape(line) for line in words)}</p>'
        for who, words in said
    ]
    return "\n".join(['<div class="chat">', *shown, "</div>"])


def linked(page: Path, target: str, files: Path) -> str:
    """A link of a page as it is on the site; a file of the repository is put beside the pages."""
    path, mark, rest = target.partition("#")
    if not path or "://" in path:
        return target
    to = (page.parent / path).resolve()
    up = "../" * PAGES[page].count("/")
    if to in PAGES:
        return f"{up}{PAGES[to]}{mark}{rest}"
    inside = to.relative_to(ROOT)
    at = inside.relative_to("docs") if inside.parts[0] == "docs" else Path("files") / inside
    (files / at).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(to, files / at)
    return f"{up}{at.as_posix()}{mark}{rest}"


def prose(page: Path, text: str, files: Path) -> str:
    """Text between blocks: links, and headings that are called in links what they are on GitHub."""
    text = LINK.sub(lambda link: link[1] + linked(page, link[2], files) + link[3], text)
    return re.sub(
        r"^(#+ +)(.*)$",
        lambda heading: f"{heading[0]} {{#{anchor(heading[2])}}}",
        text,
        flags=re.MULTILINE,
    )


def assemble(folder: Path) -> None:
    """Put everything that the site is made of into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    for page, place in PAGES.items():
        text, made, end = page.read_text("utf-8"), [], 0
        for block in FENCED.finditer(text):
            made += [prose(page, text[end : block.start()], pages), bubbles(block[0])]
            end = block.end()
        made.append(prose(page, text[end:], pages))
        (pages / place).parent.mkdir(parents=True, exist_ok=True)
        (pages / place).write_text("".join(made), "utf-8")
    (pages / "reference").mkdir()
    for name, (title, module) in REFERENCE.items():
        (pages / "reference" / f"{name}.md").write_text(f"# {title}\n\n::: {module}\n", "utf-8")
    shutil.copy(SITE / "chat.css", pages)
    settings = (SITE / "zensical.toml").read_text("utf-8")
    settings = settings.replace('"../../src"', f'"{(ROOT / "src").as_posix()}"')
    (folder / "zensical.toml").write_text(settings, "utf-8")


def main() -> int:
    folder = Path(sys.argv[1])
    assemble(folder)
    command = [Path(sys.executable).parent / "zensical", "build", "--strict", "--clean"]
    return subprocess.run(
        [*command, "--config-file", "zensical.toml"], cwd=folder, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
