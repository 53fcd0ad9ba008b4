"""`serve` under people who open connections and finish no request, over real sockets."""

from __future__ import annotations

import contextlib
import itertools
import math
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from tests.cli.command import BOTS, PATIENCE, serving
from tests.cli.test_serve import push
from tests.redis_server import wait_until
from wechat_dialog.cli import unfinished_heads
from wechat_dialog.cli.serve import listening
from wechat_dialog.core.wire import xml

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX: "
DESCRIPTORS = 128
USERS = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unfinished")
    limit = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))"
    (folder / "bots.py").write_text(f"import resource\n{limit}\n{BOTS}")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """URL of one process for all tests: who leaves a request unfinished leaves nothing behind."""
    with serving(folder, "bots:bot") as (_, url):
        yield url


@contextlib.contextmanager
def clients(url: str, count: int, *, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that say something, and no more."""
    address = urlsplit(url)
    with contextlib.ExitStack() as stack:
        found: list[socket.socket] = []
        for _ in range(count):
            one = socket.create_connection((address.hostname, address.port), PATIENCE)
            found.append(stack.enter_context(one))
            with contextlib.suppress(OSError):  # it was ended already
                one.sendall(said)
        yield found


def is_ended(one: socket.socket) -> bool:
    one.settimeout(0)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def crowd_out(url: str, said: bytes, count: int) -> None:
    """See that a request is answered in a crowd of others that never end."""
    user = f"oUser{next(USERS)}"
    assert push(url, "加", user=user).status_code == 200
    with clients(url, count, said=said):
        assert xml.parse(push(url, "加", user=user).content)["Content"] == "一？"


BODY = HEAD + b"1\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", marks=pytest.mark.long),
        HEAD,
        pytest.param(BODY, marks=pytest.mark.long),
    ],
    ids=["nothing", "a head", "a body"],
)
def test_requests_that_never_end_take_no_descriptor_from_a_whole_one(
    said: bytes, served: str
) -> None:
    crowd_out(served, said, 2 * DESCRIPTORS)


@pytest.mark.long
def test_requests_that_never_end_take_no_descriptor_from_two_workers(folder: Path) -> None:
    with serving(folder, "bots:bot", "--workers", "2") as (_, url):
        crowd_out(url, HEAD, 4 * DESCRIPTORS)


def test_a_head_has_five_seconds_from_the_connection_on(served: str) -> None:
    began = time.monotonic()
    with clients(served, 3, said=b"GET / HTTP/1.1\r\n") as (silent, talking, asking):
        while not is_ended(silent):
            with contextlib.suppress(OSError):
                talking.sendall(b"X-Y: 1\r\n")  # every now and then a line of a head
            time.sleep(0.2)
            assert time.monotonic() < began + PATIENCE
        # No time is asserted, only that it was not at once, and that lines gain nothing.
        assert time.monotonic() > began + 4
        talking.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            assert talking.recv(1) == b""
        del asking
    assert push(served, "加").status_code == 200


def test_a_connection_that_is_kept_may_be_slow_between_requests_only(served: str) -> None:
    """What comes in pieces, but comes, is answered; several requests one after another, too."""
    with clients(served, 1) as (one,):
        for _ in range(3):
            for piece in (b"GET /x HT", b"TP/1.1\r\nHost: x\r", b"\n\r\n"):
                one.sendall(piece)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += one.recv(65536)
            assert answer.startswith(b"HTTP/1.1 403")
        one.sendall(2 * b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while answer.count(b"HTTP/1.1 403") < 2:
            got = one.recv(65536)
            assert got
            answer += got


def answers(url: str, said: bytes) -> int:
    """How many answers come to what is said, before the connection is ended."""
    got = b""
    with clients(url, 1) as (one,), contextlib.suppress(OSError):
        one.settimeout(PATIENCE)
        one.sendall(said)
        while piece := one.recv(65536):
            got += piece
    return got.count(b"HTTP/1.1 ")


LAST = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("said", "all_of_them"),
    [
        (LAST + 150_000 * b"A: b\r\n" + b"\r\n", 1),
        (200 * b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" + LAST + b"\r\n", 201),
    ],
    ids=["a head", "requests at once"],
)
def test_nobody_fills_the_memory(served: str, said: bytes, all_of_them: int) -> None:
    assert answers(served, LAST + b"\r\n") == 1
    assert answers(served, said) < all_of_them
    assert push(served, "加").status_code == 200


async def long(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1_000 if scope["path"] == "/long" else 0):
        await send({"type": "http.response.body", "body": 65536 * b"x", "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(("seconds", "most"), [(0.1, 100), (math.inf, 3)], ids=["time", "number"])
def test_who_reads_no_response_is_ended(
    seconds: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {**unfinished_heads.options(), "lifespan": "off", "log_level": "error"}
    monkeypatch.setattr(unfinished_heads, "UNREAD", min(seconds, 1e6))
    monkeypatch.setattr(unfinished_heads, "_most", lambda: most)
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(long, **told))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started, "the server listens")
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with clients(url, 8, said=b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n"):
                left = most if math.isinf(seconds) else 0
                wait_until(lambda: len(server.server_state.tasks) == left, "an end of the others")
                assert httpx.get(url).text == "ok"
        finally:
            server.should_exit = True
            thread.join(10)
