"""`wechat-dialog serve`: what it answers, how it ends, and what it says of bots it cannot serve."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from tests.cli.command import BOTS, PATIENCE, run, serving
from wechat_dialog.wire import xml
from wechat_dialog.wire.signature import sign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bots.py").write_text(BOTS)
    return tmp_path


def push(url: str, text: str, token: str = "secret") -> httpx.Response:
    query = {"signature": sign(token, "1700000000", "1"), "timestamp": "1700000000", "nonce": "1"}
    fields = {
        "ToUserName": "gh",
        "FromUserName": "oUser",
        "CreateTime": 1_700_000_000,
        "MsgType": "text",
        "Content": text,
        "MsgId": 24_000_000_000_000_000,
    }
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        return client.post(f"{url}?{urlencode(query)}", content=xml.build(fields).encode())


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_it_answers_signed_pushes_and_ends_with_status_0(
    folder: Path, words: tuple[str, ...]
) -> None:
    with serving(folder, "bots:bot", *words) as (server, url):
        assert xml.parse(push(url, "加").content)["Content"] == "一？"
        assert push(url, "加", token="other").status_code == 403
        server.terminate()
        server.communicate(timeout=PATIENCE)
    assert server.returncode == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("bots:empty", "the bot has no token"),
        ("bots:unreachable", "can never be reached"),
        ("bots:nobody", "'nobody' of module 'bots' is no bot"),
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
def test_what_a_module_itself_lacks_is_shown_with_its_traceback(
    folder: Path, name: str, missing: str
) -> None:
    (folder / name).write_text(f"import {missing}\n")
    done = run(folder, "serve", name)
    assert done.returncode == 1
    assert f"No module named '{missing}'" in done.stderr
    assert f'{name}", line 1' in done.stderr


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_port_in_use_is_one_sentence(folder: Path, words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(folder, "serve", "bots:bot", "--port", port, *words)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    assert done.stderr.count("\n") == 1
