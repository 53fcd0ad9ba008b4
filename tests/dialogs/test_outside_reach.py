"""How what is said in a turn that no message began gets to its user: design, 14, "Reach"."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialogs.outside import DAY, aside, bot_with, head_of, talk_of
from wechat_dialog import Bot, Chat, Dialog, Outgoing, replies
from wechat_dialog.replies.stored import decode_reply
from wechat_dialog.testing import Talk
from wechat_dialog.testing.world import Performer


def says_later(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(60)
    chat.say("时间到")
    return "请来"


def asks_later(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(60)
    chat.say("时间到")
    return "好：" + (yield from chat.ask("来吗？"))


def asks_with_a_limit_later(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(60)
    from wechat_dialog import NoAnswer

    try:
        return "好：" + (yield from chat.ask("来吗？", within=100))
    except NoAnswer:
        return "没来"


def talks(chat: Chat) -> Dialog[str]:
    return "记下：" + (yield from chat.ask("什么事？"))


def reminds(chat: Chat) -> str:
    chat.remind(60, "一", key="a")
    chat.remind(120, "二")
    return "记着了"


def forgets(chat: Chat) -> str:
    chat.stop("a")
    return "好"


# Pushed ------------------------------------------------------------------------------------------


def test_an_account_that_may_pushes_at_once() -> None:
    talk = talk_of(says_later, customer_messages=True)
    talk("开始")
    talk.advance(60)
    assert list(talk.pushed) == ["时间到\n请来"]
    assert not head_of(talk).owed
    assert talk("？") == "您说：？"
    assert list(talk.pushed) == []


def test_a_question_too_where_nobody_elses_stands() -> None:
    talk = talk_of(asks_later, customer_messages=True)
    talk("开始")
    talk.advance(60)
    assert list(talk.pushed) == ["时间到", "来吗？"]
    assert talk("来") == "好：来"


def test_a_question_waits_while_another_conversations_question_is_pending() -> None:
    talk = talk_of(asks_later, talks, customer_messages=True, timeout=600)
    talk("开始")
    talk("talks")
    talk.advance(60)
    assert list(talk.pushed) == ["时间到"]
    assert talk("买菜") == "记下：买菜\n来吗？"
    assert talk("来") == "好：来"


def test_the_reviewer_sees_both() -> None:
    def review(going: Outgoing) -> str:
        return f"{'问' if going.question else '说'}：{going.text}"

    talk = talk_of(asks_later, customer_messages=True, review=review)
    talk("开始")
    talk.advance(60)
    assert list(talk.pushed) == ["说：时间到", "问：来吗？"]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    perform = Performer._perform

    def refuse(self: Performer, wanted: Any, wants: Any) -> Any:
        from wechat_dialog.core.turn.operations import Push

        if isinstance(wanted, Push):
            return "45015: out of window"
        return perform(self, wanted, wants)

    monkeypatch.setattr(Performer, "_perform", refuse)


@pytest.mark.usefixtures("refused")
def test_what_the_platform_refuses_is_owed_and_its_question_asked_later() -> None:
    talk = talk_of(asks_later, customer_messages=True)
    talk("开始")
    talk.advance(60)
    assert not talk.waiting
    assert aside(talk) == 1
    assert talk("早") == "时间到\n您说：早\n来吗？"
    assert talk("来") == "好：来"


# Owed --------------------------------------------------------------------------------------------


def test_elsewhere_it_comes_in_front_of_the_next_answer() -> None:
    talk = talk_of(says_later)
    talk("开始")
    talk.advance(60)
    assert talk("早") == "时间到\n请来\n您说：早"
    assert talk("早") == "您说：早"


def test_several_of_them_in_order_as_one_reply() -> None:
    talk = talk_of(reminds)
    talk("开始")
    talk.advance(200)
    assert talk("早") == "一\n二\n您说：早"


def test_a_reminder_that_is_stopped_says_nothing() -> None:
    talk = talk_of(reminds, forgets)
    talk("开始")
    talk("forgets")
    assert aside(talk) == 1
    talk.advance(200)
    assert talk("早") == "二\n您说：早"


def test_the_same_key_replaces_a_reminder() -> None:
    talk = talk_of(reminds)
    talk("开始")
    talk.advance(30)
    talk("开始")
    talk.advance(45)
    assert talk("早") == "您说：早"
    talk.advance(200)
    assert talk("早") == "一\n二\n二\n您说：早"


def test_a_question_comes_behind_the_answer_of_a_turn_that_leaves_the_stack_empty() -> None:
    talk = talk_of(asks_later, talks)
    talk("开始")
    talk.advance(60)
    assert talk("talks") == "时间到\n什么事？"
    assert talk("买菜") == "记下：买菜\n来吗？"
    assert talk("来") == "好：来"


def test_no_message_is_spent_on_a_question_that_nobody_saw() -> None:
    talk = talk_of(asks_later)
    talk("开始")
    talk.advance(60)
    assert talk("来") == "时间到\n您说：来\n来吗？"
    assert talk("来") == "好：来"


def test_its_times_begin_when_it_is_asked() -> None:
    talk = talk_of(asks_with_a_limit_later)
    talk("开始")
    talk.advance(5000)
    assert talk("早") == "您说：早\n来吗？"
    talk.advance(99)
    assert talk.waiting
    talk.advance(1)
    assert talk("早") == "没来\n您说：早"


def test_what_is_owed_marks_nothing_unseen() -> None:
    talk = talk_of(says_later, talks, timeout=None)
    talk("开始")
    talk("talks")
    talk.advance(60)
    assert talk("买菜") == "时间到\n请来\n记下：买菜"


def long(n: int, count: int) -> str:
    return f"{n}" * count


def says_much(chat: Chat) -> str:
    for n in range(3):
        chat.start(says_long, {"n": n})
    return "好"


def says_long(chat: Chat, n: int) -> Dialog[str]:
    yield from chat.sleep(60 + n)
    return long(n, 900)


def test_the_messages_own_answer_fits_whole_and_the_rest_is_behind_a_link() -> None:
    talk = talk_of(says_much, says_long)
    talk("开始")
    talk.advance(100)
    first = talk("早")
    assert first.startswith(f"{long(0, 900)}\n{long(1, 900)}\n您说：早")
    assert "继续" in first
    assert talk("继续") == long(2, 900)
    assert talk("早") == "您说：早"


def test_the_next_answer_brings_what_was_left() -> None:
    talk = talk_of(says_much, says_long)
    talk("开始")
    talk.advance(100)
    talk("早")
    assert talk("早") == f"{long(2, 900)}\n您说：早"


def says_a_picture(chat: Chat) -> Dialog[replies.Reply]:
    yield from chat.sleep(60)
    return replies.Image("media-1")


def test_what_is_no_text_is_never_put_in_front() -> None:
    talk = talk_of(says_a_picture)
    talk("开始")
    talk.advance(60)
    first = talk("早")
    assert first.startswith("您说：早")
    assert "继续" in first
    talk("继续")
    assert isinstance(talk._seen.reply, replies.Image)


def chatters(chat: Chat) -> Dialog[str]:
    for n in range(30):
        yield from chat.sleep(60)
        chat.say(f"第 {n} 句")
    return "完"


def test_twenty_parts_are_owed_and_the_oldest_go() -> None:
    talk = talk_of(chatters)
    talk("开始")
    talk.advance(60 * 31)
    owed = head_of(talk).owed
    assert len(owed) == 20
    assert talk("早").startswith("第 11 句")


def test_sixteen_kilobytes_are_owed_and_the_oldest_go() -> None:
    def chatters_at_length(chat: Chat) -> Dialog[str]:
        for n in range(10):
            yield from chat.sleep(60)
            chat.say(f"{n}" + "长" * 1500)
        return "完"

    talk = talk_of(chatters_at_length)
    talk("开始")
    talk.advance(60 * 11)
    owed = [decode_reply(bytes(part.reply)) for part in head_of(talk).owed]
    assert [part.content[:1] for part in owed if isinstance(part, replies.Text)] == list("789完")


def test_what_is_owed_is_kept_for_a_week() -> None:
    talk = talk_of(says_later)
    talk("开始")
    talk.advance(60 + 7 * DAY - 1)
    assert head_of(talk).owed
    talk.advance(2)
    assert talk("早") == "您说：早"


def test_what_is_owed_is_dropped_when_its_user_leaves() -> None:
    talk = talk_of(says_later)
    talk("开始")
    talk.advance(60)
    talk.event("unsubscribe")
    assert talk("早") == "您说：早"


def test_an_event_brings_it_too_since_it_may_be_answered() -> None:
    bot = Bot()
    bot.text("开始")(asks_later)
    bot.text("早")(forgets)
    talk = Talk(bot)
    talk("开始")
    talk.advance(60)
    assert talk.event("LOCATION") == "时间到\n来吗？"
    assert talk("早") == "好：早"


def test_a_reminder_does_not_hold_up_or_swallow_anything() -> None:
    bot = bot_with(reminds, talks)
    talk = Talk(bot)
    talk("开始")
    talk("talks")
    talk.advance(59)
    assert talk("买菜") == "记下：买菜"
    talk.advance(70)
    assert talk("talks") == "一\n二\n什么事？"
    assert talk("买菜") == "记下：买菜"
