"""The corpus: answers of models, made up here, and beside each what a reader's phone shows.

`python -m tests.formats.answers` writes what the code at hand makes of them into the files; whoever
does that reads every line of the difference as the reader of a phone would.

A case is its name behind `%%`, what the model wrote, `%%>`, and what becomes of it. `%%>>` says
that this reads like Markdown again, and has the blank at its end that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wechat_dialog.formats import wechat_text

FOLDER = Path(__file__).with_name("corpus")
DONE = "\u2002"


@dataclass(frozen=True)
class Case:
    name: str
    markdown: str
    text: str


def cases(path: Path) -> Iterator[Case]:
    for block in path.read_text("utf-8").removeprefix("%% ").split("\n%% "):
        name, _, rest = block.partition("\n")
        markdown, mark, text = rest.partition("\n%%>")
        if not mark:
            markdown, mark, text = "", *rest.removesuffix("\n").partition("%%>")[1:]
        end = DONE if text.startswith(">") else ""
        yield Case(name, markdown, text.removeprefix(">")[1:].removesuffix("\n") + end)


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in cases(path)]


def main() -> None:
    for path in sorted(FOLDER.glob("*.txt")):
        blocks: list[str] = []
        for case in cases(path):
            text = wechat_text(case.markdown)
            mark = "%%>>" if text.endswith(DONE) else "%%>"
            blocks.append(f"%% {case.name}\n{case.markdown}\n{mark}\n{text.removesuffix(DONE)}\n")
        path.write_text("\n".join(blocks), "utf-8")


if __name__ == "__main__":
    main()
