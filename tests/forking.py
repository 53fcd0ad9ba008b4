"""Processes of Python without the second that a new one takes to import what most of them need.

`Forked` is a `subprocess.Popen` whose process is forked from one that has imported it already. It
is a process of its own in all that matters to whoever calls the command: its files, folder,
environment, signals, session and exit. The process in which a command runs its bot is forked too,
in the command's session and group. They differ in two things: their hashes have the seed of their
siblings', and an import that the code lacks may be missed. So what a process imports, and what
depends on the order of a set, is tested in processes that are started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import inspect
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, AnyStr, NoReturn

IMPORTED = (
    "gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "httpx", "pydantic", "redis",
    "rich.console", "rich.progress", "rich.table", "starlette.routing", "starlette.staticfiles",
    "typer._adapters", "uvicorn.lifespan.on", "uvicorn.logging", "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto", "uvicorn.supervisors", "watchfiles", "wechat_dialog.api",
    "wechat_dialog.bot", "wechat_dialog.operators", "wechat_dialog.stores.memory",
    "wechat_dialog.stores.redis", "wechat_dialog.stores.sqlite",
)  # fmt: skip
"""What takes long. The command's own modules are not among them: each process imports those."""

_BEGIN = (
    "from tests.forking import ended, program; ended(lambda code: exec(code, globals()), program())"
)
_AS_MODULE = "import runpy; runpy.run_module({!r}, run_name='__main__', alter_sys=True)"

WITH_A_BOT = "chat", "demo", "simulate"
"""Commands that run their bot in a process of its own, and its module."""
BOT = "wechat_dialog.cli.bot_process"

_SIGNATURE = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]

_SET_CHILD_SUBREAPER = 36
_ABOVE = 200
"""File descriptors that are on their way to their number are kept from here on."""


class Forked(subprocess.Popen[AnyStr]):
    """A process that runs `[sys.executable, "-c", code, *words]`, or a module with `-m`, in a
    session of its own.
    """

    _told: int | None = None

    def _execute_child(self, *given: Any) -> None:
        names = _named(self, given)
        python, *words = names["args"]
        assert (python, names["start_new_session"]) == (sys.executable, True)
        self._begin_by(_parent(_environment(names).get("PYTHONPATH", "")), words, names)

    def _begin_by(self, parent: _Parent, command: list[str], names: Mapping[str, Any]) -> None:
        option, code, *words = command
        files: list[int] = [
            own if fd == -1 else fd
            for own, fd in enumerate((names["p2cread"], names["c2pwrite"], names["errwrite"]))
        ]
        passed: list[int] = sorted(names["pass_fds"])
        asked = {
            "module": code if option == "-m" else "",
            "code": {"-m": _AS_MODULE.format(code), "-c": code}[option],
            "words": words,
            "session": names["start_new_session"],
            "folder": os.fspath(names["cwd"] or Path.cwd()),
            "environment": _environment(names),
            "numbers": [0, 1, 2, *passed],
        }
        self._told, telling = os.pipe()
        weakref.finalize(self, os.close, self._told)  # until then a thread may wait for it
        parent.ask(asked, [*files, *passed, telling])
        os.close(telling)
        self.pid = int(os.read(self._told, 20))
        self._child_created = True
        self._close_pipe_fds(  # type: ignore[attr-defined]
            *(names[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite")),
            *(names[name] for name in ("errread", "errwrite")),
        )

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self._told is None:
            found: int | None = super()._internal_poll(*given, **named)  # type: ignore[misc]
            return found
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self._told is None:
            found: int = super()._wait(timeout)  # type: ignore[misc]
            return found
        if self.returncode is None:
            telling = select.poll()
            telling.register(self._told, select.POLLIN)
            if not telling.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            with self._waitpid_lock:  # type: ignore[attr-defined]
                if self.returncode is None:  # otherwise another thread has read it
                    # Nothing is told by who was killed, with the process and all of its group.
                    status = int(os.read(self._told, 20) or signal.SIGKILL)
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _named(process: subprocess.Popen[Any], given: tuple[Any, ...]) -> Mapping[str, Any]:
    return _SIGNATURE.bind(process, *given).arguments


def _environment(names: Mapping[str, Any]) -> dict[str, str]:
    return dict(os.environ if names["env"] is None else names["env"])


class _Parent:
    """A process that forks others on request, and ends with this one."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._one_at_once = threading.Lock()

    def ask(self, asked: Any, files: list[int]) -> None:
        request = json.dumps(asked).encode()
        with self._one_at_once:
            socket.send_fds(self._asking, [len(request).to_bytes(4, "big")], files)
            self._asking.sendall(request)


@cache
def _parent(path: str) -> _Parent:
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
    return _Parent(ours)


def program() -> str:
    """Fork whenever that is asked for; returns in the new process, with the code that it runs."""
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()
    return _fork_on_request(socket.socket(fileno=int(sys.argv[1])))


def ended(run: Callable[[str], object], code: str) -> NoReturn:
    """Run the code, and end as Python does, but for taking apart what it has imported: whoever has
    not imported it had to copy all of it for that.
    """
    status: Any = 0
    try:
        run(code)
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except Exception as error:  # noqa: BLE001 - Python tells any
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status & 255)


def _fork_on_request(asking: socket.socket) -> str:
    while True:
        size, files, *_ = socket.recv_fds(asking, 4, 16)
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
    *given, telling = files
    if asked["session"] and sys.platform == "linux":
        # What it leaves behind comes to this process, which notes at once that it has ended. Of
        # some machines process 1 looks for that once a second, or never.
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if pid := os.fork():
        for file in given:
            os.close(file)
        with contextlib.suppress(ChildProcessError):
            while True:
                ended, status = os.waitpid(-1, 0)
                if ended == pid:
                    os.write(telling, b"%20d" % status)
        os._exit(0)
    if asked["session"]:
        os.setsid()
    os.write(telling, b"%20d" % os.getpid())
    above = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for file in given]
    os.closerange(3, _ABOVE)
    for file, number in zip(above, asked["numbers"], strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["-c", *asked["words"]]
    if asked["module"]:
        sys.path[0] = str(Path.cwd())
    if "PYTHONUNBUFFERED" in os.environ:
        sys.stdout, sys.stderr = _unbuffered(1), _unbuffered(2)
    if asked["words"][:1] and asked["words"][0] in WITH_A_BOT:
        return _with_a_bot(str(asked["code"]))
    return str(asked["code"])


def _unbuffered(number: int) -> io.TextIOWrapper:
    file: Any = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(file, "utf-8", "backslashreplace", write_through=True)


def _with_a_bot(code: str) -> str:
    """Let the bot's process be forked, too; returns in the command and in that, with their code.

    It comes from a process of the command's session and group: Ctrl-C, and what kills the group,
    have to reach it.
    """
    ours, its = socket.socketpair()
    if not os.fork():
        ours.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as the bot's shell does
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        os.close(nothing)
        return _fork_on_request(its)
    its.close()
    parent = _Parent(ours)

    class MayBeABot(Forked[AnyStr]):
        def _execute_child(self, *given: Any) -> None:
            names = _named(self, given)
            command = list(names["args"])
            if command[0] == "/bin/sh" and command[4:7] == [sys.executable, "-m", BOT]:
                self._begin_by(parent, command[5:], names)
            else:
                super(Forked, self)._execute_child(*given)  # type: ignore[misc]

    subprocess.Popen = MayBeABot  # type: ignore[misc]
    return code
