"""What a process does for time and signals, and what it leaves to others: when it begins to sweep,
who goes on behind a turn, what it keeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.doors import AsgiDoor, WsgiDoor
from tests.full_path.people import ACCOUNT, push, signed
from tests.full_path.waiting import Payment, make_bot
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, NoAnswer
from wechat_dialog.errors import SideEffect
from wechat_dialog.operators import Conversations
from wechat_dialog.runtime.live_dialogs import LiveDialogs
from wechat_dialog.stores.sqlite import SQLiteStore

USER = "oUser0000000000000000000001"


EARLIER: set[threading.Thread] = set()
"""The threads of earlier tests: a bot that nobody closed sweeps until the collector has come by."""


@pytest.fixture(autouse=True)
def _know_the_threads_of_others() -> None:
    EARLIER.clear()
    EARLIER.update(threading.enumerate())


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of an empty store."""
    return f"sqlite:///{tmp_path / 'bot.db'}"


def say(bot: Bot, text: str, user: str = USER) -> str:
    return bot.answer(push(user, Content=text), signed()).decode()


def asleep(url: str, *users: str) -> None:
    """Have users sleep for a moment, in a process that sweeps for nobody."""
    with closing(make_bot(url, list[str]().append, timers=False)) as bot:
        for user in users or (USER,):
            say(bot, "小睡", user)
        wait_until(lambda: bot.store.account(bot._name_in_store()) == ACCOUNT, "its note")


def sweeps() -> bool:
    began = set(threading.enumerate()) - EARLIER
    return any(thread.name == "wechat-dialog-sweeper" for thread in began)


def test_an_asgi_server_sweeps_from_its_start(url: str) -> None:
    asleep(url)
    ledger: list[str] = []
    with closing(make_bot(url, ledger.append)) as bot, closing(AsgiDoor(bot)):
        wait_until(lambda: f"{USER} woke" in ledger, "it to wake without a push")
        assert not sweeps(), "its event loop does it"


def test_a_wsgi_server_does_from_its_first_push(url: str) -> None:
    asleep(url)
    ledger: list[str] = []
    with closing(make_bot(url, ledger.append)) as bot, closing(WsgiDoor(bot)):
        assert not sweeps()
        say(bot, "嗨")
        assert sweeps()
        wait_until(lambda: f"{USER} woke" in ledger, "it to wake")
    wait_until(lambda: not sweeps(), "it to end with the bot")


def test_what_an_operator_does_sweeps_nothing(url: str) -> None:
    asleep(url)
    ledger: list[str] = []
    with closing(make_bot(url, ledger.append)) as bot:
        stored = Conversations(bot)
        [one] = stored.list()
        assert stored.show(one.id)
        assert bot.learn_account() == ACCOUNT
        bot.signal(USER, "other")
        stored.end(one.id)
        assert not sweeps()
        assert bot._runner.outside.sweeping._task is None
    assert ledger == []


def test_what_goes_on_by_itself_leaves_no_live_dialog(url: str) -> None:
    def patient(chat: Chat) -> Any:
        """Ask twice: the second question stands when the first has not been answered."""
        with suppress(NoAnswer):
            yield from chat.ask("在吗？", within=0.1)
        return (yield from chat.ask("还在吗？"))

    for process in range(2):
        with closing(make_bot(url, list[str]().append, timers=False, account=ACCOUNT)) as bot:
            bot.text("问")(patient)
            if process == 0:
                say(bot, "问")
                continue
            wait_until(bot.run_due, "it to be due")
            assert isinstance(bot.settings.cache, LiveDialogs)
            assert len(bot.settings.cache) == 0
            assert "还在吗？" in say(bot, "嗨")
            assert len(bot.settings.cache) == 1, "a message's turn does"


def test_no_more_users_than_wanted_are_done_on_demand(url: str) -> None:
    users = [f"oUser{number:023}" for number in range(5)]
    asleep(url, *users)
    ledger: list[str] = []
    store = SQLiteStore(url.removeprefix("sqlite:///"), clock=lambda: time.time() + 60)
    with closing(store), closing(make_bot(store, ledger.append, timers=False)) as bot:
        assert [bot.run_due(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sorted(line for line in ledger if "begins" not in line) == [
        f"{user} woke" for user in users
    ]


# Who goes on --------------------------------------------------------------------------------------


class Turn:
    """A turn that is in a step, until it is let go; nobody sweeps."""

    def __init__(self, url: str, begin: Callable[[Bot], object]) -> None:
        self.ledger: list[str] = []
        self._may_end = threading.Event()
        self.bot = make_bot(url, self._note, timers=False, lease=60.0)
        for _ in range(2):
            say(self.bot, "等钱")
        self._thread = threading.Thread(target=lambda: begin(self.bot))
        self._thread.start()
        wait_until(lambda: self.ledger, "the step")

    def _note(self, line: str) -> None:
        self.ledger.append(line)
        self._may_end.wait()

    def end(self) -> None:
        self._may_end.set()
        self._thread.join()


def busy(bot: Bot) -> object:
    @bot.text("忙")
    def works(chat: Chat) -> Any:
        """A message's turn."""
        write = bot.router.collected.dialogs["visit", ""].fn
        return (yield from write(chat, "忙"))

    return say(bot, "忙")


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(busy, id="a message's turn"),
        pytest.param(
            lambda bot: bot.signal(USER, "paid", Payment(1), match="A1"), id="a signal's turn"
        ),
    ],
)
def test_a_signal_waits_for_no_turn_and_whoever_has_that_goes_on(
    url: str, begin: Callable[[Bot], object]
) -> None:
    turn = Turn(url, begin)
    # It would never return, if it waited for the turn.
    assert turn.bot.signal(USER, "paid", Payment(2), match="A1") == "kept"
    turn.end()
    wait_until(lambda: f"{USER} paid 2" in turn.ledger, "the conversation to go on")
    turn.bot.close()


@pytest.mark.parametrize(
    "name", ["signal", "signal_async", "begin", "begin_async", "run_due", "run_due_async"]
)
def test_between_two_questions_each_of_them_is_an_error(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Bot("full-path", store="memory://", timers=False)) as bot:

        @bot.text("错")
        def wrong(chat: Chat) -> Any:
            call = getattr(bot, name)
            asked = call() if name.startswith("run_due") else call(chat.user, wrong)
            if hasattr(asked, "close"):
                asked.send(None)
            yield from chat.ask("？")

        assert "出了点问题" in say(bot, "错")
    assert f"{SideEffect.__name__}: dialog 'wrong' calls bot.{name} at " in caplog.text
    assert f"{Path(__file__).name}:" in caplog.text
