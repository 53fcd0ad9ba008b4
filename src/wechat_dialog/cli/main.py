"""The `wechat-dialog` command.

Each subcommand is in a module of its own, and only that of the one that is called is imported: all
of them take twice as long. For the command's own help there is a sentence about each in a table.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.language import speaks_chinese
from wechat_dialog.platform.refusals import refusal
from wechat_dialog.platform.safe_console import SafeConsole

from .help_in_chinese import put_into_chinese
from .version import print_version

__all__ = ["command_line", "main"]

SUBCOMMANDS = {
    "serve": ("serve", "Serve a bot with uvicorn."),
    "work": (
        "work",
        (
            "Do what falls due, and answer no message: timers, reminders, signals that were only "
            "posted."
        ),
    ),
    "check": (
        "conversations",
        "Replay stored conversations against this code: a gate before a deployment.",
    ),
    "signal": (
        "outside",
        "Tell a user's conversations that something has happened, as `bot.signal` does.",
    ),
    "begin": ("outside", "Begin a conversation that no message began, as `bot.begin` does."),
    "simulate": (
        "simulate",
        "Talk to a bot on a web page that looks like the phone, with its journal beside it.",
    ),
    "chat": (
        "chat",
        "Chat with a bot in the terminal, over real HTTP; lines from a pipe work too.",
    ),
    "send": ("send", "Send one signed message to a server and print what its sender sees."),
    "probe": (
        "probe",
        "Ask a server the conformance checklist: what it does right and wrong, seen from outside.",
    ),
    "new": ("new", "Begin a bot of your own: bot.py, test_bot.py and README.md."),
    "demo": (
        "try_example",
        "Try the example bot, on the embedded store: on a web page, or in the terminal.",
    ),
    "conversations": ("conversations", "List, show, resume and end stored conversations."),
}
"""The subcommands, in the order of the help: the module of each and the first paragraph of its
help. The module has a function of the subcommand's name, or with several commands below it a
`typer.Typer`."""

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


def command_line(words: Sequence[str] | None = None) -> Any:
    """Return the command for a call with these words.

    Args:
        words: Of the subcommands that are not among them, the command has the name and the first
            paragraph of the help, and neither options nor function. None: it has all of each.
    """
    called = next((word for word in words or () if not word.startswith("-")), "")
    app = typer.Typer(
        help="Conversations on a WeChat Official Account.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        callback=_options,
    )
    for name, (module, about) in SUBCOMMANDS.items():
        if words is not None and name != called:
            app.command(name, help=about)(_not_called)
            continue
        subcommand = getattr(import_module(f".{module}", __package__), name)
        if isinstance(subcommand, typer.Typer):
            app.add_typer(subcommand, name=name)
        else:
            app.command()(subcommand)
    return typer.main.get_command(app)


def _not_called() -> None:
    pass


def _show_version(is_given: bool) -> None:
    if is_given:
        print_version()
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
