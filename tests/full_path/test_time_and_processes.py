"""Who sees to what falls due where a server forks its workers, where another process is to do it,
and where a machine's clock is set meanwhile: real processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.full_path.doors import HttpDoor
from tests.full_path.people import Person, push, signed
from tests.full_path.servers import Worker, process
from tests.full_path.waiting import make_bot, to_file
from tests.redis_server import wait_until
from wechat_dialog import Bot

USER = "oUser0000000000000000000001"
OTHER = "oUser0000000000000000000002"


@pytest.fixture(params=["SQLite", "Redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store that processes share."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    found: str = request.getfixturevalue("redis_url")
    return found


@pytest.fixture
def ledgers(tmp_path: Path) -> Path:
    """A folder with a ledger of each process."""
    folder = tmp_path / "ledgers"
    folder.mkdir()
    return folder


def done(ledgers: Path, pid: int | None = None) -> list[str]:
    """What steps have done, of one process or of all."""
    files = ledgers.glob("*" if pid is None else f"{pid}")
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    return sorted(line for line in lines if " begins " not in line)


# Forks --------------------------------------------------------------------------------------------

PRELOADED = "tests.full_path.preloaded_waiting"
"""What answers, and so sweeps, in the parent before it forks."""


@contextmanager
def gunicorn(url: str, ledgers: Path, **environment: str) -> Iterator[Worker]:
    """A server whose parent loads the bot and uses it before it forks."""
    environment = {"STORE": url, "LEDGER": f"{ledgers}/{{pid}}", **environment}
    server = Worker("gunicorn", PRELOADED, "--preload", "--workers=2", **environment)
    try:
        yield server
    finally:
        server.kill()


def test_forked_workers_do_what_falls_due_once_among_them(url: str, ledgers: Path) -> None:
    users = [f"oUser{number:023}" for number in range(8)]
    with gunicorn(url, ledgers) as server:
        for user in users:
            person = Person(HttpDoor(server.port), user)
            assert person.say("小睡") == ""
            assert person.say("占座") == "付好了请回“好了”。"
        expected = sorted(f"{user} {what}" for user in users for what in ("woke", "released"))
        wait_until(lambda: len(done(ledgers)) >= len(expected), "all of it to be done")
        assert Person(HttpDoor(server.port), "oLast").say("嗨") == "嗨！"
        assert done(ledgers) == expected


def test_where_web_processes_only_answer_another_one_does_it(url: str, ledgers: Path) -> None:
    with gunicorn(url, ledgers, TIMERS="no") as server:
        person = Person(HttpDoor(server.port), USER)
        assert person.say("睡两秒") == ""
        environment = {"STORE": url, "LEDGER": f"{ledgers}/{{pid}}"}
        work = ("-m", "wechat_dialog", "work", "tests.full_path.waiting:bot")
        with process(*work, **environment) as works:
            wait_until(lambda: done(ledgers), "it to be done")
            # What is set while it has found nothing for a while is not late, either.
            other = Person(HttpDoor(server.port), OTHER)
            assert other.say("睡两秒") == ""
            wait_until(lambda: len(done(ledgers)) >= 2, "the next to be done")
            assert done(ledgers, works.pid) == done(ledgers) == [f"{USER} woke", f"{OTHER} woke"]
            wait_until(lambda: "醒了" in person.say("嗨"), "what there is to say")


# Clocks -------------------------------------------------------------------------------------------

WORK = """
import os, time
from pathlib import Path
ahead, real = Path(os.environ["AHEAD"]), time.time
time.time = lambda: real() + float(ahead.read_text())  # this machine's, as somebody sets it
from tests.full_path.waiting import bot
bot.sweep()
time.sleep(600)
"""


class Machine:
    """A machine with a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ahead"
        self.set(0.0)

    def set(self, ahead: float) -> None:
        """Set it, seconds ahead of this machine's."""
        following = self.file.with_suffix(".new")
        following.write_text(str(ahead))
        following.replace(self.file)


def say(bot: Bot, text: str, user: str) -> None:
    bot.answer(push(user, Content=text), signed())


def test_a_clock_that_is_set_in_a_wait_loses_nothing_and_nothing_is_early(
    tmp_path: Path, ledgers: Path
) -> None:
    machine, url = Machine(tmp_path), f"sqlite:///{tmp_path / 'bot.db'}"
    bot = make_bot(url, to_file(f"{ledgers}/ours"), timers=False)
    real = bot._clock
    bot.store.use_clock(lambda: real() + float(machine.file.read_text()))  # type: ignore[attr-defined]
    environment = {"STORE": url, "LEDGER": f"{ledgers}/{{pid}}", "AHEAD": str(machine.file)}
    say(bot, "睡一小时", USER)
    with process("-c", WORK, **environment):
        said: list[str] = []
        for ahead in (0.0, -7200.0, 3000.0, -86_400.0):  # back, forth, and neither is an hour on
            machine.set(ahead)
            say(bot, "小睡", OTHER)
            said.append(f"{OTHER} woke")
            wait_until(lambda: len(done(ledgers)) >= len(said), "what sleeps for a moment to wake")
            assert done(ledgers) == said
        machine.set(3601.0)
        wait_until(lambda: f"{USER} woke" in done(ledgers), "it to be done, an hour on")
        machine.set(0.0)
        say(bot, "小睡", OTHER)
        wait_until(lambda: len(done(ledgers)) >= len(said) + 2, "the last to wake")
    assert done(ledgers) == sorted([*said, f"{OTHER} woke", f"{USER} woke"])
    bot.close()


@pytest.mark.parametrize("ahead", [-86_400.0, 86_400.0])
def test_on_redis_the_clock_of_a_machine_is_no_matter(
    redis_url: str, tmp_path: Path, ledgers: Path, ahead: float
) -> None:
    machine = Machine(tmp_path)
    bot = make_bot(redis_url, to_file(f"{ledgers}/ours"), timers=False)
    environment = {"STORE": redis_url, "LEDGER": f"{ledgers}/{{pid}}", "AHEAD": str(machine.file)}
    machine.set(ahead)
    say(bot, "睡一小时", USER)
    with process("-c", WORK, **environment):
        say(bot, "小睡", OTHER)
        wait_until(lambda: done(ledgers), "what sleeps for a moment to wake")
        machine.set(-ahead)
        say(bot, "小睡", OTHER)
        wait_until(lambda: len(done(ledgers)) >= 2, "another to wake")
    assert done(ledgers) == [f"{OTHER} woke"] * 2
    bot.close()
