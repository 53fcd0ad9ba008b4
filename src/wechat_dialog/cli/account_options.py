"""The options of a command that acts as the platform: for which account, and to which URL."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.safe_console import SafeConsole

__all__ = [
    "GH_ID",
    "SOMEBODY",
    "AesKey",
    "AppId",
    "GhId",
    "HowEncrypted",
    "Token",
    "User",
    "account_of",
    "url_of",
]


Url = Annotated[str, typer.Argument(metavar="URL", help="the URL of a server")]
Token = Annotated[str, typer.Option(metavar="TOKEN", help="the account's token, as in its console")]
AppId = Annotated[str, typer.Option(metavar="ID", help="its AppID; for compatible and safe mode")]
AesKey = Annotated[
    str, typer.Option(metavar="KEY", help="its EncodingAESKey; for compatible and safe mode")
]
HowEncrypted = Annotated[
    str, typer.Option("--mode", metavar="MODE", help="plain, compatible or safe")
]
GhId = Annotated[str, typer.Option("--account", metavar="GH_ID", help="its original id")]
User = Annotated[str, typer.Option(metavar="OPENID", help="who sends")]

SOMEBODY = "oTerminal000000000000000000"
GH_ID = "gh_0123456789ab"

output = SafeConsole()
diagnostics = SafeConsole(stderr=True)


def account_of(token: str, app_id: str, aes_key: str, mode: str, id: str = GH_ID) -> Account:
    """Return the account that a command's options describe.

    Raises:
        ConfigurationError: The options contradict each other, or the key is malformed.
    """
    if mode in ("compatible", "safe") and not (app_id and aes_key):
        raise ConfigurationError(f"--mode {mode} needs --app-id and --aes-key: the console's")
    return Account(token, id=id, app_id=app_id, aes_key=aes_key, mode=cast("Mode", mode))


def url_of(url: str) -> str:
    """Return a server's URL unchanged if it is valid.

    Raises:
        ConfigurationError: It is not a valid URL.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{url!r} is no URL; write http://127.0.0.1:8000/")
    return url
