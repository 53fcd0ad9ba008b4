"""The emulator: signs and posts a user's messages, hangs up after five seconds, and repeats them.

It knows the platform's side of the protocol and nothing of any server, so it drives one in any
language. The same message goes out up to three times, each time under the same `MsgId` and signed
anew; an answer counts only on a connection that is still open. Any number of threads may deliver
at once, one for each user who writes.

Proof: `tests/platform/`, against servers that answer, hang, break and lie.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from wechat_dialog.platform.account import Account, open_answer, seal, signed
from wechat_dialog.platform.judging import FAULT, Broken, Shown, judge, show
from wechat_dialog.wire import xml

__all__ = ["Platform", "Request"]

ANSWER_LIMIT = 2 * xml.MAX_BYTES
"""Bytes of an answer that are read; an answer of more is none the judge would take."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the platform and what came of it, for the developer.

    Attributes:
        number: 1 for the first with its message.
        query: The URL's query.
        body: What was posted.
        message: The same before it was encrypted.
        status: The HTTP status; 0 if no answer came in time.
        answer: The body of the answer.
        reply: The same decrypted; empty if it cannot be.
        seconds: How long it took.
        problem: What went wrong; "" if nothing did.
    """

    number: int
    query: str
    body: bytes
    message: bytes
    status: int
    answer: bytes
    reply: bytes
    seconds: float
    problem: str = ""


@dataclass
class Platform:
    """WeChat's side of one account, posting to one server.

    Attributes:
        account: The account.
        url: The server's URL.
        window: Seconds after which a request is given up.
        requests: Requests made for one message.
        client: Posts; to a URL, or in process with a transport.
        heard: Called with every request when it is over.
    """

    account: Account
    url: str
    window: float = 5.0
    requests: int = 3
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))
    heard: Callable[[Request], None] | None = None
    _numbers: Any = field(default_factory=lambda: itertools.count(int(time.time() * 1000) * 10_000))

    def close(self) -> None:
        """Close the connections. A platform may be used for a `with` block, which does this."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def message(self, user: str, kind: str, **fields: Any) -> dict[str, Any]:
        """Return a message's fields as the platform would push them.

        Args:
            user: The sender's OpenID.
            kind: The `MsgType`.
            fields: Its other fields, by the platform's names.
        """
        message: dict[str, Any] = {
            "ToUserName": self.account.id,
            "FromUserName": user,
            "CreateTime": int(time.time()),
            "MsgType": kind,
            **fields,
        }
        if kind != "event":
            message["MsgId"] = next(self._numbers)
        return message

    def verify(self) -> str:
        """Make the platform's GET (protocol reference 1).

        Returns:
            "" if the server echoed what it must, else what it did instead.
        """
        echo = str(secrets.randbelow(10**18))
        query = urlencode({**signed(self.account), "echostr": echo})
        status, answer, problem = self._ask("GET", query, b"")
        if status == 200 and answer != echo.encode():
            return f"answered {answer[:60]!r}, not the echostr {echo!r} (protocol reference 1)"
        return problem

    def deliver(self, message: dict[str, Any]) -> Shown:
        """Push a message, up to three times, and return what its sender sees.

        Args:
            message: Its fields; see `message`. The same one again is the platform's repetition.
        """
        problem, reply = "", b""
        for made in self._requests_with(message):
            problem, reply = made.problem, made.reply
            if self.heard is not None:
                self.heard(made)
            if made.status == 200:  # an answer in time ends it, whatever it is
                break
        if problem:
            return Shown(FAULT, fault=problem)
        taken = judge(reply, message["FromUserName"], self.account.id)
        return show(taken, to_event=message["MsgType"] == "event")

    def _requests_with(self, message: dict[str, Any]) -> Iterator[Request]:
        plain = xml.build(message).encode()
        for number in range(1, self.requests + 1):
            began = time.monotonic()
            query, body = seal(self.account, message, plain)
            status, answer, problem = self._ask("POST", query, body)
            seconds = time.monotonic() - began
            reply = b""
            if not problem:
                try:
                    reply = open_answer(self.account, answer)
                    judge(reply, message["FromUserName"], self.account.id)
                except Broken as broken:
                    problem = str(broken)
            yield Request(number, query, body, plain, status, answer, reply, seconds, problem)

    def _ask(self, method: str, query: str, body: bytes) -> tuple[int, bytes, str]:
        """Make a request; returns status, body and what went wrong."""
        until = time.monotonic() + self.window
        url = f"{self.url}{'&' if '?' in self.url else '?'}{query}"
        # A connection each: a server may close one that is kept just as it is used again.
        headers = {
            "Content-Type": "text/xml",
            "User-Agent": "Mozilla/4.0",
            "Pragma": "no-cache",
            "Connection": "close",
        }
        pieces: list[bytes] = []
        try:
            with self.client.stream(
                method, url, content=body, headers=headers, timeout=self.window
            ) as answer:
                for piece in answer.iter_bytes():
                    pieces.append(piece)
                    if sum(map(len, pieces)) > ANSWER_LIMIT:
                        break
                    if time.monotonic() > until:  # httpx counts from piece to piece
                        raise httpx.ReadTimeout("")
        except httpx.TimeoutException:
            return (
                0,
                b"".join(pieces),
                f"no answer within {self.window:g} s (protocol reference 5.3)",
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return 0, b"".join(pieces), f"no connection: {str(error) or type(error).__name__}"
        problem = ""
        if answer.status_code != 200:
            problem = f"HTTP status {answer.status_code}, not 200 (protocol reference 5.3)"
        return answer.status_code, b"".join(pieces), problem
