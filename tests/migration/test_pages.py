"""docs/from-….md: of each pair of blocks, the other library's and ours, the user sees the same.

Both are served over HTTP and asked by one platform. `tests/test_manual.py` sees to it that the
Chinese pages have the same blocks.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.dialogs.transcripts import play
from tests.pages import Block, Page, manual
from tests.platform.servers import wsgi
from tests.redis_server import free_port, wait_until
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.testing import Talk

pytestmark = pytest.mark.oracle

PAGES = {name: manual(f"from-{name}")[0] for name in ("werobot", "wechatpy", "nonebot2")}
ROWS: list[tuple[str, Page, Block, Block, Block]] = [
    (name, page, page.blocks[row], page.blocks[row + 1], page.blocks[row + 2])
    for name, page in PAGES.items()
    for row in range(0, len(page.blocks), 3)
]
APP_ID = "wx0123456789abcdef"
NONEBOT = f"""
import sys, nonebot
account = {{"appid": "{APP_ID}", "token": "secret", "secret": "s", "type": "official"}}
nonebot.init(
    driver="~fastapi+~httpx", host="127.0.0.1", port=int(sys.argv[1]), log_level="ERROR",
    wxmp_bots=[account],
)
from nonebot.adapters.wxmp import Adapter
nonebot.get_driver().register_adapter(Adapter)
nonebot.load_plugin("theirs")
nonebot.run()
"""


class Phone:
    """What a transcript needs of a `Talk`, over HTTP."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def send(self, kind: str, **fields: Any) -> str:
        return self.platform.deliver(self.platform.message("oUser", kind, **fields)).text

    def __call__(self, text: str) -> str:
        return self.send("text", Content=text)

    def image(self) -> str:
        return self.send("image", PicUrl="http://mmbiz.qpic.cn/1", MediaId="media-1")

    def event(self, name: str, key: str = "", **fields: str) -> str:
        return self.send("event", Event=name, EventKey=key, **fields)

    def restart(self) -> None:
        """The other libraries would forget where they were."""

    @property
    def pushed(self) -> list[str]:
        """None of them pushes anything by itself."""
        return []


@contextlib.contextmanager
def in_process(page: Page, block: Block, name: str) -> Iterator[str]:
    names: dict[str, Any] = {"__name__": "migrated"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, about the Python of their day
        exec(compile(block.in_place, page.name, "exec"), names)
        application = names.get("app") or names[name].wsgi
    with wsgi(application) as url:
        yield url
    if "bot" in names:
        names["bot"].close()


@contextlib.contextmanager
def nonebot(page: Page, block: Block, name: str) -> Iterator[str]:
    Path("theirs.py").write_text(block.in_place, "utf-8")
    Path("serve.py").write_text(NONEBOT, "utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}/wxmp/revice/{APP_ID}"
    env = {**os.environ, "PYTHONPATH": os.fspath(Path.cwd())}
    with subprocess.Popen([sys.executable, "serve.py", str(port)], env=env) as process:
        try:
            with Platform(Account("secret"), url) as asked:
                wait_until(lambda: asked.verify() == "", "nonebot2")
            yield url
        finally:
            process.terminate()


SERVED: dict[str, Callable[[Page, Block, str], contextlib.AbstractContextManager[str]]] = {
    "werobot": in_process,
    "wechatpy": in_process,
    "nonebot2": nonebot,
}


@pytest.mark.parametrize(
    ("name", "page", "theirs", "ours", "transcript"),
    ROWS,
    ids=[f"{name} line {theirs.line}" for name, _, theirs, *_ in ROWS],
)
def test_the_user_sees_the_same_of_both(
    name: str,
    page: Page,
    theirs: Block,
    ours: Block,
    transcript: Block,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert theirs.title.lower() == name
    assert ours.title == "wechat-dialog"
    assert transcript.language == "text"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("nonebot.adapters.wxmp" if name == "nonebot2" else name)
    monkeypatch.chdir(tmp_path)  # where sessions and conversations are kept
    for served, block, variable in (
        (SERVED[name], theirs, "robot"),
        (in_process, ours, "bot"),
    ):
        with served(page, block, variable) as url, Platform(Account("secret"), url) as platform:
            assert platform.verify() == ""
            play(cast(Talk, Phone(platform)), transcript.text)


def test_what_the_tables_name_of_our_api_is_there() -> None:
    client = importlib.import_module("wechat_dialog.api.client")
    for name in ("send", "upload", "create_menu", "call"):
        assert f"bot.api.{name}" in PAGES["wechatpy"].text
        assert callable(getattr(client.Api, name))
