"""Asking a server from outside: requests that the platform would make, and some it never would.

A `Prober` has one server, one account and one user; it makes one request at a time and keeps what
was sent and received. A case states its requirements with `taken` and `refused`, which raise
`Failed` with the rule, or `Skipped` where an answer would prove nothing: a server that refuses
everything refuses forgeries as well.

The cases are in `door` and `messages`. Proof: `tests/probe/`.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.account import Account, open_answer, seal, signed
from wechat_dialog.platform.answer_check import Broken, judge
from wechat_dialog.platform.emulator import Platform

__all__ = ["Exchange", "Failed", "Fields", "Prober", "Skipped", "Unreachable"]

Fields = dict[str, Any]

FILLED_TO = 7
"""Bytes of padding in a ciphertext, where a case does not ask for others: few enough for a server
that takes off 16 at most, so that only the case about it fails there.
"""

_END = b"</xml>"

SILENT_AT_MOST = 3
"""Requests in a row without an answer after which the probe stops."""


class Unreachable(ConfigurationError):
    """No server answers at the URL."""


class Skipped(Exception):
    """A case cannot be checked at this server; the message says why."""


class Failed(Exception):
    """A rule was broken.

    Attributes:
        rule: The section of the protocol reference; "" for the case's own.
        why: What was wrong.
        exchanges: What was sent and received.
    """

    def __init__(self, rule: str, why: str, *exchanges: Exchange) -> None:
        super().__init__(rule, why)
        self.rule = rule
        self.why = why
        self.exchanges = exchanges


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        method: GET or POST.
        target: Path and query, as they were sent.
        sent: The body.
        plain: The body before it was encrypted.
        status: The HTTP status; 0 if there was no answer.
        received: The body of the answer.
        opened: The answer decrypted; unchanged if it is plain, or cannot be decrypted.
        problem: Why there was no answer; "" if there was one.
    """

    method: str
    target: str
    sent: bytes
    plain: bytes
    status: int
    received: bytes
    opened: bytes
    problem: str = ""


@dataclass
class Prober:
    """One server under examination. Use it for a `with` block.

    Attributes:
        account: The account the server is set up for.
        url: Its URL.
        user: The OpenID that every message is from.
        say: A text that the server answers.
        slow: A text whose answer takes longer than five seconds; "" if none is known.
        raising: A text at which its handler fails; "" if none is known.
        previous_aes_key: The key before the account's; "" if none is known.
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
        """Open no connection yet; refuse a malformed key."""
        if self.previous_aes_key:
            Key(self.previous_aes_key, "previous_aes_key")
        self.made: list[Exchange] = []
        self._platform = Platform(self.account, self.url, window=self.window)
        # Far apart, so that a server which keeps them as floats fails the case about it alone.
        self._numbers = itertools.count(int(time.time() * 1000) * 100_000, 256)
        self._seconds = itertools.count(int(time.time()) - 20)
        self._silent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._platform.close()

    # What is sent. ---------------------------------------------------------------------

    def message(self, kind: str, **fields: Any) -> Fields:
        """Return a new message's fields, from the user; those given win."""
        usual = self._platform.message(self.user, kind)
        if "MsgId" in usual:
            usual["MsgId"] = next(self._numbers)
        return {**usual, **fields}

    def text(self, content: str = "", **fields: Any) -> Fields:
        """Return a new text; what the server answers if none is given."""
        return self.message("text", Content=content or self.say, **fields)

    def event(self, name: str, **fields: Any) -> Fields:
        """Return a new event in a second of its own, which alone tells two events apart."""
        return self.message("event", **{"CreateTime": next(self._seconds), "Event": name, **fields})

    def push(self, message: Fields | bytes, **more: Any) -> Exchange:
        """Push a message, encrypted if the account's mode requires it.

        Args:
            message: Its fields, or its XML as it shall stand.
            more: As of `sealed` and `post`.
        """
        query, body, plain = self.sealed(message, padding=more.pop("padding", FILLED_TO))
        return self.post(query, body, plain=plain, **more)

    def sealed(
        self, message: Fields | bytes, *, padding: int = FILLED_TO
    ) -> tuple[dict[str, str], bytes, bytes]:
        """Return a push's query, its body, and the latter before it was encrypted.

        Args:
            message: As of `push`.
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
            # The plain fields stand beside the ciphertext.
            body = plain.removesuffix(_END) + body[body.index(b"<Encrypt>") :]
        return dict(parse_qsl(query)), body, plain

    def padded(self, plain: bytes, padding: int = FILLED_TO) -> bytes:
        """Return a message with white space at its end, so that its ciphertext has this padding."""
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
            plain: The same before it was encrypted; None for as it is.
            without: A parameter that is left out.
            and_: Parameters in place of those, or besides.
            content_type: Its `Content-Type`.
        """
        query = {name: one for name, one in {**query, **(and_ or {})}.items() if name != without}
        plain = body if plain is None else plain
        return self._ask("POST", urlencode(query), body, plain, content_type)

    # What came back. -------------------------------------------------------------------

    @cached_property
    def check(self) -> Exchange:
        """The first URL check, with which others are compared."""
        return self.get({**self.signed(), "echostr": self.echo})

    @cached_property
    def echo(self) -> str:
        """The first check's echostr: 19 digits, more than a float keeps."""
        return str(5 * 10**18 + secrets.randbelow(10**18))

    @cached_property
    def first(self) -> Exchange:
        """The first text, with which others are compared."""
        return self.push(self.text())

    @cached_property
    def repeats(self) -> bool:
        """Whether the server's reply contains the text that it was sent."""
        word = f"probe-{secrets.token_hex(4)}"
        return word in str(self.reply(self.push(self.text(word))).get("Content", ""))

    @cached_property
    def slowly(self) -> tuple[list[Exchange], Fields]:
        """The requests of the slow text, up to the one that was answered, and its message.

        Raises:
            Skipped: No slow text is known, or its answer is not slow.
        """
        if not self.slow:
            raise Skipped("a text that takes longer than 5 s has to be named with --slow")
        message = self.text(self.slow)
        made: list[Exchange] = []
        while len(made) < 3 and not (made and made[-1].status):
            made.append(self.push(message))
        self._silent = 0  # it was asked for
        if len(made) == 1:
            raise Skipped(f"{self.slow!r} was answered within {self.window:g} s")
        return made, message

    def signed(self, **parts: str) -> dict[str, str]:
        """Return a signed query, with the nonce and the timestamp that are given, or fresh ones."""
        return signed(self.account, **{"nonce": _nonce(), **parts})

    def reply(self, exchange: Exchange, user: str = "") -> Fields:
        """Return the fields of an answer; empty if it is not a reply.

        Raises:
            Failed: The platform would not accept it.
        """
        if exchange.problem:
            raise Failed("5.3", exchange.problem, exchange)
        if exchange.status != 200:
            raise Failed("5.3", f"HTTP status {exchange.status}, not 200", exchange)
        try:
            opened = open_answer(self.account, exchange.received)
            return judge(opened, user or self.user, self.account.id)
        except Broken as broken:
            raise Failed(broken.rule, broken.why, exchange) from None

    def taken(self, exchange: Exchange, user: str = "") -> Fields:
        """Require an answer that the platform accepts; return its fields, empty if it is no reply.

        Raises:
            Failed: The platform would not accept it.
            Skipped: It would not accept the answer to a plain text either, for the same reason.
        """
        try:
            return self.reply(exchange, user)
        except Failed as failed:
            if exchange is self.first:
                raise
            if self._fault_of_first() == failed.rule:
                raise Skipped("its answer to a plain text is as wrong: see 5 or 8") from None
            if exchange.status in (0, 200):
                raise
            raise Failed("", failed.why, exchange) from None  # what it refused is the case's rule

    def replied(self, exchange: Exchange, user: str = "") -> Fields:
        """Require a reply, and return it.

        Raises:
            Failed, Skipped: As `taken`; also skipped if there was no reply.
        """
        return self.taken(exchange, user) or self._no_reply()

    def usual(self) -> None:
        """Require that the first text got a reply.

        Raises:
            Skipped: It got none, or a wrong one, which another case checks.
        """
        if self._fault_of_first():
            raise Skipped("its answer to a plain text is wrong already: see 5 or 8")
        self.replied(self.first)

    def _no_reply(self) -> Fields:
        raise Skipped(f"{self.say!r} gets no reply: name a text that gets one with --say")

    def said(self, content: str, **fields: Any) -> tuple[Exchange, str]:
        """Send a text to a server that repeats texts. Return its answer.

        Raises:
            Skipped: The server does not repeat texts.
            Failed: The platform would not accept its answer.
        """
        self.repeating()
        exchange = self.push(self.text(content, **fields))
        return exchange, str(self.taken(exchange).get("Content", ""))

    def repeating(self) -> None:
        """Require a server whose reply repeats the text that it was sent.

        Raises:
            Skipped: It does not.
        """
        try:
            repeats = self.repeats
        except Failed:
            repeats = False
        if not repeats:
            raise Skipped("seen only at a server whose reply repeats what it was told")

    def refused(self, exchange: Exchange) -> None:
        """Require a status 4xx; or a 200 without an answer, as many frameworks refuse.

        Raises:
            Failed: The status was another.
            Skipped: The valid request gets that status too.
        """
        compared = self.check if exchange.method == "GET" else self.first
        if compared.status != 200:
            raise Skipped("the right request is refused as well: see 1 and 5")
        if exchange.problem:
            raise Failed("", f"{exchange.problem}; a status 4xx is due", exchange)
        empty = exchange.status == 200 and not exchange.received.strip()
        if not (empty or 400 <= exchange.status < 500):
            raise Failed("", f"HTTP status {exchange.status}, not 4xx", exchange)

    def _fault_of_first(self) -> str:
        try:
            self.reply(self.first)
        except Failed as failed:
            return failed.rule
        return ""

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
        if problem.startswith("no connection") and not self.made:
            raise Unreachable(f"nothing answers at {self.url}: {problem}")
        self._silent = 0 if status else self._silent + 1
        opened = received
        if status == 200:
            try:
                opened = open_answer(self.account, received)
            except Broken:
                opened = received
        problem = "" if status else problem
        made = Exchange(method, target, body, plain, status, received, opened, problem)
        self.made.append(made)
        return made

    def with_key(self, aes_key: str) -> Account:
        """Return the account with another key."""
        return replace(self.account, aes_key=aes_key)


def _nonce() -> str:
    """Return ten digits that come last as a number and as text: how to sort is case 3's affair."""
    return str(9 * 10**9 + secrets.randbelow(10**9))
