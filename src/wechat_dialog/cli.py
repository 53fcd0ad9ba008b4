"""The `wechat-dialog` command."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console

from wechat_dialog import account_cli, operator_cli, scaffold, simulator_cli, terminal_cli
from wechat_dialog.application import load
from wechat_dialog.errors import ConfigurationError, DialogError
from wechat_dialog.platform.account import Account
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
app.command()(terminal_cli.chat)
app.command()(account_cli.send)
app.command()(account_cli.probe)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

WrongUsage: Any = typer.BadParameter.__base__
"""What typer raises at a command line it does not understand; it gives the class no public name."""

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot, or a 2017 dialog module")]


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
    bot.check()
    return bot


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
    with tempfile.TemporaryDirectory(prefix="wechat-dialog-demo-") as folder:
        terminal_cli.talk_to("wechat_dialog.demo:bot", folder=folder)


if __name__ == "__main__":
    main()
