"""The same on the stores of one machine: a walk through most of what is in these chapters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialogs.outside import DAY, bot_with
from wechat_dialog import Chat, Dialog, NoAnswer
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.testing import Talk

ran: list[Any] = []


def note(what: str) -> None:
    ran.append(what)


def order(chat: Chat, no: str = "7") -> Dialog[str]:
    chat.remind(2 * DAY, "记得取货", key=f"o{no}")
    paid = chat.wait_for("paid", int, match=no)
    match (yield from chat.race(paid, chat.ask("或回复“已付”。"), chat.sleep(900))):
        case 0, fee:
            yield from chat.step(note, f"收 {fee}")
        case 1, _:
            return "谢谢"
        case _:
            chat.stop(f"o{no}")
            return "过期了"
    yield from chat.sleep(DAY)
    try:
        stars = yield from chat.ask("几颗星？", int, within=3600)
    except NoAnswer:
        yield from chat.step(note, "没评")
        return "默认好评"
    return f"{stars} 星"


@pytest.fixture(params=["memory", "sqlite"])
def talk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Talk]:
    ran.clear()
    talk = Talk(bot_with(order))
    world = talk._world
    store: Any = MemoryStore(lambda: world.clock)
    if request.param == "sqlite":
        store = SQLiteStore(tmp_path / "talk.db", clock=lambda: world.clock)
    world.store = store
    yield talk
    store.close()


def test_paid_and_rated(talk: Talk) -> None:
    talk("开始")
    talk.crashes(note, "after")
    assert talk.signal("paid", 8, match="7", id="t") == "kept"  # its worker died
    talk.advance(10)
    assert talk.signal("paid", 8, match="7", id="t") == "repeated"
    assert ran == ["收 8"]
    talk.advance(DAY)
    assert talk("早") == "您说：早\n几颗星？"
    assert talk("5") == "5 星"
    talk.advance(DAY)
    assert talk("早") == "记得取货\n您说：早"


def test_paid_before_the_question_and_never_rated(talk: Talk) -> None:
    assert talk.signal("paid", 8, match="7") == "kept"
    talk("开始")
    assert ran == ["收 8"]
    talk.advance(DAY)
    assert talk("早").endswith("几颗星？")
    talk.advance(3601)
    assert ran == ["收 8", "没评"]
    talk.advance(DAY)
    assert talk("早") == "默认好评\n记得取货\n您说：早"


def test_never_paid(talk: Talk) -> None:
    talk("开始")
    talk.advance(3 * DAY)
    assert talk("早") == "过期了\n您说：早"
