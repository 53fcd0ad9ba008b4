"""Times are shown in the bot's time zone, which is its users', and not in the machine's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.operators.inspection import inspect
from wechat_dialog.platform.simulator.terminal_screen import Screen
from wechat_dialog.testing import Talk


@pytest.fixture(params=["America/New_York", "UTC"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("zone", "hour"), [("Asia/Shanghai", "06"), ("Asia/Tokyo", "07")])
def test_the_journal_in_the_terminal_has_the_bots_time(
    zone: str, hour: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Bot(time_zone=zone, timeout=None)

    @bot.text("等")
    def waits(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        yield from chat.ask("好了吗？", within=900)
        return "好"

    @bot.text("睡")
    def sleeps(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(900)
        return "醒了"

    talk = Talk(bot)
    for text in ("等", "睡"):
        talk(text)
    talk.advance(61)
    talk("？")
    store = talk._world.store
    bot.simulate(store=store)
    Screen(terminal=False).journal(inspect(bot, f"{talk.account}:{talk.user}", now=0))
    shown = re.findall(r"(\d\d):\d\d:\d\d", capsys.readouterr().err)
    assert len(shown) == 4
    assert {*shown} == {hour}
