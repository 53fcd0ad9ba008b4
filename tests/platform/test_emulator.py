"""The emulator against servers that answer, hang, break and lie, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from tests.full_path.servers import SERVERS
from tests.platform.servers import raw, wsgi
from wechat_dialog import Bot, Chat
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.display import FAULT
from wechat_dialog.platform.emulator import AsyncPlatform, Platform
from wechat_dialog.platform.language import in_chinese
from wechat_dialog.platform.protocol import Request

APP_ID = "wx0123456789abcdef"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
USER = "oUser"
MODES: tuple[Mode, ...] = ("plain", "compatible", "safe")
SOON = 0.2  # seconds, in place of five


def account(mode: Mode = "plain") -> Account:
    return Account("secret", app_id=APP_ID, aes_key=KEY, mode=mode)


class Make(Protocol):
    def __call__(self, url: str, mode: Mode = "plain", **more: Any) -> Made: ...


Made = tuple[Platform, list[Request]]


@pytest.fixture
def platform_of() -> Iterator[Make]:
    """Makes a platform, and the list of the requests it will have made."""
    with contextlib.ExitStack() as stack:

        def make(url: str, mode: Mode = "plain", **more: Any) -> Made:
            made: list[Request] = []
            platform = Platform(account(mode), url, heard=made.append, **more)
            return stack.enter_context(platform), made

        yield make


def reply(**fields: object) -> bytes:
    head = {"ToUserName": USER, "FromUserName": account().id, "CreateTime": 1, "MsgType": "text"}
    return xml.build({**head, **fields}).encode()


def http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


# Our bot. ------------------------------------------------------------------------------


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["", "?account=1"])
def test_our_bot_is_talked_to_in_every_mode(
    platform_of: Make, server: str, mode: Mode, path: str
) -> None:
    bot = Bot("secret", app_id=APP_ID, aes_key=KEY, mode=mode, store="memory://")

    @bot.text("问")
    def ask(chat: Chat) -> Any:
        return (yield from chat.ask("什么？"))

    with SERVERS[server](bot) as port:
        platform, made = platform_of(f"http://127.0.0.1:{port}/{path}", mode)
        assert platform.verify() == ""
        assert platform.deliver(platform.message(USER, "text", Content="问")).text == "什么？"
        assert platform.deliver(platform.message(USER, "text", Content="a&b]]>")).text == "a&b]]>"
        assert platform.deliver(platform.message(USER, "text", Content="无")).text == ""
    assert [(request.number, request.status) for request in made] == [(1, 200)] * 3
    assert "问".encode() in made[0].message
    assert (b"Encrypt" in made[0].body) == (mode != "plain")
    assert ("问".encode() in made[0].body) == (mode != "safe")


@pytest.mark.parametrize("wrong", [{"token": "other"}, {"aes_key": KEY[::-1][:42] + "Q"}])
def test_a_server_with_other_settings_refuses(platform_of: Make, wrong: dict[str, str]) -> None:
    settings = {"token": "secret", "app_id": APP_ID, "aes_key": KEY, **wrong}
    bot = Bot(mode="safe", store="memory://", **settings)  # type: ignore[arg-type]
    with wsgi(bot.wsgi) as url:
        platform, made = platform_of(url, "safe")
        shown = platform.deliver(platform.message(USER, "text", Content="a"))
        if "token" in wrong:
            assert "403" in platform.verify()
    assert (shown.text, len(made)) == (FAULT, 3)
    assert "HTTP status 403" in shown.fault


# Requests. -----------------------------------------------------------------------------

Answer = Callable[[int, socket.socket, threading.Event], None]


def hang(_: int, __: socket.socket, over: threading.Event) -> None:
    over.wait(SOON * 2)


def trickle(_: int, connection: socket.socket, over: threading.Event) -> None:
    """Never silent for as long as the window, and never done in it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not over.wait(SOON / 4):
        connection.sendall(b"x")


def hang_up(_: int, connection: socket.socket, __: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<xml>")


def status_500(_: int, connection: socket.socket, __: threading.Event) -> None:
    connection.sendall(http(b"success", "500 Oops"))


def redirect(_: int, connection: socket.socket, __: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "window", "why"),
    [
        (hang, SOON, "no answer within 0.2 s"),
        (trickle, SOON, "no answer within 0.2 s"),
        (hang_up, 30, "no connection"),
        (status_500, 30, "HTTP status 500"),
        (redirect, 30, "HTTP status 302"),
    ],
)
def test_a_server_that_fails_gets_the_same_message_three_times(
    platform_of: Make, answer: Answer, window: float, why: str
) -> None:
    with raw(answer) as url:
        platform, made = platform_of(url, window=window)
        shown = platform.deliver(platform.message(USER, "text", Content="a"))
    assert shown.text == FAULT
    assert why in shown.fault
    assert [request.number for request in made] == [1, 2, 3]
    assert len({request.body for request in made}) == 1
    assert all(why in request.problem for request in made)
    assert len({request.query for request in made}) == 3


def test_a_refused_connection_is_a_failure_like_any_other(platform_of: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    platform, made = platform_of(f"http://127.0.0.1:{port}/")
    shown = platform.deliver(platform.message(USER, "text", Content="a"))
    assert (shown.text, len(made)) == (FAULT, 3)
    assert shown.fault == "no connection: ConnectionRefusedError: Connection refused"
    assert in_chinese(shown.fault) == (
        "连不上：没有程序在那里监听；机器人在运行吗？（ConnectionRefusedError）"
    )


def test_an_event_loop_names_the_same_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def fault() -> str:
        # Of a name with two addresses both are tried.
        async with AsyncPlatform(account(), f"http://localhost:{port}/") as platform:
            message = platform.message(USER, "text", Content="a")
            return (await platform.deliver(message)).fault

    assert asyncio.run(fault()) == "no connection: ConnectionRefusedError: Connection refused"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://[::1/", "网址写得不对"),
        ("127.0.0.1:8000", "网址写得不对"),
        ("http://nowhere.invalid/", "找不到这个主机名"),
    ],
)
def test_an_address_that_is_none_is_a_failure_too(platform_of: Make, url: str, why: str) -> None:
    platform, _ = platform_of(url)
    fault = platform.deliver(platform.message(USER, "text", Content="a")).fault
    assert "no connection" in fault
    assert f"连不上：{why}" in in_chinese(fault)


def test_a_server_that_hangs_up_without_a_word_is_told_so(platform_of: Make) -> None:
    with raw(lambda _, connection, __: connection.close()) as url:
        platform, _ = platform_of(url)
        fault = platform.deliver(platform.message(USER, "text", Content="a")).fault
    assert "连不上：它没有回答就断开了" in in_chinese(fault)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Internal Server Error", "Internal Server Error"),
        ("\n\n  先看日志  \n第二行", "先看日志"),
        ("Traceback (most recent call last):\n  File \"a.py\"\nKeyError: '面'\n", "KeyError: '面'"),
        ("<!doctype html><title>NameError: x &amp; y</title><h1>Oops</h1>", "NameError: x & y"),
        ("<html><body><h1>502 Bad Gateway</h1></body></html>", "502 Bad Gateway"),
        ("a" * 1000, "a" * 199 + "…"),
        ("", ""),
        ("<html></html>", ""),
    ],
)
def test_what_an_error_page_says_is_told_with_its_status(
    platform_of: Make, page: str, said: str
) -> None:
    with raw(lambda _, connection, __: connection.sendall(http(page.encode(), "500 Oops"))) as url:
        platform, _ = platform_of(url)
        fault = platform.deliver(platform.message(USER, "text", Content="a")).fault
    status = "HTTP status 500, not 200 (protocol reference 5.3)"
    assert fault == (f"{status}; it says: {said}" if said else status)
    assert in_chinese(fault) == "HTTP 状态是 500，不是 200（协议 5.3）" + (
        said and f"；它说：{said}"
    )


def test_an_answer_after_the_window_is_lost_and_the_next_request_counts(
    platform_of: Make,
) -> None:
    def late_once(number: int, connection: socket.socket, over: threading.Event) -> None:
        if number == 1:
            over.wait(window * 1.5)
        connection.sendall(http(reply(Content=f"第 {number} 次")))

    window = 2.0
    with raw(late_once) as url:
        platform, made = platform_of(url, window=window)
        shown = platform.deliver(platform.message(USER, "text", Content="a"))
    assert (shown.text, shown.fault) == ("第 2 次", "")
    assert [request.status for request in made] == [0, 200]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": 1}', "no XML"),
        (reply(Content=""), "Content is empty"),
        (reply(Content="a", ToUserName="oElse"), "'oElse'"),
        (b"x" * 1_000_000, "bytes of XML"),
    ],
)
def test_a_wrong_answer_in_time_ends_it_at_once(platform_of: Make, body: bytes, why: str) -> None:
    with raw(lambda _, connection, __: connection.sendall(http(body))) as url:
        platform, made = platform_of(url)
        shown = platform.deliver(platform.message(USER, "text", Content="a"))
    assert (shown.text, len(made)) == (FAULT, 1)
    assert why in shown.fault
    assert made[0].problem == shown.fault


def test_an_event_has_no_msg_id_and_messages_have_one_each(platform_of: Make) -> None:
    platform, _ = platform_of("http://127.0.0.1/")
    assert "MsgId" not in platform.message(USER, "event", Event="subscribe")
    ids = {platform.message(USER, "text", Content="a")["MsgId"] for _ in range(100)}
    assert len(ids) == 100
    assert all(10**16 <= one < 2**63 for one in ids)


# Encryption. ---------------------------------------------------------------------------


def sealed(body: bytes, *, key: str = KEY, app_id: str = APP_ID, signature: str = "") -> bytes:
    encrypted = Key(key).encrypt(body, app_id, b"0" * 16)
    signature = signature or sign("secret", "1", "2", encrypted)
    fields = {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": 1, "Nonce": "2"}
    return xml.build(fields).encode()


@pytest.mark.parametrize(
    ("mode", "body", "why"),
    [
        ("safe", sealed(reply(Content="a")), ""),
        ("safe", b"success", ""),
        ("safe", reply(Content="a"), "plain, and the account is in safe mode"),
        ("safe", sealed(reply(Content="a"), signature="0" * 40), "MsgSignature does not fit"),
        ("safe", sealed(reply(Content="a"), key=KEY[::-1][:42] + "Q"), "cannot be decrypted"),
        ("safe", sealed(reply(Content="a"), app_id="wx1"), "cannot be decrypted"),
        ("safe", sealed(reply(Content="")), "Content is empty"),
        ("safe", b"{}", "no XML"),
        ("compatible", sealed(reply(Content="a")), ""),
        ("compatible", reply(Content="a"), ""),
        ("plain", sealed(reply(Content="a")), "ToUserName is None"),
    ],
)
def test_an_encrypted_answer_is_taken_only_if_all_of_it_fits(
    platform_of: Make, mode: Mode, body: bytes, why: str
) -> None:
    with raw(lambda _, connection, __: connection.sendall(http(body))) as url:
        platform, made = platform_of(url, mode)
        shown = platform.deliver(platform.message(USER, "text", Content="a"))
    assert why in shown.fault
    assert bool(shown.fault) == bool(why)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "secret"}, "mode 'secret'"),
        ({"mode": "safe", "app_id": APP_ID}, "aes_key has 0 characters"),
        ({"mode": "safe", "aes_key": KEY}, "needs the account's AppID"),
    ],
)
def test_an_account_no_console_accepts_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Account("secret", **settings)


@pytest.mark.parametrize(("echo", "why"), [(b"success", "not the echostr"), (b"", "not the echo")])
def test_a_server_that_echoes_something_else_is_not_verified(
    platform_of: Make, echo: bytes, why: str
) -> None:
    with raw(lambda _, connection, __: connection.sendall(http(echo))) as url:
        assert why in platform_of(url)[0].verify()


@pytest.mark.parametrize(("kind", "lines"), [("text", 1), ("event", 8)])
def test_an_event_is_answered_with_more_articles_than_a_message(
    platform_of: Make, kind: str, lines: int
) -> None:
    article = {"Title": "t", "Description": "", "PicUrl": "", "Url": ""}
    fields = {"MsgType": "news", "ArticleCount": 9, "Articles": {"item": [article] * 9}}
    body = http(reply(**fields))
    with raw(lambda _, connection, __: connection.sendall(body)) as url:
        platform, _ = platform_of(url)
        shown = platform.deliver(platform.message(USER, kind, Event="subscribe"))
    assert shown.text.splitlines() == ["[图文] t"] * lines
