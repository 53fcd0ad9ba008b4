"""Every connection that `serve` accepts sends its small writes at once, whoever made its socket."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any

import pytest
import uvicorn

from tests.redis_server import wait_until
from wechat_dialog.cli.serve import listening
from wechat_dialog.cli.unfinished_heads import BoundedProtocol, options

ANSWER = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"ok"},
]


async def application(scope: Any, receive: Any, send: Any) -> None:
    for part in ANSWER:
        await send(part)


def no_delay(connection: Any) -> int:
    """The kernel's word on an accepted connection."""
    same = socket.socket(fileno=connection.fileno())
    try:
        return same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        same.detach()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("inherited", [False, True], ids=["one process", "as a worker"])
def test_a_response_waits_for_no_acknowledgement(loop: Any, inherited: bool) -> None:
    if loop == "uvloop" and sys.platform == "win32":
        pytest.skip("there is no uvloop on Windows")
    heard: list[int] = []

    class Noted(BoundedProtocol):
        def on_response_complete(self) -> None:
            heard.append(no_delay(self.transport.get_extra_info("socket")))
            super().on_response_complete()

    with listening("127.0.0.1", 0) as listener:
        told = {**options(), "http": Noted, "loop": loop, "lifespan": "off", "log_level": "error"}
        if inherited:  # what uvicorn does with the descriptor that a worker is given
            told["fd"] = listener.fileno()
        server = uvicorn.Server(uvicorn.Config(application, **told))
        sockets = None if inherited else [listener]
        thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
        thread.start()
        try:
            wait_until(lambda: server.started, "the server listens")
            with socket.create_connection(listener.getsockname(), 10) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 200")
                wait_until(lambda: bool(heard), "the response is over")
        finally:
            server.should_exit = True
            thread.join(20)
    assert [bool(value) for value in heard] == [True]
