"""One process of a bot, from its start to its end, and what is said to it and by it."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec

from wechat_dialog.platform.language import tr

from .bot_info import BotFailure, BotInfo
from .looking import places_of
from .not_running import NotRunning
from .values import Place

__all__ = ["Life", "Owner"]

PATIENCE = 10.0
"""Seconds to wait for a request's answer."""

TURN = 60.0
"""Seconds to wait for the answer to a request that may run a whole turn, with its steps."""

LIMITS = {"signal": TURN, "run_due": TURN, "resume": TURN, "where": 2.0}
"""Where a request's answer is not waited for as long as others."""

END = 2.0
"""Seconds that running turns have to end before the process is killed: its developer waits. The
next process finishes what was cut off.
"""


class Owner(Protocol):
    """Who starts processes, and is told of them; see `BotProcess`."""

    changed: Callable[[str, str], None]
    free: threading.Event

    def spawn(self, control: int) -> subprocess.Popen[bytes]:
        """Start the process with a control socket."""
        ...

    def hello(self) -> dict[str, Any]:
        """Return the first line that a process is sent."""
        ...

    def began(self, life: Life, info: BotInfo) -> None:
        """Note that the process serves."""

    def failed(self, life: Life, failure: BotFailure) -> None:
        """Note why the process cannot serve."""

    def ended(self, life: Life, status: int) -> None:
        """Note that the process has ended by itself."""

    def printed(self, line: str) -> None:
        """Keep a line of the process's output."""


class Life:
    """One process, from its start to its end.

    Attributes:
        process: The process.
        settled: Set as soon as it serves, or has failed to.
    """

    def __init__(self, owner: Owner) -> None:
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
        for thread in reversed(self._threads):  # `_listen` joins the thread of `_read` at its end
            thread.start()

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._control.sendall(msgspec.json.encode(message) + b"\n")

    def _lines(self) -> Iterator[bytes]:
        with contextlib.suppress(OSError), self._control.makefile("rb") as lines:
            yield from lines

    def _listen(self) -> None:
        """Read the control socket until it is closed, then wait for the process to end."""
        for line in self._lines():
            message = msgspec.json.decode(line)
            if "ready" in message:
                self.owner.began(self, msgspec.convert(message["ready"], BotInfo))
                self.settled.set()
            elif "failed" in message:
                self.owner.failed(self, msgspec.convert(message, BotFailure))
            elif "refused" in message:
                self.owner.changed("refused", line.decode())
            elif "debugging" in message:
                (self.owner.free.clear if message["debugging"] else self.owner.free.set)()
            elif future := self._waiting.pop(message["id"], None):
                if "error" in message:
                    future.set_exception(NotRunning.refusal(message))
                else:
                    future.set_result(message["result"])
        status = self.process.wait()
        # The rest of its output; not waited for longer, since a child process of the bot's may keep
        # the pipe open.
        self._threads[1].join(1)
        self.owner.free.set()
        self.owner.ended(self, status)
        self.settled.set()
        for future in list(self._waiting.values()):
            future.set_exception(NotRunning("the bot's process has ended"))

    def _read(self) -> None:
        """Keep what the process prints."""
        assert self.process.stdout is not None  # noqa: S101 - `spawn` asks for a pipe
        with self.process.stdout as output:
            for line in output:
                self.owner.printed(line.decode("utf-8", "replace").rstrip())

    def ask(self, message: dict[str, Any]) -> Any:
        """Send the process a request, and return the answer.

        Raises:
            NotRunning: It has ended, refuses or does not answer.
        """
        number, future = next(self._numbers), Future[Any]()
        self._waiting[number] = future
        if self.process.poll() is not None:
            raise NotRunning("the bot's process has ended")
        self._send({"id": number, **message})
        try:
            return future.result(LIMITS.get(message["do"], PATIENCE))
        except TimeoutError as error:
            why = "the bot's process does not answer: is it at a breakpoint?"
            raise NotRunning(why) from error
        finally:
            self._waiting.pop(number, None)

    def end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        """End the process, and by force if it takes too long; then it is told where it hung."""
        how(self.process)
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            places = places_of(lambda do: self.ask({"do": do}))
            self.process.kill()
            self.process.wait()
            self.owner.printed(_ended_by_force(places))
        for thread in self._threads:
            thread.join(PATIENCE)
        self._control.close()


def _ended_by_force(places: list[Place]) -> str:
    if not places:
        return tr("（机器人的进程 {0:g} 秒内没有停下来，已强行结束）", END)
    where = tr("，").join(map(str, places))
    return tr("（机器人的进程 {0:g} 秒内没有停下来，已强行结束；当时正在执行 {1}）", END, where)
