"""Real servers on 127.0.0.1: threads of this process, or processes that a test may kill."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn
import werkzeug.serving

from tests.forking import Forked
from tests.full_path.doors import PATIENCE
from tests.redis_server import wait_until
from wechat_dialog import Bot

ROOT = Path(__file__).parents[2]


class _Server(ThreadingMixIn, WSGIServer):
    """wsgiref's, a thread a request, silent about clients that hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def log_error(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Quiet(werkzeug.serving.WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that sees our sources, killed with its children at the block's end."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, start_new_session=True,
        env={**os.environ, **environment, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(PATIENCE)


@contextlib.contextmanager
def wsgi_server(bot: Bot) -> Iterator[int]:
    """Serve `bot.wsgi` with wsgiref; gives the port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.set_app(bot.wsgi)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


@contextlib.contextmanager
def werkzeug_server(bot: Bot, listening: socket.socket | None = None) -> Iterator[int]:
    """Serve `bot.wsgi` with Flask's own server, which puts the connection into the environ, on a
    socket that listens; gives the port.
    """
    listening = listening or socket.create_server(("127.0.0.1", 0))
    host, port = listening.getsockname()
    server = werkzeug.serving.make_server(
        host, port, bot.wsgi, threaded=True, request_handler=_Quiet, fd=listening.fileno()
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    with listening:
        thread.start()
        try:
            yield port
        finally:
            server.shutdown()
            thread.join(PATIENCE)
            server.server_close()


def asgi_server(bot: Bot) -> contextlib.AbstractContextManager[int]:
    """Serve `bot.asgi` with uvicorn; gives the port. At its end the connections that belong to its
    event loop are closed.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        store = bot.async_store if scope["type"] == "lifespan" else None
        await bot.asgi(scope, receive, send)
        if store is not None:
            await store.close()

    return asgi_application(application, lifespan="on")


@contextlib.contextmanager
def asgi_application(
    application: Any,
    *,
    lifespan: Literal["auto", "on", "off"] = "auto",
    loop: str = "auto",
    listening: socket.socket | None = None,
) -> Iterator[int]:
    """Serve any ASGI application with uvicorn, on a socket that listens; gives the port."""
    config = uvicorn.Config(application, lifespan=lifespan, ws="none", log_config=None, loop=loop)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    with listening or socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_until(lambda: server.started, "uvicorn to start")
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


SERVERS: dict[str, Callable[[Bot], contextlib.AbstractContextManager[int]]] = {
    "wsgiref": wsgi_server,
    "uvicorn": asgi_server,
}


class Worker:
    """A server process with an application of these tests, of a session of its own.

    Args:
        kind: "gunicorn" or "uvicorn".
        module: Where the application is.
        options: Further arguments of the server.
        environment: What the application reads: `STORE`, and more where it says so.
    """

    def __init__(
        self,
        kind: str,
        module: str = "tests.full_path.application",
        *options: str,
        **environment: str,
    ) -> None:
        # We listen and the process accepts: no port can be lost in between, and a request sent
        # before it is ready waits in the backlog.
        with socket.create_server(("127.0.0.1", 0)) as listening:
            number = listening.fileno()
            arguments = {
                "gunicorn": [f"--bind=fd://{number}", "--threads=4", f"{module}:application"],
                "uvicorn": [f"--fd={number}", "--log-level=warning", f"{module}:bot.asgi"],
            }
            self.port: int = listening.getsockname()[1]
            self._process: subprocess.Popen[bytes] = Forked(
                [sys.executable, "-m", kind, *options, *arguments[kind]],
                cwd=ROOT,
                env={**os.environ, **environment, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                pass_fds=[number],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """SIGSTOP to all of its processes for the length of a block: what is sent then waits."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all of its processes at once; nothing if they are gone."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def worker(kind: str, **environment: str) -> Iterator[Worker]:
    """A worker for the length of a block."""
    process = Worker(kind, **environment)
    try:
        yield process
    finally:
        process.kill()
