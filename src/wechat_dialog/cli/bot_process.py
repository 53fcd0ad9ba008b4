"""The child process in which a simulator runs its bot.

    python -m wechat_dialog.cli.bot_process APP LISTENER CONTROL

`platform/simulator/bot_process.py` starts it. LISTENER is the file descriptor of a listening
socket, CONTROL that of a socket for lines of JSON: on it the process receives the store, the
clock's offset and a token, describes its bot, and answers requests. When that socket is closed, the
parent process has died, and this one ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from functools import cache, partial
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
import uvicorn

from wechat.bot import ModuleBot
from wechat_dialog.core.blame import told
from wechat_dialog.core.logs import log
from wechat_dialog.core.printable import block
from wechat_dialog.errors import DialogError, NotRepeatable, NotWaitedFor, SideEffect
from wechat_dialog.operators import Conversations, NotFound
from wechat_dialog.operators.inspection import inspect
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.language import tr
from wechat_dialog.platform.refusals import chinese_of, refusal
from wechat_dialog.stores.sqlite import SQLiteStore

from .breakpoints import can_debug, debug_at_the_terminal, pass_over
from .load import in_four_lines, load
from .source_finder import is_installed
from .whereabouts import PrintedOnce, whereabouts

__all__ = ["main"]


SWEEP = 0.2
"""Seconds between two looks at what is due."""

NOWHERE = "http://127.0.0.1:9"
"""An address at which nothing listens."""


class _Control:
    """The control connection to the process that started this one."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._lines = self._socket.makefile("rb")
        self._writing = threading.Lock()

    def hear(self) -> dict[str, Any] | None:
        """Return the next line; None if the connection is closed."""
        line = self._lines.readline()
        return msgspec.json.decode(line) if line else None

    def say(self, message: dict[str, Any]) -> None:
        """Send a line; any thread may."""
        with self._writing:
            self._socket.sendall(msgspec.json.encode(message) + b"\n")


class _Clock:
    """The real time plus an offset."""

    def __init__(self, offset: float) -> None:
        self.offset = offset

    def __call__(self) -> float:
        return time.time() + self.offset


class _Server(uvicorn.Server):
    """The server.

    Attributes:
        loop: Its event loop; None before it runs.
    """

    loop: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave Ctrl-C to the process that started this one."""
        self.loop = asyncio.get_running_loop()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield


def _prepared(target: str, hello: dict[str, Any], clock: _Clock, control: _Control) -> Any:
    bot = load(target)
    # Without a simulated API, no API call is answered: the developer's real account must not be
    # changed. Users then fetch what would be pushed.
    bot.simulate(
        clock=clock,
        store=SQLiteStore(hello["store"], clock),
        api=hello["api"] or NOWHERE,
        token=hello["token"],
    )
    # The account is the simulator's, known before its first push: a signal may be sent before that.
    # What falls due is done by `_Answers`, in the order in which its clock is put forward.
    bot.account, bot.timers = Account(str(bot.token)).id, False
    bot.rules = dataclasses.replace(
        bot.rules,
        may_push=bot.rules.may_push and bool(hello["api"]),
        strict=bot.rules.strict or hello["strict"],
        broke=partial(_tell, hello["terminal"]["parked"]),
        refused=_Refusals(
            control, hello["terminal"]["refused"], min(bot.rules.cancel, default="")
        ).tell,
    )
    bot.settings = dataclasses.replace(bot.settings, rules=bot.rules)
    if bot.rules.pages is not None:
        # The links that are shown here lead to this process, not to the server that is deployed.
        bot.rules.pages.url = hello["url"].rstrip("/") + bot.rules.pages.path
    bot.check()
    return bot


def _tell(parked: str, error: BaseException) -> None:
    """Print the error that parked a conversation, escaped, and what the developer can do."""
    print(block(f"{in_four_lines(error, refusal)}\n{parked}"), file=sys.stderr, flush=True)


def _tell_passed_over(target: str, place: str) -> None:
    remedy = tr(
        "{0} 的 breakpoint() 跳过了，因为这里没有终端；在终端里运行 wechat-dialog chat {1}，"
        "就会停在那里",
        place,
        target,
    )
    print(block(remedy), file=sys.stderr, flush=True)


class _Refusals:
    """Tells the developer of messages that strict mode refuses: nothing of them is recorded, and
    the conversation stays where it was.
    """

    def __init__(self, control: _Control, remedy: str, cancel: str) -> None:
        self._control = control
        end = tr("；发“{0}”就结束它", cancel) if cancel else ""
        self._remedy = tr("（{0}{1}）", remedy, end)
        self._told: set[tuple[str, type[BaseException]]] = set()

    def tell(self, user: str, error: BaseException) -> None:
        """Tell the simulator; print what to do, unless that was done for the same kind."""
        if not isinstance(error, (NotRepeatable, NotWaitedFor, SideEffect)):
            return
        english = f"{type(error).__name__}: {told(error)}"
        with contextlib.suppress(OSError):  # the simulator has ended
            self._control.say({"refused": user, "why": english, "why_zh": chinese_of(english)})
        if (user, type(error)) not in self._told:
            self._told.add((user, type(error)))
            print(block(self._remedy), file=sys.stderr, flush=True)


class _InTheTerminalsLanguage(logging.Formatter):
    """Formats the library's lines of the log for a developer who reads them at a desk."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line = super().format(record)
        return refusal(line) if record.name == log.name else line


def _described(bot: Any) -> dict[str, Any]:
    routes = getattr(getattr(bot, "router", None), "collected", None)
    clicks = [route for route in getattr(routes, "routes", ()) if route.kind == "click"]
    pages = getattr(getattr(bot, "rules", None), "pages", None)
    return {
        "token": str(bot.token),
        "app_id": bot.app_id,
        "app_secret": str(bot.app_secret),
        "aes_key": str(bot.aes_key),
        "mode": bot.mode,
        "keys": [key for route in clicks for key in route.patterns if isinstance(key, str)],
        "files": _files(),
        "pages": "" if pages is None else pages.url,
    }


_DEMO = str(Path(__file__).resolve().with_name("demo.py"))


def _files() -> list[str]:
    """Return the source files of all modules that belong to the application."""
    names = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return sorted({os.path.realpath(path) for path in names if path and _is_own(path)})


@cache
def _is_own(path: str) -> bool:
    """Whether a file belongs to the application."""
    real = os.path.realpath(path)
    return real.endswith(".py") and (real == _DEMO or not is_installed(real))


def _read_on_the_way(target: str, error: BaseException) -> list[str]:
    """Return the files to watch for a correction after the application could not be loaded."""
    files = {*_files()}
    error = error.__cause__ or error
    if isinstance(error, SyntaxError) and error.filename:
        files.add(os.path.realpath(error.filename))
    files |= {
        os.path.realpath(frame.filename) for frame in traceback.extract_tb(error.__traceback__)
    }
    files.add(os.path.realpath(_source_of(target.partition(":")[0])))
    return sorted(path for path in files if not is_installed(path))


def _source_of(module: str) -> str:
    """Return the source file of a module, or of a path; also of one that is still to be written."""
    if module.endswith(".py"):
        return module
    if os.sep not in module:
        with contextlib.suppress(ImportError, ValueError, AttributeError):
            spec = importlib.util.find_spec(module)
            if spec is not None and spec.origin:
                return spec.origin
        module = module.replace(".", os.sep)
    return f"{module}.py"


class _Answers:
    """The requests of the simulator: each method answers the one that has its name."""

    def __init__(self, clock: _Clock) -> None:
        """Until `begin` is called, only say what is being executed; the other requests wait."""
        self._loaded = threading.Event()
        self._bot: Any = None
        self._clock = clock
        self._server: _Server | None = None
        self._due = threading.Lock()

    def begin(self, bot: Any, server: _Server) -> None:
        """From now on answer for a bot, which has been loaded."""
        self._bot, self._server = bot, server
        self._loaded.set()

    def sweep(self) -> None:
        """Do what falls due as time passes, for ever."""
        while True:
            time.sleep(SWEEP)
            with contextlib.suppress(Exception):  # the next look may do better
                self.run_due()

    def run_due(self, offset: float | None = None) -> int:
        """Do what is due; return how many things that were.

        Args:
            offset: Offset of the bot's clock from now on. No sweep comes between it and what is due
                then: that would be missing in the count. None: as it is.
        """
        with self._due:
            if offset is not None:
                self.clock(offset)
            count: int = self._bot.run_due() if self._bot.learn_account() else 0
            return count

    def next_due(self) -> float | None:
        """Return when something falls due next, in seconds since 1970."""
        at: float | None = self._bot.next_due()
        return at

    def signal(self, user: str, name: str, data: str, match: str, once: str) -> str:
        """Send a signal; `data` is JSON, `once` its id."""
        value = msgspec.json.decode(data or "null")
        outcome: str = self._bot.signal(user, name, value, match=match, id=once)
        return outcome

    def clock(self, offset: float) -> None:
        """Set the offset of the bot's clock."""
        self._clock.offset = offset

    def conversation(self, user: str) -> dict[str, Any] | None:
        """Return the state of a user's conversation."""
        state = inspect(self._bot, user, now=self._clock())
        if state is None:
            return None
        # The page may be read in another language than the terminal.
        for parked in state["parked"]:
            parked["error_zh"] = chinese_of(parked["error"])
        if (difference := state["divergence"]) is not None:
            difference["zh"] = {
                name: chinese_of(difference[name] or "") for name in ("expected", "found", "text")
            }
        return state

    def ping(self) -> None:
        """Answer."""

    def where(self) -> list[dict[str, str]]:
        """Return what the application's code is doing."""
        return whereabouts(_is_own, None if self._server is None else self._server.loop)

    def files(self) -> list[str]:
        """Return the files of the application, later imports included."""
        return _files()

    def forget(self) -> None:
        """Discard all live dialogs: the simulator has changed the store."""
        if self._bot.settings.cache is not None:
            self._bot.settings.cache.clear()

    def end(self, user: str) -> None:
        """End a user's conversations."""
        with contextlib.suppress(NotFound):
            Conversations(self._bot).end(user)

    def resume(self, conversation: str) -> bool:
        """Resume a parked conversation; return whether it went on."""
        return Conversations(self._bot).resume(conversation)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the simulator."""
        number, command = request.pop("id"), request.pop("do")
        work: Callable[..., Any] = getattr(self, command)
        try:
            if command != "where":
                self._loaded.wait()
            return {"id": number, "result": work(**request)}
        except Exception as error:  # noqa: BLE001 - the simulator reports it
            # Of an error that is raised on purpose the sentence says all.
            name = "" if isinstance(error, DialogError) else f"{type(error).__name__}: "
            # The page may be read in another language than the terminal.
            english, chinese = str(error), chinese_of(str(error))
            return {"id": number, "error": f"{name}{english}", "chinese": f"{name}{chinese}"}


def _listen(control: _Control, answers: _Answers) -> None:
    def answer(request: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the simulator has ended
            control.say(answers.answer(request))

    # Each on a thread of its own: while a signal's turn runs its steps, they are looked at.
    while (request := control.hear()) is not None:
        threading.Thread(target=answer, args=(request,), daemon=True).start()
    os.kill(os.getpid(), signal.SIGTERM)


def main(target: str, listener: int, control_fd: int) -> int:
    """Serve until told to end. Return the exit status."""
    control = _Control(control_fd)
    hello = control.hear()
    if hello is None:
        return 1
    clock = _Clock(hello["offset"])
    if logging.lastResort is not None:  # it prints the log of an application that sets none up
        logging.lastResort.setFormatter(_InTheTerminalsLanguage())
    sys.stdout = cast("TextIO", PrintedOnce(sys.stdout))
    sys.stderr = cast("TextIO", PrintedOnce(sys.stderr))
    answers = _Answers(clock)
    threading.Thread(target=_listen, args=(control, answers), daemon=True).start()
    if hello["terminal"]["debugs"] and can_debug():
        debug_at_the_terminal(lambda stops: control.say({"debugging": stops}))
    else:
        pass_over(partial(_tell_passed_over, target))
    try:
        bot = _prepared(target, hello, clock, control)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the simulator reports it
        why = str(error) if isinstance(error, DialogError) else traceback.format_exc()
        files = _read_on_the_way(target, error)
        control.say({"failed": why, "chinese": chinese_of(why), "files": files})
        return 2
    server = _Server(uvicorn.Config(bot.asgi, log_level="warning", access_log=False))
    answers.begin(bot, server)
    control.say({"ready": _described(bot)})
    if not isinstance(bot, ModuleBot):
        threading.Thread(target=answers.sweep, daemon=True).start()
    # Not by `fd=`, which uvicorn takes for a UNIX socket: its answers would be 40 ms late.
    server.run(sockets=[socket.socket(fileno=listener)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
