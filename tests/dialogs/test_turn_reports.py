"""What `Bot(on_turn=…)` is told, scene by scene, on the clock of a talk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from wechat_dialog import (
    Bot,
    Cancelled,
    Chat,
    Dialog,
    NoAnswer,
    Texts,
    TurnReport,
    UnexpectedAnswer,
    Window,
    replies,
    step,
)
from wechat_dialog.testing import Talk

LONG = "长" * 3000


def nothing() -> None:
    """A step."""


def hopeless() -> None:
    raise KeyError("no")


def make_bot(reports: list[TurnReport], **settings: Any) -> Bot:  # noqa: C901 - its dialogs
    bot = Bot(on_turn=reports.append, **settings)
    failures = iter([True, True])

    @step(retries=2, backoff=1)
    def flaky() -> str:
        if next(failures, False):
            raise ConnectionError("no")
        return "好"

    @bot.text("加", version="2")
    def add(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("一？", int, key="first")
        second = yield from chat.ask("二？", int, key="second", timeout=600)
        return f"{first + second}"

    @bot.text("帮助", anytime=True)
    def help(chat: Chat) -> str:
        return "帮助"

    @bot.text("坏")
    def bad(chat: Chat) -> Dialog[str]:
        yield from chat.ask("说")
        raise ZeroDivisionError

    @bot.text("步")
    def steps(chat: Chat) -> Dialog[str]:
        said: str = yield from chat.step(flaky)
        try:
            yield from chat.step(hopeless)
        except KeyError:
            yield from chat.gather(chat.step(nothing), chat.step(nothing))
        return said

    @bot.text("等")
    def wait(chat: Chat) -> Dialog[str]:
        try:
            paid = yield from chat.wait_for("paid", str, within=60)
        except NoAnswer:
            return "没付"
        return paid

    @bot.text("睡")
    def sleep(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(30)
        yield from chat.ask("醒了吗？", key="awake")
        return "好"

    @bot.text("三次")
    def thrice(chat: Chat) -> Dialog[str]:
        yield from chat.ask("数？", int, attempts=1)
        return "好"

    @bot.text("再说")
    def again(chat: Chat) -> Dialog[str]:
        yield from chat.ask("什么？")
        raise UnexpectedAnswer

    @bot.text("再见")
    def goodbye(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.ask("什么？")
        except Cancelled:
            return "再见"
        return "好"

    @bot.text("接着")
    def onward(chat: Chat) -> Dialog[Any]:
        yield from chat.ask("什么？")
        return chat.continue_as(thrice)

    @bot.text("长")
    def long(chat: Chat) -> str:
        return LONG

    @bot.text("选")
    def choose(chat: Chat) -> Dialog[str]:
        chosen: str = yield from chat.choose("哪个？", [f"第{n}项" for n in range(40)])
        return chosen

    @bot.click("menu")
    def menu(chat: Chat) -> str:
        return "菜单"

    @bot.dialog
    def visit(chat: Chat, order: str) -> Dialog[str]:
        yield from chat.sleep(5)
        return order

    bot.visit = visit  # type: ignore[attr-defined]
    return bot


class Scene:
    """A talk, and what is reported of it."""

    def __init__(self, **settings: Any) -> None:
        self.reports: list[TurnReport] = []
        self.bot = make_bot(self.reports, **settings)
        self.talk = Talk(self.bot, apologies=True)

    def said(self, *texts: str) -> TurnReport:
        """Say texts; returns the report of the last one."""
        for text in texts:
            self.reports.clear()
            self.talk(text)
        [report] = self.reports
        return report


SCENES = {
    "begun": (["加"], {
        "cause": "message", "kind": "text", "outcome": "waits", "dialog": "add", "version": "2",
        "answered": "", "before": None, "way": "cold", "delivery": "reply", "request": 1,
    }),
    "answered": (["加", "1"], {
        "outcome": "waits", "dialog": "add", "answered": "a=first", "way": "live", "trips": 1,
        "replayed": 0,
    }),
    "finished": (["加", "1", "2"], {
        "outcome": "finished", "answered": "a=second", "after": None, "delivery": "reply",
    }),
    "does not fit": (["加", "x"], {"outcome": "asked_again", "answered": "", "dialog": "add"}),
    "too often": (["三次", "x"], {"outcome": "ended", "dialog": "thrice", "after": None}),
    "cancelled": (["加", "取消"], {"outcome": "cancelled", "dialog": "add", "after": None}),
    "cancelled, with a goodbye": (["再见", "取消"], {"outcome": "cancelled", "dialog": "goodbye"}),
    "taken back": (["加", "1", "返回"], {"outcome": "waits", "dialog": "add", "answered": ""}),
    "interrupted": (["加", "帮助"], {"outcome": "finished", "dialog": "help", "way": "claimed"}),
    "no route": (["哦"], {"outcome": "ignored", "dialog": "", "delivery": "none", "request": 0}),
    "handed back": (["再说", "哦"], {"outcome": "ignored", "dialog": "", "after": None}),
    "handed to another": (["再说", "加"], {"outcome": "waits", "dialog": "add", "answered": ""}),
    "continued as another": (["接着", "哦"], {
        "outcome": "waits", "dialog": "onward",
    }),
    "parked": (["坏", "x"], {
        "outcome": "parked", "dialog": "bad", "error": "ZeroDivisionError", "way": "claimed",
    }),
    "aside": (["等"], {"outcome": "aside", "dialog": "wait", "way": "claimed"}),
    "too long": (["长"], {"outcome": "finished", "dialog": "long", "delivery": "reply"}),
    "fetched": (["长", "继续"], {"outcome": "fetched", "dialog": "", "delivery": "reply"}),
    "a page of a menu": (["选", "下一页"], {"outcome": "browsed", "dialog": "choose"}),
    "no such item": (["选", "99"], {"outcome": "asked_again", "dialog": "choose"}),
}  # fmt: skip


@pytest.mark.parametrize(("texts", "expected"), SCENES.values(), ids=SCENES.keys())
def test_a_turn_is_reported_as_what_it_led_to(texts: list[str], expected: dict[str, Any]) -> None:
    report = Scene().said(*texts)
    assert {name: getattr(report, name) for name in expected} == expected


def test_a_report_says_where_the_conversation_waited_and_where_it_waits() -> None:
    scene = Scene()
    report = scene.said("加", "1")
    assert report.before is not None
    assert report.after is not None
    assert (report.before.question, report.after.question) == ("a=first", "a=second")
    assert report.before.dialog == report.after.dialog == "add"
    assert report.before.version == report.version == "2"
    assert report.conversation == report.before.conversation == report.after.conversation
    assert report.user == scene.talk.user
    assert report.account == scene.talk.account
    interrupted = scene.said("帮助")
    assert interrupted.before == interrupted.after == report.after
    assert interrupted.conversation != report.conversation


def test_no_word_that_was_said_is_reported() -> None:
    scene = Scene()
    for text in ("加", "说的话七", "777", "888", "坏", "秘密九", "长", "继续", "步"):
        scene.talk(text)
    scene.talk.event("SCAN", "a-scene-of-theirs")
    whole = msgspec.json.encode(scene.reports).decode()
    assert whole.isascii()
    for said in ("777", "1665", "a-scene"):
        assert said not in whole


def test_the_steps_of_a_turn_are_reported_with_their_attempts_and_errors() -> None:
    scene = Scene()
    scene.talk.takes("nothing", 2)
    report = scene.said("步")
    told = [(one.name.rpartition(".")[2], one.attempts, one.error) for one in report.steps]
    assert told == [
        ("flaky", 3, ""), ("hopeless", 1, "KeyError"), ("nothing", 1, ""), ("nothing", 1, ""),
    ]  # fmt: skip
    assert [one.seconds for one in report.steps] == [3.0, 0.0, 2.0, 2.0]
    assert [one.began for one in report.steps] == [0.0, 3.0, 3.0, 3.0]
    assert report.seconds == 5.0
    assert (report.delivery, report.request) == ("reply", 2)


def test_an_answer_that_is_too_late_is_reported_as_held() -> None:
    scene = Scene()
    scene.talk.takes("nothing", 5)
    assert (scene.said("步").delivery, scene.reports[0].request) == ("reply", 2)
    scene.talk.takes("nothing", 20)
    assert (scene.said("步").delivery, scene.reports[0].request) == ("held", 0)


def test_a_step_that_is_given_up_is_reported_with_its_turn() -> None:
    scene = Scene(longest_turn=20)
    scene.talk.takes("nothing", 50)
    report = scene.said("步")
    assert (report.outcome, report.error) == ("parked", "TurnTooLong")
    assert [(one.attempts, one.error) for one in report.steps[2:]] == [(0, "GivenUp")] * 2
    assert report.parked


@pytest.mark.parametrize("expired", ["", "过期了"])
def test_a_message_after_the_time_limit_finds_no_conversation(expired: str) -> None:
    scene = Scene(texts=Texts(expired=expired))
    scene.talk("加")
    scene.talk.advance(100)
    report = scene.said("哦")
    assert (report.outcome, report.dialog) == ("ignored", "")
    assert (report.before, report.after) == (None, None)


def test_a_signal_and_a_timer_are_reported_as_what_began_their_turns() -> None:
    scene = Scene()
    scene.said("等")
    scene.reports.clear()
    scene.talk.signal("paid", "x")
    [paid] = scene.reports
    assert (paid.cause, paid.kind, paid.outcome) == ("signal", "paid", "finished")
    assert (paid.dialog, paid.answered, paid.delivery) == ("wait", "w=paid", "held")
    scene.said("睡")
    scene.reports.clear()
    scene.talk.advance(31)
    [woken] = scene.reports
    assert (woken.cause, woken.kind, woken.outcome) == ("timer", "", "aside")
    assert woken.after is not None
    assert woken.after.question == "a=awake"
    assert woken.turn.startswith("fire:")


def test_a_dialog_that_is_begun_from_outside_is_reported() -> None:
    scene = Scene()
    scene.talk.begin(scene.bot.visit, {"order": "7"})  # type: ignore[attr-defined]
    [begun] = scene.reports
    assert (begun.cause, begun.outcome, begun.dialog) == ("begin", "aside", "visit")
    scene.reports.clear()
    scene.talk.event("unsubscribe")
    left, ended = scene.reports
    assert (left.cause, left.kind, left.outcome) == ("event", "unsubscribe", "ignored")
    assert (ended.cause, ended.outcome, ended.dialog) == ("end", "ended", "visit")


def test_a_signal_that_does_not_fit_is_no_turn() -> None:
    scene = Scene()
    scene.said("等")
    scene.reports.clear()
    with pytest.raises(Exception, match="paid"):
        scene.talk.signal("paid", 5)
    assert scene.reports == []


def test_a_change_of_subject_is_reported_with_the_dialog_that_begins() -> None:
    scene = Scene()
    scene.talk("加")
    scene.reports.clear()
    scene.talk.event("CLICK", "menu")
    [report] = scene.reports
    assert (report.cause, report.kind, report.dialog) == ("event", "click", "menu")
    assert report.outcome == "ended"
    assert report.before is not None
    assert report.before.dialog == "add"


def test_a_copy_that_gets_the_remembered_reply_is_no_turn() -> None:
    scene = Scene()
    scene.said("加")
    scene.talk.resend()
    assert len(scene.reports) == 1


def test_a_process_that_dies_reports_nothing_and_its_successor_says_that_it_finished_the_turn() -> (
    None
):
    scene = Scene()
    scene.talk.crashes("hopeless")
    report = scene.said("步")
    assert report.recovered
    assert (report.outcome, report.dialog, report.cause) == ("finished", "steps", "message")
    scene = Scene()
    scene.talk.crashes("hopeless", repeats=False)
    scene.talk("步")
    assert scene.reports == []
    scene.talk("哦")
    earlier, own = scene.reports
    assert (earlier.recovered, earlier.dialog, earlier.delivery) == (True, "steps", "held")
    assert (own.recovered, own.outcome, own.delivery) == (False, "ignored", "reply")


def test_code_that_has_changed_is_reported() -> None:
    for policy, outcome in (("resume", "resumed"), ("restart", "restarted"), ("park", "parked")):
        scene = Scene()
        scene.talk("加")
        reports: list[TurnReport] = []
        bot = Bot(on_turn=reports.append, on_divergence=policy)  # type: ignore[arg-type]

        @bot.text("加", version="2", name="add")
        def other(chat: Chat) -> Dialog[str]:
            yield from chat.ask("零？", int, key="zeroth")
            return "好"

        scene.talk.restart(bot)
        scene.talk("1")
        [report] = reports
        assert report.outcome == outcome
        assert report.error == ("ReplayMismatch" if policy == "park" else "")


def test_what_is_pushed_is_reported_as_pushed() -> None:
    scene = Scene(app_id="wx0123456789abcdef", app_secret="secret", customer_messages=True)
    scene.talk.takes("nothing", 7)
    assert scene.said("步").delivery == "pushed"
    assert scene.said("长").delivery == "reply"
    assert scene.reports[-1].pushes > 0


def test_an_answer_on_a_page_is_reported_as_such() -> None:
    report = Scene(pages="https://example.com/p").said("长")
    assert (report.delivery, report.request) == ("page", 1)


def test_a_reviewer_is_reported_as_a_step() -> None:
    def review(outgoing: Any) -> Any:
        return outgoing.reply

    report = Scene(review=review).said("加")
    assert [(one.name.rpartition(".")[2], one.error) for one in report.steps] == [("review", "")]


def test_what_the_hook_raises_fails_the_test_of_its_author() -> None:
    def on_turn(report: TurnReport) -> None:
        raise LookupError(report.dialog)

    bot = Bot(on_turn=on_turn)
    bot.fallback(lambda chat: replies.Text("好"))
    with pytest.raises(LookupError):
        Talk(bot)("哦")


@pytest.mark.parametrize("wrong", [5, "metrics"])
def test_a_hook_that_cannot_be_called_is_refused(wrong: Any) -> None:
    with pytest.raises(Exception, match="on_turn="):
        Bot(on_turn=wrong)


def test_a_coroutine_function_is_refused() -> None:
    async def on_turn(report: TurnReport) -> None:
        """Never called."""

    class Hook:
        async def __call__(self, report: TurnReport) -> None:
            """Never called."""

    wrong: list[Callable[..., Any]] = [on_turn, Hook()]
    for hook in wrong:
        with pytest.raises(Exception, match="plain function"):
            Bot(on_turn=hook)


def test_a_window_is_no_matter() -> None:
    assert Scene(window=Window(requests=1)).said("加").request == 1
