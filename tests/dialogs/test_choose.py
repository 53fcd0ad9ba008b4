"""`chat.choose`: what is shown, what is taken, and pages."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.dialogs.journals import all_records, state
from wechat_dialog import Bot, Chat, Dialog, Texts
from wechat_dialog.core.replay.records import encode_record
from wechat_dialog.replies import Text
from wechat_dialog.testing import Seen, Talk

FRUIT = ["苹果", "香蕉", "橙子"]


def bot_with(options: Any, **how: Any) -> Bot:
    """A bot that lets choose and says what was chosen."""
    bot = Bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        return repr((yield from chat.choose("选哪个？", options, **how)))

    return bot


class Size(enum.Enum):
    SMALL = "小杯"
    LARGE = "大杯"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Pay(enum.Enum):
    WECHAT = 1
    CASH = 2

    @property
    def label(self) -> str:
        return {1: "微信", 2: "现金"}[self.value]


def test_a_menu_is_numbered_lines_each_a_link_that_sends_its_label() -> None:
    talk = Talk(bot_with(FRUIT))
    seen = talk("选")
    assert seen == "选哪个？\n1. 苹果\n2. 香蕉\n3. 橙子"
    assert seen.taps == {"苹果": "苹果", "香蕉": "香蕉", "橙子": "橙子"}
    assert talk.tap("香蕉") == "'香蕉'"


@pytest.mark.parametrize(
    ("options", "said", "value"),
    [
        pytest.param(FRUIT, "2", "'香蕉'", id="a number"),
        pytest.param(FRUIT, "２", "'香蕉'", id="a full-width number"),
        pytest.param(FRUIT, "第二个", "'香蕉'", id="an ordinal"),
        pytest.param(FRUIT, "橙子", "'橙子'", id="a label"),
        pytest.param(FRUIT, "苹", "'苹果'", id="a unique prefix"),
        pytest.param([("红", 7), ("绿", None)], "绿", "None", id="pairs"),
        pytest.param({"红": [1], "绿": [2]}, "1", "[1]", id="a mapping"),
        pytest.param(Size, "大", "<Size.LARGE: '大杯'>", id="an enum of texts"),
        pytest.param(Level, "HIGH", "<Level.HIGH: 2>", id="an enum of numbers shows names"),
        pytest.param(Pay, "现金", "<Pay.CASH: 2>", id="an enum with labels"),
    ],
)
def test_options_of_every_form_give_their_values(options: Any, said: str, value: str) -> None:
    talk = Talk(bot_with(options))
    talk("选")
    assert talk(said) == value


def test_what_a_voice_message_was_recognised_as_is_an_answer() -> None:
    talk = Talk(bot_with(FRUIT))
    talk("选")
    assert talk.voice("我要第三个。") == "'橙子'"


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
@pytest.mark.parametrize(
    ("said", "value"),
    [("1,3", "['苹果', '橙子']"), ("全部", repr(FRUIT)), ("都不要", "[]"), ("橙子", "['橙子']")],
)
def test_several_may_be_taken_at_once(said: str, value: str, restart: bool) -> None:
    talk = Talk(bot_with(FRUIT, many=True))
    seen = talk("选")
    assert seen.endswith("3. 橙子\n（可选几项：逐个点选，或直接回复序号，如：1、3）")
    if restart:
        talk.restart()
    assert talk(said) == value


def test_an_answer_that_fits_none_is_not_journaled_and_asked_again() -> None:
    talk = Talk(bot_with(FRUIT))
    talk("选")
    before = all_records(talk)
    assert talk("葡萄").startswith("请从列出的选项里选一个。\n选哪个？\n1. 苹果")
    assert talk.image().startswith("请从列出的选项里选一个。")
    assert all_records(talk) == before


def test_an_answer_that_fits_several_is_asked_back_by_name() -> None:
    talk = Talk(bot_with(["大杯茶", "大杯咖啡"]))
    talk("选")
    assert talk("大杯").startswith("您是指“大杯茶”、“大杯咖啡”？")


@pytest.mark.parametrize("label", ["A&B", "50%", "1+1", "a=b", "C#", '"引号"', "？", "继续", "①号"])
def test_a_label_that_no_link_can_carry_sends_its_position(label: str) -> None:
    talk = Talk(bot_with(["苹果", label]))
    seen = talk("选")
    assert seen.taps[label] == "第2个"
    assert talk.tap(label) == repr(label)


def test_a_label_that_no_link_can_show_is_left_to_be_typed() -> None:
    talk = Talk(bot_with(["<5", "≥5"]))
    assert talk("选").taps == {"≥5": "≥5"}
    assert talk("<5") == "'<5'"


def test_every_label_of_a_menu_means_itself_when_tapped() -> None:
    labels = ["3人", "2人", "1人", "三", "第1个", "苹果", "红苹果", "ice tea", "Ice  Cream"]
    for label in labels:
        talk = Talk(bot_with(labels))
        talk("选")
        shown = " ".join(label.split())
        assert talk.tap(shown).strip("'").split() == label.split()


# Several, one tap after the other ------------------------------------------------------------

SEVERAL = "（可选几项：逐个点选，或直接回复序号，如：1、3）"


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_a_tap_ticks_and_shows_the_menu_until_the_user_has_finished(restart: bool) -> None:
    talk = Talk(bot_with(FRUIT, many=True, attempts=1))

    def tap(shown: str) -> Seen:
        if restart:
            talk.restart()
        return talk.tap(shown)

    seen = talk("选")
    assert seen.taps == {"苹果": "选苹果", "香蕉": "选香蕉", "橙子": "选橙子"}
    before = all_records(talk)
    assert tap("橙子") == f"选哪个？\n1. 苹果\n2. 香蕉\n3. ✓橙子\n选好了（已选 1 项）\n{SEVERAL}"
    seen = tap("苹果")
    assert seen.splitlines()[1:5] == ["1. ✓苹果", "2. 香蕉", "3. ✓橙子", "选好了（已选 2 项）"]
    assert seen.taps["✓苹果"] == "不选苹果"
    assert tap("✓橙子").splitlines()[3] == "3. 橙子", "a second tap takes the tick away"
    tap("香蕉")
    assert all_records(talk) == before, "a tick is no answer, and none that does not fit"
    assert tap("选好了（已选 2 项）") == "['苹果', '香蕉']"


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_what_was_ticked_stands_in_the_record_and_in_no_message(restart: bool) -> None:
    bot, seen = Bot(), []

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        picked = yield from chat.choose("选哪个？", FRUIT, many=True)
        seen.append(dict(chat.message.raw))
        yield from chat.ask("还要吗？")
        return f"{picked}{chat.message.raw['Content']}"

    talk = Talk(bot)
    for text in ("选", "选香蕉", "好了"):
        talk(text)
    kind, wait, _, raw = json.loads(encode_record(all_records(talk)[-1]))
    assert (kind, wait[0], raw["Content"]) == ("m", "c", "好了")
    # Workers of earlier versions read it there, and nowhere else.
    assert list(raw) == ["CreateTime", "MsgType", "Content", "MsgId", "!ticked"]
    assert raw["!ticked"] == ["香蕉"]
    if restart:
        talk.restart()
    assert talk("不要") == "['香蕉']不要"
    assert len(seen) >= 1 + restart
    assert all("!ticked" not in raw for raw in seen)


def test_a_line_further_up_in_the_chat_does_what_it_says() -> None:
    talk = Talk(bot_with(FRUIT, many=True))
    first = talk("选")
    talk.tap("苹果")
    again = talk(first.taps["苹果"])
    assert "1. ✓苹果" in again, "the same tap twice"
    talk.tap("香蕉")
    talk(again.taps["✓苹果"])
    assert "1. 苹果\n2. ✓香蕉" in talk(again.taps["✓苹果"]), "taken away twice"
    assert talk("选好了") == "['香蕉']"


@pytest.mark.parametrize(
    ("said", "then"),
    [
        pytest.param("1", "✓苹果 ✓香蕉", id="a number ticks, too"),
        pytest.param("香蕉", "✓香蕉", id="a label that is ticked already"),
        pytest.param("1和3", "✓苹果 ✓香蕉 ✓橙子", id="two numbers"),
        pytest.param("全部", "✓苹果 ✓香蕉 ✓橙子", id="all"),
    ],
)
def test_after_a_tick_what_is_typed_ticks_as_well(said: str, then: str) -> None:
    talk = Talk(bot_with(FRUIT, many=True))
    talk("选")
    talk.tap("香蕉")
    seen = talk(said)
    assert " ".join(re.findall("✓[^\\n]+", seen)) == then
    assert talk("好了。") == repr([label.strip("✓") for label in then.split()])


def test_after_a_tick_none_of_them_is_an_answer() -> None:
    talk = Talk(bot_with(FRUIT, many=True))
    talk("选")
    talk.tap("香蕉")
    assert talk("都不要") == "[]"


def test_nothing_ticked_is_nothing_to_finish_with() -> None:
    talk = Talk(bot_with(FRUIT, many=True))
    talk("选")
    talk.tap("香蕉")
    talk.tap("✓香蕉")
    assert talk("选好了").startswith("请从列出的选项里选一个。")


def test_ticks_stay_through_pages_interruptions_and_answers_that_do_not_fit() -> None:
    bot = bot_with(CITIES, many=True)

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> str:
        return "选几个。"

    talk = Talk(bot)
    talk("选")
    talk.tap("城市2")
    talk.tap("下一页")
    assert "11. ✓城市11" in talk.tap("城市11")
    assert "11. ✓城市11" in talk("帮助")
    assert "11. ✓城市11" in talk("火星")
    assert talk.tap("选好了（已选 2 项）") == "['城市2', '城市11']"


def test_the_next_menu_has_no_ticks() -> None:
    bot = Bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        first = yield from chat.choose("一？", FRUIT, many=True)
        second = yield from chat.choose("二？", FRUIT, many=True)
        return repr(first + second)

    talk = Talk(bot)
    talk("选")
    talk.tap("香蕉")
    assert talk("选好了") == f"二？\n1. 苹果\n2. 香蕉\n3. 橙子\n{SEVERAL}"
    assert talk("1") == "['香蕉', '苹果']"


def test_ticks_are_known_by_their_labels_where_the_options_change_order() -> None:
    def over(options: list[str]) -> Bot:
        bot = Bot()

        @bot.text("选")
        def pick(chat: Chat) -> Dialog[str]:
            fruit = yield from chat.choose("水果？", options, many=True, key="fruit")
            return f"{fruit} {yield from chat.ask('几个？', int)}"

        return bot

    talk = Talk(over(["苹果", "香蕉"]))
    talk("选")
    talk.tap("苹果")
    talk("选好了")
    talk.restart(over(["香蕉", "苹果"]))
    assert talk("2") == "['苹果'] 2"
    talk("选")
    talk.tap("苹果")
    talk("选好了")
    talk.restart(over(["香蕉", "葡萄"]))
    assert talk("2").startswith("（对话刚刚更新了，请从这里继续。）\n水果？")


@pytest.mark.parametrize("label", ["A&B", "50%", "长" * 200])
def test_a_label_whose_tick_no_link_can_send_is_ticked_by_position(label: str) -> None:
    talk = Talk(bot_with([label, "苹果"], many=True))
    seen = talk("选")
    assert seen.taps[label] == "选第1个"
    assert f"1. ✓{label}" in talk.tap(label)
    assert f"1. {label}\n" in talk.tap(f"✓{label}")
    talk.tap("苹果")
    assert talk("选好了") == "['苹果']"


@pytest.mark.parametrize("label", ["选苹果", "不选苹果"])
def test_a_tick_never_sends_what_is_another_label(label: str) -> None:
    talk = Talk(bot_with([label, "苹果"], many=True))
    talk("选")
    talk.tap("苹果")
    assert "2. 苹果\n" in talk.tap("✓苹果")
    talk.tap(label)
    assert talk("选好了") == f"['{label}']"


# Pages ------------------------------------------------------------

CITIES = [f"城市{number}" for number in range(1, 24)]


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_a_long_menu_is_paged_and_a_page_turn_is_no_answer(restart: bool) -> None:
    talk = Talk(bot_with(CITIES, attempts=1))
    seen = talk("选")
    assert seen.splitlines()[1:] == [f"{n}. 城市{n}" for n in range(1, 11)] + ["下一页（1/3）"]
    before = all_records(talk)
    for tap, first, last, foot in (
        ("下一页", 11, 20, "上一页　下一页（2/3）"),
        ("下一页", 21, 23, "上一页（3/3）"),
        ("上一页", 11, 20, "上一页　下一页（2/3）"),
    ):
        if restart:
            talk.restart()
        assert talk.tap(tap).splitlines()[1:] == [
            *(f"{n}. 城市{n}" for n in range(first, last + 1)), foot,
        ]  # fmt: skip
    assert all_records(talk) == before
    assert talk("第23个") == "'城市23'", "an option of another page can be named"


def test_a_page_word_at_either_end_shows_that_page_again() -> None:
    talk = Talk(bot_with(CITIES))
    assert talk("选") == talk("上一页")
    talk("下一页")
    assert talk("下一页") == talk("下一页")


def test_a_menu_of_one_page_knows_no_page_words() -> None:
    talk = Talk(bot_with(FRUIT))
    talk("选")
    assert talk("下一页").startswith("请从列出的选项里选一个。")


def test_a_page_fits_into_one_reply() -> None:
    talk = Talk(bot_with([f"{number}" + "长" * 150 for number in range(1, 8)]))
    shown: list[str] = []
    seen = talk("选")
    while True:
        assert isinstance(seen.reply, Text)
        assert len(seen.reply.content.encode()) <= 2047
        shown += seen.splitlines()[1:-1]
        if "下一页" not in seen.taps:
            break
        seen = talk.tap("下一页")
    assert [line.split(".")[0] for line in shown] == list("1234567")


def test_after_an_interruption_the_user_sees_the_page_he_was_at() -> None:
    bot = bot_with(CITIES)

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> str:
        return "选一个。"

    talk = Talk(bot)
    talk("选")
    talk("下一页")
    assert talk("帮助").splitlines()[2] == "11. 城市11"
    assert talk("哈哈").splitlines()[2] == "11. 城市11", "so after an answer that does not fit"


def test_the_next_menu_begins_at_its_first_page() -> None:
    bot = Bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        first = yield from chat.choose("一？", CITIES)
        second = yield from chat.choose("二？", CITIES)
        return first + second

    talk = Talk(bot)
    talk("选")
    talk("下一页")
    assert talk("12").splitlines()[1] == "1. 城市1"
    assert state(talk).stack[0].page == 0


# The author's mistakes, and changes ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        pytest.param([], ValueError, "no options", id="empty"),
        pytest.param({}, ValueError, "no options", id="empty mapping"),
        pytest.param(["a", "b", "a"], ValueError, "read the same", id="twice"),
        pytest.param(["Ａ", "a"], ValueError, "read the same", id="alike"),
        pytest.param(["a", " "], ValueError, "blank", id="blank"),
        pytest.param(["a", "字" * 201], ValueError, "200", id="too long"),
        pytest.param("ab", TypeError, "not str", id="a text"),
        pytest.param([("a", 1, 2)], TypeError, "pair", id="a triple"),
        pytest.param({1: "a"}, TypeError, "label is a text", id="labels that are none"),
    ],
)
def test_options_that_cannot_be_are_an_error_to_the_author(
    options: Any, error: type[Exception], words: str
) -> None:
    caught: list[Exception] = []
    bot = Bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[None]:
        try:
            yield from chat.choose("？", options)
        except Exception as wrong:
            caught.append(wrong)
            raise

    talk = Talk(bot, apologies=True)
    assert talk("选") == "抱歉，出了点问题，请稍后再试。"
    assert isinstance(caught[0], error)
    assert words in str(caught[0])


def menu_then(options: Sequence[str], key: str | None) -> Bot:
    bot = Bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        fruit = yield from chat.choose("水果？", options, key=key)
        count = yield from chat.ask("几个？", int)
        return f"{fruit} × {count}"

    return bot


def test_other_options_are_another_question() -> None:
    talk = Talk(menu_then(["苹果", "香蕉"], None))
    talk("选")
    talk("香蕉")
    talk.restart(menu_then(["香蕉", "苹果"], None))
    assert talk("2").startswith("（对话刚刚更新了，请从这里继续。）\n水果？\n1. 香蕉")


def test_with_a_key_other_options_are_the_same_question() -> None:
    talk = Talk(menu_then(["苹果", "香蕉"], "fruit"))
    talk("选")
    talk("香蕉")
    talk.restart(menu_then(["香蕉", "苹果"], "fruit"))
    assert talk("2") == "香蕉 × 2"


def test_the_sentences_are_settable() -> None:
    bot = Bot(texts=Texts(next_page="后面", choice_wanted="没有这一项。"))

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        return (yield from chat.choose("？", CITIES))

    talk = Talk(bot)
    assert "后面（1/3）" in talk("选")
    assert talk("x").startswith("没有这一项。")
    assert "11. " in talk("后面")
