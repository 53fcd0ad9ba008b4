"""Where a wait for a time or a signal stands, and what ends it: design, 14, "Where it waits"."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.dialogs.outside import DAY, Payment, aside, bot_with, head_of, stored, talk_of
from wechat_dialog import Bot, Cancelled, Chat, Dialog, NoAnswer, SignalMisfit
from wechat_dialog.errors import MailboxFull, NotRepeatable
from wechat_dialog.testing import Talk


def asks_with_a_limit(chat: Chat) -> Dialog[str]:
    try:
        answer = yield from chat.ask("付好了吗？", within=900)
    except NoAnswer as over:
        return f"超时 {over.due:%H:%M}，现在 {chat.now():%H:%M}"
    return f"好：{answer}"


def sleeps(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(timedelta(days=3))
    return "三天了"


def waits_for_payment(chat: Chat) -> Dialog[str]:
    payment = yield from chat.wait_for("paid", Payment, match="7")
    return f"收到 {payment.fee}"


def races(chat: Chat) -> Dialog[str]:
    match (
        yield from chat.race(chat.wait_for("paid", Payment), chat.ask("付了吗？"), chat.sleep(900))
    ):
        case 0, payment:
            return f"收到 {payment.fee}"
        case 1, said:
            return f"您说 {said}"
        case _:
            return "没等到"


async def races_too(chat: Chat) -> str:
    match await chat.race(chat.wait_for("paid", Payment), chat.ask("付了吗？"), chat.sleep(900)):
        case 0, payment:
            return f"收到 {payment.fee}"
        case 1, said:
            return f"您说 {said}"
        case _:
            return "没等到"


def helps(chat: Chat) -> str:
    return "这是帮助"


def talks_long(chat: Chat) -> Dialog[str]:
    return "记下：" + (yield from chat.ask("什么事？"))


# A question with a limit -------------------------------------------------------------------------


def test_an_answer_before_the_limit_is_one() -> None:
    talk = talk_of(asks_with_a_limit)
    talk("开始")
    talk.advance(899)
    assert talk("好") == "好：好"


def test_a_limit_is_over_whether_or_not_the_user_ever_writes_again() -> None:
    talk = talk_of(asks_with_a_limit)
    talk("开始")
    talk.advance(900)
    assert not talk.waiting
    talk.advance(1000)
    assert talk("在吗") == "超时 06:28，现在 06:28\n您说：在吗"


def test_a_limit_that_is_not_caught_ends_the_conversation_and_says_nothing() -> None:
    def order(chat: Chat) -> Dialog[str]:
        return (yield from chat.ask("几位？", within=60))

    talk = talk_of(order)
    talk("开始")
    talk.advance(60)
    assert not talk.waiting
    assert talk("二") == "您说：二"


@pytest.mark.parametrize("asks", ["choose", "confirm", "ask"])
def test_every_question_may_have_a_limit(asks: str) -> None:
    def order(chat: Chat) -> Dialog[str]:
        try:
            if asks == "choose":
                yield from chat.choose("哪个？", ["一", "二"], within=60)
            elif asks == "confirm":
                yield from chat.confirm("好吗？", within=timedelta(minutes=1))
            else:
                yield from chat.ask("几位？", int, within=60)
        except NoAnswer:
            return "超时"
        return "好"

    talk = talk_of(order)
    talk("开始")
    talk.advance(60)
    assert talk("？") == "超时\n您说：？"


def test_answers_that_do_not_fit_and_pages_and_ticks_move_no_limit() -> None:
    def order(chat: Chat) -> Dialog[str]:
        dishes = [f"菜{n}" for n in range(15)]
        try:
            yield from chat.choose("哪些？", dishes, many=True, within=100)
        except NoAnswer:
            return "超时"
        return "好"

    talk = talk_of(order)
    talk("开始")
    for tap in ("菜0", "下一页"):
        talk.advance(30)
        assert "哪些？" in talk.tap(tap)
    talk.advance(30)
    assert "哪些？" in talk("不懂")
    talk.advance(10)
    assert not talk.waiting


def test_a_limit_of_this_turn_counts_from_its_end() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.step(pause)
        return (yield from chat.ask("几位？", within=60))

    def pause() -> None:
        pass

    talk = talk_of(order)
    talk.takes(pause, 4)
    talk("开始")
    talk.advance(59)
    assert talk.waiting
    talk.advance(1.1)
    assert not talk.waiting


def test_a_question_with_a_limit_does_not_expire() -> None:
    talk = talk_of(asks_with_a_limit, timeout=60)
    talk("开始")
    talk.advance(899)
    assert talk("好") == "好：好"


def test_a_live_answer_to_a_limited_question_takes_no_claim() -> None:
    talk = talk_of(asks_with_a_limit)
    talk("开始")
    shown = stored(talk)
    assert shown is not None
    assert shown.wake is not None
    assert talk("好") == "好：好"
    assert stored(talk) is None


def test_back_reaches_a_limited_question_anew() -> None:
    def order(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.ask("几位？", within=100)
        except NoAnswer:
            return "超时"
        return (yield from chat.ask("几点？"))

    talk = talk_of(order)
    talk("开始")
    talk.advance(90)
    talk("二")
    assert talk("返回") == "几位？"
    talk.advance(99)
    assert talk.waiting
    talk.advance(1)
    assert talk("？") == "超时\n您说：？"


def test_cancel_at_a_limited_question_ends_it_once() -> None:
    def order(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.ask("几位？", within=100)
        except Cancelled:
            return "取消了"
        return "好"

    talk = talk_of(order)
    talk("开始")
    assert talk("取消") == "取消了"
    talk.advance(200)
    assert talk("？") == "您说：？"


# Aside -------------------------------------------------------------------------------------------


def test_who_waits_for_no_user_leaves_them_free() -> None:
    talk = talk_of(sleeps, talks_long, anytime=helps)
    assert talk("开始") == ""
    assert not talk.waiting
    assert aside(talk) == 1
    for word in ("取消", "返回", "嗯"):
        assert talk(word) == f"您说：{word}"
    assert talk("帮助") == "这是帮助"
    assert talk("talks_long") == "什么事？"
    assert talk("买菜") == "记下：买菜"
    talk.advance(3 * DAY)
    assert aside(talk) == 0
    assert talk("早") == "三天了\n您说：早"


def test_a_three_day_reminder_comes_in_one_firing() -> None:
    talk = talk_of(sleeps)
    talk("开始")
    talk.advance(3 * DAY - 1)
    assert aside(talk) == 1
    talk.advance(1)
    assert aside(talk) == 0


@pytest.mark.parametrize("dialog", [races, races_too])
def test_the_first_of_a_race_counts(dialog: Any) -> None:
    paid, said, late = (talk_of(dialog, customer_messages=True) for _ in range(3))
    for talk in (paid, said, late):
        assert talk("开始") == "付了吗？"
    assert paid.signal("paid", Payment(3)) == "taken"
    assert list(paid.pushed) == ["收到 3"]
    assert said("付了") == "您说 付了"
    assert said.signal("paid", Payment(3)) == "kept"
    late.advance(900)
    assert list(late.pushed) == ["没等到"]
    late.advance(10 * DAY)
    assert list(late.pushed) == ["没等到"]


def test_a_race_of_waits_without_a_question_is_aside() -> None:
    def order(chat: Chat) -> Dialog[str]:
        number, value = yield from chat.race(chat.wait_for("paid"), chat.sleep(60))
        return f"{number} {value}"

    talk = talk_of(order)
    talk("开始")
    assert not talk.waiting
    talk.signal("paid", 5)
    assert talk("？") == "0 5\n您说：？"


def test_a_question_in_a_race_does_not_expire_while_another_branch_can_win() -> None:
    talk = talk_of(races, timeout=60)
    talk("开始")
    talk.advance(800)
    assert talk("付了") == "您说 付了"


def test_without_any_limit_a_wait_ends_after_thirty_days() -> None:
    def order(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.wait_for("paid")
        except NoAnswer:
            return "没等到"
        return "好"

    talk = talk_of(order)
    talk("开始")
    talk.advance(30 * DAY - 1)
    assert aside(talk) == 1
    talk.advance(1)
    assert talk("？") == "没等到\n您说：？"


def test_twenty_may_wait_and_the_turn_of_one_more_is_parked() -> None:
    talk = Talk(bot_with(sleeps), apologies=True)
    for _ in range(20):
        assert talk("开始") == ""
    assert talk.parked == 0
    assert "抱歉" in talk("开始")
    assert (aside(talk), talk.parked) == (20, 1)


def test_one_that_goes_aside_above_a_question_leaves_that() -> None:
    bot = bot_with(talks_long)
    bot.text("提醒", anytime=True)(sleeps)
    talk = Talk(bot)
    talk("开始")
    assert talk("提醒") == "什么事？"
    talk.advance(30)
    assert talk("买菜") == "记下：买菜"
    talk.advance(3 * DAY)
    assert talk("早") == "三天了\n您说：早"


# Signals -----------------------------------------------------------------------------------------


def test_a_signal_needs_an_equal_name_and_match() -> None:
    talk = talk_of(waits_for_payment)
    talk("开始")
    assert talk.signal("paid", Payment(1)) == "kept"
    assert talk.signal("paid", Payment(1), match="8") == "kept"
    assert talk.signal("sent", Payment(1), match="7") == "kept"
    assert aside(talk) == 1
    assert talk.signal("paid", Payment(2), match="7") == "taken"
    assert talk("？") == "收到 2\n您说：？"


def test_one_that_came_before_the_wait_counts_first_in_first_out() -> None:
    talk = talk_of(waits_for_payment)
    for fee in (1, 2):
        assert talk.signal("paid", Payment(fee), match="7") == "kept"
    assert talk("开始") == ""
    assert aside(talk) == 0
    assert talk("开始") == "收到 1"
    assert talk("？") == "收到 2\n您说：？"


def test_a_kept_signal_is_gone_after_a_week() -> None:
    talk = talk_of(waits_for_payment)
    talk.signal("paid", Payment(1), match="7")
    talk.advance(7 * DAY + 1)
    talk("开始")
    assert aside(talk) == 1


def test_the_oldest_wait_takes_it_and_each_takes_one() -> None:
    def first(chat: Chat) -> Dialog[str]:
        return f"一 {(yield from chat.wait_for('paid'))}"

    def second(chat: Chat) -> Dialog[str]:
        return f"二 {(yield from chat.wait_for('paid'))}"

    talk = talk_of(first, second, customer_messages=True)
    talk("开始")
    talk.advance(1)
    talk("second")
    talk.signal("paid", 1)
    assert list(talk.pushed) == ["一 1"]
    talk.signal("paid", 2)
    assert list(talk.pushed) == ["一 1", "二 2"]


def test_an_older_wait_aside_comes_before_a_question_and_a_younger_after() -> None:
    def aside_too(chat: Chat) -> Dialog[str]:
        return f"旁 {(yield from chat.wait_for('paid'))}"

    def asks(chat: Chat) -> Dialog[str]:
        number, value = yield from chat.race(chat.ask("付了吗？"), chat.wait_for("paid"))
        return f"问 {number} {value}"

    older = talk_of(aside_too, asks, customer_messages=True)
    older("开始")
    older.advance(1)
    older("asks")
    older.signal("paid", 1)
    assert list(older.pushed) == ["旁 1"]
    assert older.waiting


def test_a_wait_under_an_interruption_takes_nothing_until_it_is_on_top() -> None:
    bot = bot_with(races)
    bot.text("说", anytime=True)(talks_long)
    talk = Talk(bot)
    talk("开始")
    talk("说")
    assert talk.signal("paid", Payment(3)) == "kept"
    assert talk("买菜") == "记下：买菜\n付了吗？"
    assert not talk.waiting
    assert talk("？") == "收到 3\n您说：？"


def test_data_that_do_not_fit_are_refused_to_whoever_sends_them() -> None:
    talk = talk_of(waits_for_payment)
    talk("开始")
    with pytest.raises(SignalMisfit, match="paid"):
        talk.signal("paid", {"fee": "三"}, match="7")
    shown = stored(talk)
    assert shown is not None
    assert shown.mail == ()
    assert aside(talk) == 1
    assert talk.signal("paid", {"fee": 3}, match="7") == "taken"


def test_data_that_were_kept_and_do_not_fit_are_raised_at_the_wait() -> None:
    def order(chat: Chat) -> Dialog[str]:
        try:
            payment = yield from chat.wait_for("paid", Payment)
        except SignalMisfit as wrong:
            return f"不对：{wrong.name}"
        return f"收到 {payment.fee}"

    talk = talk_of(order)
    talk.signal("paid", "三")
    talk("开始")
    assert talk("？") == "不对：paid\n您说：？"


def test_a_repeated_id_is_harmless_for_a_week() -> None:
    talk = talk_of(waits_for_payment)
    talk("开始")
    assert talk.signal("paid", Payment(1), match="7", id="t1") == "taken"
    talk.advance(6 * DAY)
    assert talk.signal("paid", Payment(1), match="7", id="t1") == "repeated"
    assert talk.signal("paid", Payment(1), match="7", id="t2") == "kept"


def test_a_full_mailbox_refuses_and_names_no_key_of_the_store() -> None:
    talk = talk_of(waits_for_payment)
    for fee in range(100):
        assert talk.signal("paid", Payment(fee), match="8") == "kept"
    with pytest.raises(MailboxFull) as full:
        talk.signal("paid", Payment(100), match="8")
    assert (full.value.user, full.value.most) == (talk.user, 100)


# Interruptions of a limited question -------------------------------------------------------------


def interrupted(**settings: Any) -> Talk:
    bot = bot_with(asks_with_a_limit, **settings)
    bot.text("说", anytime=True)(talks_long)
    talk = Talk(bot)
    talk("开始")
    assert talk("说") == "什么事？"
    return talk


def test_a_limit_under_an_interruption_counts_when_that_has_ended() -> None:
    talk = interrupted(timeout=10_000)
    talk.advance(2000)
    assert talk("买菜") == "记下：买菜\n付好了吗？"
    assert not talk.waiting
    assert "超时" in talk("？")


def test_or_when_its_own_time_is_over() -> None:
    talk = interrupted(timeout=1000)
    talk.advance(999)
    assert len(head_of(talk).stack) == 2
    talk.advance(2)
    assert not talk.waiting


@pytest.mark.parametrize("live", [0, 100])
def test_or_when_a_message_finds_it_over(live: int) -> None:
    talk = interrupted(timeout=1000, live_dialogs=live)
    talk._world.clock += 1001  # no sweep comes
    assert talk("好") == "超时 06:28，现在 06:30\n您说：好"


def test_what_asks_above_a_limited_question_has_a_time() -> None:
    talk = interrupted(timeout=None)
    talk.advance(901)
    assert not talk.waiting
    talk = interrupted(timeout=None)
    talk.advance(599)
    assert talk("买菜") == "记下：买菜\n付好了吗？"


# Going back, and looking again --------------------------------------------------------------------


def test_back_across_a_race_reaches_it_anew() -> None:
    def order(chat: Chat) -> Dialog[str]:
        number, said = yield from chat.race(chat.ask("付了吗？"), chat.sleep(100))
        if number:
            return "没等到"
        return f"{said} {(yield from chat.ask('几点？'))}"

    talk = talk_of(order)
    talk("开始")
    talk.advance(90)
    talk("付了")
    assert talk("返回") == "付了吗？"
    talk.advance(99)
    assert talk("真付了") == "几点？"
    assert talk("9") == "真付了 9"


def test_a_race_that_lost_a_branch_is_a_difference_when_that_falls_due() -> None:
    def release(*, sleeps: bool) -> Bot:
        def order(chat: Chat) -> Dialog[str]:
            asked = chat.ask("付了吗？")
            other: Any = chat.sleep(100) if sleeps else chat.wait_for("paid")
            number, _ = yield from chat.race(asked, other)
            return f"第 {number}"

        return bot_with(order)

    talk = Talk(release(sleeps=True), apologies=True)
    talk("开始")
    talk.restart(release(sleeps=False))
    talk.advance(100)
    assert talk.waiting, "a process of the release before may be the right one"
    assert talk("付了") != "第 1"


def test_strict_mode_sees_a_request_that_another_process_would_not_make() -> None:
    count = iter(range(10))

    def order(chat: Chat) -> Dialog[str]:
        chat.start(sleeps, key=f"k{next(count)}")
        return (yield from chat.ask("什么？"))

    talk = talk_of(order, sleeps)
    with pytest.raises(NotRepeatable, match=r"chat\.start"):
        talk("开始")


def test_going_back_to_where_something_was_asked_for_asks_for_it_once() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几位？")
        chat.remind(3600, "到点了")
        yield from chat.ask("几点？")
        return (yield from chat.ask("叫什么？"))

    talk = talk_of(order)
    for word in ("开始", "2", "9"):
        talk(word)
    assert talk("返回") == "几点？"
    assert aside(talk) == 1
    talk("返回")
    talk("3")
    assert aside(talk) == 2, "that answer was another, and its reminder too"


def test_changed_code_that_goes_on_from_there_does_too() -> None:
    def release(question: str) -> Bot:
        def order(chat: Chat) -> Dialog[str]:
            yield from chat.ask("几位？")
            chat.remind(3600, "到点了")
            return (yield from chat.ask(question))

        return bot_with(order)

    talk = Talk(release("几点？"))
    talk("开始")
    talk("2")
    talk.restart(release("叫什么？"))
    assert talk("9").endswith("叫什么？")
    assert aside(talk) == 1


def test_a_reminder_by_the_clock_of_the_turn_is_none() -> None:
    def order(chat: Chat) -> Dialog[str]:
        chat.remind(chat.now() + timedelta(hours=1), "到点了")
        return (yield from chat.ask("什么？"))

    talk = talk_of(order)
    assert talk("开始") == "什么？"


@pytest.mark.parametrize("ends", ["limit", "cancel", "answer"])
def test_finally_runs_once_at_every_ending(ends: str) -> None:
    ran: list[str] = []

    def tidy() -> None:
        ran.append("收拾")

    def order(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.ask("几位？", within=100)
        finally:
            yield from chat.step(tidy)
        return "好"

    talk = talk_of(order)
    talk("开始")
    if ends == "limit":
        talk.advance(100)
    else:
        talk({"cancel": "取消", "answer": "2"}[ends])
    talk.advance(1000)
    talk("？")
    assert ran == ["收拾"]


# Who is first ------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [0, 100])
def test_a_message_first_fires_what_is_due_on_its_own_stack(live: int) -> None:
    talk = talk_of(asks_with_a_limit, live_dialogs=live)
    talk("开始")
    talk._world.clock += 901  # no sweep comes
    assert talk("好") == "超时 06:28，现在 06:28\n您说：好"


def test_a_message_does_not_fire_what_is_due_in_the_background_first() -> None:
    talk = talk_of(sleeps)
    talk("开始")
    talk._world.clock += 3 * DAY + 1
    assert talk("好") == "您说：好"
    assert talk("早") == "三天了\n您说：早"


def test_a_signal_that_came_before_a_message_is_first() -> None:
    talk = talk_of(races)
    talk("开始")
    post(talk, "paid", {"fee": 3})
    talk._world.clock += 1
    assert talk("付了") == "收到 3\n您说：付了"


def post(talk: Talk, name: str, data: object) -> None:
    """Put a signal into the mailbox, as a step does."""
    from wechat_dialog.core.turn.mail import SignalMail
    from wechat_dialog.core.turn.outside import send

    world = talk._world
    user = f"{talk.account}:{talk.user}"
    letter = SignalMail.of(name, data, "")
    talk._background._drive(
        user,
        lambda _: send(world.settings, user, talk.account, talk.user, letter, post_only=True),
    )
