"""docs/tutorial.md, walked through as its reader does: its files are written, its commands are run
in the order in which they stand, and what they print is what the page says.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, environment
from tests.dialogs.transcripts import play
from tests.pages import Block, Page, manual
from tests.redis_server import free_port, wait_until
from wechat_dialog.testing import Talk

PAGES = manual("tutorial")
# Left to a person: what makes an environment, opens a page, or has to be typed into.
BY_HAND = ("python3 -m venv", "pip", ".", "wechat-dialog chat", "wechat-dialog simulate")

# A command, and what it prints.
COMMANDS = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


class Reader:
    """Somebody who does what the page says, in an empty folder."""

    def __init__(self, folder: Path, *, chinese: bool) -> None:
        self.folder = folder
        self.env = environment(chinese=chinese)
        self.port = free_port()
        self.server: subprocess.Popen[bytes] | None = None

    def follow(self, block: Block) -> None:
        if block.language == "console":
            self.run(block)
        elif block.language == "text":
            self.talk(block)
        elif block.language == "diff":
            self.change(block)
        elif block.title:
            (self.folder / block.title).write_text(block.text, "utf-8")
        else:
            for line in block.text.splitlines():
                if line.startswith("wechat-dialog serve"):
                    self.serve()
                else:
                    assert line.startswith(BY_HAND), line

    def run(self, block: Block) -> None:
        """Run each command, and see that it prints what stands below it."""
        for command, expected in COMMANDS.findall(block.text):
            if command.startswith("cd "):
                self.folder /= command.removeprefix("cd ")
                continue
            seen = self.printed(command)
            shown = expected.removesuffix("…\n")  # which says that there is more
            assert (len(seen) > len(shown)) == (shown != expected)
            seen = seen[: len(shown)] if shown != expected else seen
            assert seen == shown, "\n".join(ndiff(shown.splitlines(), seen.splitlines()))

    def printed(self, command: str) -> str:
        words = shlex.split(command.replace(":8000/", f":{self.port}/"))
        program = COMMAND if words[0] == "wechat-dialog" else [sys.executable]
        done = subprocess.run(
            [*program, *words[1:]],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        # Which store was read is of this run; the page shows what is of every one.
        told = re.sub(
            r"^wechat-dialog: (?:store|存储) .*\n", "", done.stdout.decode(), flags=re.MULTILINE
        )
        return re.sub(r"in \d+\.\d+s", "in 0.58s", told)

    def serve(self) -> None:
        """Start the server, or start it again as the page says after a change."""
        self.close()
        self.server = subprocess.Popen(
            [*COMMAND, "serve", "bot:bot", "--port", str(self.port)],
            cwd=self.folder,
            env=self.env,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.listens, "the server")

    def listens(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port)):
            return True

    def talk(self, block: Block) -> None:
        """Play a transcript against the bot as it is now, its files kept out of the folder."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        sys.path.insert(0, str(self.folder))
        before = Path.cwd()
        os.chdir(elsewhere)
        try:
            sys.modules.pop("bot", None)
            importlib.invalidate_caches()
            play(Talk(importlib.import_module("bot").bot), block.text)
        finally:
            os.chdir(before)
            sys.path.remove(str(self.folder))
            sys.modules.pop("bot", None)

    def change(self, block: Block) -> None:
        """Apply a difference to a file; what is taken out must be there, once."""
        path = self.folder / block.title
        lines = block.text.splitlines(keepends=True)
        out = "".join(line[1:] for line in lines if line[0] != "+")
        into = "".join(line[1:] for line in lines if line[0] != "-")
        source = path.read_text("utf-8")
        assert source.count(out) == 1
        path.write_text(source.replace(out, into), "utf-8")

    def close(self) -> None:
        if self.server is not None:
            self.server.terminate()
            assert self.server.wait(60) == 0


@pytest.fixture(params=PAGES, ids=repr)
def page(request: pytest.FixtureRequest) -> Page:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def reader(page: Page, tmp_path: Path) -> Iterator[Reader]:
    one = Reader(tmp_path, chinese=page is PAGES[1])
    yield one
    one.close()


def test_the_tutorial_is_true(page: Page, reader: Reader) -> None:
    for block in page.blocks:
        reader.follow(block)
