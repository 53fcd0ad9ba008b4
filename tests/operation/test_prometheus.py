"""Metrics as Prometheus reads them: over HTTP, of one process and of several."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from tests.full_path.doors import PATIENCE, HttpDoor, WsgiDoor
from tests.full_path.people import TOKEN, Person
from tests.full_path.servers import ROOT
from tests.pages import Block, Page, manual
from tests.redis_server import free_port, wait_until
from wechat_dialog import Bot, Chat, Dialog, TurnReport
from wechat_dialog.core.turn.turn_report import DELIVERIES
from wechat_dialog.operation.prometheus import Metrics

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]
PAGES = manual("operation")


def scraped(port: int) -> Samples:
    """Return what Prometheus would read, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as response:
        text = response.read().decode()
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            samples.setdefault(sample.name, {})[labels] = sample.value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return the sum of the samples that have these labels; 0 if there are none."""
    found = samples.get(f"wechat_dialog_{name}", {})
    return sum(number for has, number in found.items() if labels.items() <= set(has))


def pay() -> None:
    raise ConnectionError("a word of the user's")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def port(registry: CollectorRegistry) -> Iterator[int]:
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)


def make_bot(registry: CollectorRegistry) -> Bot:
    bot = Bot(TOKEN, store="memory://", account="gh_0123456789ab", on_turn=Metrics(registry))

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几个？", int)
        yield from chat.step(pay)
        return "好"

    @bot.text("等")
    def waits(chat: Chat) -> Dialog[str]:
        paid: str = yield from chat.wait_for("paid", str)
        return paid

    return bot


def test_turns_are_counted_and_nobody_is_named(registry: CollectorRegistry, port: int) -> None:
    bot = make_bot(registry)
    person = Person(WsgiDoor(bot), "oAda")
    for text in ("买", "一词", "3", "哦", "等"):
        person.say(text)
    bot.signal("oAda", "paid", "好")
    bot.close()
    read = scraped(port)
    assert value(read, "turns_total", dialog="buy", outcome="waits", cause="message") == 1
    assert value(read, "turns_total", dialog="buy", outcome="asked_again") == 1
    assert value(read, "turns_total", dialog="buy", outcome="parked") == 1
    assert value(read, "turns_total", dialog="", outcome="ignored") == 1
    assert value(read, "turns_total", dialog="waits", cause="signal", outcome="finished") == 1
    assert value(read, "turns_total") == value(read, "turn_seconds_count") == 6
    assert value(read, "errors_total", dialog="buy", error="ConnectionError") == 1
    assert value(read, "step_seconds_count", step="pay", result="raised") == 1
    assert value(read, "deliveries_total", delivery="held") == 1
    assert value(read, "ways_total", way="live") == 1
    assert value(read, "late_seconds_count", cause="signal") == 1
    assert value(read, "store_calls_total") >= 8
    assert 0 < value(read, "store_seconds_sum") < value(read, "turn_seconds_sum")
    labels = {label for samples in read.values() for has in samples for label in has}
    assert {name for name, _ in labels} == {
        "dialog", "cause", "outcome", "error", "step", "result", "delivery", "way", "le",
    }  # fmt: skip
    assert not any("oAda" in text or "gh_" in text or "词" in text for _, text in labels)


def test_what_an_alert_looks_at_is_there_before_it_happens(
    registry: CollectorRegistry, port: int
) -> None:
    """Prometheus's `increase` of a counter that is first seen at 1 is 0."""
    bot = make_bot(registry)
    before = scraped(port)
    assert before["wechat_dialog_parked_total"] == {frozenset[tuple[str, str]](): 0}
    assert before["wechat_dialog_deliveries_total"] == {
        frozenset({("delivery", delivery)}): 0 for delivery in DELIVERIES
    }
    person = Person(WsgiDoor(bot), "oAda")
    for text in ("买", "3"):
        person.say(text)
    bot.close()
    assert value(scraped(port), "parked_total") == 1


@pytest.mark.parametrize(("seconds", "in_time"), [(4.9, 1), (5.1, 0)])
def test_a_turn_within_the_window_is_told_from_one_beyond(
    registry: CollectorRegistry, port: int, seconds: float, in_time: int
) -> None:
    report = TurnReport(user="u", account="a", turn="1", cause="message", outcome="waits")
    Metrics(registry)(replace(report, seconds=seconds))
    assert value(scraped(port), "turn_seconds_bucket", le="5.0") == in_time


def test_two_bots_count_into_the_metrics_of_one_registry(
    registry: CollectorRegistry, port: int
) -> None:
    for bot in (make_bot(registry), make_bot(registry)):
        Person(WsgiDoor(bot), "oAda").say("买")
        bot.close()
    assert value(scraped(port), "turns_total") == 2


# Several processes, as the manual has it ----------------------------------------------------------

SERVERS = {
    "serve": ["-c", "from wechat_dialog.cli.main import main; main()", "serve", "bot:bot",
              "--workers=2", "--port={port}"],
    "gunicorn": ["-m", "gunicorn", "--workers=2", "--threads=8", "--bind=127.0.0.1:{port}",
                 "bot:application"],
}  # fmt: skip


def blocks(page: Page) -> dict[str, Block]:
    return {block.title: block for block in page.blocks if block.title}


@contextlib.contextmanager
def running(folder: Path, metrics_port: int, *arguments: str) -> Iterator[None]:
    """A process of the manual's, in a folder with its files."""
    counting = folder / "metrics"
    counting.mkdir(exist_ok=True)
    environment = {
        **os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{folder}",
        "PROMETHEUS_MULTIPROC_DIR": str(counting), "METRICS_PORT": str(metrics_port),
    }  # fmt: skip
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, start_new_session=True,
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


def answers(door: HttpDoor) -> bool:
    try:
        return door.request("GET").status == 403
    except OSError:
        return False


@pytest.mark.parametrize("server", SERVERS)
def test_the_metrics_of_several_processes_are_read_as_the_manual_says(
    server: str, tmp_path: Path
) -> None:
    port, metrics_port = free_port(), free_port()
    for name, block in blocks(PAGES[0]).items():
        text = block.text.replace("the token of your account", TOKEN)
        (tmp_path / name).write_text(text, "utf-8")
    door = HttpDoor(port)
    arguments = [argument.format(port=port) for argument in SERVERS[server]]
    serving = running(tmp_path, metrics_port, *arguments)
    with serving, running(tmp_path, metrics_port, "metrics.py"):
        wait_until(lambda: answers(door), "the server to listen")
        people = [Person(HttpDoor(port), f"oUser{number}") for number in range(40)]

        def talk(person: Person) -> None:
            assert person.say("数") == "几个？"
            assert person.say("三") == "3 个"

        threads = [threading.Thread(target=talk, args=(person,)) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

        def all_counted() -> Any:
            return value(scraped(metrics_port), "turns_total") == 80

        wait_until(all_counted, "all turns to be counted")
        read = scraped(metrics_port)
    assert value(read, "turns_total", dialog="count", outcome="finished") == 40
    assert value(read, "deliveries_total", delivery="reply") == 80
    counting = {re.sub(r"\D", "", file.stem) for file in (tmp_path / "metrics").glob("*.db")}
    assert len(counting) >= 2


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_every_metric_of_the_manual_exists_and_every_metric_is_in_the_manual(page: Page) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    exist: set[str] = set()
    for family in registry.collect():
        exist.add(f"{family.name}_total" if family.type == "counter" else family.name)
    named = set(re.findall(r"\bwechat_dialog_\w+", page.prose))
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} == exist
