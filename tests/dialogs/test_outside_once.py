"""Each timer fires once and each signal is consumed once, whatever dies: design, 14, "Exactly
once"; and what a conversation that was taken up knows, and leaves.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import msgspec
import pytest

from tests.dialogs.outside import (
    DAY,
    Payment,
    aside,
    bot_with,
    head_of,
    parked_records,
    stored,
    talk_of,
)
from wechat_dialog import Bot, Chat, Dialog, NoAnswer, UnexpectedAnswer
from wechat_dialog.core.replay.header import decode_aside
from wechat_dialog.core.replay.records import Data, SignalRecord, TimerRecord, decode_records
from wechat_dialog.core.store.times import Due
from wechat_dialog.core.store.values import Claim, Claimed, Running
from wechat_dialog.core.turn.operations import RunStep
from wechat_dialog.core.turn.outside import LONGEST, fire
from wechat_dialog.errors import TurnTooLong
from wechat_dialog.testing import Talk
from wechat_dialog.testing.world import Performer

ran: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def note(what: Any) -> Any:
    ran.append(what)
    return what


def limited(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.ask("付好了吗？", within=900)
    except NoAnswer:
        yield from chat.step(note, "一")
        yield from chat.step(note, "二")
        return "超时"
    return "好"


def paid(chat: Chat) -> Dialog[str]:
    payment = yield from chat.wait_for("paid", Payment)
    yield from chat.step(note, payment.fee)
    return f"收到 {payment.fee}"


def naps(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(60)
    yield from chat.step(note, "醒")
    yield from chat.sleep(60)
    yield from chat.step(note, "又醒")
    return "好"


# What dies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_firing_that_is_cut_off_is_gone_on_with(when: str) -> None:
    talk = talk_of(limited)
    talk("开始")
    talk.crashes(note, when)
    talk.advance(900)
    talk.advance(10)
    times = 2 if when == "in" else 1
    assert ran == ["一"] * times + ["二"]
    assert talk("？") == "超时\n您说：？"
    talk.advance(10_000)
    assert ran == ["一"] * times + ["二"]


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_firing_that_is_cut_off_is_finished_by_a_message_that_comes_first(when: str) -> None:
    talk = talk_of(limited)
    talk("开始")
    talk.crashes(note, when)
    talk.advance(900)
    talk._world.clock += 4  # its claim is over
    assert talk("？") == "超时\n您说：？"
    assert ran == ["一"] * (2 if when == "in" else 1) + ["二"]


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_signal_whose_worker_dies_is_consumed_once(when: str) -> None:
    talk = talk_of(paid)
    talk("开始")
    talk.crashes(note, when)
    talk.signal("paid", Payment(3), id="t")
    talk.advance(20)
    assert ran == [3] * (2 if when == "in" else 1)
    assert talk.signal("paid", Payment(3), id="t") == "repeated"
    assert talk("？") == "收到 3\n您说：？"
    shown = stored(talk)
    assert shown is None or shown.mail == ()


def test_one_that_kills_its_worker_three_times_is_parked() -> None:
    talk = talk_of(paid, limited)
    talk("开始")
    talk("limited")
    talk.crashes(note, "in", times=10)
    talk.signal("paid", Payment(3))
    for _ in range(60):
        talk.advance(1)
    assert len(ran) == 3
    assert (talk.parked, aside(talk)) == (1, 0)
    assert isinstance(parked_records(talk)[-1], SignalRecord)
    assert talk("好") == "好", "and its user is not told"


def test_one_that_kills_it_before_anything_is_written_is_parked_too() -> None:
    talk = talk_of(naps)
    talk("开始")
    talk.crashes(note, "before", times=10)
    for _ in range(100):
        talk.advance(1)
    assert (talk.parked, aside(talk), ran) == (1, 0, [])


def test_messages_between_its_deaths_do_not_let_it_live() -> None:
    talk = talk_of(naps, limited)
    talk("开始")
    talk.crashes(note, "before", times=10)
    talk.advance(60)
    for n in range(12):
        talk._world.clock += 3.5
        assert talk(f"嗯{n}") == f"您说：嗯{n}"
        talk.advance(4)
    assert (talk.parked, aside(talk), ran) == (1, 0, [])


def test_a_dead_firing_is_in_no_others_way() -> None:
    talk = talk_of(naps, paid)
    talk("开始")
    talk("paid")
    talk.crashes(note, "before", times=1)
    talk.advance(60)
    talk._world.clock += 3.5  # its claim is over, and 20 s are not
    assert talk.signal("paid", Payment(1)) in ("taken", "kept")
    talk.advance(1)
    assert sorted(map(str, ran)) == ["1", "醒"]


def test_a_firing_stands_in_no_line_and_leaves_no_trace() -> None:
    talk = talk_of(limited)
    talk("开始")
    store, user = talk._world.store, f"{talk.account}:{talk.user}"
    talk._world.clock += 901
    assert isinstance(store.claim(Claim(user, "m", 3.0)), Claimed)
    due = Due(user, int(talk._world.clock * 1000))
    performer = Performer(talk._world, user)
    fired = performer.drive(
        lambda notes: fire(talk._world.settings, due, talk.account, talk.user, notes=notes), "fire"
    )
    assert fired.outcome == "busy"
    assert ran == []


# One clock ---------------------------------------------------------------------------------------


def test_a_firing_moves_no_age_so_it_prolongs_no_question() -> None:
    def asks(chat: Chat) -> Dialog[str]:
        return "记下：" + (yield from chat.ask("什么事？"))

    talk = talk_of(naps, asks, timeout=100)
    talk("开始")
    talk("asks")
    talk.advance(99)
    assert ran == ["醒"]
    talk.advance(2)
    assert talk("买菜") == "您说：买菜"


def test_a_question_that_stood_before_is_never_asked_again_for_it() -> None:
    def asks(chat: Chat) -> Dialog[str]:
        return "记下：" + (yield from chat.ask("什么事？"))

    talk = talk_of(naps, asks, timeout=None)
    talk("开始")
    talk("asks")
    talk.advance(121)
    assert talk("买菜") == "好\n记下：买菜"


def test_the_seconds_of_a_loop_are_counted_once_each() -> None:
    def ticks(chat: Chat) -> Dialog[str]:
        for n in range(5):
            yield from chat.sleep(60)
            yield from chat.step(note, f"{n} {chat.now():%M:%S}")
        return "好"

    talk = talk_of(ticks)
    talk("开始")
    talk.advance(1000)
    assert ran == ["0 14:20", "1 15:20", "2 16:20", "3 17:20", "4 18:20"]


def test_one_that_is_late_is_told() -> None:
    def late(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.wait_for("paid", within=60)
        except NoAnswer as over:
            return f"{over.due:%M} {chat.now():%M}"
        return "好"

    talk = talk_of(late)
    talk("开始")
    talk._world.clock += 600
    assert talk("？") == "您说：？"
    assert talk("！") == "14 23\n您说：！"


def test_a_time_that_is_over_already_is_due_at_once() -> None:
    def now(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(chat.now())
        yield from chat.sleep(0)
        return "好"

    talk = talk_of(now)
    assert talk("开始") == ""
    assert aside(talk) == 0
    assert talk("？") == "好\n您说：？"


# What it knows -----------------------------------------------------------------------------------


def test_after_a_timer_a_dialog_knows_the_last_message_that_it_heard() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几位？")
        yield from chat.sleep(60)
        return f"{chat.message.raw['Content']} {chat.now():%M:%S}"

    talk = talk_of(order)
    talk("开始")
    talk("二")
    talk("三")
    talk.advance(60)
    assert talk("？") == "二 14:20\n您说：？"


def test_one_that_no_message_began_has_none() -> None:
    def order(chat: Chat, no: str) -> Dialog[str]:
        yield from chat.sleep(60)
        return f"{no} {chat.message.kind}"

    def other(chat: Chat) -> str:
        return "好"

    bot = bot_with(other)
    bot.dialog(order)
    talk = Talk(bot)
    assert talk.begin(order, {"no": "7"}, id="x") == "taken"
    assert talk.begin(order, {"no": "7"}, id="x") == "repeated"
    talk.advance(60)
    assert talk("？") == "7 begun\n您说：？"


def test_data_that_changed_since_are_not_overwritten() -> None:
    def order(chat: Chat) -> Dialog[str]:
        chat.data["visits"] = 1
        chat.data["name"] = "李"
        yield from chat.sleep(3 * DAY)
        chat.data["woke"] = chat.data["visits"]
        return f"{chat.data}"

    def visits(chat: Chat) -> str:
        chat.data["visits"] += 1
        return "好"

    talk = talk_of(order, visits)
    talk("开始")
    talk("visits")
    talk.advance(3 * DAY)
    assert talk("？") == "{'visits': 2, 'name': '李', 'woke': 2}\n您说：？"


def test_the_data_record_stands_before_the_timer_and_only_where_they_changed() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        yield from chat.sleep(60)
        return "好"

    def visits(chat: Chat) -> str:
        chat.data["visits"] = 1
        return "好"

    talk = talk_of(order, visits)
    talk("开始")
    talk("visits")
    talk.advance(60)
    shown = stored(talk)
    assert shown is not None
    [document] = shown.aside.values()
    records = decode_records([bytes(raw) for raw in decode_aside(document).records])
    assert [type(record) for record in records[1:]] == [Data, TimerRecord]
    talk.advance(60)
    assert talk("？") == "好\n您说：？"


def test_a_record_of_a_timer_is_no_answer_to_take_back() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几位？")
        yield from chat.sleep(60)
        return "好：" + (yield from chat.ask("几点？"))

    talk = talk_of(order)
    talk("开始")
    talk("二")
    talk.advance(60)
    assert talk("在") == "您说：在\n几点？"
    assert talk("返回").endswith("几点？")
    assert talk("9") == "好：9"


def test_unexpected_answer_ends_it_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        raise UnexpectedAnswer

    talk = talk_of(order)
    talk("开始")
    with caplog.at_level(logging.WARNING, "wechat_dialog"):
        talk.advance(60)
    assert "no message began" in caplog.text
    assert (aside(talk), talk.parked) == (0, 0)
    assert talk("？") == "您说：？"


def test_a_bug_parks_it_and_the_library_says_nothing() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        raise KeyError("x")

    talk = Talk(bot_with(order), apologies=True)
    talk("开始")
    talk.advance(60)
    assert (aside(talk), talk.parked) == (0, 1)
    assert isinstance(parked_records(talk)[-1], TimerRecord)
    assert talk("？") == "您说：？"


def test_a_talk_raises_what_it_raised() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        raise KeyError("x")

    talk = talk_of(order)
    talk("开始")
    with pytest.raises(KeyError):
        talk.advance(60)


# Another release ---------------------------------------------------------------------------------


def version(*, sleeps: bool, registered: bool = True) -> Bot:
    def order(chat: Chat) -> Dialog[str]:
        if sleeps:
            yield from chat.sleep(60)
            return "醒了"
        yield from chat.wait_for("paid")
        return "付了"

    return bot_with(order) if registered else bot_with(note)


@pytest.mark.parametrize("other", [{"sleeps": False}, {"sleeps": True, "registered": False}])
def test_an_old_release_leaves_what_only_the_new_one_knows(other: dict[str, bool]) -> None:
    talk = Talk(version(sleeps=True))
    talk("开始")
    talk.restart(version(**other))
    talk.advance(800)
    assert (aside(talk), talk.parked) == (1, 0)
    talk.restart(version(sleeps=True))
    talk.advance(10)
    assert talk("？") == "醒了\n您说：？"


def test_until_it_is_fifteen_minutes_overdue() -> None:
    talk = Talk(version(sleeps=True), apologies=True)
    talk("开始")
    talk.restart(version(sleeps=True, registered=False))
    talk.advance(60 + 890)
    assert talk.parked == 0
    talk.advance(30)
    assert (aside(talk), talk.parked) == (0, 1)


def visiting(naps: int, *, registered: bool = True) -> Bot:
    """A bot that asks, after so many naps, and after a step that never runs again."""

    def visit(chat: Chat) -> Dialog[str]:
        yield from chat.step(note, "看")
        for _ in range(naps):
            yield from chat.sleep(60)
        return f"好：{yield from chat.ask('还来吗？')}"

    def call(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(200)
        return f"通了：{yield from chat.ask('喂？')}"

    return bot_with(*((visit, call) if registered else (note, call)))


@pytest.mark.parametrize("registered", [True, False])
def test_an_old_release_does_not_ask_what_only_the_new_one_can(*, registered: bool) -> None:
    talk = Talk(visiting(naps=2))
    talk("开始")
    talk.advance(120)
    talk.restart(visiting(naps=1, registered=registered))
    assert talk("早") == "您说：早"
    assert (aside(talk), talk.parked) == (1, 0)
    talk.restart(visiting(naps=2))
    assert talk("早") == "您说：早\n还来吗？"
    assert talk("来") == "好：来"
    assert ran == ["看"]


def test_it_asks_what_it_can_meanwhile() -> None:
    talk = Talk(visiting(naps=2))
    talk("call")
    talk("开始")
    talk.advance(200)
    talk.restart(visiting(naps=1))
    assert talk("早") == "您说：早\n喂？"
    assert talk("在") == "通了：在"
    assert (aside(talk), talk.parked) == (1, 0)


def test_what_nobody_could_ask_for_fifteen_minutes_counts_as_changed() -> None:
    talk = Talk(visiting(naps=2), apologies=True)
    talk("开始")
    talk.advance(120)
    talk.restart(visiting(naps=1))
    talk.advance(890)
    talk("早")
    assert (aside(talk), talk.parked) == (1, 0)
    talk.advance(20)
    talk("早")
    assert (aside(talk), talk.parked) == (0, 1)


# Endings -----------------------------------------------------------------------------------------


def tidies(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.sleep(3600)
    finally:
        yield from chat.step(note, "收拾")
    return "好"


def starts(chat: Chat) -> Dialog[str]:
    chat.start(tidies, key="k")
    what = yield from chat.ask("什么？")
    if what == "停":
        chat.stop("k")
    elif what == "换":
        chat.start(tidies, key="k")
    return "好的"


def started(**settings: Any) -> Talk:
    talk = talk_of(starts, tidies, **settings)
    talk("开始")
    assert aside(talk) == 1
    return talk


def test_one_that_was_started_lives_on_and_its_steps_run_at_its_end() -> None:
    talk = started()
    talk("嗯")
    talk.advance(3600)
    assert ran == ["收拾"]
    assert talk("？") == "好\n您说：？"


def test_stop_ends_it_and_its_clean_up_runs_once() -> None:
    talk = started()
    assert talk("停") == "好的"
    assert (ran, aside(talk)) == (["收拾"], 0)
    talk.advance(10_000)
    assert ran == ["收拾"]


def test_the_same_key_replaces() -> None:
    talk = started()
    talk("换")
    assert (ran, aside(talk)) == (["收拾"], 1)
    talk.advance(3600)
    assert ran == ["收拾", "收拾"]


def test_stop_also_ends_one_that_has_come_to_a_question() -> None:
    def asks(chat: Chat) -> Dialog[str]:
        try:
            return "好：" + (yield from chat.ask("来吗？"))
        finally:
            yield from chat.step(note, "收拾")

    def begins(chat: Chat) -> str:
        chat.start(asks, key="k")
        return "开始了"

    def stops(chat: Chat) -> str:
        chat.stop("k")
        return "停了"

    bot = bot_with(begins, asks)
    bot.text("停", anytime=True)(stops)
    talk = Talk(bot)
    assert talk("开始") == "开始了"
    assert talk("早") == "您说：早\n来吗？"
    assert head_of(talk).stack[0].key == "k"
    assert talk("停") == "停了"
    assert ran == ["收拾"]
    assert talk("早") == "您说：早"


def test_unsubscribe_ends_what_is_aside_each_in_its_own_turn() -> None:
    talk = started()
    talk("嗯")
    talk("开始")
    talk("嗯")
    talk.event("unsubscribe")
    assert aside(talk) == 0
    assert ran == ["收拾", "收拾"]
    assert talk("？") == "您说：？"


def test_also_where_nothing_of_them_is_kept() -> None:
    talk = started(forget_on_unsubscribe=True)
    talk.event("unsubscribe")
    assert ran == ["收拾"]
    assert stored(talk) is None


def test_a_worker_that_dies_in_the_clean_up_is_followed() -> None:
    talk = started()
    talk.crashes(note, "in")
    talk("停")
    talk.advance(10)
    assert ran == ["收拾", "收拾"]
    assert aside(talk) == 0


def test_what_a_broken_turn_asked_for_is_dropped() -> None:
    def breaks(chat: Chat) -> str:
        chat.start(tidies)
        chat.remind(60, "起床")
        raise KeyError("x")

    talk = Talk(bot_with(breaks, tidies), apologies=True)
    talk("开始")
    assert (aside(talk), talk.parked) == (0, 1)


def test_a_step_in_the_turn_makes_no_second_start() -> None:
    def order(chat: Chat) -> Dialog[str]:
        chat.start(tidies)
        yield from chat.step(note, "一")
        return "好"

    talk = talk_of(order, tidies)
    talk.crashes(note, "after")
    assert talk("开始") == "好"
    assert aside(talk) == 1


def test_continue_as_goes_on_beside_the_stack_under_its_name() -> None:
    def second(chat: Chat, n: int) -> Dialog[str]:
        yield from chat.sleep(60)
        yield from chat.step(note, n)
        return "第二"

    def first(chat: Chat) -> Dialog[object]:
        yield from chat.sleep(60)
        return chat.continue_as(second, n=5)

    def begins(chat: Chat) -> str:
        chat.start(first, key="k")
        return "开始了"

    def stops(chat: Chat) -> str:
        chat.stop("k")
        return "停了"

    talk = talk_of(begins, first, second, stops)
    assert talk("开始") == "开始了"
    talk.advance(120)
    assert ran == [5]
    assert talk("？") == "第二\n您说：？"
    talk("开始")
    talk.advance(60)
    talk("stops")
    talk.advance(100)
    assert ran == [5]


def test_a_sub_dialog_may_wait() -> None:
    def inner(chat: Chat) -> Dialog[int]:
        number, _ = yield from chat.race(chat.sleep(60), chat.wait_for("paid"))
        return number

    def order(chat: Chat) -> Dialog[str]:
        number = yield from inner(chat)
        return f"第 {number}"

    talk = talk_of(order)
    talk("开始")
    talk.signal("paid")
    assert talk("？") == "第 1\n您说：？"


# Who pays nothing --------------------------------------------------------------------------------


def test_a_head_of_a_user_who_has_none_of_it_is_as_it_was() -> None:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几位？")
        return "好"

    talk = talk_of(order)
    talk("开始")
    shown = stored(talk)
    assert shown is not None
    head = msgspec.json.decode(shown.head)
    assert head.keys() == {"user", "account", "stack", "by"}
    assert head["stack"][0].keys() == {
        "id", "dialog", "code", "begun", "length", "timeout", "wait",
    }  # fmt: skip
    assert (shown.wake, shown.aside, shown.mail) == (None, {}, ())


def test_a_head_of_a_user_who_has_a_time_is_of_the_new_format() -> None:
    talk = talk_of(limited, naps)
    talk("开始")
    assert head_of(talk).format == 2
    assert talk("好") == "好"
    assert stored(talk) is None
    talk("naps")
    assert head_of(talk).format == 2


def test_a_message_that_waits_is_answered_before_what_is_due() -> None:
    talk = talk_of(limited)
    talk("开始")
    talk.advance(899)
    store, user = talk._world.store, f"{talk.account}:{talk.user}"
    held = store.claim(Claim(user, "push", 3.0))
    assert isinstance(held, Claimed)
    assert isinstance(store.claim(Claim(user, "m", 3.0)), Running)
    talk._world.clock += 2
    store.release(user, held.fence)
    due = Due(user, int(talk._world.clock * 1000))
    performer = Performer(talk._world, user)
    fired = performer.drive(
        lambda notes: fire(talk._world.settings, due, talk.account, talk.user, notes=notes), "fire"
    )
    assert fired.outcome == "busy", "the answer was noted before the limit fell due"


def test_a_firing_that_takes_too_long_is_parked() -> None:
    talk = Talk(bot_with(naps), apologies=True)
    talk("开始")
    talk._world.clock += 61
    [due] = talk._world.store.due(talk.account, 1, 6.0).entries
    firing = fire(talk._world.settings, due, talk.account, talk.user)
    wanted = next(firing)
    while not isinstance(wanted, RunStep):
        wanted = firing.send(wanted.on(talk._world.store))  # type: ignore[union-attr]
    wanted = firing.throw(TurnTooLong("step 'note'", LONGEST))
    with contextlib.suppress(StopIteration):
        while True:
            wanted = firing.send(wanted.on(talk._world.store))  # type: ignore[union-attr]
    assert (aside(talk), talk.parked) == (0, 1)
    assert isinstance(parked_records(talk)[-1], TimerRecord)
