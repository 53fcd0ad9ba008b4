"""A bot in a process of its own, for a simulator: started, killed, started again, ended.

The listening socket belongs to the simulator and the process only accepts from it, so that the
address stays the same: connections made while no process runs wait for the next one. A second
socket, the control socket, carries lines of JSON both ways: the process describes its bot and
answers requests (`wechat_dialog.cli.bot_process`). When that socket is closed, the simulator has
died, and the process ends. The bot's conversations are kept in a file of the simulator's, never in
the bot's own store, and the simulator sets the bot's clock, so that it can be put forward.

Safe to use from any thread; `changed` is called on another one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from wechat_dialog.platform.language import in_chinese, tr

from .bot_info import BotFailure, BotInfo, Terminal
from .bot_life import Life
from .not_running import NotRunning
from .passing import let_pass
from .user_screens import NotPossible

__all__ = ["BotProcess"]

NO_TERMINAL = Terminal()

LINES = 200
"""Lines of the process's output that are kept."""


class BotProcess:
    """A bot, whichever process it runs in at the moment. Use it in a `with` block.

    Attributes:
        target: What is served: `module:bot`.
        url: Its address, on the loopback.
        store: The SQLite file with its conversations.
        offset: Seconds that its clock is ahead of the real time.
        status: "starting", "running", "crashed" (it ended by itself) or "stopped" (it was ended).
        error: Why it crashed, from its own output; "" if it has not crashed.
        error_zh: The same, with what is ours in Chinese.
        info: Its description of the bot; None before it first serves.
        log: The last lines of its output.
        changed: Called with "status" and "" when `status` changes, with "log" and the line for
            each line of output, and with "refused" and JSON for each message that strict mode
            refuses.
        free: Set unless a debugger reads from the terminal.
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
        terminal: Terminal = NO_TERMINAL,
    ) -> None:
        """Open the listening socket; `start` starts the process.

        Args:
            target: `module:bot`, or a 2017 module.
            token: The token for a bot that has none.
            api: The address of the simulated API; "" if there is none: users then fetch what would
                be pushed.
            folder: Its working directory; None for this process's.
            environment: Its environment variables; None for this process's.
            changed: See the attribute.
            strict: Whether every turn is replayed from scratch and compared.
            terminal: This process's terminal.
        """
        self.target = target
        self.status = "stopped"
        self.error = self.error_zh = ""
        self.offset = 0.0
        self.info: BotInfo | None = None
        self.files: set[str] = set()
        self._spawned = time.time_ns()
        self._reported: dict[str, int] = {}
        self.log: deque[str] = deque(maxlen=LINES)
        self.changed: Callable[[str, str], None] = changed or (lambda _kind, _line: None)
        self._hello = {"token": token, "strict": strict, "api": api, "terminal": terminal}
        self._folder = folder
        self._environment = dict(os.environ if environment is None else environment)
        self._directory = tempfile.TemporaryDirectory(prefix="wechat-dialog-")
        self.store = str(Path(self._directory.name) / "conversations.db")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._hello["url"] = self.url
        self.free = threading.Event()
        self.free.set()
        self._turning = threading.RLock()
        self._life: Life | None = None

    def clock(self) -> float:
        """Return the bot's time, in seconds since 1970."""
        return time.time() + self.offset

    @property
    def pid(self) -> int | None:
        """The id of the process; None if none runs."""
        life = self._life
        return life.process.pid if life is not None and life.process.poll() is None else None

    # Starting and ending --------------------------------------------------------------------------

    def start(self) -> None:
        """Start a process, if none runs."""
        with self._turning:
            if self.pid is not None:
                return
            self.error = self.error_zh = ""
            self._set("starting")
            self._life = Life(self)

    def wait(self, patience: float = 60.0) -> bool:
        """Wait until the process serves or has failed to; return whether it serves."""
        life = self._life
        if life is None:
            return False
        while not life.settled.wait(patience) and not self.free.is_set():
            self.free.wait()
        return life.settled.is_set() and self.status == "running"

    def kill(self) -> None:
        """Kill the process at once, as a power cut would."""
        self._end(lambda process: process.kill())

    def stop(self) -> None:
        """End the process after its running turns, for which it has a moment (`bot_life.END`)."""
        self._end(lambda process: process.terminate())

    def restart(self) -> None:
        """End the process and start another one, which imports the code again."""
        with self._turning:
            self.stop()
            self.start()

    def revive(self) -> str:
        """Start a new process if the last one ended by itself; return a notice of it, else ""."""
        with self._turning:
            life = self._life
            if life is None or self.pid is not None or self.status == "stopped":
                return ""
            status = life.process.wait()
            self.start()
        if status < 0:
            return tr("（机器人的进程已被信号 {0} 结束；再启动一次…）", -status)
        return tr("（机器人的进程已退出，状态 {0}；再启动一次…）", status)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self._turning:
            life, self._life = self._life, None
            if life is not None:
                life.end(how)
            self._set("stopped")

    def close(self) -> None:
        """End the process for good, and delete its conversations."""
        self.stop()
        self._listener.close()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Requests to the process ----------------------------------------------------------------------

    def ask(self, command: str, **fields: Any) -> Any:
        """Send the process a request and return the answer; see `wechat_dialog.cli.bot_process`.

        Raises:
            NotRunning: There is no process, or it does not answer.
        """
        life = self._life
        if life is None:
            raise NotRunning("the bot's process does not run")
        return life.ask({"do": command, **fields})

    def advance(self, seconds: float) -> int:
        """Let time pass for the bot: what falls due on the way is done in its order, each when the
        clock shows its time. Return how many things fell due.
        """
        until, count = self.offset + seconds, 0
        with contextlib.suppress(NotRunning):
            count = let_pass(self, until)
        self.offset = until
        with contextlib.suppress(NotRunning):
            self.ask("clock", offset=until)
        return count

    def signal(self, user: str, name: str, data: str, match: str = "", id: str = "") -> str:
        """Send a signal, as the bot's application would; `data` is JSON. Returns what became of it.

        Raises:
            NotPossible: The data is not JSON.
            NotRunning: The bot refused it, or no process runs.
        """
        try:
            msgspec.json.decode(data or "null")
        except msgspec.DecodeError as error:
            raise NotPossible(f"the data are no JSON: {error}; a text is '\"…\"'") from error
        outcome: str = self.ask("signal", user=user, name=name, data=data, match=match, once=id)
        return outcome

    def conversation(self, user: str) -> dict[str, Any] | None:
        """Return the state of a user's conversation, as it is shown to a developer.

        Args:
            user: The user's OpenID.

        Returns:
            None if nothing of the user is stored.

        Raises:
            NotRunning: No process runs that could read it, or it does not answer.
        """
        conversation: dict[str, Any] | None = self.ask("conversation", user=user)
        return conversation

    # Called by `Life` ----------------------------------------------------------------------------

    def _set(self, status: str) -> None:
        self.status = status
        self.changed("status", "")

    def began(self, life: Life, info: BotInfo) -> None:
        """Note that the process serves."""
        if life is self._life:
            self.info, self.files = info, set(info.files)
            self._set("running")

    def failed(self, life: Life, failure: BotFailure) -> None:
        """Note why the process cannot serve."""
        if life is self._life:
            self.error, self.error_zh = failure.failed, failure.chinese
            self.files |= set(failure.files)

    def ended(self, life: Life, status: int) -> None:
        """Note that the process has ended by itself."""
        if life is self._life:
            how = f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
            if not self.error:
                printed = list(self.log)[-20:]
                self.error = "\n".join([*printed, how])
                self.error_zh = "\n".join([*printed, in_chinese(how)])
            self._set("crashed")

    def printed(self, line: str) -> None:
        """Keep a line of the process's output."""
        self.log.append(line)
        self.changed("log", line)

    def edited(self) -> set[str]:
        """Return the files of `files` written since the process was started; each change once.

        A watch on folders does not report what was written before it began.
        """
        edited: set[str] = set()
        for file in list(self.files):
            with contextlib.suppress(OSError):  # removed; the folder's watch reports a new one
                written = Path(file).stat().st_mtime_ns
                if written > self._spawned and written != self._reported.get(file):
                    self._reported[file] = written
                    edited.add(file)
        return edited

    def spawn(self, control: int) -> subprocess.Popen[bytes]:
        """Start the process with a control socket."""
        listener = self._listener.fileno()
        # Ctrl-C at the terminal reaches it, too; the simulator handles it, even during imports.
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
        """Return the first line that a process is sent."""
        return {**self._hello, "store": self.store, "offset": self.offset}
