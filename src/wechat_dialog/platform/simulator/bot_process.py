"""A bot in a process of its own, for a simulator: started, killed, started again, ended.

We listen and the process accepts, so that the address outlives it: what arrives while there is no
process waits for the next one. Beside it runs a line of JSON each way, on a socket of their own:
the process says who the bot is, and answers what it is asked (`wechat_dialog.cli.bot_process`); if
it hears nothing any more, we have died, and it ends. The bot's conversations are kept in a file of
ours, never in its own store, and its clock is ours, so that it can be put forward.

Safe to use from any thread; `changed` is called on another one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import msgspec

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.language import tr

__all__ = ["BotInfo", "BotProcess", "NotRunning"]

PATIENCE = 10.0
"""Seconds for turns under way, after which the process is killed; and for an answer of its own."""

LINES = 200
"""Lines of its output that are kept."""


class NotRunning(DialogError):
    """The bot's process is not there to be asked."""


class BotInfo(msgspec.Struct, frozen=True):
    """What a bot's process says of it when it is about to serve.

    Attributes:
        token: Its account's; the one we gave it if it has none.
        app_id: Likewise; "" if it has none.
        app_secret: Likewise.
        aes_key: Likewise.
        mode: How pushes are encrypted.
        keys: The menu keys it has routes for.
        files: The application's source files.
    """

    token: str
    app_id: str = ""
    app_secret: str = ""
    aes_key: str = ""
    mode: str = "plain"
    keys: list[str] = []
    files: list[str] = []

    def __repr__(self) -> str:  # no secret stands in it
        return f"BotInfo(app_id={self.app_id!r}, mode={self.mode!r})"


class _Failed(msgspec.Struct, frozen=True):
    """The application could not be loaded: why, and the files that were read on the way."""

    failed: str
    files: list[str] = []


class BotProcess:
    """One bot, through all of its processes. Use it for a `with` block.

    Attributes:
        target: What is served: `module:bot`.
        url: Its address, on the loopback.
        store: The SQLite file with its conversations.
        offset: Seconds its clock is ahead.
        status: "starting", "running", "crashed" (it ended by itself) or "stopped" (we ended it).
        error: Why it crashed, as it said itself; "" while it has not.
        info: What it said of itself when it last started; None before.
        log: The last lines of its output.
        changed: Called with "status" after each change of it, with "log" and the line after each
            line of output.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str,
        api: str = "",
        folder: str | None = None,
        environment: Mapping[str, str] | None = None,
        changed: Callable[[str, str], None] | None = None,
        strict: bool = True,
        parked: str = "",
    ) -> None:
        """Listen; `start` starts it.

        Args:
            target: `module:bot`, or a 2017 module.
            token: The token of a bot that has none.
            api: Where the active API is; "": nowhere, and what would be pushed is fetched.
            folder: Its working directory; None for ours.
            environment: Its environment; None for ours.
            changed: See above.
            strict: Whether every turn is replayed from scratch and compared.
            parked: What the developer is told to do where a conversation is parked.
        """
        self.target = target
        self.status = "stopped"
        self.error = ""
        self.offset = 0.0
        self.info: BotInfo | None = None
        self.files: set[str] = set()
        self._spawned = time.time_ns()
        self._told: dict[str, int] = {}
        self.log: deque[str] = deque(maxlen=LINES)
        self.changed: Callable[[str, str], None] = changed or (lambda _what, _line: None)
        self._hello = {"token": token, "strict": strict, "api": api, "parked": parked}
        self._folder = folder
        self._environment = dict(os.environ if environment is None else environment)
        self._kept = tempfile.TemporaryDirectory(prefix="wechat-dialog-")
        self.store = str(Path(self._kept.name) / "conversations.db")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._turning = threading.RLock()
        self._life: _Life | None = None

    def clock(self) -> float:
        """Return its time, in seconds since 1970."""
        return time.time() + self.offset

    @property
    def pid(self) -> int | None:
        """Id of the process; None if there is none."""
        life = self._life
        return life.process.pid if life is not None and life.process.poll() is None else None

    # Living ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, if it does not run."""
        with self._turning:
            if self.pid is not None:
                return
            self.error = ""
            self._set("starting")
            self._life = _Life(self)

    def wait(self, patience: float = 60.0) -> bool:
        """Wait until it serves or has failed to; returns whether it serves."""
        life = self._life
        return life is not None and life.settled.wait(patience) and self.status == "running"

    def kill(self) -> None:
        """End it on the spot, as a power cut would."""
        self._end(lambda process: process.kill())

    def stop(self) -> None:
        """End it, its turns under way finished."""
        self._end(lambda process: process.terminate())

    def restart(self) -> None:
        """End it and start it again, the code read anew."""
        with self._turning:
            self.stop()
            self.start()

    def revive(self) -> str:
        """Start it again if it has ended by itself; returns a sentence about that, else ""."""
        with self._turning:
            life = self._life
            if life is None or self.pid is not None or self.status == "stopped":
                return ""
            status = life.process.wait()
            self.start()
        if status < 0:
            return tr("（机器人的进程已被信号 {0} 结束，重新启动了。）", -status)
        return tr("（机器人的进程已退出，状态 {0}，重新启动了。）", status)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self._turning:
            life, self._life = self._life, None
            if life is not None:
                life.end(how)
            self._set("stopped")

    def close(self) -> None:
        """End it for good, and forget its conversations."""
        self.stop()
        self._listener.close()
        self._kept.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Asking ---------------------------------------------------------------------------------------

    def ask(self, command: str, **fields: Any) -> Any:
        """Ask the process something; see `wechat_dialog.cli.bot_process` for what it answers.

        Raises:
            NotRunning: It is not there, or does not answer.
        """
        life = self._life
        if life is None:
            raise NotRunning("the bot's process does not run")
        return life.ask({"do": command, **fields})

    def advance(self, seconds: float) -> None:
        """Let time pass for the bot."""
        self.offset += seconds
        with contextlib.suppress(NotRunning):
            self.ask("clock", offset=self.offset)

    def conversation(self, user: str) -> dict[str, Any] | None:
        """Return what a user's conversation stands at, as it is shown to a developer.

        Args:
            user: The user's OpenID.

        Returns:
            None if nothing of the user is stored, or nobody is there to read it.
        """
        with contextlib.suppress(NotRunning):
            found: dict[str, Any] | None = self.ask("conversation", user=user)
            return found
        return None

    # Called by its life ---------------------------------------------------------------------------

    def _set(self, status: str) -> None:
        self.status = status
        self.changed("status", "")

    def began(self, life: _Life, info: BotInfo) -> None:
        """Note that it serves."""
        if life is self._life:
            self.info, self.files = info, set(info.files)
            self._set("running")

    def failed(self, life: _Life, why: str, files: list[str]) -> None:
        """Note why it does not serve."""
        if life is self._life:
            self.error = why
            self.files |= set(files)

    def ended(self, life: _Life, status: int) -> None:
        """Note that it has ended by itself."""
        if life is self._life:
            how = f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
            self.error = self.error or "\n".join([*list(self.log)[-20:], how])
            self._set("crashed")

    def said(self, line: str) -> None:
        """Keep a line of its output."""
        self.log.append(line)
        self.changed("log", line)

    def edited(self) -> set[str]:
        """Return those of `files` that were written since the process was started, each time once.

        What watches folders misses what is written before it looks.
        """
        found: set[str] = set()
        for file in list(self.files):
            with contextlib.suppress(OSError):  # gone; its successor will be told
                written = Path(file).stat().st_mtime_ns
                if written > self._spawned and written != self._told.get(file):
                    self._told[file] = written
                    found.add(file)
        return found

    def spawn(self, control: int) -> subprocess.Popen[bytes]:
        """Start the process, at the other end of a control socket."""
        listener = self._listener.fileno()
        # Ctrl-C at the terminal is for whoever started it, also while it is still importing.
        command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"]
        command += [sys.executable, "-m", "wechat_dialog.cli.bot_process"]
        command += [self.target, str(listener), str(control)]
        self._spawned = time.time_ns()
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            pass_fds=(listener, control),
            env={**self._environment, "PYTHONUNBUFFERED": "1"},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def hello(self) -> dict[str, Any]:
        """Return what a process is told first."""
        return {**self._hello, "store": self.store, "offset": self.offset}


class _Life:
    """One process, from its start to its end.

    Attributes:
        process: The process.
        settled: Set when it serves, or has failed to.
    """

    def __init__(self, owner: BotProcess) -> None:
        self.owner = owner
        self.settled = threading.Event()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._writing = threading.Lock()
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            self.process = owner.spawn(theirs.fileno())
        self._control = ours
        self._send(owner.hello())
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._listen, self._read)
        ]
        for thread in reversed(self._threads):  # the first waits for the second in the end
            thread.start()

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._control.sendall(msgspec.json.encode(message) + b"\n")

    def _lines(self) -> Iterator[bytes]:
        with contextlib.suppress(OSError), self._control.makefile("rb") as lines:
            yield from lines

    def _listen(self) -> None:
        """Hear what it says on the control socket, then see its end."""
        for line in self._lines():
            told = msgspec.json.decode(line)
            if "ready" in told:
                self.owner.began(self, msgspec.convert(told["ready"], BotInfo))
                self.settled.set()
            elif "failed" in told:
                failed = msgspec.convert(told, _Failed)
                self.owner.failed(self, failed.failed, failed.files)
            elif future := self._waiting.pop(told["id"], None):
                if "error" in told:
                    future.set_exception(NotRunning(told["error"]))
                else:
                    future.set_result(told["result"])
        status = self.process.wait()
        # Its last words, unless a child of its own keeps the pipe open.
        self._threads[1].join(1)
        self.owner.ended(self, status)
        self.settled.set()
        for future in list(self._waiting.values()):
            future.set_exception(NotRunning("the bot's process has ended"))

    def _read(self) -> None:
        """Keep what it prints."""
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        with self.process.stdout as output:
            for line in output:
                self.owner.said(line.decode("utf-8", "replace").rstrip())

    def ask(self, message: dict[str, Any]) -> Any:
        number, future = next(self._numbers), Future[Any]()
        self._waiting[number] = future
        if self.process.poll() is not None:
            raise NotRunning("the bot's process has ended")
        self._send({"id": number, **message})
        try:
            return future.result(PATIENCE)
        except TimeoutError as error:
            raise NotRunning("the bot's process does not answer") from error
        finally:
            self._waiting.pop(number, None)

    def end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        how(self.process)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._control.close()
