"""The 2017 example on real HTTP: behind Flask as its README had it, and behind servers of today."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

import wechat.bot
from tests.legacy.pushes import module_of, push, shown
from tests.redis_server import free_port, wait_until
from wechat_dialog.core.wire import signature
from wechat_dialog.errors import BadSignature, ConfigurationError

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKEN = "token2017"


def signed(token: str = TOKEN, **more: str) -> str:
    fields = {"timestamp": "1700000000", "nonce": "123", **more}
    return urlencode({**fields, "signature": signature.sign(token, "1700000000", "123")})


def http(url: str, body: str | bytes | None = None) -> tuple[int, str]:
    """Status and body of a GET, or of a POST if there is a body."""
    data = body.encode() if isinstance(body, str) else body
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def is_up(url: str) -> bool:
    try:
        return http(url)[0] > 0
    except OSError:
        return False


@contextmanager
def flask_app(folder: Path) -> Iterator[str]:
    """The example's server, in a process of its own that is killed at the end; gives its URL."""
    port = free_port()
    command = ["-m", "flask", "--app", str(EXAMPLES / "flask_2017.py"), "run", "--port", str(port)]
    with (folder / "flask.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, stdout=log, stderr=log,
            env={**os.environ, "WECHAT_TOKEN": TOKEN},
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: is_up(url), f"no Flask at {url}", seconds=30)
        yield url
    finally:
        process.kill()
        process.wait()


def test_a_conversation_goes_on_in_the_process_after_the_killed_one(folder: Path) -> None:
    def say(url: str, text: str) -> str:
        status, body = http(f"{url}?{signed()}", push("oAda", text))
        assert status == 200
        return shown(body)

    with flask_app(folder) as url:
        assert say(url, "累加器") == "要加几个数？"
        assert say(url, "2") == "第 1 个数是多少？到现在一共 0。"
        body = push("oAda", "3")
        first = http(f"{url}?{signed()}", body)
    with flask_app(folder) as url:
        # The platform got no answer, for all it knows, and asks again.
        assert shown(http(f"{url}?{signed()}", body)[1]) == shown(first[1])
        assert say(url, "4") == "加完了，总和是 7。"
        began = say(url, "记录").removesuffix(" 开始记录。您说一句，我记一句；说“结束”就停。")
    with flask_app(folder) as url:
        assert say(url, "你好").endswith(" 你好")
        assert say(url, "结束") == f"记录结束，是 {began} 开始的。"


def test_the_flask_example_answers_the_platform_and_nobody_else(folder: Path) -> None:
    with flask_app(folder) as url:
        assert http(f"{url}?{signed(echostr='e 1')}") == (200, "e 1")
        assert http(f"{url}?{signed('wrong', echostr='e')}")[0] == 403
        assert http(url, push("u", "x"))[0] == 403
        assert http(f"{url}?signature=%C3%A9%FF", push("u", "x"))[0] == 403
        assert not (folder / "wechat-dialog.db").exists()
        for body in ("nonsense", "<!DOCTYPE x><xml/>", "<xml><MsgType>text</MsgType></xml>"):
            assert http(f"{url}?{signed()}", body) == (400, "")
        assert http(f"{url}?{signed()}", b"x" * 65537)[0] == 413
        assert http(f"{url}?{signed()}", push("u", kind="image")) == (200, "success")


# A module as a bot. --------------------------------------------------------------------

GREETING = """
    import threading

    TOKEN = 'token of the module'
    waiting, released = threading.Event(), threading.Event()

    def greet(to_user):
        yield None
        said, is_replay = yield None
        return ('TextMsg', 'hello ' + to_user)

    def wait(to_user):
        yield None
        yield None
        waiting.set()
        return ('TextMsg', 'at last' if released.wait(10) else 'nobody came')

    def release(to_user):
        yield None
        yield None
        released.set()
        return ('TextMsg', 'released')

    ROUTER = {'text': [('^wait$', 'wait'), ('^release$', 'release'), ('.*', 'greet')]}
"""


@pytest.mark.parametrize(
    ("own", "environment", "token"),
    [
        ("", "", "token of the module"),
        ("", "of the environment", "of the environment"),
        ("given", "of the environment", "given"),
    ],
)
def test_the_token_is_the_one_given_else_the_environments_else_the_modules(
    own: str, environment: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_TOKEN", environment)
    bot = wechat.bot.ModuleBot(module_of(GREETING), token=own, store="memory://")
    assert bot.echo(signed(token, echostr="e")) == "e"
    with pytest.raises(BadSignature):
        bot.answer(push("u", "x").encode(), signed("another"))


def test_without_any_token_nobody_is_answered() -> None:
    bot = wechat.bot.ModuleBot(module_of(GREETING, TOKEN=""), store="memory://")
    with pytest.raises((BadSignature, ConfigurationError)):
        bot.answer(push("u", "x").encode(), signed(""))


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_module_is_a_wsgi_application() -> None:
    bot = wechat.bot.ModuleBot(module_of(GREETING), token=TOKEN, store="memory://")
    with make_server("127.0.0.1", 0, bot.wsgi, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/?"
            assert shown(http(url + signed(), push("ada", "x"))[1]) == "hello ada"
            assert http(url + signed("wrong"), push("ada", "x")) == (403, "")
        finally:
            server.shutdown()
            thread.join()


async def post(app: Callable[..., object], query: str, body: bytes) -> str:
    """One POST to an ASGI application."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "query_string": query.encode(), "headers": []}
    await app(scope, receive, send)  # type: ignore[misc]
    assert sent[0]["status"] == 200
    answer = sent[1]["body"]
    assert isinstance(answer, bytes)
    return shown(answer.decode())


def test_a_dialog_that_blocks_does_not_block_the_event_loop() -> None:
    module = module_of(GREETING)
    bot = wechat.bot.ModuleBot(module, token=TOKEN, store="memory://")

    async def talk() -> list[str]:
        def say(user: str, text: str) -> asyncio.Task[str]:
            return asyncio.create_task(post(bot.asgi, signed(), push(user, text).encode()))

        slow = say("ada", "wait")
        await asyncio.to_thread(module.waiting.wait, 30)
        return [await say("bob", "x"), await say("bob", "release"), await slow]

    assert asyncio.run(talk()) == ["hello bob", "released", "at last"]
    bot.close()


def test_a_bot_that_was_closed_goes_on_when_asked_again() -> None:
    bot = wechat.bot.ModuleBot(module_of(GREETING), token=TOKEN)
    for _ in range(2):
        body = push("ada", "x").encode()
        assert shown(asyncio.run(bot.answer_async(body, signed())).decode()) == "hello ada"
        bot.close()
