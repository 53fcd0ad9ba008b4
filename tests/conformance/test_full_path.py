"""The 40 cases of protocol reference 10 on a whole bot: HTTP request in, HTTP response out.

The table is `cases.py`; what more than bytes decides stands below it, and the cases about time in
`test_window.py`.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.conformance import cases, test_window
from tests.conformance.cases import CASES, NOW, PLAIN, SAFE, Case
from tests.full_path.doors import DOORS, Door, HttpDoor, OpenDoor
from tests.full_path.servers import SERVERS
from tests.wire import vectors
from wechat_dialog import Bot, Texts, replies
from wechat_dialog.api import Api, AsyncApi
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.errors import ApiError, ConfigurationError
from wechat_dialog.messages import Message
from wechat_dialog.platform.probe.checklist import CHECKLIST

APOLOGY = Texts().apology


def is_announced_text(body: bytes) -> None:
    """A first part of 24's answer, and the link that fetches the next."""
    content = ET.fromstring(body).findtext("Content") or ""
    assert len(content.encode()) <= 2047
    assert re.fullmatch(r"中{100,}\s*<a href=[^>]*>继续</a>", content)


# A bot keeps what does not fit; a codec alone can only leave it out.
OF_A_BOT = {"24": is_announced_text}
TABLE = [
    dataclasses.replace(case, response=OF_A_BOT.get(case.name, case.response)) for case in CASES
]
ON_A_SERVER = ("1", "2", "5", "6 wrong", "7", "8", "19", "22", "38 entity bomb")


@pytest.fixture(autouse=True)
def _printed_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 16 random bytes of an encrypted reply are those that the vectors were made with."""
    urandom = os.urandom
    monkeypatch.setattr(
        "wechat_dialog.bot.os.urandom", lambda n: vectors.RANDOM_OUT if n == 16 else urandom(n)
    )


@pytest.fixture(params=DOORS)
def open_door(request: pytest.FixtureRequest) -> Iterator[OpenDoor]:
    with ExitStack() as stack:

        def make(bot: Bot) -> Door:
            stack.callback(bot.close)
            door = DOORS[request.param](bot)
            stack.callback(door.close)
            return door

        yield make


def make_bot(**account: Any) -> Bot:
    return Bot(**account, store="memory://", clock=lambda: float(NOW))


def answering(case: Case, heard: list[Message]) -> Bot:
    bot = make_bot(**case.account)

    @bot.fallback
    def handler(chat: Any) -> Any:
        heard.append(chat.message)
        return case.answer(chat.message)

    return bot


def run(case: Case, door: Door, heard: list[Message]) -> None:
    response = door.request(case.method, case.query, case.body, case.headers)
    if case.status == 200:
        assert response.status == 200
        assert len(heard) == (case.method == "POST")
    else:
        assert 400 <= response.status < 500
        assert heard == []
    case.response(response.body)
    for message in heard:
        case.seen(message)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.name}: {case.title}")
def test_case(case: Case, open_door: OpenDoor) -> None:
    heard: list[Message] = []
    run(case, open_door(answering(case, heard)), heard)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("case", [case for case in TABLE if case.name in ON_A_SERVER])
def test_case_on_a_server(case: Case, server: str) -> None:
    heard: list[Message] = []
    with SERVERS[server](answering(case, heard)) as port:
        run(case, HttpDoor(port), heard)


def fetch(door: Door, **fields: str) -> str:
    """The text that a push is answered with, "" for `success`."""
    response = door.request("POST", vectors.QUERY, cases.xml(**fields))
    assert response.status == 200
    return (
        "" if response.body == b"success" else ET.fromstring(response.body).findtext("Content", "")
    )


def test_case_11_both_paddings_are_taken_off(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    # What is inside of C and D is no message; that it is read and found to be none shows that it
    # was decrypted.
    door = open_door(make_bot(**SAFE))
    for vector in (vectors.C, vectors.D):
        caplog.clear()
        assert door.request("POST", vector.query, vector.body).status == 400
        assert "BadMessage" in caplog.text


@pytest.mark.parametrize("setting", ["aes_key", "previous_aes_key"])
@pytest.mark.parametrize("key", [vectors.KEY[:-1], vectors.KEY + "A", vectors.KEY[:-1] + "+"])
def test_case_16_a_malformed_key_lets_no_bot_start(setting: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{setting} "):
        make_bot(**{**SAFE, setting: key})


def test_case_21_a_json_push_gets_a_json_answer(open_door: OpenDoor) -> None:
    # The printed answer is of no type that a dialog can give; that it is reproduced byte for byte
    # is shown in tests/wire/test_vectors.py.
    vector = vectors.OFFICIAL_PUSH
    bot = make_bot(
        token=vector.token, app_id=vector.app_id, aes_key=vector.key, mode="safe", max_age=None
    )
    heard: list[Message] = []

    @bot.event("debug_demo")
    def demo(chat: Any) -> str:
        heard.append(chat.message)
        return "good luck"

    query = (
        f"signature={vectors.OFFICIAL_SIGNATURE}&timestamp={vector.timestamp}"
        f"&nonce={vector.nonce}&encrypt_type=aes&msg_signature={vector.signature}"
    )
    body = json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": vector.encrypted}).encode()
    response = open_door(bot).request("POST", query, body, {"Content-Type": "application/json"})
    assert [message.raw for message in heard] == [json.loads(vector.message)]
    assert response.headers["content-type"] == "application/json"
    envelope = json.loads(response.body)
    assert envelope["MsgSignature"] == cases.sign(
        vector.token, str(envelope["TimeStamp"]), envelope["Nonce"], envelope["Encrypt"]
    )
    inner = Key(vector.key).decrypt(base64.b64decode(envelope["Encrypt"]), vector.app_id)
    assert json.loads(inner) == {
        "ToUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "FromUserName": "gh_97417a04a28d",
        "CreateTime": NOW,
        "MsgType": "text",
        "Content": "good luck",
    }


def test_case_23_holds_wherever_a_dialog_speaks(open_door: OpenDoor) -> None:
    bot = make_bot(**PLAIN)

    @bot.text("x")
    def speaker(chat: Any) -> Generator[Any, Any, replies.News]:
        chat.say("a\ud800")
        answer: str = yield from chat.ask("\udfffb?")
        return replies.News([replies.Article(f"{answer}\ud83d", url="https://example.com/")])

    door = open_door(bot)
    assert fetch(door, Content="x", MsgId="1") == "a\nb?"
    news = door.request("POST", vectors.QUERY, cases.xml(Content="y", MsgId="2"))
    assert ET.fromstring(news.body).findtext("Articles/item/Title") == "y"


def test_case_24_the_remainder_is_kept(open_door: OpenDoor) -> None:
    bot = make_bot(**PLAIN)
    bot.text("长")(lambda chat: replies.Text("中" * 3000))
    door = open_door(bot)
    parts = [fetch(door, Content="长", MsgId="1")]
    while "继续" in parts[-1]:
        parts.append(fetch(door, Content="继续", MsgId=str(len(parts) + 1)))
    assert sum(part.count("中") for part in parts) == 3000
    assert len(parts) == 5


@pytest.mark.parametrize("fields", [{}, {"bizmsgmenuid": "101"}], ids=["typed", "tapped"])
def test_case_30_a_tap_is_routed_by_its_content(
    open_door: OpenDoor, fields: dict[str, str]
) -> None:
    bot = make_bot(**PLAIN)
    bot.text("满意")(lambda chat: "谢谢")
    assert fetch(open_door(bot), Content="满意", **fields) == "谢谢"


def test_case_33_what_only_looks_alike_is_handled_each(open_door: OpenDoor) -> None:
    bot = make_bot(**PLAIN)
    heard: list[tuple[str, str]] = []
    bot.fallback(lambda chat: heard.append((chat.user, chat.message.kind)))
    door = open_door(bot)
    for body in (
        cases.event("CLICK", EventKey="menu"),
        cases.event("LOCATION", Latitude="1", Longitude="2", Precision="3"),
        cases.xml(Content="x"),
        cases.xml(Content="x", FromUserName="another"),
    ):
        assert door.request("POST", vectors.QUERY, body).body == b"success"
    assert heard == [
        (vectors.USER, "event"),
        (vectors.USER, "event"),
        (vectors.USER, "text"),
        ("another", "text"),
    ]


def raises_at_once(chat: Any) -> str:
    raise ValueError("secret")


async def raises_in_a_coroutine(chat: Any) -> str:
    raise ValueError("secret")


def raises_in_a_step(chat: Any) -> Generator[Any, Any, str]:
    answer: str = yield from chat.step(raises_at_once, None)
    return answer


def returns_what_is_no_reply(chat: Any) -> object:
    return object()


@pytest.mark.parametrize(
    "handler",
    [raises_at_once, raises_in_a_coroutine, raises_in_a_step, returns_what_is_no_reply],
    ids=lambda handler: handler.__name__,
)
def test_case_39_a_failing_handler_is_an_apology(
    open_door: OpenDoor, handler: Callable[[Any], Any]
) -> None:
    bot = make_bot(**PLAIN)
    bot.fallback(handler)
    assert fetch(open_door(bot), Content="x") == APOLOGY


USER = "oDemoOpenId0123456789abcdefgh"


def platform(codes: list[int], calls: list[str]) -> httpx.MockTransport:
    """The platform's side of active calls: answers each sending with the next code."""

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path.rsplit("/", 1)[-1])
        if request.url.path.endswith("stable_token"):
            token = f"token-{calls.count('stable_token')}"
            return httpx.Response(200, json={"access_token": token, "expires_in": 7200})
        assert request.url.params["access_token"] == f"token-{calls.count('stable_token')}"
        assert "处理完成" in request.content.decode()
        code = codes.pop(0)
        return httpx.Response(200, json={"errcode": code, "errmsg": "ok" if not code else "no"})

    return httpx.MockTransport(answer)


def send(transport: httpx.MockTransport, *, asynchronous: bool) -> None:
    if not asynchronous:
        with httpx.Client(transport=transport) as client:
            Api("wx0123456789abcdef", "secret", client=client).send_text(USER, "处理完成")
        return

    async def sending() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            api = AsyncApi("wx0123456789abcdef", "secret", client=client)
            await api.send_text(USER, "处理完成")

    asyncio.run(sending())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "event loop"])
@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_case_40_a_token_that_ran_out_is_fetched_anew_once(code: int, asynchronous: bool) -> None:
    calls: list[str] = []
    send(platform([code, 0], calls), asynchronous=asynchronous)
    assert calls == ["stable_token", "send", "stable_token", "send"]
    calls.clear()
    with pytest.raises(ApiError, match=str(code)):
        send(platform([code, code], calls), asynchronous=asynchronous)
    assert calls == ["stable_token", "send", "stable_token", "send"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "event loop"])
@pytest.mark.parametrize("code", [45015, 45047, 48001])
def test_case_40_what_is_refused_for_good_is_not_repeated(code: int, asynchronous: bool) -> None:
    calls: list[str] = []
    with pytest.raises(ApiError) as raised:
        send(platform([code], calls), asynchronous=asynchronous)
    assert raised.value.code == code
    assert calls == ["stable_token", "send"]


def test_no_case_is_left_out() -> None:
    names = [case.name for case in TABLE] + [
        found[1]
        for name in (*globals(), *vars(test_window))
        if (found := re.match(r"test_case_(\d+)_", name))
    ]
    numbers = {int(re.match(r"\d+", name)[0]) for name in names}  # type: ignore[index]
    assert numbers == set(CHECKLIST) == set(range(1, 41))
