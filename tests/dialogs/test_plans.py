"""A test that plans something for a step that no dialog has is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, step
from wechat_dialog.core.dialog.step_parts import Steps
from wechat_dialog.testing import Talk

from .test_reports import run


@step(name="pay for it")
def pay() -> str:
    return "已付"


def charge(number: int) -> str:
    return f"第 {number} 次"


class Desk:
    def reserve(self) -> str:
        return "已订"


desk = Desk()


@step(name="agent")
def agent(steps: Steps) -> str:
    return steps.run("search", lambda: "找到了")


@pytest.fixture
def bot() -> Bot:
    bot = Bot(review=step(lambda outgoing: outgoing.reply, name="review"))

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        yield from chat.step(pay)
        for number in range(3):
            yield from chat.step(step(charge, name=f"charge no. {number}"), number)
        yield from chat.step(agent)
        return (yield from chat.step(desk.reserve))

    return bot


@pytest.mark.parametrize(
    ("misspelled", "meant"),
    [
        ("pay for them", "pay for it"),
        ("agnet", "agent"),
        ("Desk.resreve", "Desk.reserve"),
        ("chage", "charge"),
    ],
)
@pytest.mark.parametrize("call", ["fake", "takes", "crashes"])
def test_a_misspelled_step_is_an_error_that_names_the_nearest(
    bot: Bot, call: str, misspelled: str, meant: str
) -> None:
    plan: Any = getattr(Talk(bot), call)
    with pytest.raises(LookupError) as error:
        plan(misspelled, *([1.0] if call == "takes" else []))
    assert str(error.value) == (
        f"talk.{call}({misspelled!r}): the bot has no step of that name; did you mean {meant!r}?"
    )


def test_a_function_within_another_is_found_by_its_last_name() -> None:
    bot = Bot()

    def look_up() -> None: ...

    @bot.text("查")
    def looks_up(chat: Chat) -> Dialog[str]:
        yield from chat.step(look_up)
        return "好。"

    def book() -> None: ...

    @bot.text("订")
    def books(chat: Chat) -> Dialog[str]:
        calls = [book]
        yield from chat.step(calls[0])
        return "好。"

    talk = Talk(bot)
    talk.takes(look_up, 1)
    talk.takes(look_up.__qualname__, 1)
    talk.takes("book", 1)


@pytest.mark.parametrize(
    "name",
    ["pay for it", "charge no. 2", "charge no. 7", "agent", "search", "Desk.reserve", "review"],
)
def test_a_step_that_the_code_names_or_puts_together_may_be_planned_and_never_run(
    bot: Bot, name: str
) -> None:
    talk = Talk(bot)
    talk.fake(name)
    talk.takes(name, 1)


def test_a_step_of_the_code_that_is_deployed_later_may_be_planned_before() -> None:
    talk = Talk(Bot())
    talk.fake("pay for it", "没付")
    new = Bot()
    new.text("付")(lambda chat: chat.step(pay))
    talk.restart(new)


PLANNING = """
import pytest
from wechat_dialog import Bot, step
from wechat_dialog.testing import Talk

bot = Bot()


def pay():
    return "已付"


@step(name="book")
def book():
    return "已订"


NAMES = {"query": "search the web"}


def look_up():
    return "找到了"


TOOLS = {"read the page": look_up}


@bot.text("付")
def pays(chat):
    return (yield from chat.step(pay))


@bot.text("订")
def books(chat):
    for name in NAMES.values():
        yield from chat.step(step(TOOLS.get(name, pay), name=name))
    return (yield from chat.step(book))


@pytest.fixture
def talk():
    talk = Talk(bot)
    talk.fake("pay", "没付")
    talk.fake(book, "没订")
    return talk


def test_one(talk):
    assert talk("付") == "没付"


def test_other(talk):
    talk.takes("search the web", 1)
    assert talk("订") == "没订"


def test_dynamic_unused(talk):
    talk.takes("search the web", 1)


def test_of_another_name(talk):
    talk.takes("reservation", 20)
    assert talk("订") == "没订"


def test_of_another_function(talk):
    def refund(): ...

    talk.fake(refund, 20)
    assert talk("付") == "没付"


def test_of_a_table(talk):
    talk.fake("look_up", 20)
    talk.fake("read the page", 20)
    assert talk("付") == "没付"
"""


def test_what_is_planned_for_a_step_that_no_code_shows_fails_the_test_at_its_end(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_mine.py").write_text(PLANNING, "utf-8")
    told = run(tmp_path)
    assert "2 failed, 4 passed" in told
    for written, call, ran in [
        ('    talk.takes("reservation", 20)', "takes('reservation')", "'book', 'search the web'"),
        ("    talk.fake(refund, 20)", "fake('test_of_another_function.<locals>.refund')", "'pay'"),
    ]:
        line = 1 + str(PLANNING).splitlines().index(written)
        assert (
            f"{tmp_path / 'test_mine.py'}:{line}: talk.{call}: no step of that name ran, and the "
            f"bot's code shows none; in the whole talk ran: {ran}"
        ) in told


@pytest.mark.parametrize("only", ["test_dynamic_unused", "test_of_a_table"])
def test_a_step_of_a_table_that_is_not_reached_is_no_mistake(tmp_path: Path, only: str) -> None:
    (tmp_path / "test_mine.py").write_text(PLANNING, "utf-8")
    assert "1 passed" in run(tmp_path, "-k", only)
