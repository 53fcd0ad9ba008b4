"""A server process for a simulator: started, started again when it has died, ended.

We listen and the process accepts, so that the address outlives it: what arrives while there is no
process waits for the next one.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Self

__all__ = ["Server"]

PATIENCE = 10  # seconds for turns under way, after which the process is killed


class Server:
    """One server, through all of its processes. Use it for a `with` block.

    Attributes:
        url: Its address, on the loopback.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str | None = None
    ) -> None:
        """Start it.

        Args:
            command: The program and its arguments; `--fd` and the number of a listening socket are
                added.
            environment: Its environment.
            folder: Its working directory; None for ours.
        """
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._command = (*command, "--fd", str(self._listener.fileno()))
        self._environment = environment
        self._folder = folder
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            self._command,
            pass_fds=(self._listener.fileno(),),
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def revive(self) -> str:
        """Start it again if it has died; returns a sentence about that, "" if it lives."""
        status = self._process.poll()
        if status is None:
            return ""
        self._process = self._started()
        how = f"被信号 {-status} 结束" if status < 0 else f"退出，状态 {status}"
        return f"（机器人的进程已{how}，重新启动了。）"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.close()
