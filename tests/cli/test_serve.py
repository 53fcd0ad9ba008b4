"""`wechat-dialog serve`: what it answers, how it ends, and what it says of bots it cannot serve."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from tests.cli.command import BOTS, PATIENCE, is_there, run, serving
from tests.redis_server import wait_until
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.signature import sign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bots.py").write_text(BOTS)
    return tmp_path


def push(url: str, text: str, token: str = "secret", user: str = "oUser") -> httpx.Response:
    query = {"signature": sign(token, "1700000000", "1"), "timestamp": "1700000000", "nonce": "1"}
    fields = {
        "ToUserName": "gh",
        "FromUserName": user,
        "CreateTime": 1_700_000_000,
        "MsgType": "text",
        "Content": text,
        "MsgId": 24_000_000_000_000_000,
    }
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        return client.post(f"{url}?{urlencode(query)}", content=xml.build(fields).encode())


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_serve_answers_signed_pushes_and_ends_with_status_0(
    folder: Path, words: tuple[str, ...]
) -> None:
    with serving(folder, "bots:bot", *words) as (server, url):
        assert xml.parse(push(url, "加").content)["Content"] == "一？"
        assert push(url, "加", token="other").status_code == 403
        server.terminate()
        server.communicate(timeout=PATIENCE)
    assert server.returncode == 0


def test_workers_end_with_the_process_that_started_them(folder: Path) -> None:
    with serving(folder, "bots:bot", "--workers", "2") as (server, url):
        assert push(url, "加").status_code == 200
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        assert len(pids) >= 2
        server.kill()
        server.wait(PATIENCE)
        wait_until(lambda: not any(is_there(pid) for pid in pids), "them to end")


BREAKS = """
from wechat_dialog import Bot

bot = Bot("secret", store="memory://")
breakpoint()


@bot.text("停")
def stops(chat):
    breakpoint()
    return "过了"
"""


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_breakpoint_that_was_forgotten_is_passed_over_with_a_warning(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "breaks.py").write_text(BREAKS)
    with serving(tmp_path, "breaks:bot", *words) as (server, url):
        assert xml.parse(push(url, "停").content)["Content"] == "过了"
        server.terminate()
        _, told = server.communicate(timeout=PATIENCE)
    assert f"breakpoint() at {tmp_path / 'breaks.py'}:10 is passed over" in told


STRUCK = """
import gc
import os
import signal

from wechat_dialog import Bot

bot = Bot("secret", store="memory://")


def strike(phase, info):
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        gc.callbacks.remove(strike)
        os.kill(os.getpid(), signal.SIGTERM)


gc.callbacks.append(strike)
gc.set_threshold(10)
"""


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_serve_ends_at_a_signal_that_comes_in_a_callback_before_it_serves(
    folder: Path, words: tuple[str, ...]
) -> None:
    # What a handler raises there is ignored by Python.
    (folder / "struck.py").write_text(STRUCK)
    assert run(folder, "serve", "struck:bot", "--port", "0", *words).returncode == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("bots:empty", "the bot has no token"),
        ("bots:unreachable", "can never be reached"),
        ("bots:nobody", "'nobody' of module 'bots' is no bot; write bots:bot"),
        ("bots:number", "'number' of module 'bots' is no bot"),
        ("nothing:bot", "no module 'nothing' here"),
        ("nothing.at.all", "no module 'nothing.at.all' here"),
        ("nothing.py", "no module 'nothing' here"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(folder: Path, target: str, said: str) -> None:
    done = run(folder, "serve", target)
    assert done.returncode == 2
    assert done.stderr.startswith("wechat-dialog: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "missing"), [("lacking.py", "nosuchthing"), ("nosuchthings.py", "nosuchthing")]
)
def test_what_a_module_itself_lacks_is_shown_with_its_line(
    folder: Path, name: str, missing: str
) -> None:
    (folder / name).write_text(f"import {missing}\n")
    done = run(folder, "serve", name)
    assert done.returncode == 2
    assert f"No module named '{missing}'" in done.stderr
    assert f'{name}", line 1' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("reddis://127.0.0.1", "store='reddis://127.0.0.1' is no store"),
        ("redis+sentinel://h", "needs the watched service's name"),
        ("sqlite:///no/such/folder.db", "check that its folder exists"),
        ("sqlite:////proc/wechat-dialog.db", "check that its folder exists"),
    ],
)
def test_a_store_that_cannot_be_is_refused_before_anybody_writes(
    folder: Path, store: str, said: str
) -> None:
    (folder / "stored.py").write_text(BOTS.replace("memory://", store))
    done = run(folder, "serve", "stored:bot")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


DOUBTS = """
from wechat_dialog import Bot

bot = Bot("a token", store="redis://127.0.0.1:1")
"""
OLD = """
TOKEN = "secret"
ROUTER = {"text": [("a", "here"), ("b", "nowhere"), (".*", "nowhere")], "event": [("x", "gone")]}


def here(to_user):
    yield None
    yield None
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            DOUBTS,
            [
                "the console takes no such token (7 characters), only 3 to 32",
                "Redis store: it does not answer",
            ],
        ),
        (OLD, ["ROUTER names functions that the module does not have: nowhere, gone"]),
    ],
    ids=["token and store", "2017"],
)
def test_what_may_heal_is_told_and_served_all_the_same(
    folder: Path, source: str, said: list[str]
) -> None:
    (folder / "doubtful.py").write_text(source)
    before: list[str] = []
    with serving(folder, "doubtful", before=before) as (_, url):
        assert url
    assert [one for one in said if not any(one in line for line in before)] == []
    assert len(before) == len(said)


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_no_signature_is_in_the_access_log(folder: Path, words: tuple[str, ...]) -> None:
    with serving(folder, "bots:bot", "--access-log", *words) as (server, url):
        push(url, "加")
        for path in ("healthz", "readyz", "readyz?verbose=1"):
            assert httpx.get(url + path, trust_env=False).text == "ok\n"
        refused = httpx.get(url + "readyz?signature=of-nobody", trust_env=False)
        assert refused.status_code == 403
        server.terminate()
        _, errors = server.communicate(timeout=PATIENCE)
    log = (folder / "log").read_text()
    assert '"POST / HTTP/1.1" 200' in log
    assert "signature" not in log
    # Health checks come every few seconds: only what is none, and was refused, is there.
    assert log.count("healthz") == 0
    assert log.count("readyz") == 1
    assert '"GET /readyz HTTP/1.1" 403' in log
    assert "ready" not in errors


def test_requests_are_told_only_where_that_was_asked_for(folder: Path) -> None:
    with serving(folder, "bots:bot") as (server, url):
        push(url, "加")
        server.terminate()
        server.communicate(timeout=PATIENCE)
    assert "HTTP/1.1" not in (folder / "log").read_text()


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_port_in_use_is_one_sentence(folder: Path, words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(folder, "serve", "bots:bot", "--port", port, *words)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    assert done.stderr.count("\n") == 1
