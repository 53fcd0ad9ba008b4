"""Servers on 127.0.0.1 that are no bot of ours: any WSGI application, and ones that misbehave."""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

PATIENCE = 30


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up, as the platform does."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def wsgi(application: Any, port: int = 0) -> Iterator[str]:
    """Serve a WSGI application, a thread a request, at a free port or this one; gives its URL."""
    server = _Server(("127.0.0.1", port), _Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def _read(connection: socket.socket) -> None:
    """Read a whole request; what is left unread would reset the connection when it is closed."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(connection.recv(65536))


@contextlib.contextmanager
def raw(answer: Callable[[int, socket.socket, threading.Event], None]) -> Iterator[str]:
    """Answer connections by hand, a thread each; gives the URL.

    Args:
        answer: Called when a request was read, with the connection's number, from 1, the
            connection, and an event that is set when the block ends.
    """
    over = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(number: int, connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                _read(connection)
                answer(number, connection, over)

        def accept() -> None:
            for number in itertools.count(1):
                connection, _ = listener.accept()
                if over.is_set():
                    connection.close()
                    return
                threads.append(threading.Thread(target=serve, args=(number, connection)))
                threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        address = listener.getsockname()
        try:
            yield f"http://127.0.0.1:{address[1]}/"
        finally:
            over.set()
            socket.create_connection(address).close()
            for thread in threads:
                thread.join(PATIENCE)
