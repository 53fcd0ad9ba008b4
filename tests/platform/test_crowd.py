"""Many users at once, each through a whole conversation, over real HTTP: nobody sees a fault."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.command import environment
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.simulator.bot_process import BotProcess

BOT = """
from wechat_dialog import Bot

bot = Bot("secret")

@bot.text("累加器")
def accumulator(chat):
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"
"""

TURNS = 10


def script(user: int) -> list[tuple[str, str]]:
    """Ten messages of a user, and what each must be answered."""
    said = [1000 * user + place for place in range(TURNS - 2)]
    asked = [f"第 {n + 1} 个数是？（已有 {sum(said[:n])}）" for n in range(len(said))]
    answers = ["要加几个数？", *asked, f"一共是 {sum(said)}。"]
    return list(zip(["累加器", str(len(said)), *map(str, said)], answers, strict=True))


async def talk(platform: AsyncPlatform, user: int) -> list[str]:
    """Everything wrong that a user sees, faults with their reasons included."""
    wrong: list[str] = []
    for said, expected in script(user):
        message = platform.message(f"oCrowd{user:022}", "text", Content=said)
        shown = await platform.deliver(message)
        if shown.text != expected:
            wrong.append(f"user {user} said {said}: {shown.text} {shown.fault}")
    return wrong


async def crowd(url: str, users: int) -> list[str]:
    async with AsyncPlatform(Account("secret"), url) as platform:
        found = await asyncio.gather(*(talk(platform, user) for user in range(users)))
    return [one for wrong in found for one in wrong]


def run(folder: Path, users: int) -> None:
    (folder / "crowded.py").write_text(BOT)
    with BotProcess(
        "crowded:bot", token="", folder=str(folder), environment=environment(), strict=False
    ) as process:
        assert process.wait(), process.error
        assert asyncio.run(crowd(process.url, users)) == []


def test_a_crowd_sees_no_fault(tmp_path: Path) -> None:
    run(tmp_path, 50)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_five_hundred_users_see_no_fault(tmp_path: Path) -> None:
    run(tmp_path, 500)
