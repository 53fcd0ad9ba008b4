"""`wechat-dialog signal` and `begin`: what reaches a bot without a message, from a shell."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
import typer

from wechat_dialog.bot import Bot
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.language import BEGIN_OUTCOMES, SIGNAL_OUTCOMES, tr
from wechat_dialog.platform.safe_console import SafeConsole

from .conversations import with_store

__all__ = ["begin", "signal"]

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot")]
User = Annotated[str, typer.Argument(metavar="USER", help="the user's OpenID")]
Json = Annotated[str, typer.Argument(metavar="[JSON]", show_default=False)]
Id = Annotated[str, typer.Option("--id", help="makes a repetition harmless for a week")]
Gh = Annotated[str, typer.Option("--account", help="the account's original id, gh_…")]
Store = Annotated[str, typer.Option(help="URL of the store; the bot's own if not given")]

console = SafeConsole()


def signal(
    target: App,
    user: User,
    name: Annotated[str, typer.Argument(metavar="NAME", help="the signal's name")],
    data: Json = "null",
    match: Annotated[str, typer.Option(help="such as an order's number")] = "",
    id: Id = "",
    account: Gh = "",
    store: Store = "",
) -> None:
    """Tell a user's conversations that something has happened, as `bot.signal` does.

    JSON is the signal's data; null if left out.
    """
    bot = _bot(target, store, account)
    try:
        outcome = bot.signal(user, name, _read(data), match=match, id=id)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(str(error)) from error
    console.print(tr(SIGNAL_OUTCOMES[outcome]))


def begin(
    target: App,
    user: User,
    dialog: Annotated[str, typer.Argument(metavar="DIALOG", help="the dialog's name")],
    state: Json = "{}",
    id: Id = "",
    account: Gh = "",
    store: Store = "",
) -> None:
    """Begin a conversation that no message began, as `bot.begin` does.

    JSON is an object with the dialog's arguments by name.
    """
    bot = _bot(target, store, account)
    registered = bot.rules.routes.newest(dialog)
    if registered is None:
        raise ConfigurationError(f"the bot has no dialog {dialog!r}")
    try:
        outcome = bot.begin(user, registered.fn, _object(state), id=id)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(str(error)) from error
    console.print(tr(BEGIN_OUTCOMES[outcome]))


def _bot(target: str, store: str, account: str) -> Bot:
    bot = with_store(target, store)
    bot.account = account or bot.account
    return bot


def _read(data: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{data!r} is no JSON ({error}); a text is '\"…\"'") from error


def _object(state: str) -> dict[str, Any]:
    arguments = _read(state)
    if not isinstance(arguments, dict):
        raise ConfigurationError(f"{state!r}: a JSON object is wanted, with the arguments by name")
    return cast("dict[str, Any]", arguments)
