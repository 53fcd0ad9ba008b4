"""What must not be answered is refused at the door: nothing runs, nothing is stored."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.full_path.accumulator import make_bot
from tests.full_path.doors import Body, HttpDoor, OpenDoor
from tests.full_path.people import Person, content, push, signed
from tests.full_path.servers import SERVERS, asgi_application
from wechat_dialog import Bot
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.messages import Event, Message
from wechat_dialog.web.asgi import Application

USER = "oUser0000000000000000000001"
GOOD = push(USER, Content="累加器")
LIMIT = 65536


def plus(digit: str) -> str:
    """The query with the signature's last digit changed."""
    return re.sub(r"(?<=[0-9a-f]{39})[0-9a-f](?=&)", lambda m: digit * (m[0] != digit), signed())


REFUSED: dict[str, tuple[int, str, Body]] = {
    "unsigned": (403, "", GOOD),
    "signature missing": (403, "timestamp=1700000001&nonce=987654321", GOOD),
    "signed with another token": (403, signed("another"), GOOD),
    "signature cut short": (403, plus(""), GOOD),
    "signature not ASCII": (403, "signature=%E4%B8%AD&timestamp=1700000001&nonce=1", GOOD),
    "empty": (400, signed(), b""),
    "empty, in pieces": (400, signed(), []),
    "not XML": (400, signed(), b"hello"),
    "half": (400, signed(), GOOD[:-5]),
    "DOCTYPE": (400, signed(), b"<!DOCTYPE xml>" + GOOD),
    "no FromUserName": (400, signed(), GOOD.replace(b"FromUserName", b"From")),
    "blank FromUserName": (400, signed(), GOOD.replace(USER.encode(), b" ")),
    "no MsgType": (400, signed(), GOOD.replace(b"MsgType", b"Type")),
    "too large": (413, signed(), GOOD.replace(b"<MsgId>", b"<MsgId>" + b" " * LIMIT)),
    "too large, in pieces": (413, signed(), [GOOD[:50], b" " * LIMIT, GOOD[50:]]),
}


@pytest.mark.parametrize(("status", "query", "body"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_refused_and_leaves_no_trace(
    open_door: OpenDoor, status: int, query: str, body: Body
) -> None:
    bot = make_bot("memory://")
    ran: list[Message] = []
    bot.fallback(lambda chat: ran.append(chat.message))
    response = open_door(bot).request("POST", query, body)
    assert (response.status, response.body) == (status, b"")
    assert ran == []
    assert list(bot.store.list()) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_told_which_there_are(open_door: OpenDoor, method: str) -> None:
    response = open_door(make_bot("memory://")).request(method, signed(), GOOD)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, POST")


class Endless:
    """A body without end that counts what is taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 4096
            yield b" " * 4096


@pytest.mark.parametrize(
    ("headers", "most"),
    [
        pytest.param({"Content-Length": "10000000"}, 0, id="announced"),
        pytest.param({"Content-Length": "9" * 5000}, 0, id="announced in 5000 digits"),
        pytest.param({"Content-Length": "-1"}, 0, id="announced below nothing"),
        pytest.param({"Content-Length": "²"}, 0, id="announced in no digit of HTTP"),
        pytest.param({}, 2 * LIMIT, id="in pieces"),
    ],
)
def test_the_rest_of_what_is_too_large_is_not_read(
    open_door: OpenDoor, headers: dict[str, str], most: int
) -> None:
    body = Endless()
    response = open_door(make_bot("memory://")).request("POST", signed(), body, headers)
    assert response.status == 413
    assert body.taken <= most


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_refuses_a_large_body_before_it_comes(server: str) -> None:
    bot = make_bot("memory://")
    with SERVERS[server](bot) as port, socket.create_connection(("127.0.0.1", port), 10) as sender:
        head = f"POST /?{signed()} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
        sender.sendall(head.encode())
        assert re.match(rb"HTTP/1\.[01] 413 ", sender.recv(1000))


def test_who_never_ends_his_body_is_hung_up_on() -> None:
    application = Application(make_bot("memory://"), patience=0.05)
    with (
        asgi_application(application) as port,
        socket.create_connection(("127.0.0.1", port), 10) as sender,
    ):
        head = f"POST /?{signed()} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(GOOD)}\r\n\r\n"
        sender.sendall(head.encode() + GOOD[:-1])
        response = b"".join(iter(lambda: sender.recv(1000), b""))
    assert response.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_body_may_come_in_pieces(open_door: OpenDoor, size: int) -> None:
    pieces = [GOOD[at : at + size] for at in range(0, len(GOOD), size)]
    response = open_door(make_bot("memory://")).request("POST", signed(), pieces)
    assert content(response) == "要加几个数？"


def test_uvicorn_takes_a_chunked_body() -> None:
    with SERVERS["uvicorn"](make_bot("memory://")) as port:
        response = HttpDoor(port).request("POST", signed(), [GOOD[:9], GOOD[9:]])
    assert content(response) == "要加几个数？"


UNKNOWN: list[tuple[str, dict[str, str]]] = [
    ("foo", {}),
    ("event", {"Event": "bar_event"}),
    ("event", {}),
    ("text", {}),
]


@pytest.mark.parametrize(("kind", "fields"), UNKNOWN)
def test_what_nobody_takes_is_success(
    open_door: OpenDoor, kind: str, fields: dict[str, str]
) -> None:
    response = Person(open_door(make_bot("memory://"))).send(kind, **fields)
    assert (response.status, response.body) == (200, b"success")


@pytest.mark.parametrize(("kind", "fields"), UNKNOWN)
def test_the_fallback_takes_what_no_route_does(
    open_door: OpenDoor, kind: str, fields: dict[str, str]
) -> None:
    bot = make_bot("memory://")

    @bot.fallback
    def anything(chat: Any) -> str:
        event = chat.message.event if isinstance(chat.message, Event) else ""
        return f"{chat.message.kind} {event}"

    response = Person(open_door(bot)).send(kind, **fields)
    assert content(response) == f"{kind} {fields.get('Event', '')}"


def answer_a(chat: Any) -> str:
    return "a"


def answer_b(chat: Any) -> str:
    return "b"


NEVER: dict[str, Callable[[Bot], object]] = {
    "the same text": lambda bot: (bot.text("x")(answer_a), bot.text("x")(answer_b)),
    "a pattern before its text": lambda bot: (
        bot.text(re.compile("x+"))(answer_a),
        bot.text("xx")(answer_b),
    ),
    "every text before one": lambda bot: (bot.text()(answer_a), bot.text("x")(answer_b)),
    "an event in another case": lambda bot: (
        bot.event("CLICK")(answer_a),
        bot.click("menu")(answer_b),
    ),
    "two fallbacks": lambda bot: (bot.fallback(answer_a), bot.fallback(answer_b)),
}


@pytest.mark.parametrize("register", NEVER.values(), ids=NEVER)
def test_a_route_that_can_never_match_is_named_with_the_one_before_it(
    open_door: OpenDoor, register: Callable[[Bot], object]
) -> None:
    bot = make_bot("memory://")
    register(bot)
    with pytest.raises(ConfigurationError) as caught:
        bot.check()
    assert "'answer_a'" in str(caught.value)
    assert "'answer_b'" in str(caught.value)
    # Nor does such a bot answer some messages and not others.
    response = open_door(bot).request("POST", signed(), GOOD)
    assert (response.status, response.body) == (500, b"")
