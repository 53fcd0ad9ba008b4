"""What `wechat-dialog serve` finds out before anybody writes, and what its log leaves out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from wechat_dialog.errors import StoreError
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.wire.signature import is_token

__all__ = ["LeaveOutQueries", "doubts"]

NOBODY = "nobody"
"""A user whom no account has; asked for to see whether the store answers."""


def doubts(bot: Any) -> Iterator[str]:
    """Yield a sentence for each thing that will probably not work.

    Raises:
        ConfigurationError: The store's URL is none.
        StoreError: The embedded store cannot be written to, which time does not heal. A server
            that is not there yet is a doubt.
    """
    if not is_token(bot.token):
        yield (
            f"the bot's token, of {len(bot.token)} characters, is none of 3 to 32 letters and "
            "digits, which is all the console takes; copy the console's"
        )
    if missing := getattr(bot, "missing", list[str])():
        yield f"ROUTER names functions that the module has not: {', '.join(missing)}"
    try:
        bot.store.show(NOBODY)
    except StoreError as error:
        if isinstance(bot.store, SQLiteStore):
            raise
        yield f"{error}; until it is there, users get an apology"


class LeaveOutQueries(logging.Filter):
    """Cut the query off each address in uvicorn's access log.

    It holds the signature, and in plaintext mode whoever reads one can sign messages of his own:
    it does not cover the body (protocol reference 2).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, shortened."""
        match record.args:
            case (client, method, str(path), *rest):
                record.args = (client, method, path.partition("?")[0], *rest)
            case _:
                pass
        return True
