"""The `wechat-dialog` command.

Each subcommand is in a module of its own, and only that of the one that is called is imported: all
of them take twice as long.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.language import speaks_chinese
from wechat_dialog.platform.safe_console import SafeConsole

from .help_in_chinese import put_into_chinese
from .refusals import refusal

__all__ = ["command_line", "main"]

MODULES = {
    "conversations": "conversations", "serve": "serve", "work": "work", "check": "conversations",
    "signal": "outside", "begin": "outside", "simulate": "simulate", "chat": "chat", "send": "send",
    "probe": "probe", "new": "new", "demo": "try_example",
}  # fmt: skip
"""The subcommands, in the order of the help, and the module of each; it has a function of that
name, or with several commands below it a `typer.Typer`."""

errors = SafeConsole(stderr=True)

WrongUsage: Any = typer.BadParameter.__base__
"""The error that typer raises at an invalid command line; it has no public name for the class."""


def main(command: Any = None) -> None:
    """Run the command; errors the user can act on are one line, and status 2.

    Args:
        command: As `command_line` returns it; None: that for this process's arguments.
    """
    command = command or command_line(sys.argv[1:])
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


def command_line(words: Sequence[str] = ()) -> Any:
    """Return the command with the subcommand that is called with these words, or with all."""
    app = typer.Typer(
        help="Conversations on a WeChat Official Account.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        callback=_options,
    )
    called = next((word for word in words if not word.startswith("-")), "")
    for name in [called] if called in MODULES else MODULES:
        subcommand = getattr(import_module(f".{MODULES[name]}", __package__), name)
        if isinstance(subcommand, typer.Typer):
            app.add_typer(subcommand, name=name)
        else:
            app.command()(subcommand)
    return typer.main.get_command(app)


def _show_version(is_given: bool) -> None:
    if is_given:
        print(f"wechat-dialog {version('wechat-dialog')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
