"""Time that the simulator lets pass, in the process of its bot, which sweeps meanwhile."""

from __future__ import annotations

from typing import Any, cast

from wechat_dialog import Bot
from wechat_dialog.cli.bot_process import _Answers, _Clock
from wechat_dialog.platform.simulator.passing import let_pass
from wechat_dialog.stores.memory import MemoryStore


class SweptAtOnce(_Clock):
    """A clock that lets the sweeping thread look as soon as it is put forward, if that can."""

    answers: _Answers

    @property
    def offset(self) -> float:
        return self._offset

    @offset.setter
    def offset(self, offset: float) -> None:
        self._offset = offset
        if offset and not self.answers._due.locked():
            self.answers.run_due()


class Process:
    """The bot's process, without a process."""

    offset = 0.0

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    def ask(self, command: str, **fields: Any) -> Any:
        return getattr(self._answers, command)(**fields)


def test_what_the_sweep_does_as_the_clock_is_put_forward_is_counted() -> None:
    clock = SweptAtOnce(0.0)
    bot = Bot("t", account="gh_1")
    bot.simulate(clock=clock, store=MemoryStore(clock), api="http://127.0.0.1:9", token="t")
    bot.timers = False

    @bot.dialog
    def visit(chat: Any) -> Any:
        yield from chat.sleep(60)
        yield from chat.sleep(60)

    clock.answers = _Answers(clock)
    clock.answers.begin(bot, cast("Any", None))
    assert bot.begin("oUser", visit) == "taken"
    process = Process(clock.answers)
    assert let_pass(process, 3600.0) == 2
    assert clock.offset == process.offset
