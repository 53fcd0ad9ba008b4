"""A bot's process behind a simulator: `python -m wechat_dialog.simulated APP LISTENER CONTROL`.

The other end of `platform.process`, which starts it. LISTENER is a listening socket, CONTROL one
for lines of JSON: we are told the store, the clock and the token, say who the bot is, and answer
what we are asked. When nothing comes any more, whoever started us is dead, and we end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import signal
import socket
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from wechat_dialog.application import load
from wechat_dialog.errors import DialogError
from wechat_dialog.inspection import inspect
from wechat_dialog.operators import Conversations, NotFound
from wechat_dialog.stores.sqlite import SQLiteStore

__all__ = ["main"]


NOWHERE = "http://127.0.0.1:9"
"""The port that nothing listens on."""


class _Control:
    """The line to whoever started us."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._lines = self._socket.makefile("rb")

    def hear(self) -> dict[str, Any] | None:
        """Return what is said next; None if nobody is there any more."""
        line = self._lines.readline()
        return msgspec.json.decode(line) if line else None

    def say(self, message: dict[str, Any]) -> None:
        """Say something."""
        self._socket.sendall(msgspec.json.encode(message) + b"\n")


class _Clock:
    """The real time, put forward."""

    def __init__(self, offset: float) -> None:
        self.offset = offset

    def __call__(self) -> float:
        return time.time() + self.offset


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave Ctrl-C to whoever started us."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield


def _prepared(target: str, hello: dict[str, Any], clock: _Clock) -> Any:
    bot = load(target)
    if not bot.token:
        bot.simulate(hello["token"])
    bot.use_store(SQLiteStore(hello["store"], clock))
    # Where nobody stands in for the active side, nobody does: a developer's own account is not
    # written to, and what would be pushed is fetched.
    bot.use_platform("wx0123456789abcdef", "simulated", hello["api"] or NOWHERE)
    if not hello["api"]:
        bot.rules.pushes.wanted = False
    bot.use_clock(clock)
    if hello["strict"]:
        bot.rules = dataclasses.replace(bot.rules, strict=True)
        bot.settings = dataclasses.replace(bot.settings, rules=bot.rules)
    bot.check()
    return bot


def _described(bot: Any) -> dict[str, Any]:
    routes = getattr(getattr(bot, "router", None), "collected", None)
    clicks = [route for route in getattr(routes, "routes", ()) if route.kind == "click"]
    return {
        "token": bot.token,
        "app_id": bot.app_id,
        "app_secret": bot.app_secret,
        "aes_key": bot.aes_key,
        "mode": bot.mode,
        "keys": [one for route in clicks for one in route.patterns if isinstance(one, str)],
        "files": _files(),
    }


_HOUSES = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
_OURS = str(Path(__file__).resolve().parent)


def _files() -> list[str]:
    """Return the source files of modules that are neither installed nor ours."""
    found = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    paths = {os.path.realpath(path) for path in found if path and path.endswith(".py")}
    return sorted(
        path
        for path in paths
        if not any(Path(path).is_relative_to(house) for house in _HOUSES)
        and (not Path(path).is_relative_to(_OURS) or Path(path) == Path(_OURS, "demo.py"))
    )


def _read_on_the_way(target: str, error: BaseException) -> list[str]:
    """Return the files to watch after the application could not be loaded."""
    files = {*_files()}
    if isinstance(error, SyntaxError) and error.filename:
        files.add(os.path.realpath(error.filename))
    files |= {
        os.path.realpath(frame.filename) for frame in traceback.extract_tb(error.__traceback__)
    }
    where = target.partition(":")[0]
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = None if where.endswith(".py") else importlib.util.find_spec(where)
        files.add(os.path.realpath(where if spec is None else spec.origin or where))
    return sorted(path for path in files if not path.startswith((*_HOUSES, _OURS)))


class _Answers:
    """What we are asked, and what we answer."""

    def __init__(self, bot: Any, clock: _Clock) -> None:
        self._bot = bot
        self._clock = clock

    def clock(self, offset: float) -> None:
        """Put the clock forward."""
        self._clock.offset = offset

    def conversation(self, user: str) -> dict[str, Any] | None:
        """Say what a user's conversation stands at."""
        return inspect(self._bot, user, now=self._clock())

    def files(self) -> list[str]:
        """Say which files the application consists of by now."""
        return _files()

    def forget(self) -> None:
        """Put every live dialog away: the store was changed behind our back."""
        if self._bot.settings.cache is not None:
            self._bot.settings.cache.clear()

    def end(self, user: str) -> None:
        """End a user's conversations."""
        with contextlib.suppress(NotFound):
            Conversations(self._bot).end(user)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer one question."""
        number, command = asked.pop("id"), asked.pop("do")
        work: Callable[..., Any] = getattr(self, command)
        try:
            return {"id": number, "result": work(**asked)}
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            return {"id": number, "error": f"{type(error).__name__}: {error}"}


def _listen(control: _Control, answers: _Answers) -> None:
    while (asked := control.hear()) is not None:
        control.say(answers.answer(asked))
    os.kill(os.getpid(), signal.SIGTERM)


def main(target: str, listener: int, control_fd: int) -> int:
    """Serve until we are told to end; returns the exit status."""
    control = _Control(control_fd)
    hello = control.hear()
    if hello is None:
        return 1
    clock = _Clock(hello["offset"])
    try:
        bot = _prepared(target, hello, clock)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whoever started us is told
        why = str(error) if isinstance(error, DialogError) else traceback.format_exc()
        control.say({"failed": why, "files": _read_on_the_way(target, error)})
        return 2
    control.say({"ready": _described(bot)})
    threading.Thread(target=_listen, args=(control, _Answers(bot, clock)), daemon=True).start()
    config = uvicorn.Config(bot.asgi, fd=listener, log_level="warning", access_log=False)
    _Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
