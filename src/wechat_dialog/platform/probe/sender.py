"""Requests to a server from outside: those that the platform makes, and forged ones.

A `Sender` has one server, one account and one user. It makes one request at a time, and keeps what
was sent and received. What the answers must be is checked in `prober`.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.platform.account import Account, open_answer, seal, signed
from wechat_dialog.platform.answer_check import Broken
from wechat_dialog.platform.emulator import Platform

from .exchange import Exchange, Fields, Skipped, Unreachable

__all__ = ["Sender"]

FILLED_TO = 7
"""Bytes of padding in a ciphertext unless a case needs others. Few enough for servers that remove
16 at most: there, only the case about the padding fails.
"""

_END = b"</xml>"

SILENT_AT_MOST = 3
"""Consecutive requests without an answer after which no more are made."""


@dataclass
class Sender:
    """Makes requests to one server, as its platform or a forger. Use it in a `with` block.

    Attributes:
        account: The account the server is set up for.
        url: Its URL.
        user: The OpenID of the sender of every message.
        say: A text that the server answers.
        slow: A text whose answer takes longer than five seconds; "" if none is known.
        raising: A text at which the server's handler fails; "" if none is known.
        previous_aes_key: The account's previous EncodingAESKey; "" if none is known.
        window: Seconds after which a request is given up.
    """

    account: Account
    url: str
    user: str
    say: str = "你好"
    slow: str = ""
    raising: str = ""
    previous_aes_key: str = field(default="", repr=False)
    window: float = 5.0

    def __post_init__(self) -> None:
        """Refuse a malformed key; no connection is opened yet."""
        if self.previous_aes_key:
            Key(self.previous_aes_key, "previous_aes_key")
        self.exchanges: list[Exchange] = []
        self._platform = Platform(self.account, self.url, window=self.window)
        # So far apart that they differ even as floats: a server that reads them as floats then
        # fails only the case about that.
        self._numbers = itertools.count(int(time.time() * 1000) * 100_000, 256)
        self._seconds = itertools.count(int(time.time()) - 20)
        self._silent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._platform.close()

    # Messages. -------------------------------------------------------------------------

    def message(self, kind: str, **fields: Any) -> Fields:
        """Return the fields of a new message from the user; `fields` override the usual ones."""
        usual = self._platform.message(self.user, kind)
        if "MsgId" in usual:
            usual["MsgId"] = next(self._numbers)
        return {**usual, **fields}

    def text(self, content: str = "", **fields: Any) -> Fields:
        """Return the fields of a new text; "" takes `say`."""
        return self.message("text", Content=content or self.say, **fields)

    def event(self, name: str, **fields: Any) -> Fields:
        """Return the fields of a new event, each with another second: events have no `MsgId`."""
        return self.message("event", **{"CreateTime": next(self._seconds), "Event": name, **fields})

    def push(self, message: Fields | bytes, **options: Any) -> Exchange:
        """Push a message, encrypted if the account's mode requires it.

        Args:
            message: Its fields, or its XML.
            options: Arguments of `sealed` and `post`.
        """
        query, body, plain = self.sealed(message, padding=options.pop("padding", FILLED_TO))
        return self.post(query, body, plain=plain, **options)

    def sealed(
        self, message: Fields | bytes, *, padding: int = FILLED_TO
    ) -> tuple[dict[str, str], bytes, bytes]:
        """Return a push's query, its body, and the body before encryption.

        Args:
            message: Its fields, or its XML.
            padding: Bytes of padding in the ciphertext.
        """
        account = self.account
        plain = message if isinstance(message, bytes) else xml.build(message).encode()
        if account.mode == "plain":
            query, body = seal(account, {"FromUserName": self.user}, plain, nonce=_nonce())
            return dict(parse_qsl(query)), body, plain
        plain = self.padded(plain, padding)
        outer = {"FromUserName": self.user}
        query, body = seal(replace(account, mode="safe"), outer, plain, nonce=_nonce())
        if account.mode == "compatible" and plain.endswith(_END):
            # Compatible mode has the plain fields beside the ciphertext.
            body = plain.removesuffix(_END) + body[body.index(b"<Encrypt>") :]
        return dict(parse_qsl(query)), body, plain

    def padded(self, plain: bytes, padding: int = FILLED_TO) -> bytes:
        """Return a message with as much white space at its end as gives it this padding."""
        inner = plain.removesuffix(_END)
        size = 20 + len(plain) + len(self.account.app_id.encode()) + padding
        return inner + b" " * (-size % 32) + (_END if inner != plain else b"")

    def get(self, query: Mapping[str, str] | str) -> Exchange:
        """Make a GET."""
        return self._ask("GET", query if isinstance(query, str) else urlencode(query), b"")

    def post(
        self,
        query: Mapping[str, str],
        body: bytes,
        *,
        plain: bytes | None = None,
        without: str = "",
        and_: Mapping[str, str] | None = None,
        content_type: str = "text/xml",
    ) -> Exchange:
        """Make a POST.

        Args:
            query: Its parameters.
            body: Its body.
            plain: The body before encryption; None if it is not encrypted.
            without: A parameter to leave out.
            and_: Parameters to add or replace.
            content_type: Its `Content-Type`.
        """
        query = {**query, **(and_ or {})}
        query.pop(without, None)
        plain = body if plain is None else plain
        return self._ask("POST", urlencode(query), body, plain, content_type)

    def signed(self, **parts: str) -> dict[str, str]:
        """Return a signed query with the given nonce and timestamp, or new ones."""
        return signed(self.account, **{"nonce": _nonce(), **parts})

    # The connection. -------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        query: str,
        body: bytes,
        plain: bytes = b"",
        content_type: str = "text/xml",
    ) -> Exchange:
        if self._silent >= SILENT_AT_MOST:
            raise Skipped(f"it left {SILENT_AT_MOST} requests in a row without an answer")
        parts = urlsplit(self._platform.address(query))
        target = f"{parts.path or '/'}?{parts.query}"
        status, received, problem = self._platform.exchange(method, query, body, content_type)
        if problem.startswith("no connection") and not self.exchanges:
            raise Unreachable(f"nothing answers at {self.url}: {problem}")
        self._silent = 0 if status else self._silent + 1
        opened = received
        if status == 200:
            try:
                opened = open_answer(self.account, received)
            except Broken:
                opened = received
        problem = "" if status else problem
        exchange = Exchange(method, target, body, plain, status, received, opened, problem)
        self.exchanges.append(exchange)
        return exchange

    def with_key(self, aes_key: str) -> Account:
        """Return the account with another EncodingAESKey."""
        return replace(self.account, aes_key=aes_key)


def _nonce() -> str:
    """Return ten digits that sort last both as number and as text; case 3 is about sorting."""
    return str(9 * 10**9 + secrets.randbelow(10**9))
