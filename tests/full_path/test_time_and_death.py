"""Timers and signals where processes fork, are killed, or lose their store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.full_path.people import ACCOUNT, push, signed
from tests.full_path.servers import ROOT, process
from tests.full_path.test_forks import in_a_child
from tests.full_path.waiting import Payment, make_bot, to_file
from tests.redis_server import wait_until
from wechat_dialog import Bot

USER = "oUser0000000000000000000001"
PATIENCE = 30.0

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.fixture(params=["SQLite", "Redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store that processes share."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    found: str = request.getfixturevalue("redis_url")
    return found


def say(bot: Bot, text: str, user: str = USER) -> str:
    return bot.answer(push(user, Content=text), signed()).decode()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


WORK = """
import time
from tests.full_path.waiting import bot
bot.sweep()
time.sleep(600)
"""


def test_a_forks_child_sees_to_what_falls_due_itself(url: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    bot = make_bot(url, to_file(str(ledger)))
    say(bot, "嗨")  # the parent sweeps

    def child() -> None:
        # Nobody has asked the child for anything yet, so it has no thread of this kind.
        assert bot.__dict__.get("_runner") is None
        say(bot, "小睡")
        wait_until(lambda: any(line.endswith("woke") for line in lines(ledger)), "it to wake")
        bot.close()

    assert in_a_child(child) == 0
    bot.close()
    assert sum(line.endswith("woke") for line in lines(ledger)) == 1


def test_a_parent_that_answers_nothing_does_not_sweep_for_its_child(
    url: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.txt"
    bot = make_bot(url, to_file(str(ledger)))
    assert in_a_child(lambda: (say(bot, "小睡"), os._exit(0))) == 0
    time.sleep(
        1.0
    )  # its time is over, and whoever were to do it has had a third of a minute's look
    assert lines(ledger) == []
    bot.sweep()
    wait_until(lambda: any(line.endswith("woke") for line in lines(ledger)), "the parent to do it")
    bot.close()


def test_a_worker_killed_in_a_firings_step_repeats_that_step_and_no_other(
    url: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.txt"
    bot = make_bot(url, to_file(str(ledger)), timers=False, lease=0.5)
    say(bot, "小睡")
    environment = {"STORE": url, "LEDGER": str(ledger)}
    with process("-c", WORK, SLOW="600", **environment) as killed:
        wait_until(lambda: any("woke begins" in line for line in lines(ledger)), "the step")
        killed.kill()
        killed.wait(PATIENCE)
    with process("-c", WORK, **environment):
        wait_until(lambda: f"{USER} woke" in lines(ledger), "another to do it")
    begins = [line for line in lines(ledger) if "woke begins" in line]
    assert len(begins) == 2
    assert len(set(begins)) == 1, "the same idempotency key"
    assert lines(ledger).count(f"{USER} woke") == 1
    wait_until(lambda: "醒了" in say(bot, "嗨"), "what it said")
    bot.close()


def test_fifty_signals_at_once_from_four_processes_are_each_kept_or_taken_once(
    url: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.txt"
    bot = make_bot(url, to_file(str(ledger)))
    say(bot, "等钱")
    code = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from tests.full_path.waiting import Payment, bot
bot.account = sys.argv[0] and "{ACCOUNT}"
def send(n):
    return bot.signal("{USER}", "paid", Payment(n), match="A1", id=f"T{{n}}")
with ThreadPoolExecutor(8) as pool:
    for outcome in pool.map(send, range(50)):
        print(outcome, flush=True)
bot.close()
"""
    environment = {"STORE": url, "LEDGER": str(ledger), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    senders = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment},
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    while any(sender.poll() is None for sender in senders):
        assert "嗨！" in say(bot, "嗨")
    told = Counter("".join(sender.communicate()[0] for sender in senders).split())
    assert [sender.returncode for sender in senders] == [0] * 4
    assert told["repeated"] == 150, "each id came four times"
    assert told["taken"] + told["kept"] == 50
    wait_until(lambda: any("begins" in line for line in lines(ledger)), "one to be taken")
    assert sum("begins" in line for line in lines(ledger)) == 1
    shown = bot.store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    assert len(shown.mail) == 49

    def paid() -> list[str]:
        return [line for line in lines(ledger) if " paid " in line and "begins" not in line]

    for taken in range(1, 50):  # the others are there for whoever waits next, each once
        say(bot, "等钱")  # and more than 20 may not wait
        wait_until(lambda taken=taken: len(paid()) > taken, "one more to be taken")  # type: ignore[misc]
    assert sorted(paid()) == sorted(f"{USER} paid {number}" for number in range(50))
    assert sum("begins" in line for line in lines(ledger)) == 50
    bot.close()


def test_timers_outlive_their_stores_outage(redis_server: object, tmp_path: Path) -> None:
    server = redis_server(aof=True)  # type: ignore[operator]
    ledger = tmp_path / "ledger.txt"
    bot = make_bot(server.url, to_file(str(ledger)))
    if not hasattr(bot.store, "due"):
        pytest.skip("this store has no timers yet")
    say(bot, "小睡")
    server.kill()
    time.sleep(1.0)
    server.start()
    wait_until(lambda: f"{USER} woke" in lines(ledger), "it to be done after all")
    assert sum("begins" in line for line in lines(ledger)) == 1
    assert bot.signal(USER, "paid", Payment(1), match="A1", id="T") == "kept"
    bot.close()
