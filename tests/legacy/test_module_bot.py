"""A module has one bot and one store, whoever asks: threads, forks, changed settings, time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
import redis

import wechat.bot
from tests.legacy.pushes import module_of, push, shown, talker
from tests.redis_server import RedisServer, wait_until
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.wire import xml
from wechat_dialog.errors import AskAgain, ConfigurationError
from wechat_dialog.messages import from_fields
from wechat_dialog.replies import Text
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.sqlite import SQLiteStore

SUM = """
    def add(to_user):
        yield None
        yield None
        total, seen = 0, []
        while True:
            said, is_replay = yield ('TextMsg', '%s %s %s' % (to_user, total, seen))
            if said == 'end':
                return ('TextMsg', 'ended')
            total += int(said)
            seen.append(said)

    ROUTER = {'text': [('^add$', 'add')], 'event': [('^subscribe$', 'add')]}
"""


def redis_names(url: str, **names: object) -> dict[str, object]:
    address = urlsplit(url)
    own = {"REDIS_HOST": address.hostname, "REDIS_PORT": address.port}
    return {**own, "REDIS_KEY": "demo:%(open_id)s", **names}


@pytest.fixture(params=["sqlite", "redis"])
def adding(request: pytest.FixtureRequest) -> ModuleType:
    if request.param == "redis":
        return module_of(SUM, **redis_names(request.getfixturevalue("redis_url")))
    return module_of(SUM)


# Who has which bot. --------------------------------------------------------------------


def test_a_module_has_one_bot(adding: ModuleType) -> None:
    bot = wechat.bot.bot_of(adding)
    talker(adding)("add")
    assert wechat.bot.bot_of(adding) is bot
    assert wechat.bot.bot_of(module_of(SUM)) is not bot


def test_threads_that_come_first_together_get_one_bot(adding: ModuleType) -> None:
    bots: list[object] = []
    start = threading.Barrier(16)

    def ask() -> None:
        start.wait()
        bots.append(wechat.bot.bot_of(adding))

    in_threads([ask] * 16)
    assert len(bots) == 16
    assert len(set(map(id, bots))) == 1


def test_without_redis_host_conversations_are_kept_in_the_working_directory(folder: Path) -> None:
    talker(module_of(SUM, REDIS_HOST=""))("add")
    assert (folder / "wechat-dialog.db").exists()


def test_anything_with_the_names_of_a_module_will_do() -> None:
    class Dialogs:
        """Not hashable, and not to be referred to weakly."""

        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]
        ROUTER = module_of(SUM).ROUTER
        add = staticmethod(module_of(SUM).add)

    assert talker(Dialogs(), "u")("add") == "u 0 []"


# Redis. --------------------------------------------------------------------------------


def test_all_keys_of_a_user_carry_the_redis_key_and_expire_in_60_seconds(redis_url: str) -> None:
    module = module_of(SUM, **redis_names(redis_url, REDIS_KEY="a%%b:%(open_id)s:c"))
    say = talker(module, "oAda")
    say("add")
    say("1")
    with redis.Redis.from_url(redis_url) as client:
        keys = [key.decode() for key in client.scan_iter()]
        assert len(keys) >= 2
        assert all(key.startswith("{a%25b:oAda:c}:") for key in keys), keys
        # A minute longer than they count, so that not every turn has to set it anew.
        assert all(0 < client.ttl(key) <= 122 for key in keys)


def test_redis_db_is_the_data_base_it_names(redis_url: str) -> None:
    talker(module_of(SUM, **redis_names(redis_url, REDIS_DB=3)))("add")
    with redis.Redis.from_url(f"{redis_url.rpartition('/')[0]}/3") as client:
        assert client.dbsize() > 0
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_password_of_any_characters_is_sent(redis_url: str) -> None:
    password = "p@ss:w/rd?#%41 密"
    module = module_of(SUM, **redis_names(redis_url, REDIS_PASSWORD=password))
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("requirepass", password)
        try:
            assert talker(module, "u")("add") == "u 0 []"
        finally:
            client.config_set("requirepass", "")


def test_a_turn_is_two_scripts_and_no_new_connection(redis_url: str) -> None:
    say = talker(module_of(SUM, **redis_names(redis_url)))
    say("add")
    with redis.Redis.from_url(redis_url) as client:
        connected = client.info("stats")["total_connections_received"]
        client.config_resetstat()
        for number in range(5):
            say(str(number))
        calls = client.info("commandstats")
        assert calls["cmdstat_evalsha"]["calls"] == 10
        client.config_resetstat()
        assert connected >= 2
        assert client.info("stats")["total_connections_received"] == 0


@pytest.mark.parametrize(
    "key", ["demo", "%(open_id)s:%(open_id)s", "%(name)s", "%s%s", "%(open_id)", "%(open_id)d"]
)
def test_a_redis_key_that_does_not_tell_users_apart_is_an_error(key: str, redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_KEY"):
        wechat.bot.bot_of(module_of(SUM, **redis_names(redis_url, REDIS_KEY=key)))


def test_a_module_whose_settings_change_gets_a_new_store(redis_url: str) -> None:
    module = module_of(SUM)
    say = talker(module, "u")
    say("add")
    say("1")
    vars(module).update(redis_names(redis_url))
    assert say("add") == "u 0 []"
    del vars(module)["REDIS_HOST"]
    assert say("2") == "u 3 ['1', '2']"


def test_a_bot_that_is_closed_gives_its_connections_back(redis_url: str) -> None:
    module = module_of(SUM, **redis_names(redis_url))
    with redis.Redis.from_url(redis_url) as client:
        before = len(client.client_list())
        talker(module)("add")
        assert len(client.client_list()) == before + 1
        wechat.bot.bot_of(module).close()
        wait_until(lambda: len(client.client_list()) == before, "the connection is still there")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
def test_a_bot_that_is_closed_closes_the_embedded_store(folder: Path) -> None:
    def is_open() -> bool:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return folder / "wechat-dialog.db" in [link.readlink() for link in links]

    module = module_of(SUM)
    talker(module)("add")
    assert is_open()
    wechat.bot.bot_of(module).close()
    assert not is_open()


def test_cancel_words_work_if_they_are_asked_for() -> None:
    bot = wechat.bot.ModuleBot(module_of(SUM), store="memory://", cancel=("算了",))
    texts = ["add", "1", "算了"]
    said = [bot.respond(from_fields(xml.parse(push("u", t).encode())), 1e9).reply for t in texts]
    assert said[-1] == Text(bot.rules.texts.cancelled)


def test_redis_away_is_no_answer_and_the_conversation_goes_on_after(
    redis_server: Callable[..., RedisServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = redis_server(aof=True)
    module = module_of(SUM, **redis_names(server.url))
    say = talker(module, "u")
    say("add")
    say("1")
    server.kill()
    # As in 2017: an exception, so an HTTP 500, and the platform asks again.
    with pytest.raises(AskAgain):
        say("2")
    assert "Redis store: it does not answer" in caplog.text
    server.start()
    assert say("4") == "u 5 ['1', '4']"


# Time. ---------------------------------------------------------------------------------


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore(clock)
    if request.param == "sqlite":
        made = SQLiteStore(tmp_path / "own.db", clock)
    yield made
    made.close()


@pytest.mark.parametrize("live_dialogs", [0, 10])
@pytest.mark.parametrize(("seconds", "goes_on"), [(59.9, True), (60.1, False)])
def test_60_seconds_without_an_answer_end_a_conversation(
    store: Store, clock: Clock, seconds: float, goes_on: bool, live_dialogs: int
) -> None:
    bot = wechat.bot.ModuleBot(module_of(SUM), store=store, clock=clock, live_dialogs=live_dialogs)

    def say(text: str) -> object:
        message = from_fields(xml.parse(push("u", text).encode()))
        return getattr(bot.respond(message, clock()).reply, "content", None)

    say("add")
    for _ in range(3):  # each answer begins the 60 seconds anew
        clock.now += 50
        say("1")
    clock.now += seconds
    assert say("1") == ("u 4 ['1', '1', '1', '1']" if goes_on else None)
    assert say("add") == (None if goes_on else "u 0 []") or goes_on
    bot.close()


# Threads and processes. ----------------------------------------------------------------


def in_threads(work: list[Callable[[], None]]) -> None:
    """Run all at once; the first error is raised here."""
    errors: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_16_users_on_16_threads_each_keep_their_own_conversation(adding: ModuleType) -> None:
    users = [f"user{number}" for number in range(16)]
    rounds = 12
    meet = threading.Barrier(16)
    said: dict[str, list[str]] = {user: [] for user in users}

    def serve(thread: int) -> None:
        for turn in range(rounds):
            meet.wait()
            # Each round brings a user to another thread.
            number = (thread + turn) % 16
            text = "add" if turn == 0 else str(100 * number + turn)
            said[users[number]].append(talker(adding, users[number])(text))

    in_threads([lambda thread=thread: serve(thread) for thread in range(16)])  # type: ignore[misc]
    for number, user in enumerate(users):
        told = [str(100 * number + turn) for turn in range(1, rounds)]
        expected = [
            f"{user} {sum(map(int, told[:count]))} {told[:count]}" for count in range(rounds)
        ]
        assert said[user] == expected


def test_copies_of_one_message_on_16_threads_move_the_dialog_once(adding: ModuleType) -> None:
    say = talker(adding, "u")
    say("add")
    body = push("u", "5")
    start = threading.Barrier(16)
    replies: list[str] = []

    def send() -> None:
        start.wait()
        replies.append(shown(wechat.bot.answer(body, adding).format()))

    in_threads([send] * 16)
    assert set(replies) == {"u 5 ['5']"}
    assert say("1") == "u 6 ['5', '1']"


FORKS = """
    import os, sys
    sys.path[:0] = {paths!r}
    from tests.legacy.pushes import module_of, talker
    import wechat.bot
    module = module_of({source!r}, **{names!r})
    say = talker(module, "u")
    say("add")
    say("1")
    # A thread that is making a bot at the moment of the fork holds this lock for ever in the child.
    wechat.bot._making.acquire()
    child = os.fork()
    if child == 0:
        print(say("2"), flush=True)
        print(talker(module, "other")("add"), flush=True)
        os._exit(0)
    wechat.bot._making.release()
    os.waitpid(child, 0)
    talker(module, "spare")("add")  # uses up the id of the message that the child sent
    print(say("3"))
"""


def test_a_fork_goes_on_with_the_conversations_of_its_parent(adding: ModuleType) -> None:
    names = {name: value for name, value in vars(adding).items() if name.startswith("REDIS")}
    code = FORKS.format(paths=[p for p in sys.path if p], source=SUM, names=names)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["u 3 ['1', '2']", "other 0 []", "u 6 ['1', '2', '3']"]
