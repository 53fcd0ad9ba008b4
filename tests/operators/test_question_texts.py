"""Questions are shown by their text wherever a person reads of them, not by their id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from wechat_dialog import Bot, Chat, Dialog, Field, replies
from wechat_dialog.operators import Conversations
from wechat_dialog.operators.inspection import inspect
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk


def order(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("怎么称呼？")
    city = yield from chat.ask("哪个城市？")
    when = yield from chat.ask(f"{name}，几号？")
    return f"{city} {when}"


def swapped(chat: Chat) -> Dialog[str]:
    city = yield from chat.ask("哪个城市？")
    name = yield from chat.ask("怎么称呼？")
    when = yield from chat.ask(f"{name}，几号？")
    return f"{city} {when}"


def bot_of(dialog: Any, store: Any) -> Bot:
    bot = Bot(timeout=None, store=store)
    bot.text("开始", name="order")(dialog)
    return bot


def in_the_middle(store: Any) -> Talk:
    bot = bot_of(order, store)
    talk = Talk(bot)
    talk._world.store = store
    talk("开始")
    talk("小王")
    talk("北京")
    return talk


def test_a_check_names_the_questions_by_their_text() -> None:
    store = MemoryStore()
    in_the_middle(store)
    [checked] = Conversations(bot_of(swapped, store)).check()
    assert (
        "the journal has an answer to ask '怎么称呼？', now it does ask '哪个城市？'"
        in checked.verdict.why
    )
    assert not re.search("#[0-9a-f]{6,8}", checked.verdict.why)


def test_the_pane_shows_which_question_each_record_answers() -> None:
    store = MemoryStore()
    talk = in_the_middle(store)
    told = inspect(bot_of(order, store), f"{talk.account}:{talk.user}", now=0)
    assert told is not None
    assert [one["detail"] for one in told["journal"]] == ["", "怎么称呼？", "哪个城市？"]
    told = inspect(bot_of(swapped, store), f"{talk.account}:{talk.user}", now=0)
    assert told is not None
    assert told["divergence"]["expected"] == "an answer to ask '怎么称呼？'"


@dataclass
class Loan:
    days: Annotated[int, Field("借几天")] = 14
    note: Annotated[str | None, Field("备注")] = None


def lending(chat: Chat) -> Dialog[str]:
    chat.say(replies.Text("请看："))
    chat.say(replies.News([replies.Article("新书", url="https://example.com/")]))
    yield from chat.ask(replies.Image("cover"))
    yield from chat.form(Loan)
    return "借好了。"


def test_questions_are_shown_as_their_reader_sees_them() -> None:
    store = MemoryStore()
    bot = bot_of(lending, store)
    talk = Talk(bot)
    talk._world.store = store
    for said in ("开始", "继续", "继续", "好", "3"):
        talk(said)
    for shown in (
        Conversations(bot).show(talk.user),
        repr(inspect(bot, f"{talk.account}:{talk.user}", now=0)),
    ):
        assert "weixin://" not in shown
        assert "Image(" not in shown
    shown = Conversations(bot).show(talk.user)
    for line in ("asked 请看：", "[图文] 新书 https://example.com/", "[图片] cover", "默认（14）"):
        assert line in shown, line
    told = inspect(bot, f"{talk.account}:{talk.user}", now=0)
    assert told is not None
    assert told["waiting"]["prompt"] == "请填写备注：\n跳过"
    assert [one["detail"] for one in told["journal"]] == [
        "",
        "[图片] cover",
        "请填写借几天：\n默认（14）",
    ]
