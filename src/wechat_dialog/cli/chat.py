"""`wechat-dialog chat`: talk to a bot in the terminal, or from a script."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Annotated, cast

import typer

from wechat_dialog.cli.account_options import (
    GH_ID,
    SOMEBODY,
    AesKey,
    AppId,
    GhId,
    HowEncrypted,
    Token,
    User,
    account_of,
)
from wechat_dialog.core.printable import one_line
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.language import tr
from wechat_dialog.platform.simulator.bot_info import Terminal
from wechat_dialog.platform.simulator.bot_process import BotProcess
from wechat_dialog.platform.simulator.terminal import Chat, in_brief, telling
from wechat_dialog.platform.simulator.terminal_screen import Screen

__all__ = ["chat", "talk_to"]

KEPT_LINES = 1000
"""Lines of history."""


def chat(
    target: Annotated[
        str, typer.Argument(metavar="APP|URL", help="module:bot, or the URL of a server")
    ],
    token: Token = "",
    app_id: AppId = "",
    aes_key: AesKey = "",
    mode: HowEncrypted = "plain",
    account: GhId = GH_ID,
    user: User = SOMEBODY,
) -> None:
    """Chat with a bot in the terminal, over real HTTP; lines from a pipe work too.

    A bot of yours runs in a process of its own, with conversations and a clock of its own. The
    options about the account are for a URL.
    """
    if "://" not in target:
        talk_to(target, user=user)
        return
    sender = account_of(token, app_id, aes_key, mode, account)
    with Platform(sender, target) as platform:
        _run(platform, Screen(terminal=sys.stdin.isatty()), user, None)


def talk_to(target: str, *, user: str = SOMEBODY, folder: str | None = None) -> None:
    """Start a bot and chat with it.

    Args:
        target: `module:bot`.
        user: The user whose messages are typed.
        folder: The bot's working directory; None for this process's.

    Raises:
        ConfigurationError: There is no such bot, or it cannot start.
    """
    paths = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = BotProcess(
        target,
        token=secrets.token_hex(8),
        folder=folder,
        environment=environment,
        terminal=Terminal(
            parked=tr("（搁置了；改好代码以后输入 /resume，就用这条消息接着走）"),
            refused=tr("这条消息没有算数，对话还在原处：改好代码，输入 /restart，再发一次"),
            debugs=sys.stdin.isatty(),
        ),
    )
    screen = Screen(terminal=sys.stdin.isatty())

    # The developer sees tracebacks and the output of `print` where they type.
    def tell(kind: str, line: str) -> None:
        if kind == "log":
            screen.tell(line)

    process.changed = tell
    with process:
        with telling(process, screen, "（还没有启动好；正在执行 {0}：{1}）"):
            started = process.wait()
        if not started or process.info is None:
            why = in_brief(process.error) or "it does not start"
            raise ConfigurationError(why)
        info = process.info
        account = Account(
            info.token, app_id=info.app_id, aes_key=info.aes_key, mode=cast("Mode", info.mode)
        )
        with Platform(account, process.url, clock=process.clock) as platform:
            _run(platform, screen, user, process)


def _run(platform: Platform, screen: Screen, user: str, process: BotProcess | None) -> None:
    talk = Chat(platform, screen, user, process)
    if not screen.terminal:
        # Invalid UTF-8 is sent with replacement characters, and does not end the chat.
        with contextlib.suppress(AttributeError):
            sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        talk.run(sys.stdin)
        return
    screen.tell(tr("和公众号聊天：输入 /help 看命令，/quit 结束。"))
    with _history():
        talk.run(_typed(talk))


def _typed(talk: Chat) -> Iterator[str]:
    """Yield what is typed, until Ctrl-D or Ctrl-C."""
    with contextlib.suppress(EOFError):
        while True:
            talk.free.wait()
            name = tr("你") if talk.user == SOMEBODY else talk.user
            line = input(f"{one_line(name)}：")
            if talk.asks_in_secret():
                _forget_line()
            yield line
    talk.screen.tell("")


def _forget_line() -> None:
    """Remove the last line from the history, so that it is not written to the history's file."""
    with contextlib.suppress(ImportError, ValueError):  # Windows; or the line was not added
        import readline

        readline.remove_history_item(readline.get_current_history_length() - 1)


@contextlib.contextmanager
def _history() -> Generator[None]:
    """Let lines be edited, and keep a history for this chat and the next."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    file = Path(state) / "wechat-dialog" / "history"
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(KEPT_LINES)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(file)
