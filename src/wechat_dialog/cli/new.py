"""`wechat-dialog new`: creates the files of a new bot.

The files are short, and kept here as texts so that packaging cannot lose them. The test suite
creates a bot and runs its test. The bot's texts are Chinese, for its users; what its author reads
is in the terminal's language.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.language import speaks_chinese, tr
from wechat_dialog.platform.safe_console import SafeConsole

__all__ = ["create", "files", "new"]

_BOT = """\
import os

from wechat_dialog import Bot, Chat, parsers

bot = Bot(os.environ.get("WECHAT_TOKEN", ""))


@bot.text("点餐")
async def order(chat: Chat) -> str:
    dish = await chat.choose("今天吃什么？", ["牛肉面", "炒饭", "饺子"])
    count = await chat.ask("几份？", parsers.count("份"))
    if not await chat.confirm(f"{count} 份{dish}，对吗？"):
        return "那就不点了。"
    return f"好的，{count} 份{dish}，马上来。"


@bot.fallback
def anything(chat: Chat) -> str:
    return "发送「点餐」试试。"
"""

_TEST = """\
from bot import bot
from wechat_dialog.testing import Talk


def test_an_order_is_taken() -> None:
    talk = Talk(bot)
    assert talk("点餐").startswith("今天吃什么？")
    assert talk("炒饭") == "几份？"
    assert talk("很多").endswith("几份？")
    assert talk("两份").startswith("2 份炒饭，对吗？")
    assert talk("对") == "好的，2 份炒饭，马上来。"


def test_anything_else_is_told_what_to_say() -> None:
    assert Talk(bot)("你好") == "发送「点餐」试试。"
"""

_ENGLISH = """\
# My bot

    pip install "wechat-dialog[cli]" pytest   # not on PyPI yet: clone it; in another folder: \
pip install "/path/to/your/clone[cli]" pytest

    wechat-dialog chat bot:bot       # talk to it here, no account needed
    wechat-dialog simulate bot:bot   # the same on a page that looks like the phone
    python -m pytest                 # the same, as a test

On the server:

    export WECHAT_TOKEN=…            # the Token of your account's console
    wechat-dialog serve bot:bot --port 8000

The platform reaches only ports 80 and 443, so put a web server in front that passes requests on to
port 8000, and give its address as the URL in the console. Conversations are kept in
`wechat-dialog.db` in the working directory; for several machines see `Bot(store="redis://…")`.
"""

_CHINESE = """\
# 我的公众号机器人

    pip install "wechat-dialog[cli]" pytest   # 还没有发布到 PyPI：先克隆，在别的目录里 \
pip install "/克隆的目录[cli]" pytest

    wechat-dialog chat bot:bot       # 在终端里跟它聊，不需要公众号
    wechat-dialog simulate bot:bot   # 在像手机一样的网页上聊
    python -m pytest                 # 同样的对话，写成了测试

（命令说英文的话，先 `export LANG=zh_CN.UTF-8`。）

在服务器上：

    export WECHAT_TOKEN=…            # 公众号后台填的 Token
    wechat-dialog serve bot:bot --port 8000

微信只访问 80 和 443 端口，所以前面要放一个 Web 服务器，把请求转给 8000 端口；后台的 URL 填 Web
服务器的地址。对话存在工作目录的 `wechat-dialog.db` 里；要用好几台机器，见
`Bot(store="redis://…")`。
"""


def new(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Begin a bot of your own: bot.py, test_bot.py and README.md."""
    create(folder)
    going = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    created = tr("建好了；接下来：{0}wechat-dialog chat bot:bot", going)
    SafeConsole(stderr=True).print(f"wechat-dialog: {created}", markup=False)


def files() -> dict[str, str]:
    """Return the contents of the new files, by name."""
    readme = _CHINESE if speaks_chinese() else _ENGLISH
    return {"bot.py": _BOT, "test_bot.py": _TEST, "README.md": readme}


def create(folder: Path) -> None:
    """Write `files()` into a folder, which is created if it does not exist.

    Raises:
        ConfigurationError: One of the files exists already (then nothing was written), or cannot be
            written.
    """
    contents = files()
    for name in contents:
        if (folder / name).exists():
            raise ConfigurationError(tr("{0} 已经有了；什么也没有写", folder / name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigurationError(tr("写不进 {0}：{1}", folder, error.strerror)) from error
