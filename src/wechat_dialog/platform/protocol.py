"""What the platform does with one message, as a generator of HTTP requests.

`emulator` performs them, on threads or on event loops; nothing here opens a connection.
"""

from __future__ import annotations

import html
import itertools
import os
import re
import secrets
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from wechat_dialog.core.wire import xml

from .account import Account, open_answer, seal, signed
from .answer_check import Broken, judge
from .display import Shown, fault, show

__all__ = [
    "ANSWER_LIMIT",
    "HEADERS",
    "Answer",
    "Ask",
    "Protocol",
    "Request",
    "Watch",
    "gist",
]

ANSWER_LIMIT = 2 * xml.MAX_BYTES
"""Bytes of an answer that are read; a longer answer is never a valid one."""

GIST, GIST_READ = 200, 64 * 1024
"""Characters of what is told of an error's page, and bytes of the page that are read for it."""

HEADERS = {
    "Content-Type": "text/xml",
    "User-Agent": "Mozilla/4.0",
    "Accept": "*/*",
    "Pragma": "no-cache",
    # A connection for each request: a server may close a kept one just when it is used again.
    "Connection": "close",
}
"""The headers that the platform sends (protocol reference 2)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the platform and its result, for the developer.

    Attributes:
        number: The number of the attempt to deliver its message, from 1.
        query: The URL's query.
        body: What was posted.
        message: The body before it was encrypted.
        status: The HTTP status; 0 if no answer came in time.
        answer: The body of the answer.
        reply: The answer decrypted; empty if that is impossible.
        seconds: How long it took.
        problem: What went wrong; "" if nothing did.
        open: Whether its answer is still awaited.
    """

    number: int
    query: str
    body: bytes
    message: bytes
    status: int = 0
    answer: bytes = b""
    reply: bytes = b""
    seconds: float = 0.0
    problem: str = ""
    open: bool = False


Watch = Callable[[Request], None]


class Ask(NamedTuple):
    """An HTTP request to be made."""

    method: str
    query: str
    body: bytes


class Answer(NamedTuple):
    """A request's result: the status, 0 if there was none in time; the body; what went wrong."""

    status: int
    body: bytes
    problem: str


class Protocol:
    """The platform's side of one account and one server, without I/O: requests are yielded.

    Attributes:
        account: The account.
        url: The server's URL.
        window: Seconds after which a request is given up.
        requests: Requests made for one message.
        heard: Called with every request when it has ended.
    """

    def __init__(
        self,
        account: Account,
        url: str,
        *,
        window: float = 5.0,
        requests: int = 3,
        heard: Watch | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self.url = url
        self.window = window
        self.requests = requests
        self.heard = heard
        self.clock = clock
        self._numbers = itertools.count(int(time.time() * 1000) * 10_000)

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
            "CreateTime": int(self.clock()),
            "MsgType": kind,
            **fields,
        }
        if kind != "event":
            message["MsgId"] = next(self._numbers)
        return message

    def _now(self) -> str:
        return str(int(self.clock()))

    def verifying(self) -> Generator[Ask, Answer, str]:
        """Make the platform's GET; see `Platform.verify`."""
        echo = str(secrets.randbelow(10**18))
        query = urlencode({**signed(self.account, self._now()), "echostr": echo})
        answer = yield Ask("GET", query, b"")
        if answer.status == 200 and answer.body != echo.encode():
            return f"answered {answer.body[:60]!r}, not the echostr {echo!r} (protocol reference 1)"
        return answer.problem

    def delivering(
        self, message: dict[str, Any], watch: Watch | None = None, plain: bytes | None = None
    ) -> Generator[Ask, Answer, Shown]:
        """Push a message up to three times; see `Platform.deliver`."""
        plain = xml.build(message).encode() if plain is None else plain
        request = Request(0, "", b"", plain)
        for number in range(1, self.requests + 1):
            query, body = seal(self.account, message, plain, self._now())
            request = Request(number, query, body, plain, open=True)
            if watch is not None:
                watch(request)
            began = time.monotonic()
            answer = yield Ask("POST", query, body)
            request = self._judged(request, message, answer, time.monotonic() - began)
            for tell in (watch, self.heard):
                if tell is not None:
                    tell(request)
            if request.status == 200:  # The platform does not repeat a message that was answered.
                break
        if request.problem:
            return fault(request.problem)
        fields = judge(request.reply, message["FromUserName"], self.account.id)
        return show(fields, to_event=message["MsgType"] == "event")

    def _judged(
        self, request: Request, message: dict[str, Any], answer: Answer, seconds: float
    ) -> Request:
        reply, problem = b"", answer.problem
        if not problem:
            try:
                reply = open_answer(self.account, answer.body)
                judge(reply, message["FromUserName"], self.account.id)
            except Broken as broken:
                problem = str(broken)
        return replace(
            request,
            status=answer.status,
            answer=answer.body,
            reply=reply,
            seconds=seconds,
            problem=problem,
            open=False,
        )

    def address(self, query: str) -> str:
        """Return the URL of a request with this query."""
        return f"{self.url}{'&' if '?' in self.url else '?'}{query}"

    def late(self, body: bytes = b"") -> Answer:
        """Return the result of a request that was not answered in time."""
        return Answer(0, body, f"no answer within {self.window:g} s (protocol reference 5.3)")

    @staticmethod
    def ended(status: int, body: bytes) -> Answer:
        """Return the result of a request that was answered in time."""
        problem = "" if status == 200 else f"HTTP status {status}, not 200 (protocol reference 5.3)"
        if status == 403:
            problem += "; it refuses what we sign: is --token the server's?"
        if problem and (line := gist(body)):
            problem += f"; it says: {line}"
        return Answer(status, body, problem)

    @staticmethod
    def broken(error: Exception, body: bytes = b"") -> Answer:
        """Return the result of a request whose connection failed."""
        cause = _cause(error)
        why = str(cause)
        if isinstance(cause, OSError):
            # An event loop writes its own words in place of the system's: "Connect call failed".
            known = isinstance(cause, ConnectionError | TimeoutError) and cause.errno
            why = os.strerror(known) if known else cause.strerror or why
        name = type(cause).__name__
        return Answer(0, body, f"no connection: {name}: {why}" if why else f"no connection: {name}")


def _cause(error: BaseException) -> BaseException:
    """Return the system's error that led to an error of the HTTP client; the latter if none did."""
    cause, inner = error, error.__cause__ or error.__context__
    while inner is not None:
        if isinstance(inner, BaseExceptionGroup):  # every address of a host was tried
            inner = cast("BaseException", inner.exceptions[0])
        if isinstance(inner, OSError):
            cause = inner
        inner = inner.__cause__ or inner.__context__
    return cause


def gist(body: bytes) -> str:
    """Return the line of an error's page that says what happened; "" if there is none.

    It is the first line; of HTML the title, and of a traceback the last line, which names the
    exception.
    """
    text = body[:GIST_READ].decode("utf-8", "replace")
    if title := re.search(r"(?is)<title[^>]*>(.+?)</title>", text):
        text = html.unescape(title[1])
    elif re.match(r"(?i)\s*<(?:!doctype|html)", text):
        text = html.unescape(re.sub(r"(?s)<[^>]*>", "\n", text))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[-1] if lines[0].startswith("Traceback (most recent call last)") else lines[0]
    return line if len(line) <= GIST else f"{line[: GIST - 1]}…"
