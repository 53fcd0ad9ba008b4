"""No text of a user and no secret is in a log above DEBUG, or in a bot's `repr`."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.people import TOKEN, push, signed
from tests.pages import Page, manual
from tests.redis_server import RedisServer, wait_until
from wechat_dialog import Bot, Chat, Dialog, UnexpectedAnswer, Window, messages
from wechat_dialog.core.logs import log
from wechat_dialog.errors import AskAgain, ConfigurationError, StoreError
from wechat_dialog.messages.keys import message_key
from wechat_dialog.stores import open_store
from wechat_dialog.stores.memory import MemoryStore

SECRET = "天王盖地虎"
USER = "oUser0000000000000000000001"
SPOKEN = {"runtime/heartbeat.py", "pusher.py"}
"""What they name is a `StoreError`, an `ApiError`."""
SOURCE = Path(__file__).parent.parent / "src"


def raises(chat: Chat) -> Dialog[str]:
    said = yield from chat.ask("口令？")
    raise ValueError(f"no {said}")


def raises_at_once(chat: Chat) -> str:
    raise KeyError(chat.message.raw["Content"])


def breaks_in_a_step(chat: Chat) -> Dialog[str]:
    def step(said: str) -> int:
        return int(said)

    said = yield from chat.ask("口令？")
    return str((yield from chat.step(step, said)))


def parses_badly(chat: Chat) -> Dialog[str]:
    def parse(said: str) -> str:
        raise RuntimeError(said)

    return (yield from chat.ask("口令？", parse))


def hints_badly(chat: Chat) -> Dialog[str]:
    def hint(said: str) -> str:
        raise RuntimeError(said)

    return str((yield from chat.ask("几？", int, hint=hint)))


def answers_badly(chat: Chat) -> Dialog[Any]:
    said = yield from chat.ask("口令？")
    return {"said": said}


def cleans_up_badly(chat: Chat) -> Dialog[str]:
    said = yield from chat.ask("口令？")
    try:
        return (yield from chat.ask("还有？"))
    finally:
        raise RuntimeError(said)


def remembers_badly(chat: Chat) -> Dialog[str]:
    chat.data["said"] = {(yield from chat.ask("口令？")), object()}
    return "好"


def hands_back(_: Chat) -> str:
    raise UnexpectedAnswer


def goes_on_too_long(chat: Chat) -> Dialog[str]:
    said = yield from chat.ask("口令？")
    while True:
        said += yield from chat.ask(f"{said}？")


def exits(chat: Chat) -> Dialog[str]:
    raise SystemExit((yield from chat.ask("口令？")))


BREAKING = [
    raises, raises_at_once, breaks_in_a_step, parses_badly, hints_badly, answers_badly,
    cleans_up_badly, remembers_badly, hands_back, goes_on_too_long, exits,
]  # fmt: skip


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Everything logged above DEBUG so far, exceptions included; none of it may have a secret."""
    form = logging.Formatter("%(levelname)s %(name)s %(message)s")

    def lines() -> list[str]:
        return [form.format(record) for record in caplog.records if record.levelno > logging.DEBUG]

    with caplog.at_level(logging.DEBUG):
        yield lines
    for line in lines():
        for secret in (SECRET, TOKEN, "sesame", "Traceback"):
            assert secret not in line


def say(bot: Bot, text: str, **fields: str) -> bytes:
    return bot.answer(push(USER, Content=text, **fields), signed())


@pytest.mark.parametrize("dialog", BREAKING, ids=lambda dialog: dialog.__name__)
def test_the_log_of_a_broken_dialog_has_no_text_of_its_user(
    dialog: Callable[..., Any], heard: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(TOKEN, store="memory://", journal_limit=4)
    bot.text("说", SECRET)(dialog)
    for text in ("说", SECRET, SECRET, SECRET, "取消", SECRET):
        say(bot, text)
    lines = heard()
    assert lines
    if dialog in (answers_badly, remembers_badly):
        assert any("TypeError: " in line for line in lines), "what the library says is told"
    elif dialog not in (hands_back, goes_on_too_long):
        assert any(__file__ in line for line in lines), "where it broke is told"
    if dialog in (raises, exits, breaks_in_a_step):
        assert any("conversations show" in line for line in lines)
        assert any(SECRET in (record.exc_text or "") for record in caplog.records)
    bot.close()


def asks(prompt: str) -> Callable[..., Any]:
    def dialog(chat: Chat) -> Dialog[str]:
        said = yield from chat.ask(prompt)
        return (yield from chat.ask(f"{prompt}{said}？"))

    return dialog


@pytest.mark.parametrize("policy", ["resume", "restart", "park"])
def test_the_log_of_a_changed_dialog_has_no_question(
    policy: Any, heard: Callable[[], list[str]]
) -> None:
    store = MemoryStore()
    for prompt in ("口令？", f"不是{SECRET}吗？"):
        bot = Bot(TOKEN, store=store, on_divergence=policy, live_dialogs=0)
        bot.text("说")(asks(prompt))
        for text in ("说", SECRET):
            say(bot, text)
    assert any("policy" in line for line in heard())


def test_the_log_of_a_refused_push_has_no_body(heard: Callable[[], list[str]]) -> None:
    bot = Bot(TOKEN, store="memory://")
    started: list[str] = []
    body = f"<xml><a>{SECRET}</a>".encode()
    for query in (f"signature={SECRET}&timestamp=1&nonce=sesame", signed()):
        environ = {
            "REQUEST_METHOD": "POST", "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }  # fmt: skip
        list(bot.wsgi(environ, lambda status, _: started.append(status)))  # type: ignore[arg-type]
    assert [status[:3] for status in started] == ["403", "400"]
    assert len(heard()) == 2


class Broken(MemoryStore):
    """Fails as no store should."""

    def claim(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("awaiting", [False, True], ids=["sync", "async"])
def test_the_log_of_an_unexpected_store_error_has_its_class_and_place(
    awaiting: bool, heard: Callable[[], list[str]]
) -> None:
    bot = Bot(TOKEN, store=Broken())
    bot.text("说")(raises)
    if awaiting:
        asyncio.run(bot.answer_async(push(USER, Content=SECRET), signed()))
    else:
        say(bot, SECRET)
    (line,) = heard()
    assert f"user {USER}: a text could not be answered: RuntimeError at " in line


class Failing(MemoryStore):
    """Fails to commit."""

    def commit(self, *_: Any, **__: Any) -> Any:
        raise StoreError("the disk is full")


@pytest.mark.parametrize("awaiting", [False, True], ids=["sync", "async"])
def test_a_turn_that_fails_after_all_requests_have_left_is_logged(
    awaiting: bool, heard: Callable[[], list[str]]
) -> None:
    bot = Bot(TOKEN, store=Failing(), window=Window(seconds=0.2, requests=1, patience=0.05))
    gate = threading.Event()

    @bot.text("说")
    def slow(chat: Chat) -> Dialog[str]:
        yield from chat.step(lambda: gate.wait(60) and None)
        return SECRET

    body = push(USER, Content="说")
    if awaiting:

        async def ask() -> bytes:
            answer = await bot.answer_async(body, signed())
            gate.set()
            await asyncio.to_thread(wait_until, lambda: bool(heard()), "the failure to be told")
            return answer

        answer = asyncio.run(ask())
    else:
        answer = bot.answer(body, signed())
        gate.set()
        wait_until(lambda: bool(heard()), "the failure to be told")
    assert bot.rules.texts.waiting in answer.decode()
    assert "the disk is full" in heard()[0]
    bot.close()


def test_a_redis_password_is_in_no_log_and_no_error(
    heard: Callable[[], list[str]], redis_server: Callable[..., RedisServer]
) -> None:
    server = redis_server()
    server.ask("CONFIG", "SET", "requirepass", "other")
    # No sweep fails beside the message.
    bot = Bot(TOKEN, store=server.url.replace("redis://", "redis://:sesame@"), timers=False)
    bot.text("说")(raises)
    with pytest.raises(AskAgain) as raised:
        say(bot, "说")
    assert "sesame" not in str(raised.value)
    (line,) = heard()
    assert "check user and password" in line
    shown = [bot.store, bot.async_store, bot._codec, bot.settings, bot]
    assert "sesame" not in repr(shown)
    bot.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:sesame@host:port/0", "redis+sentinel://:sesame@host", "nonsense://:sesame@host",
        "redis://:sesame@host/0?socket_timeout=soon", "redis+cluster://:sesame@host:x",
        "rediss+sentinel://u:sesame@host:1/a/b?sentinel_password=sesame",
    ],
)  # fmt: skip
def test_an_error_about_a_url_does_not_quote_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_store(url)
    error: BaseException | None = raised.value
    while error is not None:
        assert "sesame" not in str(error), error
        assert "sesame" not in repr(error), error
        error = error.__cause__


def test_no_repr_of_a_bot_has_its_secrets() -> None:
    key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    bot = Bot(
        "sesame-token", app_id="wx1", aes_key=key, app_secret="sesame-secret", mode="safe",
        store="memory://",
    )  # fmt: skip
    shown = repr([bot, bot._codec, bot.settings, bot.rules, vars(bot)["_codec"]])
    for secret in ("sesame", key):
        assert secret not in shown


def test_no_log_call_passes_an_exception() -> None:
    found: list[str] = []
    for path in SOURCE.rglob("*.py"):
        if path.parent.name == "platform":  # it plays the user
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if getattr(node.func.value, "id", "") not in ("log", "_log", "logging", "logger"):
                continue
            if node.func.attr in ("debug", "getLogger", "disable"):
                continue
            names = {arg.id for arg in node.args if isinstance(arg, ast.Name)}
            keywords = {keyword.arg for keyword in node.keywords}
            told = names & {"error", "mismatch", "exception"} and path.name not in SPOKEN
            if node.func.attr == "exception" or "exc_info" in keywords or told:
                found.append(f"{path.name}:{node.lineno}")
    assert not found, "see logs.report"


def test_no_log_has_the_key_of_a_message(heard: Callable[[], list[str]]) -> None:
    said = messages.from_fields(
        {
            "ToUserName": "gh",
            "FromUserName": USER,
            "CreateTime": "1",
            "MsgType": "未知",
            "X": SECRET,
        }
    )
    assert SECRET not in message_key(said)
    assert heard() == []


FORMATS = {
    "user": ("user %s: lost", ("gh_1:oAda",), {"user": "oAda", "account": "gh_1"}),
    "OpenID": ("user %s: lost", ("oAda",), {"user": "oAda"}),
    "dialog": (
        "user %s: what is due: %s, dialog %r, %.3f s late", ("oAda", "x", "buy", 1.5),
        {"user": "oAda", "dialog": "buy"},
    ),
    "conversation": (
        "user %s: dialog %r broke at record %d and is parked as %s", ("oAda", "buy", 3, "5f"),
        {"user": "oAda", "dialog": "buy", "conversation": "5f"},
    ),
    "dialog of a conversation": (
        "user %s: the conversation of %r has %d records, 50 % more", ("oAda", "buy", 5000),
        {"user": "oAda", "dialog": "buy"},
    ),
    "neither": ("%d reports wait", (5,), {}),
    "a line break": ("user %s: lost", ("o\nAda",), {"user": "o\\nAda"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "args", "fields"), FORMATS.values(), ids=FORMATS.keys())
def test_whom_a_line_is_about_is_a_field_of_its_record(
    text: str, args: tuple[Any, ...], fields: dict[str, str]
) -> None:
    record = log.makeRecord(log.name, logging.INFO, "f", 1, text, args, None)
    assert log.filter(record)
    names = ("user", "account", "dialog", "conversation")
    assert {name: vars(record)[name] for name in names if name in vars(record)} == fields


@pytest.mark.parametrize("page", manual("operation"), ids=repr)
def test_the_formatter_of_the_manual_writes_what_broke_as_json(page: Page) -> None:
    [block] = [block for block in page.blocks if "Formatter" in block.text]
    module: dict[str, Any] = {}
    exec(compile(block.in_place, page.name, "exec"), module)
    written = io.StringIO()
    module["handler"].setStream(written)
    bot = Bot(TOKEN, store="memory://")
    bot.text("开")(raises)
    try:
        for text in ("开", "x"):
            bot.answer(push(USER, Content=text), signed())
    finally:
        log.removeHandler(module["handler"])
        bot.close()
    [line] = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (line["user"], line["dialog"], line["level"]) == (USER, "raises", "ERROR")
    assert f"parked as {line['conversation']}" in line["message"]
