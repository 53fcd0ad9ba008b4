"""A served bot behind Caddy and nginx with the files of deploy/: the platform's path and the answer
pages get through, and nothing else does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli import command
from tests.pages import ROOT
from tests.redis_server import free_port, wait_until
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform

DEPLOY = ROOT / "deploy"
BOT = """
import os

from wechat_dialog import Bot, replies

bot = Bot("secret", pages=os.environ["PAGES"])


@bot.text("长")
def long(chat):
    return replies.Markdown("# 很长\\n\\n" + "一步一步来。" * 500)


@bot.fallback
def anything(chat):
    return "你好！"
"""


@contextlib.contextmanager
def running(folder: Path, port: int, *words: str, **settings: str) -> Iterator[None]:
    """A proxy for the length of a block; ended by its own process id."""
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("w") as log:
        process = subprocess.Popen(words, env={**environment, **settings}, stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(port) or process.poll() is not None, "the proxy")
            assert process.poll() is None, (folder / "proxy.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)


def answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/other").status_code == 404
    return False


@contextlib.contextmanager
def caddy(folder: Path, port: int, upstream: str) -> Iterator[None]:
    at = f"127.0.0.1:{free_port()}"
    words = ("caddy", "run", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile"))
    domain = f"http://127.0.0.1:{port}"
    with running(folder, port, *words, DOMAIN=domain, UPSTREAM=upstream, CADDY_ADMIN=at):
        yield


@contextlib.contextmanager
def nginx(folder: Path, port: int, upstream: str) -> Iterator[None]:
    """As the file has it, but for TLS, its ports and its folders."""
    own = (DEPLOY / "nginx.conf").read_text("utf-8")
    for pattern, instead in (
        (r"ssl_certificate.*", ""),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"listen 80;", f"listen 127.0.0.1:{free_port()};"),
        (r"127\.0\.0\.1:8000", upstream),
        (r"/var/log/nginx", str(folder)),
    ):
        own, count = re.subn(pattern, instead, own)
        assert count, pattern
    places = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log {folder}/all.log; {places}\n{own}\n}}\n",
        "utf-8",
    )
    with running(folder, port, "nginx", "-c", str(conf), "-p", str(folder)):
        yield


Proxy = Callable[[Path, int, str], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize("proxy", [caddy, nginx], ids=["Caddy", "nginx"])
def test_messages_and_pages_get_through_and_nothing_else(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(proxy.__name__) is None:
        pytest.skip(f"no {proxy.__name__}")
    port = free_port()
    monkeypatch.setenv("PAGES", f"http://127.0.0.1:{port}/wx/p")
    (tmp_path / "bot.py").write_text(BOT, "utf-8")
    (tmp_path / "proxy").mkdir()
    with command.serving(tmp_path, "bot:bot") as (_, url):
        upstream = url.removeprefix("http://").rstrip("/")
        with proxy(tmp_path / "proxy", port, upstream):
            outside = f"http://127.0.0.1:{port}"
            with Platform(Account("secret"), f"{outside}/wx") as platform:
                assert platform.verify() == ""
                said = platform.message("oUser", "text", Content="在吗")
                assert platform.deliver(said).text == "你好！"
                long = platform.deliver(platform.message("oUser", "text", Content="长"))
            [page] = set(re.findall(rf"{outside}/wx/p/\w+", str(long.reply)))
            answer = httpx.get(page)
            assert (answer.status_code, answer.text.count("一步一步来。")) == (200, 500)
            with httpx.stream("GET", f"{page}?stream=0") as stream:
                assert stream.headers["Content-Type"].startswith("text/event-stream")
                assert "data: " in next(stream.iter_text())
            assert httpx.get(f"{outside}/wx/p/{'0' * 32}").status_code == 404
            for path in ("/", "/wx/other", "/wxp", "/metrics", "/healthz", "/readyz", "/wx/readyz"):
                assert httpx.get(outside + path).status_code == 404
            # What a proxy passes on below the path of pages is no health check there.
            assert httpx.get(f"{outside}/wx/p/readyz").status_code in (403, 404)
    logs = "".join(path.read_text() for path in (tmp_path / "proxy").glob("*.log"))
    assert "signature=" not in logs
    assert page.rpartition("/")[2] not in logs
