"""The command as people call it: a process of its own, in a folder with a bot."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from tests.forking import Forked
from tests.redis_server import wait_until
from wechat_dialog.cli.main import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from wechat_dialog.cli.main import main; main()"]
PATIENCE = 60

BOTS = """
from wechat_dialog import Bot

bot = Bot("secret", store="memory://")
empty = Bot(store="memory://")
unreachable = Bot("secret", store="memory://")
number = 5


@bot.text("加")
@empty.text("加")
def add(chat):
    total = yield from chat.ask("一？", int)
    total += yield from chat.ask("二？", int)
    return f"{total}"


@unreachable.text("a")
def first(chat):
    return "1"


@unreachable.text("a")
def second(chat):
    return "2"
"""


def write_shop(folder: Path, code: str) -> None:
    """Save a bot as `shop.py`: that of `tests.deploys.town`, so that it has its conversations.

    All versions have the same time, as of one second: Python must not take the one before from its
    cache.
    """
    path = folder / "shop.py"
    store = f"sqlite:///{folder / 'town.db'}"
    head = f'from wechat_dialog import Bot\nbot = Bot("t", store="{store}", timeout=None)\n'
    path.write_text(head + code, "utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))


def environment(*, chinese: bool = False) -> dict[str, str]:
    """This one, with the project's source in it and no word of a bot's settings."""
    own = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")
    kept = {n: value for n, value in os.environ.items() if "WECHAT" not in n and n not in own}
    kept |= {"LANG": "zh_CN.UTF-8" if chinese else "C.UTF-8", "PYTHONUTF8": "1"}
    return {**kept, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "NO_COLOR": "1"}


def run(
    folder: Path, *words: str, given: str = "", chinese: bool = False, anew: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, and see that nothing it started outlives it.

    With `anew` it is a Python of its own from the start, as where its environment is for Python.
    """
    command = [*COMMAND, *words]
    kind: type[subprocess.Popen[str]] = subprocess.Popen if anew else Forked
    with kind(
        command,
        cwd=folder,
        # The tests of both are in Chinese.
        env=environment(chinese=chinese or words[0] in ("chat", "demo")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, told = process.communicate(given, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    see_the_end_of(process.pid)
    return subprocess.CompletedProcess(command, process.returncode, said, told)


@contextlib.contextmanager
def typing(
    folder: Path, *words: str, told: list[str] | None = None
) -> Iterator[Callable[..., str]]:
    """Run the command for the length of a block; gives a function that types some lines and returns
    what is said to them, one line or `lines`. What its developer is told is added to `told`.
    """
    notes = folder / "told"
    with (
        notes.open("w") as errors,
        Forked(
            [*COMMAND, *words],
            cwd=folder,
            env=environment(chinese=True),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as process,
    ):

        def typed(text: str, *, lines: int = 1) -> str:
            given, said = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
            given.write(f"{text}\n")
            given.flush()
            return "".join(said.readline() for _ in range(lines)).rstrip("\n")

        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield typed
            process.communicate(timeout=PATIENCE)
            if told is not None:
                told.append(notes.read_text())
        finally:
            watchdog.cancel()
            process.kill()
    see_the_end_of(process.pid)


def within(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command in this process, for what ends before anything begins; gives its status."""
    monkeypatch.setattr(sys, "argv", ["wechat-dialog", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return cast("int", ended.value.code)


def see_the_end_of(group: int) -> None:
    try:
        wait_until(lambda: not _group_lives(group), "what the command started to end")
    except TimeoutError:
        os.killpg(group, signal.SIGKILL)
        raise


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def serving(
    folder: Path, *words: str, before: list[str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`serve` on a free port for the length of a block; gives the process and its URL.

    What it says before the URL is added to `before`.
    """
    with (folder / "log").open("w+") as log:
        server = Forked(
            [*COMMAND, "serve", *words, "--port", "0"],
            cwd=folder,
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=log,
            text=True,
            start_new_session=True,
        )
        try:
            said = cast("IO[str]", server.stderr)
            for line in said:
                if found := re.search(r"http://\S+", line):
                    yield server, found[0]
                    break
                if before is not None:
                    before.append(line)
            else:
                raise AssertionError("it ended before it said where it listens")
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)
            see_the_end_of(server.pid)


def is_there(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
