"""The store fails a turn: that is no answer. The platform asks again, and the repetition finds out
what became of it; only its last request is told that something went wrong, its patience over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

import wechat.bot
from tests.full_path.doors import PATIENCE, HttpDoor, Response
from tests.full_path.people import TOKEN, Person, Unhurried, content, push, signed
from tests.full_path.servers import SERVERS
from tests.proxy import Proxy
from tests.redis_server import RedisServer, wait_until
from wechat_dialog import Bot, Chat, Texts, errors
from wechat_dialog.errors import AskAgain, Refused, StoreError
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import RedisStore

Servers = Callable[..., RedisServer]
APOLOGY = Texts().apology
SENDS = {"wsgiref": 503, "uvicorn": None}
"""What a request gets while the store is away: at once, or nothing until the platform hangs up."""
HANGS_UP = {503: PATIENCE, None: 0.3}
"""Seconds after which the platform hangs up on what gets that, if it is not the last."""


class Bank:
    """Sends money: first how much, then to whom."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []

    def send(self, amount: int, account: str) -> None:
        self.sent.append((amount, account))

    def bot(self, store: Any, **options: Any) -> Bot:
        bot = Bot(TOKEN, store=store, **{"window": Unhurried(), **options})

        @bot.text("转账")
        def transfer(chat: Chat) -> Any:
            amount = yield from chat.ask("多少？", int)
            account = yield from chat.ask("哪个账号？")
            yield from chat.step(self.send, amount, account)
            return f"{amount} 已转给 {account}。"

        return bot


class Platform:
    """Pushes as the platform does: at most thrice, until a request is answered with 200 in time."""

    def __init__(self, port: int, user: str = "oUser") -> None:
        self.port = port
        self.person = Person(HttpDoor(port), user)
        self.statuses: list[int | None] = []

    def ask(self, seconds: float = PATIENCE, **fields: str) -> Response | None:
        """Make one request, with a new message if there are fields; hang up after `seconds`."""
        if fields:
            self.person.sent.append(push(self.person.name, **fields))
        self.person.door = HttpDoor(self.port, timeout=seconds)
        try:
            response = self.person.again()
        except TimeoutError:
            self.statuses.append(None)
            return None
        self.statuses.append(response.status)
        return response

    def say(self, text: str, hangs_up: float = PATIENCE) -> str:
        """Send a text; returns what its user sees.

        Args:
            text: The text.
            hangs_up: Seconds after which all requests but the last are given up.
        """
        self.statuses = []
        fields = {"Content": text}
        for seconds in (hangs_up, hangs_up, PATIENCE):
            response = self.ask(seconds, **fields)
            if response is not None and response.status == 200:
                return content(response)
            fields = {}
        return "该公众号提供的服务出现故障"


def in_a_hurry(bot: Bot) -> AbstractContextManager[None]:
    """Have the last request wait for a moment only, since there is nothing to wait for."""
    assert isinstance(bot.window, Unhurried)
    return bot.window.in_a_hurry(0.3, room=0.4)


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("live", [100, 0], ids=["live", "cold"])
def test_a_commit_whose_answer_is_lost_is_answered_by_the_same_request_or_by_its_repetition(
    kind: str, redis_server: Servers, live: int
) -> None:
    bank = Bank()
    with Proxy(redis_server().port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", patience=0.1)
        bot = bank.bot(store, live_dialogs=live)
        with SERVERS[kind](bot) as port, ThreadPoolExecutor(1) as thread:
            platform = Platform(port)
            # The server learns the scripts: the answer that is lost is to be that of the commit.
            assert [platform.say(text) for text in ("转账", "1")] == ["多少？", "哪个账号？"]
            platform = Platform(port, "oOther")
            assert platform.say("转账") == "多少？"
            proxy.lose_answer_to("哪个账号".encode())
            asked = thread.submit(platform.ask, Content="100")
            assert proxy.lost.wait(PATIENCE)
            if kind == "wsgiref":
                refused = asked.result(PATIENCE)
                assert refused is not None
                assert (refused.status, refused.body) == (503, b"")
                proxy.restore()
                answer = platform.ask()
            else:
                proxy.restore()
                answer = asked.result(PATIENCE)
            assert answer is not None
            assert content(answer) == "哪个账号？"
            assert platform.say("7 号") == "100 已转给 7 号。"
        bot.close()
        store.close()
    assert bank.sent == [(100, "7 号")]


def test_what_was_committed_behind_an_apology_takes_no_answer_before_it_is_seen(
    kind: str, redis_server: Servers
) -> None:
    bank = Bank()
    with Proxy(redis_server().port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", patience=0.1)
        bot = bank.bot(store)
        with SERVERS[kind](bot) as port:
            platform = Platform(port)
            # The server learns the scripts: the answer that is lost is to be that of the commit.
            assert [platform.say(text) for text in ("转账", "1")] == ["多少？", "哪个账号？"]
            platform = Platform(port, "oOther")
            assert platform.say("转账") == "多少？"
            proxy.lose_answer_to("哪个账号".encode())
            with in_a_hurry(bot):
                assert platform.say("100", HANGS_UP[SENDS[kind]]) == APOLOGY
            proxy.restore()
            wait_until(lambda: not bot._runner.turns.running(), "its turn to end")
            # The user repeats it, and it is no account.
            again = platform.say("100")
            assert again.endswith("哪个账号？"), again
            assert again.startswith(Texts().not_taken)
            assert bank.sent == []
            assert platform.say("7 号") == "100 已转给 7 号。"
        bot.close()
        store.close()
    assert bank.sent == [(100, "7 号")]


class Away(MemoryStore):
    """A store that cannot be reached for the next so many operations, or until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    def claim(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().claim(*args, **options)

    def commit(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().commit(*args, **options)

    def record(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().record(*args, **options)

    def defer(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().defer(*args, **options)

    def release(self, *args: Any, **options: Any) -> Any:
        self._fail()
        return super().release(*args, **options)

    def _fail(self) -> None:
        if self.away:
            raise StoreError("the store is away")


@pytest.fixture
def store() -> Away:
    return Away()


@pytest.fixture
def bot(store: Away) -> Iterator[Bot]:
    bot = Bank().bot(store)
    yield bot
    bot.close()


@pytest.fixture
def platform(kind: str, bot: Bot) -> Iterator[Platform]:
    with SERVERS[kind](bot) as port:
        platform = Platform(port)
        assert platform.say("转账") == "多少？"
        platform.statuses = []
        yield platform


def test_an_outage_of_two_requests_is_no_apology(
    kind: str, platform: Platform, store: Away
) -> None:
    store.away = True
    platform.ask(HANGS_UP[SENDS[kind]], Content="100")
    platform.ask(HANGS_UP[SENDS[kind]])
    with ThreadPoolExecutor(1) as thread:
        last = thread.submit(platform.ask)
        store.away = False
        answer = last.result(PATIENCE)
    assert platform.statuses == [SENDS[kind], SENDS[kind], 200]
    assert answer is not None
    assert content(answer) == "哪个账号？"


def test_the_last_request_is_told_in_time_that_something_went_wrong(
    kind: str, platform: Platform, bot: Bot, store: Away
) -> None:
    store.away = True
    with in_a_hurry(bot):
        assert platform.say("100", HANGS_UP[SENDS[kind]]) == APOLOGY
    assert platform.statuses == [SENDS[kind], SENDS[kind], 200]
    store.away = False
    assert platform.say("100") == "哪个账号？", "nothing of it had been heard"


def test_a_store_that_stalls_keeps_the_last_request_no_longer(
    kind: str, redis_server: Servers
) -> None:
    server = redis_server()
    store = RedisStore(f"{server.url}?socket_timeout=20")
    bot = Bank().bot(store)
    with SERVERS[kind](bot) as port:
        platform = Platform(port)
        assert platform.say("转账") == "多少？"
        with server.frozen(), in_a_hurry(bot):
            assert platform.say("100", HANGS_UP[None]) == APOLOGY
            assert platform.statuses == [None, None, 200]
    bot.close()
    store.close()


def test_who_calls_answer_by_hand_is_told_to_have_it_asked_again(store: Away) -> None:
    bot = Bank().bot(store)
    store.away = True
    body = push("oUser", Content="转账")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            bot.answer(body, signed())
        assert isinstance(refused.value, AskAgain)
        assert refused.value.status == 503
        assert isinstance(refused.value.__cause__, StoreError)
    with in_a_hurry(bot):
        assert APOLOGY.encode() in bot.answer(body, signed())
    assert errors.AskAgain is AskAgain
    bot.close()


def test_on_an_event_loop_the_request_waits_for_the_store_itself(store: Away) -> None:
    bot = Bank().bot(store)

    async def both() -> bytes:
        asked = asyncio.ensure_future(bot.answer_async(push("oUser", Content="转账"), signed()))
        await asyncio.sleep(0)
        store.away = False
        return await asked

    store.away = True
    assert "多少？".encode() in asyncio.run(both())
    bot.close()


def test_the_2017_interface_raises_so_that_its_server_has_the_platform_ask_again(
    monkeypatch: pytest.MonkeyPatch, store: Away
) -> None:
    bot = wechat.bot.ModuleBot(type("module", (), {"ROUTER": {"text": []}}), store=store)
    monkeypatch.setattr(wechat.bot, "bot_of", lambda _: bot)
    store.away = True
    with pytest.raises(AskAgain):
        wechat.bot.answer(push("oUser", Content="x"), None)
    store.away = False
    assert wechat.bot.answer(push("oUser", Content="x"), None).format() == "success"
    bot.close()
