"""`chat.confirm`: yes, no, and what leaves it to the bot."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.testing import Talk

AGAIN = "请回答“是”或“否”。"


def talk_with(**how: Any) -> Talk:
    bot = Bot()

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        return repr((yield from chat.confirm("要发票吗？", **how)))

    talk = Talk(bot)
    talk("问")
    return talk


def test_both_answers_are_tappable() -> None:
    talk = talk_with()
    assert talk("什么") == f"{AGAIN}\n要发票吗？\n是　否"
    assert talk.tap("否") == "False"


@pytest.mark.parametrize("said", ["是", "好的", "对", "嗯", "y", "yes", "OK", "好的，谢谢", "👍"])
def test_a_yes_is_true(said: str) -> None:
    assert talk_with()(said) == "True"


@pytest.mark.parametrize("said", ["不", "否", "算了", "n", "no", "不用了"])
def test_a_no_is_false(said: str) -> None:
    assert talk_with()(said) == "False"


@pytest.mark.parametrize("said", ["随便", "都行", "默认", "随便。", "？"])
@pytest.mark.parametrize("default", [True, False])
def test_with_a_default_an_answer_that_leaves_it_to_the_bot_is_the_default(
    said: str, default: bool
) -> None:
    assert talk_with(default=default)(said) == repr(default)


@pytest.mark.parametrize("said", ["随便", "都行"])
def test_without_a_default_it_is_asked_again(said: str) -> None:
    assert talk_with()(said).startswith(AGAIN)


@pytest.mark.parametrize("said", ["什么发票", "是吧", "还行", "明天"])
def test_what_is_neither_is_asked_again_with_a_default_too(said: str) -> None:
    assert talk_with(default=True)(said).startswith(AGAIN)


@pytest.mark.parametrize("default", [True, False])
def test_the_default_stands_first_and_is_marked(default: bool) -> None:
    words = ["是", "否"] if default else ["否", "是"]
    talk = talk_with(default=default)
    assert talk("x").endswith(f"\n{words[0]}（默认）　{words[1]}")
    assert talk.tap(f"{words[0]}（默认）") == repr(default)


def test_the_labels_may_be_the_question_s_own() -> None:
    talk = talk_with(yes="下单", no="再想想")
    assert talk("x").endswith("下单　再想想")
    assert talk("再想想") == "False"
    assert talk_with(yes="下单", no="再想想").tap("下单") == "True"


def test_a_label_may_be_a_cancel_word() -> None:
    assert talk_with(yes="提交", no="取消")("取消") == "False"


def test_a_cancel_word_that_is_no_label_cancels() -> None:
    assert talk_with()("取消") == "已取消。"


def test_other_kinds_of_message_are_asked_again() -> None:
    assert talk_with(default=True).image().startswith(AGAIN)


def test_labels_that_read_the_same_are_an_error() -> None:
    with pytest.raises(ValueError, match="two different labels"):
        Chat("u", None).confirm("？", yes="好", no="好")  # type: ignore[arg-type]
