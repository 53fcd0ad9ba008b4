"""Processes of Python without the second that a new one takes to import what the command needs.

`Forked` is a `subprocess.Popen` whose process is forked from one that has imported it already. It
is a process of its own in all that matters to whoever calls the command: its files, folder,
environment, signals, session and exit. It differs in two things: its hashes have the seed of its
siblings', and an import that the code lacks may be missed. So what a process imports, and what
depends on the order of a set, is tested in processes that are started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import inspect
import json
import os
import select
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

IMPORTED = (
    "httpx", "pydantic", "redis", "rich.console", "rich.progress", "rich.table",
    "starlette.routing", "starlette.staticfiles", "typer._adapters", "uvicorn.lifespan.on",
    "uvicorn.logging", "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.supervisors",
    "watchfiles", "wechat_dialog.api", "wechat_dialog.bot", "wechat_dialog.operators",
    "wechat_dialog.stores.memory", "wechat_dialog.stores.redis", "wechat_dialog.stores.sqlite",
)  # fmt: skip
"""What takes long. The command's own modules are not among them: each process imports those."""

_BEGIN = "from tests.forking import program; exec(program())"


class Forked(subprocess.Popen[str]):
    """A process that runs `[sys.executable, "-c", code, *words]` in a session of its own."""

    def _execute_child(self, *given: Any) -> None:
        names = inspect.signature(subprocess.Popen._execute_child).bind(self, *given).arguments  # type: ignore[attr-defined]
        python, option, code, *words = names["args"]
        assert (python, option, names["start_new_session"]) == (sys.executable, "-c", True)
        assert not names["pass_fds"]
        files = [
            own if fd == -1 else fd
            for own, fd in enumerate((names["p2cread"], names["c2pwrite"], names["errwrite"]))
        ]
        asked = {
            "code": code,
            "words": words,
            "folder": os.fspath(names["cwd"] or Path.cwd()),
            "environment": dict(os.environ if names["env"] is None else names["env"]),
        }
        self._told, telling = os.pipe()
        _ask(_parent(asked["environment"]["PYTHONPATH"]), asked, [*files, telling])
        os.close(telling)
        self.pid = int(os.read(self._told, 20))
        self._child_created = True
        self._close_pipe_fds(  # type: ignore[attr-defined]
            *(names[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite")),
            *(names[name] for name in ("errread", "errwrite")),
        )

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int(os.read(self._told, 20)))
            os.close(self._told)
        return self.returncode


@cache
def _parent(path: str) -> socket.socket:
    """A process that forks others on request, and ends with this one."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, str(its.fileno())],
            env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)  # called before that
    return ours


def _ask(parent: socket.socket, asked: Any, files: list[int]) -> None:
    request = json.dumps(asked).encode()
    socket.send_fds(parent, [len(request).to_bytes(4, "big")], files)
    parent.sendall(request)


def program() -> str:
    """Fork whenever that is asked for; returns in the new process, with the code that it runs."""
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()
    asking = socket.socket(fileno=int(sys.argv[1]))
    while True:
        size, files, *_ = socket.recv_fds(asking, 4, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not size:
            os._exit(0)
        request = asking.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        if not os.fork():
            asking.close()
            return _begin(json.loads(request), files)
        for file in files:
            os.close(file)


def _begin(asked: Any, files: list[int]) -> str:
    """Fork once more, and wait for that process; returns in it."""
    *standard, telling = files
    if pid := os.fork():
        for file in standard:
            os.close(file)
        os.write(telling, b"%20d" % os.waitpid(pid, 0)[1])
        os._exit(0)
    os.setsid()
    os.write(telling, b"%20d" % os.getpid())
    for number, file in enumerate(standard):
        os.dup2(file, number)
    os.closerange(3, max(files) + 1)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["-c", *asked["words"]]
    return str(asked["code"])
