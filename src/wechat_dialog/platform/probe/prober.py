"""What the probe requires of a server's answers.

A case states its requirements with `accepted` and `refused`, which raise `Failed` with the rule.
They raise `Skipped` where an answer would prove nothing: a server that refuses everything refuses
forgeries as well.

The cases are in `door` and `messages`. Proof: `tests/probe/`.
"""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Any

from wechat_dialog.platform.account import open_answer
from wechat_dialog.platform.answer_check import Broken, judge

from .exchange import Exchange, Failed, Fields, Skipped
from .sender import Sender

__all__ = ["Prober"]


class Prober(Sender):
    """Makes requests to one server, and checks the answers. Use it in a `with` block."""

    # Requests that are made once, to compare others with. ------------------------------

    @cached_property
    def check(self) -> Exchange:
        """The first URL check, to compare others with."""
        return self.get({**self.signed(), "echostr": self.echo})

    @cached_property
    def echo(self) -> str:
        """The echostr of the first URL check: 19 digits, more than a float can represent."""
        return str(5 * 10**18 + secrets.randbelow(10**18))

    @cached_property
    def first(self) -> Exchange:
        """The first text, to compare others with."""
        return self.push(self.text())

    @cached_property
    def repeats(self) -> bool:
        """Whether the server's reply contains the user's text."""
        word = f"probe-{secrets.token_hex(4)}"
        return word in str(self.reply(self.push(self.text(word))).get("Content", ""))

    @cached_property
    def slowly(self) -> tuple[list[Exchange], Fields]:
        """The requests with the slow text, up to the first answered one, and the message.

        Raises:
            Skipped: No slow text is known, or its answer is not slow.
        """
        if not self.slow:
            raise Skipped("a text that takes longer than 5 s has to be named with --slow")
        message = self.text(self.slow)
        exchanges: list[Exchange] = []
        while len(exchanges) < 3 and not (exchanges and exchanges[-1].status):
            exchanges.append(self.push(message))
        self._silent = 0  # these are expected to be late
        if len(exchanges) == 1:
            raise Skipped(f"{self.slow!r} was answered within {self.window:g} s")
        return exchanges, message

    # Requirements. ---------------------------------------------------------------------

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

    def accepted(self, exchange: Exchange, user: str = "") -> Fields:
        """Require an answer that the platform accepts; return its fields, empty if it is no reply.

        Raises:
            Failed: The platform would not accept it.
            Skipped: The answer to the first text breaks the same rule.
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
            raise Failed("", failed.why, exchange) from None  # refusing it breaks the case's rule

    def replied(self, exchange: Exchange, user: str = "") -> Fields:
        """Require a reply, and return it.

        Raises:
            Failed: See `accepted`.
            Skipped: See `accepted`; or there was no reply.
        """
        return self.accepted(exchange, user) or self._no_reply()

    def usual(self) -> None:
        """Require that the first text got a reply.

        Raises:
            Skipped: It got none, or an invalid one; another case reports that.
        """
        if self._fault_of_first():
            raise Skipped("its answer to a plain text is wrong already: see 5 or 8")
        self.replied(self.first)

    def _no_reply(self) -> Fields:
        raise Skipped(f"{self.say!r} gets no reply: name a text that gets one with --say")

    def answer_to(self, content: str, **fields: Any) -> tuple[Exchange, str]:
        """Send a text to a server that repeats texts; return the exchange and the reply's text.

        Raises:
            Skipped: The server does not repeat texts.
            Failed: The platform would not accept its answer.
        """
        self.repeating()
        exchange = self.push(self.text(content, **fields))
        return exchange, str(self.accepted(exchange).get("Content", ""))

    def repeating(self) -> None:
        """Require a server whose reply repeats the user's text.

        Raises:
            Skipped: The server's reply does not.
        """
        try:
            repeats = self.repeats
        except Failed:
            repeats = False
        if not repeats:
            raise Skipped("seen only at a server whose reply repeats what it was told")

    def refused(self, exchange: Exchange) -> None:
        """Require a status 4xx, or an empty 200, with which many frameworks refuse.

        Raises:
            Failed: The status is another, or the body is not empty.
            Skipped: The server does not accept the valid request either.
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
