"""A bot whose own log fills its disk: `python -m tests.full_path.full_disk FOLDER`, with the folder
on a disk of a megabyte or two. It ends with status 0 if nothing is lost or done twice.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.full_path.doors import WsgiDoor
from tests.full_path.people import TOKEN, Person
from wechat_dialog import Bot, Chat, Texts
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import StoreError

APOLOGY = Texts().apology


class Disk:
    """A folder whose disk can be filled, and the log of the bot in it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "bot.log"
        self._handler = logging.FileHandler(self._log)
        logging.getLogger("wechat_dialog").addHandler(self._handler)

    def fill(self) -> None:
        """Let nothing more be written."""
        while os.statvfs(self._folder).f_bavail:
            logging.getLogger("wechat_dialog").error("a long story " * 300)

    def make_room(self) -> None:
        """Do what an operator does: rotate the log, or delete it."""
        self._log.unlink()
        logging.getLogger("wechat_dialog").removeHandler(self._handler)
        self._handler = logging.FileHandler(self._log)
        logging.getLogger("wechat_dialog").addHandler(self._handler)


def make_bot(folder: Path, charge: Callable[[int], None]) -> Bot:
    # No sweep: a request that meets one on its way shares its transaction, and what that found just
    # before there was room.
    bot = Bot(
        TOKEN, store=f"sqlite:///{folder / 'bot.db'}", timeout=None, timers=False,
        window=Window(seconds=20.0, patience=0.3),
    )  # fmt: skip

    @bot.text("记账")
    def add(chat: Chat) -> Any:
        total = 0
        for which in ("第一个数？", "第二个数？"):
            number = yield from chat.ask(which, int)
            yield from chat.step(charge, number)
            total += number
        return f"合计 {total}"

    return bot


def complaint(bot: Bot) -> str:
    """Return what its operator reads."""
    try:
        bot.store.account("gh_1")
    except StoreError as error:
        return str(error)
    return ""


def takes_writes(bot: Bot) -> bool:
    """Return what a health check finds."""
    try:
        try_write(bot.store, 1.0)
    except StoreError as error:
        return "the disk is full: make room" not in str(error)
    return True


def main(folder: Path) -> None:
    """Fill the disk between two messages, in a step, and before a process starts."""
    disk, charged, fills = Disk(folder), list[int](), list[int]()

    def charge(number: int) -> None:
        charged.append(number)
        if number in fills:
            disk.fill()

    bot = make_bot(folder, charge)
    person, other = Person(WsgiDoor(bot)), Person(WsgiDoor(bot), "oUser0000000000000000000002")
    assert person.say("记账") == "第一个数？"

    # Between two messages: the platform asks again, and the last request gets an apology.
    assert takes_writes(bot)
    disk.fill()
    assert not takes_writes(bot)
    assert person.send(Content="5").status == 503
    assert person.again().status == 503
    assert APOLOGY in person.again().body.decode()
    assert other.send(Content="记账").status == 503
    disk.make_room()
    assert takes_writes(bot)
    assert person.say("5") == "第二个数？"
    assert charged == [5]
    assert "第一个数？" in other.again().body.decode()

    # While a step runs: its outcome stays in hand until there is room, and it does not run again.
    fills.append(7)
    assert person.send(Content="7").status in (200, 503)
    disk.make_room()
    fills.clear()
    answers = [person.again().body.decode() for _ in range(20)]
    seen = [answer for answer in answers if "合计 12" in answer]
    assert seen or "合计 12" in person.say("在吗"), answers
    assert charged == [5, 7]
    bot.close()

    # Before a process starts, which cannot even open its file.
    disk.fill()
    bot = make_bot(folder, charge)
    person.door = WsgiDoor(bot)
    assert person.send(Content="记账").status == 503
    assert "the disk is full: make room" in complaint(bot)
    assert not takes_writes(bot)
    disk.make_room()
    assert "第一个数？" in person.again().body.decode()
    bot.close()
    (state,) = sqlite3.connect(folder / "bot.db").execute("PRAGMA integrity_check").fetchone()
    assert state == "ok"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
