"""The `wechat-dialog` command."""

from __future__ import annotations

import secrets
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from wechat_dialog.cli.probe import probe
from wechat_dialog.cli.send import send
from wechat_dialog.errors import DialogError
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.language import speaks_chinese, tr
from wechat_dialog.platform.safe_console import SafeConsole

from .chat import chat, talk_to
from .conversations import check, commands
from .help_in_chinese import put_into_chinese
from .new import create
from .outside import begin, signal
from .refusals import refusal
from .serve import serve
from .simulate import LOOPBACK, Host, Port, open_simulator, simulate
from .work import work

__all__ = ["app", "main"]

app = typer.Typer(
    help="Conversations on a WeChat Official Account.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(commands, name="conversations")
app.command()(serve)
app.command()(work)
app.command()(check)
app.command()(signal)
app.command()(begin)
app.command()(simulate)
app.command()(chat)
app.command()(send)
app.command()(probe)
errors = SafeConsole(stderr=True)

WrongUsage: Any = typer.BadParameter.__base__
"""The error that typer raises at an invalid command line; it has no public name for the class."""


def main() -> None:
    """Run the command; errors the user can act on are one line, and status 2."""
    command = typer.main.get_command(app)
    if speaks_chinese():
        put_into_chinese(command)
    try:
        status = command(standalone_mode=False)
    except (DialogError, WrongUsage) as error:
        # typer would draw a box around the sentence. If there was no command, the help has been
        # printed already.
        sentence = str(error) if isinstance(error, DialogError) else str(error.format_message())
        if sentence:
            errors.print(f"wechat-dialog: {refusal(sentence)}")
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(status)


def _show_version(is_given: bool) -> None:
    if is_given:
        print(f"wechat-dialog {version('wechat-dialog')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    pass


@app.command()
def new(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Begin a bot of your own: bot.py, test_bot.py and README.md."""
    create(folder)
    created = tr("建好了；接下来：cd {0} && wechat-dialog chat bot:bot", folder)
    errors.print(f"wechat-dialog: {created}", markup=False)


@app.command()
def demo(
    terminal: Annotated[
        bool, typer.Option("--terminal", help="chat in the terminal, as lines from a pipe do")
    ] = False,
    host: Host = LOOPBACK,
    port: Port = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="open the page in a browser")
    ] = None,
) -> None:
    """Try the example bot, on the embedded store: on a web page, or in the terminal.

    If the input is not a terminal and no option asks for the page, its lines are messages.
    """
    asked_for = browser is not None or port is not None or host != LOOPBACK
    if not terminal and (asked_for or sys.stdin.isatty()):
        open_simulator(
            "wechat_dialog.cli.demo:bot",
            Account(secrets.token_hex(8), kind="unverified"),
            host=host,
            port=port,
            browser=browser is not False,
            title="示例公众号",
        )
        return
    with tempfile.TemporaryDirectory(prefix="wechat-dialog-demo-") as folder:
        talk_to("wechat_dialog.cli.demo:bot", folder=folder)


if __name__ == "__main__":
    main()
