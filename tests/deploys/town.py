"""A bot whose source is a file: written, talked to over its own door, and written anew.

Every deployment is a new `Bot` on the same SQLite file, as after a restart of the process, and
every message goes the full path: a signed push as bytes in, XML as bytes out.
"""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from wechat_dialog import Bot
from wechat_dialog.core.replay.header import UserHead, decode_head
from wechat_dialog.core.replay.records import Record, decode_records
from wechat_dialog.core.replay.verdict import Verdict
from wechat_dialog.core.wire import signature, xml
from wechat_dialog.operators import Conversations

TOKEN, USER, ACCOUNT = "town", "oTownsman", "gh_town"

HEAD = """
from __future__ import annotations
import enum, datetime, itertools, random, time
from dataclasses import dataclass
from wechat_dialog import Bot, Chat, Dialog

bot: Bot
ran: list
def fetch(thing): ran.append(thing); return f"<{thing}>"
def pay(thing): ran.append(f"pay {thing}"); return "paid"
"""


class Town:
    """The bot's folder, its store, and one user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = 1_700_000_000.0
        self.ran: list[str] = []
        self._numbers = itertools.count(1)
        self.bot = Bot(TOKEN)

    def deploy(self, source: str, **settings: object) -> ModuleType:
        """Write the source, and start a process on it, as far as the bot can tell."""
        self.bot.close()
        self.bot = Bot(
            TOKEN,
            store=f"sqlite:///{self.folder / 'town.db'}",
            clock=lambda: self.clock,
            timeout=None,
            **settings,  # type: ignore[arg-type]
        )
        path = self.folder / "town_bot.py"
        path.write_text(HEAD + textwrap.dedent(source), "utf-8")
        module = ModuleType("town_bot")
        module.__file__ = str(path)
        vars(module).update(bot=self.bot, ran=self.ran)
        sys.modules["town_bot"] = module
        exec(compile(path.read_text("utf-8"), str(path), "exec"), vars(module))
        return module

    def line(self, text: str) -> str:
        """`file:line` of the one line of the source that has `text` in it."""
        path = self.folder / "town_bot.py"
        found = [
            n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if text in line
        ]
        assert len(found) == 1, (text, found)
        return f"{path}:{found[0]}"

    def say(self, text: str, kind: str = "text", user: str = USER, **fields: str) -> str:
        """Send a text; returns the text that is answered, "" for none."""
        number = next(self._numbers)
        self.clock += 1
        body = {
            "ToUserName": ACCOUNT,
            "FromUserName": user,
            "CreateTime": str(int(self.clock)),
            "MsgType": kind,
            **({"Content": text, "MsgId": str(5000 + number)} if kind == "text" else fields),
        }
        push = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in body.items())
        stamp, nonce = str(int(self.clock)), str(number)
        signed = signature.sign(TOKEN, stamp, nonce)
        query = {"signature": signed, "timestamp": stamp, "nonce": nonce}
        answer = self.bot.answer(f"<xml>{push}</xml>".encode(), query)
        return "" if answer == b"success" else str(xml.parse(answer).get("Content"))

    @property
    def conversations(self) -> Conversations:
        return Conversations(self.bot)

    def check(self) -> Verdict:
        """What the gate says of the one conversation there is."""
        [one] = self.conversations.check()
        return one.verdict

    def state(self) -> UserHead:
        shown = self.bot.store.show(f"{ACCOUNT}:{USER}")
        return decode_head(shown.head if shown else b"")

    def records(self) -> list[Record]:
        shown = self.bot.store.show(f"{ACCOUNT}:{USER}")
        return decode_records(shown.records if shown else ())


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Open a town, and leave nothing of it behind."""
    made = Town(folder)
    try:
        yield made
    finally:
        made.bot.close()
        sys.modules.pop("town_bot", None)
