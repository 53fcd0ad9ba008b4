"""`wechat-dialog work`: a process that handles what falls due, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Annotated, Any

import typer

from wechat_dialog.bot import Bot
from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.platform.language import tr
from wechat_dialog.platform.safe_console import SafeConsole

from .breakpoints import pass_over_without_terminal
from .load import load
from .serve_checks import LogLevel, log_to_stderr

__all__ = ["work"]

errors = SafeConsole(stderr=True)

LOOK = 1.0
"""Seconds after which a worker sees whether the process that started it is still there."""

AGAIN = 1.0
"""Seconds before a worker that ended by itself is started again."""


def work(
    target: Annotated[str, typer.Argument(metavar="APP", help="module:bot")],
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    drain: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="time that running turns have to end after SIGTERM",
            show_default="the bot's, 15",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="lowest level on stderr")] =
        LogLevel.info,
) -> None:  # fmt: skip
    """Do what falls due, and answer no message: timers, reminders, signals that were only posted.

    For bots with `timers=False`, and beside any other. At SIGTERM turns under way end and are
    recorded.
    """
    bot = _loaded(target)
    _tell(bot)
    if workers == 1:
        _work(bot, drain, log_level.value, parent=0)
        return
    drain = bot.drain if drain is None else drain
    bot.close()
    _Workers(target, workers, drain, log_level.value).run()


def _loaded(target: str) -> Bot:
    pass_over_without_terminal()
    bot = load(target)
    if not isinstance(bot, Bot):
        raise ConfigurationError(f"{target!r} is no Bot: a 2017 module has no timers")
    bot.check()
    return bot


def _tell(bot: Bot) -> None:
    try:
        account = bot.learn_account()
    except StoreError as error:
        errors.print(f"wechat-dialog: {error}", markup=False)
        return
    if account:
        errors.print(f"wechat-dialog: {account}, {tr('存储')} {bot.store_name}", markup=False)
    else:
        errors.print(
            "wechat-dialog: the account is not known yet: set Bot(account='gh_…'), or let the bot "
            "answer a push; until then nothing is due", markup=False,
        )  # fmt: skip


def _work(bot: Bot, drain: float | None, log_level: str, parent: int) -> None:
    """Sweep until told to end, or until the process that started this one is gone."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # may be put into from a signal handler

    def end(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    log_to_stderr(log_level.upper())
    bot.timers = True
    bot.sweep(alone=True)
    while signals.empty() and (not parent or os.getppid() == parent):
        try:
            signals.get(timeout=LOOK)
            break
        except queue.Empty:
            continue
    bot.close(drain)


def _worker(target: str, drain: float, log_level: str, parent: int) -> None:
    """Run one of the processes of `--workers`."""
    _work(_loaded(target), drain, log_level, parent)


class _Workers:
    """Several worker processes; one that ends by itself is started again."""

    def __init__(self, target: str, number: int, drain: float, log_level: str) -> None:
        self._arguments = (target, drain, log_level, os.getpid())
        self._drain = drain
        # A forked child would share what this process has opened.
        self._context: Any = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = [self._start() for _ in range(number)]
        self._is_ending = False

    def _start(self) -> BaseProcess:
        process: BaseProcess = self._context.Process(target=_worker, args=self._arguments)
        process.start()
        return process

    def run(self) -> None:
        """Supervise them until told to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while not self._is_ending:
            wait([process.sentinel for process in self._processes], timeout=LOOK)
            for place, process in enumerate(self._processes):
                if process.exitcode is not None and not self._is_ending:
                    errors.print(f"wechat-dialog: a worker ended with {process.exitcode}")
                    time.sleep(AGAIN)
                    self._processes[place] = self._start()
        self._stop()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_ending = True

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
        until = time.monotonic() + self._drain + 5.0
        for process in self._processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.exitcode is None:
                process.kill()
