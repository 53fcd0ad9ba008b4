"""Events in the middle of a conversation (design, section 5)."""

from __future__ import annotations

from wechat_dialog import Bot, Cancelled, Chat, Dialog, messages
from wechat_dialog.testing import Talk


def shop(done: list[str]) -> Bot:
    """A bot that is asked something, with a menu button of each kind."""
    bot = Bot()

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        try:
            what = yield from chat.ask("买什么？", attempts=2)
            count = yield from chat.ask("几个？", int)
        except Cancelled:
            yield from chat.step(done.append, "released")
            return "这句没有人看"
        return f"{what} × {count}"

    @bot.click("news")
    def news(chat: Chat) -> Dialog[str]:
        return "新闻：" + (yield from chat.ask("哪一类？"))

    @bot.click("time", anytime=True)
    def clock(chat: Chat) -> str:
        return f"{chat.now():%H:%M}"

    @bot.event("unsubscribe")
    def gone(chat: Chat) -> Dialog[str]:
        yield from chat.step(done.append, "gone")
        return "再见"

    return bot


def test_an_event_without_a_route_leaves_the_conversation_alone_and_gets_no_reply() -> None:
    talk = Talk(shop([]))
    talk("买")
    assert talk.event("LOCATION", Latitude="23.1", Longitude="113.3", Precision="10") == ""
    assert talk.event("LOCATION", Latitude="23.1", Longitude="113.3", Precision="10") == ""
    assert talk("苹果") == "几个？", "it was no answer either, and used up no attempt"


def test_a_tap_of_an_anytime_button_is_answered_and_the_conversation_goes_on() -> None:
    talk = Talk(shop([]))
    talk("买")
    assert talk.event("CLICK", "time") == "06:13\n买什么？"
    assert talk("苹果") == "几个？"


def test_a_tap_of_another_button_is_a_change_of_subject() -> None:
    done: list[str] = []
    talk = Talk(shop(done))
    talk("买")
    assert talk.event("CLICK", "news") == "哪一类？"
    assert done == ["released"], "the conversation that ended cleaned up"
    assert talk("体育") == "新闻：体育"
    assert not talk.waiting


def test_a_tap_survives_a_crash_in_the_clean_up_of_what_it_ends() -> None:
    done: list[str] = []
    talk = Talk(shop(done))
    talk("买")
    talk.crashes("list.append", "after")
    assert talk.event("CLICK", "news") == "哪一类？"
    assert done == ["released"]


def test_a_change_of_subject_ends_what_was_interrupted_too() -> None:
    bot = shop([])

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> Dialog[str]:
        return (yield from chat.ask("什么事？"))

    talk = Talk(bot)
    talk("买")
    talk("帮助")
    assert talk.event("CLICK", "news") == "哪一类？"
    assert talk("体育") == "新闻：体育"
    assert not talk.waiting


def test_unsubscribe_ends_the_conversation_and_its_dialog_runs_with_nothing_said() -> None:
    done: list[str] = []
    talk = Talk(shop(done))
    talk("买")
    assert talk.event("unsubscribe") == ""
    assert done == ["released", "gone"]
    assert not talk.waiting


def test_unsubscribe_drops_what_was_held() -> None:
    bot = Bot()

    @bot.text("长")
    def long(chat: Chat) -> str:
        return "字" * 1000

    talk = Talk(bot)
    assert "继续" in talk("长")
    talk.event("unsubscribe")
    assert talk("继续") == ""


def test_an_event_answers_a_question_that_waits_for_it() -> None:
    bot = Bot()

    @bot.text("定位")
    def locate(chat: Chat) -> Dialog[str]:
        where = yield from chat.ask("请点菜单。", messages.Click)
        return where.event_key

    talk = Talk(bot)
    talk("定位")
    assert talk("在这") == "请发送所要求的内容。\n请点菜单。"
    assert talk.event("CLICK", "here") == "here"


def test_an_event_of_another_kind_does_not() -> None:
    bot = Bot()

    @bot.text("定位")
    def locate(chat: Chat) -> Dialog[str]:
        where = yield from chat.ask("请点菜单。", messages.Click)
        return where.event_key

    talk = Talk(bot)
    talk("定位")
    assert talk.event("VIEW", "http://example.com") == ""
    assert talk.event("CLICK", "here") == "here"
