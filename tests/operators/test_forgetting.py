"""An operator forgets a user (`wechat-dialog conversations forget`), on every store: nothing is
left, and what other processes have in hand of them does not come back.
"""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest
import redis

from tests.cli import command
from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import Claim, Commit
from wechat_dialog.errors import NotParked
from wechat_dialog.operators import Conversations, Forgotten, NotFound
from wechat_dialog.stores import open_store

USER, ACCOUNT = "oForgotten", "gh_1"
KEY = f"{ACCOUNT}:{USER}"
_sent = itertools.count(1)
done: list[str] = []


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    done.clear()
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path / 'town.db'}"}[request.param]


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = open_store(url)
    yield made
    made.close()


def do(what: str) -> None:
    done.append(what)


def fail() -> None:
    raise ZeroDivisionError


def bot_on(store: Store) -> Bot:
    bot = Bot("t", store=store)

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        chat.data["nickname"] = yield from chat.ask("怎么称呼？")
        try:
            what = yield from chat.ask("买什么？")
            return f"{what}给{chat.data['nickname']}"
        finally:
            yield from chat.step(do, "座位")

    @bot.text("走")
    def leaves_badly(chat: Chat) -> Dialog[str]:
        try:
            return (yield from chat.ask("去哪？"))
        finally:
            yield from chat.step(do, "一")
            fail()

    @bot.text("坏")
    def broken(chat: Chat) -> Dialog[str]:
        yield from chat.ask("怎么坏？")
        raise ZeroDivisionError

    @bot.text("我")
    def me(chat: Chat) -> str:
        return f"你是{chat.data.get('nickname', '谁')}"

    return bot


def say(bot: Bot, text: str, user: str = USER) -> str:
    raw = {
        "ToUserName": ACCOUNT, "FromUserName": user, "CreateTime": str(int(time.time())),
        "MsgType": "text", "Content": text, "MsgId": str(next(_sent)),
    }  # fmt: skip
    reply = bot.respond(messages.from_fields(raw), time.time()).reply
    return getattr(reply, "content", "")


def traces(url: str, store: Store) -> dict[str, str]:
    """What is left of the user, anywhere: raw keys or rows, and what they hold."""
    if url.startswith("redis"):
        client = redis.Redis.from_url(url)
        with client:
            found = [key for key in client.scan_iter() if USER.encode() in key]
            return {key.decode(): repr(client.get(key)) for key in found}
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            return {
                f"{table} {number}": json.dumps([str(value) for value in row], ensure_ascii=False)
                for table in ("documents", "records", "replies", "data", "parked")
                for number, row in enumerate(file.execute(f"SELECT * FROM {table}"))
                if USER in str(row)
            }
    return {}


def test_nothing_that_was_said_is_left_and_the_rest_says_for_how_long(
    url: str, store: Store
) -> None:
    bot = bot_on(store)
    for text in ("坏", "真坏", "买", "小明"):
        say(bot, text)
    say(bot, "买", "oElse")
    assert Conversations(bot).forget(USER) == Forgotten(1, 2, 1, True)
    assert done == ["座位"], "clean-up has run"
    assert store.show(KEY) is None
    assert [line.user for line in store.list(everybody=True)] == [f"{ACCOUNT}:oElse"]
    left = traces(url, store)
    for what in ("小明", "真坏", "怎么称呼", "buy", "nickname"):
        assert not [one for one in left.values() if what in one], what
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            assert all(0 < client.pttl(key) <= 60_000 for key in left)
    with pytest.raises(NotFound):
        Conversations(bot).forget(USER)
    assert say(bot, "我") == "你是谁"


def test_who_is_forgotten_leaves_no_trace_at_all_after_a_minute(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path / 'town.db'}", 1_700_000_000.0
    store = open_store(url)
    store.use_clock(lambda: clock)  # type: ignore[attr-defined]
    fence = store.claim(Claim(KEY, "k", lease=3)).fence  # type: ignore[union-attr]
    from wechat_dialog.core.store.values import Write

    store.commit(Commit(KEY, "k", Write(b"", data=b'{"nickname":"1"}'), reply=b"", fence=fence))
    clock += 61
    assert store.forget(KEY)
    clock += 61  # until then it is known that they were forgotten
    store.claim(Claim("gh_1:oElse", "k", lease=3))
    store.close()
    assert traces(url, store) == {}


def test_a_live_dialog_in_another_process_is_not_written_back(url: str, store: Store) -> None:
    mine, operator = bot_on(store), bot_on(store)
    say(mine, "买")
    say(mine, "小明")
    Conversations(operator).forget(USER)
    assert say(mine, "苹果") == "", "it is no answer any more"
    assert say(mine, "我") == "你是谁"
    assert store.show(KEY) is None


@pytest.mark.parametrize("kind", ["beginning", "answer"])
def test_a_turn_under_way_says_nothing_and_leaves_nothing(
    url: str, store: Store, kind: str
) -> None:
    bot, begun, go_on = bot_on(store), threading.Event(), threading.Event()

    def slow() -> str:
        done.append("slow")
        begun.set()
        assert go_on.wait(30)
        return "秘密"

    @bot.text("慢")
    def slowly(chat: Chat) -> Dialog[str]:
        if kind == "answer":
            yield from chat.ask("慢什么？")
        chat.data["secret"] = yield from chat.step(slow)
        return (yield from chat.ask("然后？"))

    said: list[str] = []
    if kind == "answer":
        say(bot, "慢")
    thread = threading.Thread(target=lambda: said.append(say(bot, "慢")))
    thread.start()
    assert begun.wait(30)
    assert store.forget(KEY)
    go_on.set()
    thread.join(30)
    assert (said, done) == ([""], ["slow"])
    assert store.show(KEY) is None
    assert list(store.list(everybody=True)) == []


def test_an_operator_waits_for_a_turn_under_way_and_forgets_what_it_did(
    url: str, store: Store
) -> None:
    bot, begun, go_on = bot_on(store), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(30)

    @bot.text("慢")
    def slowly(chat: Chat) -> Dialog[str]:
        yield from chat.step(slow)
        chat.data["secret"] = "秘密"
        return (yield from chat.ask("然后？"))

    said: list[str] = []
    turn = threading.Thread(target=lambda: said.append(say(bot, "慢")))
    turn.start()
    assert begun.wait(30)
    forgetting = threading.Thread(target=lambda: Conversations(bot_on(store)).forget(KEY))
    forgetting.start()
    go_on.set()
    turn.join(30)
    forgetting.join(30)
    assert said in (["然后？"], [""])
    assert store.show(KEY) is None


def test_what_is_resumed_while_it_is_forgotten_stays_forgotten(store: Store) -> None:
    bot = bot_on(store)
    say(bot, "坏")
    say(bot, "真坏")
    shows = store.show

    class Slow:
        """An operator who looks, has a coffee, and goes on."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def show(self, user: str) -> Any:
            found = shows(user)
            store.forget(user)
            return found

    slow = bot_on(cast("Store", Slow()))
    with pytest.raises(NotParked):
        Conversations(slow).resume(USER)
    assert list(store.list(everybody=True)) == []


def test_clean_up_that_fails_keeps_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    bot = bot_on(store)
    say(bot, "走")
    with caplog.at_level(logging.ERROR):
        Conversations(bot).forget(USER)
    assert done == ["一"]
    assert "broke while it was ended" in caplog.text
    assert store.show(KEY) is None


def test_what_nobody_can_read_is_forgotten(store: Store) -> None:
    from wechat_dialog.core.store.values import Write

    fence = store.claim(Claim(KEY, "k", lease=3)).fence  # type: ignore[union-attr]
    store.commit(Commit(KEY, "k", Write(b"not ours", (b"nor this",)), reply=b"", fence=fence))
    store.defer(KEY, "k2", b"nor that")
    assert Conversations(bot_on(store)).forget(USER) == Forgotten(1, 1, 0, False)
    assert list(store.list(everybody=True)) == []


@pytest.mark.parametrize("name", [USER, KEY])
def test_who_has_nothing_but_a_message_without_an_answer_is_found(store: Store, name: str) -> None:
    store.defer(KEY, "k", b"[1,{}]")
    Conversations(bot_on(store)).forget(name)
    assert list(store.list(everybody=True)) == []


# As people call it. -------------------------------------------------------------------------------

APP = """
from wechat_dialog import Bot
bot = Bot("t", store="sqlite:///town.db", timeout=None)

@bot.text("买")
def buy(chat):
    chat.data["nickname"] = yield from chat.ask("怎么称呼？")
    try:
        return (yield from chat.ask("买什么？"))
    finally:
        yield from chat.step(print, "clean-up")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(APP, "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'town.db'}")
    bot = bot_on(store)
    say(bot, "买")
    say(bot, "小明")
    store.close()
    return tmp_path


def test_the_command_says_what_it_removed(folder: Path) -> None:
    forgotten = command.run(folder, "conversations", "forget", "shop:bot", USER)
    store = f"wechat-dialog: store sqlite:///{folder / 'town.db'}\n"
    assert (forgotten.returncode, forgotten.stderr) == (0, store)
    assert forgotten.stdout.endswith("forgotten: 1 running with 2 records, data\n")
    again = command.run(folder, "conversations", "forget", "shop:bot", USER, "--yes")
    assert (again.returncode, again.stdout) == (2, "")
    assert f"no conversation or user {USER!r}" in again.stderr
    left = open_store(f"sqlite:///{folder / 'town.db'}")
    assert list(left.list(everybody=True)) == []
    left.close()


def on_a_terminal(folder: Path, *words: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        command.COMMAND[0],
        [*command.COMMAND[1:], "conversations", "forget", "shop:bot", USER, *words],
        cwd=str(folder), env={**command.environment(), "TERM": "xterm", "COLUMNS": "120"},
        encoding="utf-8", timeout=command.PATIENCE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "status", "says"),
    [(["n"], 1, "nothing was removed"), (["y"], 0, "forgotten: 1 running"), (None, 0, "forgotten")],
)
def test_a_terminal_is_asked(
    folder: Path, answers: list[str] | None, status: int, says: str
) -> None:
    child = on_a_terminal(folder, *(["--yes"] if answers is None else []))
    try:
        for answer in answers or []:
            child.expect("for good")
            child.sendline(answer)
        child.expect(says)
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == status
    store = open_store(f"sqlite:///{folder / 'town.db'}")
    assert (store.show(KEY) is None) == (status == 0)
    store.close()
