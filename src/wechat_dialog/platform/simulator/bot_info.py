"""What a bot's process says of its bot, and what it is told of its terminal."""

from __future__ import annotations

import msgspec

__all__ = ["BotFailure", "BotInfo", "Terminal"]


class BotInfo(msgspec.Struct, frozen=True):
    """A bot as its process describes it when it is about to serve.

    Attributes:
        token: The token of its account, or the one that it was given if it has none.
        app_id: The account's AppID; "" if it has none.
        app_secret: The account's AppSecret; "" if it has none.
        aes_key: The account's EncodingAESKey; "" if it has none.
        mode: How pushes are encrypted.
        keys: The menu keys it has routes for.
        files: The application's source files.
        pages: Where its answer pages are, as its users are told; "" if it has none.
    """

    token: str
    app_id: str = ""
    app_secret: str = ""
    aes_key: str = ""
    mode: str = "plain"
    keys: list[str] = []
    files: list[str] = []
    pages: str = ""

    def __repr__(self) -> str:  # its representation shows no secret
        return f"BotInfo(app_id={self.app_id!r}, mode={self.mode!r})"


class Terminal(msgspec.Struct, frozen=True):
    """The terminal of whoever started a bot's process.

    Attributes:
        parked: What the developer is told to do when a conversation has been parked.
        refused: The same for a message that strict mode refuses.
        debugs: Whether a debugger may read from it.
    """

    parked: str = ""
    refused: str = ""
    debugs: bool = False


class BotFailure(msgspec.Struct, frozen=True):
    """Why an application could not be loaded.

    Attributes:
        failed: The reason.
        chinese: The same in Chinese, as far as it is ours.
        files: The files to watch for a correction.
    """

    failed: str
    chinese: str
    files: list[str] = []
