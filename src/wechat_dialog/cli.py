"""The `wechat-dialog` command."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console

from wechat_dialog import account_cli, operator_cli, scaffold, simulator_cli
from wechat_dialog.account_cli import SOMEBODY, AesKey, AppId, HowEncrypted, Token, User, account_of
from wechat_dialog.application import load
from wechat_dialog.errors import ConfigurationError, DialogError
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.server import Server
from wechat_dialog.platform.terminal import Chat
from wechat_dialog.serving import LeaveOutQueries, doubts

__all__ = ["app", "main"]

app = typer.Typer(
    help="Conversations on a WeChat Official Account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(operator_cli.commands, name="conversations")
app.command()(operator_cli.check)
app.command()(simulator_cli.simulate)
app.command()(account_cli.send)
app.command()(account_cli.probe)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

WrongUsage: Any = typer.BadParameter.__base__
"""What typer raises at a command line it does not understand; it gives the class no public name."""

SIMULATED = "WECHAT_DIALOG_SIMULATED_TOKEN"
"""Set for a server that a simulator starts: the token of a bot that has none."""

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot, or a 2017 dialog module")]
Target = Annotated[
    str, typer.Argument(metavar="APP|URL", help="module:bot, or the URL of a server")
]


def main() -> None:
    """Run the command; errors the user can act on are one line, and status 2."""
    try:
        status = app(standalone_mode=False)
    except (DialogError, WrongUsage) as error:
        # typer would draw a box around the sentence. No command at all has had its help already.
        said = str(error) if isinstance(error, DialogError) else str(error.format_message())
        if said:
            errors.print(f"wechat-dialog: {said}", markup=False)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(status)


@app.command()
def serve(
    target: App,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve a bot with uvicorn."""
    bot = _checked(target)
    if not bot.token:
        raise ConfigurationError(
            "the bot has no token; set the one of your account's console: Bot(token=…), "
            "or WECHAT_TOKEN for a 2017 module"
        )
    # uvicorn raises a signal once more when it has shut down. An end that was asked for is no
    # failure, and one asked for before uvicorn listens to signals is an end as well.
    signal.signal(signal.SIGTERM, _end)
    if fd is not None:
        # Whoever started us listens on it already, and ends us; Ctrl-C is meant for him.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        uvicorn.run(bot.asgi, fd=fd, log_level="warning", access_log=False, lifespan="on")
        return
    for doubt in doubts(bot):
        errors.print(f"wechat-dialog: {doubt}", markup=False)
    _keep_signatures_out_of_the_log()
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        errors.print(f"wechat-dialog: http://{shown}:{listener.getsockname()[1]}/", markup=False)
        if workers == 1:
            uvicorn.Server(uvicorn.Config(bot.asgi, lifespan="on")).run(sockets=[listener])
            return
        os.environ[_TARGET] = target
        name = "wechat_dialog.cli:asgi_of_worker"
        uvicorn.run(name, factory=True, workers=workers, fd=listener.fileno(), lifespan="on")


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", "") or error
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {why}; choose others with --host and --port"
        ) from error
    listener.set_inheritable(True)
    return listener


_TARGET = "WECHAT_DIALOG_TARGET"


def asgi_of_worker() -> Any:
    """Return the application in a worker process that `serve --workers` started."""
    _keep_signatures_out_of_the_log()
    return _checked(os.environ[_TARGET]).asgi


def _keep_signatures_out_of_the_log() -> None:
    logging.getLogger("uvicorn.access").addFilter(LeaveOutQueries())


def _checked(target: str) -> Any:
    """Load a bot and refuse what cannot work, before a port is opened."""
    bot = load(target)
    simulated = os.environ.get(SIMULATED)
    if simulated and not bot.token:
        bot.simulate(simulated)
    bot.check()
    return bot


@app.command()
def chat(
    target: Target,
    token: Token = "",
    app_id: AppId = "",
    aes_key: AesKey = "",
    mode: HowEncrypted = "plain",
    user: User = SOMEBODY,
) -> None:
    """Chat with a bot in the terminal, over real HTTP; lines from a pipe work too."""
    if "://" not in target:
        with _server_of(target) as (platform, server):
            _chat(platform, user, server.revive)
        return
    with Platform(account_of(token, app_id, aes_key, mode), target) as platform:
        _chat(platform, user)


def _chat(platform: Platform, user: str, revive: Callable[[], str] = str) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    on_terminal = sys.stdin.isatty()

    def say(text: str) -> None:
        console.print(
            text if not on_terminal else f"公众号：{text}", style="green" if on_terminal else ""
        )

    def tell(text: str) -> None:
        errors.print(text, markup=False, style="dim")

    Chat(platform, say, tell, user, revive).run()


@contextmanager
def _server_of(target: str, folder: str | None = None) -> Generator[tuple[Platform, Server]]:
    """Serve a bot in a process of its own for as long as the block lasts."""
    bot = load(target)
    bot.check()
    token = bot.token or secrets.token_hex(8)
    account = Account(token, app_id=bot.app_id, aes_key=bot.aes_key, mode=bot.mode)
    environment = {**os.environ, SIMULATED: token, "PYTHONPATH": os.pathsep.join(_paths())}
    command = [sys.executable, "-m", "wechat_dialog.cli", "serve", target]
    with Server(command, environment, folder) as server, Platform(account, server.url) as platform:
        yield platform, server


def _paths() -> list[str]:
    """Return where modules are found, the folder of now first: the server's is another."""
    return [
        str(Path.cwd()),
        *(path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path),
    ]


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Begin a bot of your own: bot.py, test_bot.py and README.md."""
    scaffold.create(folder)
    errors.print(
        f"wechat-dialog: created; now: cd {folder} && wechat-dialog chat bot:bot", markup=False
    )


@app.command()
def demo(
    terminal: Annotated[
        bool, typer.Option("--terminal", help="chat in the terminal, as lines from a pipe do")
    ] = False,
    host: simulator_cli.Host = simulator_cli.LOOPBACK,
    port: simulator_cli.Port = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="open the page in a browser")
    ] = None,
) -> None:
    """Try the example bot, on the embedded store: on a web page, or in the terminal.

    Where the input is no terminal and nothing is said of the page, its lines are messages.
    """
    asked_for = browser is not None or port is not None or host != simulator_cli.LOOPBACK
    if not terminal and (asked_for or sys.stdin.isatty()):
        simulator_cli.open_simulator(
            "wechat_dialog.demo:bot",
            Account(secrets.token_hex(8)),
            host=host,
            port=port,
            browser=browser is not False,
        )
        return
    with (
        tempfile.TemporaryDirectory(prefix="wechat-dialog-demo-") as folder,
        _server_of("wechat_dialog.demo:bot", folder) as (platform, server),
    ):
        _chat(platform, SOMEBODY, server.revive)


if __name__ == "__main__":
    main()
