"""A bot with customer messages on the simulator's desk, whose platform takes what it pushes."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import environment
from tests.platform.pages import Page, page_of
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.simulator.bot_process import BotProcess

SHOP = """
import pathlib, time
from wechat_dialog import Bot, Window, replies

bot = Bot(customer_messages=True, window=Window(patience=0.2))
LONG = "\\n".join("一二三四五六七八九十" * 8 for _ in range(20))

def think():
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "想好了"

@bot.text("想")
def slow(chat):
    chat.say((yield from chat.step(think)))
    answer = yield from chat.ask("对吗？")
    return f"您说{answer}"

@bot.text("问")
def ask(chat):
    def send():
        try:
            bot.api.send(chat.user, "你好")
        except Exception as error:
            return f"{type(error).__name__} {bot.api_host}"
    return (yield from chat.step(send))

@bot.text("长")
def long(chat):
    chat.say(LONG)
    return "完"
"""


def answers(page: Page) -> list[str]:
    return [text for who, text in page.shown() if who not in ("user", "system")]


def silences(page: Page) -> list[bool | None]:
    bubbles = page.state["messages"][page.user]
    return [bubble["rests"] for bubble in bubbles if bubble["kind"] == "silence"]


def typing(page: Page) -> bool:
    return any(one["typing"] for one in page.state["users"] if one["id"] == page.user)


def test_what_is_late_or_long_reaches_the_users_screen(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with page_of(tmp_path, "simulate", "shop:bot", "--kind", "service") as page:
        page.do("text", user=page.user, content="想")
        page.until(
            lambda: any(
                one["status"] == 200 and not one["open"]
                for one in page.state["requests"].get(page.user, [])
            )
        )
        page.until(lambda: silences(page) == [None])  # nothing is known of what is at work
        assert answers(page) == []
        page.until(lambda: typing(page))  # no request is open, so it is the bot that shows it
        (tmp_path / "go").touch()
        page.until(lambda: answers(page) == ["想好了\n对吗？"])
        page.until(lambda: not typing(page))
        assert page.say("对") == "您说对", "the question that was pushed had been seen"
        assert "完" not in page.say("长")
        page.until(lambda: answers(page)[-1].endswith("完"))
        assert all("继续" not in text for text in answers(page))
        assert "\n".join(answers(page)[2:]).count("一二三四五六七八九十") == 160


def test_without_an_active_side_nobodys_account_is_written_to(tmp_path: Path) -> None:
    secret = 'app_id="wx0123456789abcdef", app_secret="of a real account"'
    (tmp_path / "shop.py").write_text(SHOP.replace("Bot(", f'Bot("token", {secret}, '))
    with BotProcess(
        "shop:bot", token="", folder=str(tmp_path), environment=environment()
    ) as process:
        assert process.wait(), process.error
        with Platform(Account("token"), process.url) as platform:

            def say(text: str) -> str:
                return platform.deliver(platform.message("oUser", "text", Content=text)).text

            assert say("长").endswith("继续"), "held and announced, as without customer messages"
            assert say("问") == "Unreachable http://127.0.0.1:9"
