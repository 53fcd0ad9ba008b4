"""A server is told to stop in the middle of a payment: it is paid once, and known to be paid."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.doors import PATIENCE, HttpDoor, WsgiDoor
from tests.full_path.people import ACCOUNT, Person, content
from tests.full_path.stoppable import SERVERS, runs, server
from tests.full_path.stopping import make_bot
from tests.redis_server import wait_until
from wechat_dialog.core.replay.records import Returned, decode_records
from wechat_dialog.stores import open_store

USER = "oStopped"

CASES = [
    pytest.param(
        kind, text, store, id=f"{kind}, {'coroutine' if text == '等付' else 'function'}, {store}",
        marks=() if (kind, text, store) in {
            ("serve", "等付", "SQLite"),
            ("serve, 2 workers", "付", "Redis"),
            ("uvicorn", "付", "SQLite"),
            ("uvicorn, 2 workers", "等付", "SQLite"),
            ("uvicorn that announces nothing", "等付", "Redis"),
            ("gunicorn, sync", "付", "SQLite"),
            ("gunicorn, gthread", "等付", "Redis"),
        } else pytest.mark.long,
    )
    for kind in SERVERS for text in ("付", "等付") for store in ("SQLite", "Redis")
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "store"), CASES)
def test_a_step_under_way_ends_and_is_recorded(
    kind: str, text: str, store: str, tmp_path: Path, request: Any
) -> None:
    file = tmp_path / "bot.db"
    url = f"sqlite:///{file}" if store == "SQLite" else request.getfixturevalue("redis_url")
    settings = {"STORE": url, "GATE": str(tmp_path)}
    person = Person(WsgiDoor(make_bot(url, tmp_path)), USER)
    with server(kind, **settings) as (process, door):
        # As the platform does whose patience ends.
        person.door, later = HttpDoor(door.port, timeout=0.2), person.door
        with contextlib.suppress(TimeoutError):
            person.say(text)
        wait_until(lambda: bool(runs(tmp_path)), "the step to begin")
        process.terminate()
        # Longer than its request is kept, and than its claim would hold by itself.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.2)
        (tmp_path / "open").touch()
        process.wait(PATIENCE)
    opened = open_store(url)
    shown = opened.show(f"{ACCOUNT}:{USER}")
    opened.close()
    assert shown is not None
    [paid] = [one for one in decode_records(shown.records) if isinstance(one, Returned)]
    assert "pay" in paid.name
    # The platform asks again, and whoever is there then has the answer.
    person.door = later
    assert content(person.again()) == "已付，备注？"
    assert person.say("谢谢") == "已付：谢谢"
    assert len(runs(tmp_path)) == 1


@pytest.mark.parametrize("kind", ["serve", "gunicorn, gthread"])
def test_a_stopped_sqlite_has_everything_in_its_file(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    (tmp_path / "open").touch()
    with server(kind, STORE=f"sqlite:///{file}", GATE=str(tmp_path)) as (process, door):
        assert "备注" in Person(door, USER).say("付")
        process.terminate()
        process.wait(PATIENCE)
    assert not file.with_name("bot.db-wal").exists()
    copy = tmp_path / "copy.db"
    copy.write_bytes(file.read_bytes())
    with contextlib.closing(sqlite3.connect(copy)) as found:
        assert found.execute("select count(*) from records").fetchone()[0] >= 2
