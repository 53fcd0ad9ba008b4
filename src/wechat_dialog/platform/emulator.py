"""The emulator: signs and posts a user's messages, hangs up after five seconds, and repeats them.

It speaks HTTP to a server, which may be written in any language. A message is posted up to three
times, with the same `MsgId` and a new signature each time; an answer counts only if it arrives
before the platform hangs up.

What the platform does is one generator of HTTP requests, `Protocol.delivering`. `Platform` makes
them on the caller's thread, `AsyncPlatform` on an event loop; both serve any number of users at
once, and both can also drive a WSGI or ASGI application in this process.

Proof: `tests/platform/`, against servers that answer, hang, break and lie.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from typing import Any, Self, TypeVar, cast

import httpx

from .account import Account
from .display import Shown
from .protocol import ANSWER_LIMIT, HEADERS, Answer, Ask, Protocol, Watch

__all__ = ["AsyncPlatform", "Platform"]

T = TypeVar("T")

log = logging.getLogger("wechat_dialog")

INSIDE = "http://emulator.invalid/"
"""The address of an application in this process."""


def _as_served(application: Any) -> Callable[..., Iterable[bytes]]:
    """Answer 500 when a WSGI application raises, as a server would."""

    def serve(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        try:
            return cast("Iterable[bytes]", application(environ, start))
        except Exception:
            log.exception("the application raised")
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b""]

    return serve


class Platform(Protocol):
    """The platform for threads: any number of them may deliver at once.

    Attributes:
        client: The HTTP client that posts.
    """

    def __init__(
        self, account: Account, url: str, *, client: httpx.Client | None = None, **options: Any
    ) -> None:
        """Make one; see `Protocol` for what else there is."""
        super().__init__(account, url, **options)
        self.client = client or httpx.Client(trust_env=False)
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def to_wsgi(cls, application: Any, account: Account, **options: Any) -> Self:
        """Drive a WSGI application in this process, each request on a thread of its own."""
        client = httpx.Client(transport=httpx.WSGITransport(_as_served(application)))
        platform = cls(account, INSIDE, client=client, **options)
        platform._threads = ThreadPoolExecutor(64, "emulator")
        return platform

    def close(self) -> None:
        """Close the connections. Leaving a `with` block does this, too."""
        if self._threads is not None:
            self._threads.shutdown()
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def verify(self) -> str:
        """Make the platform's GET (protocol reference 1).

        Returns:
            "" if the server echoed correctly, else what it did instead.
        """
        return self._perform(self.verifying())

    def deliver(
        self, message: dict[str, Any], watch: Watch | None = None, plain: bytes | None = None
    ) -> Shown:
        """Push a message, up to three times, and return what its sender sees.

        Args:
            message: Its fields; see `message`. The same message again counts as a repetition.
            watch: Called with every request when it is made, and again when it has ended.
            plain: XML to send in place of the XML that the platform would make of the fields.
        """
        return self._perform(self.delivering(message, watch, plain))

    def _perform(self, steps: Generator[Ask, Answer, T]) -> T:
        try:
            ask = next(steps)
            while True:
                ask = steps.send(Answer(*self._ask(*ask)))
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _ask(self, method: str, query: str, body: bytes) -> tuple[int, bytes, str]:
        """Make a request. Return status, body and what went wrong."""
        if self._threads is None:
            return self.exchange(method, query, body)
        running: Future[Answer] = self._threads.submit(self.exchange, method, query, body)
        try:
            return running.result(self.window)
        except NotDone:
            return self.late()  # the application runs on, though nobody waits for its answer

    def exchange(
        self, method: str, query: str, body: bytes, content_type: str = "text/xml"
    ) -> Answer:
        """Make one request exactly as given: the probe makes some that the platform never does."""
        until = time.monotonic() + self.window
        pieces: list[bytes] = []
        try:
            with self.client.stream(
                method,
                self.address(query),
                content=body,
                headers={**HEADERS, "Content-Type": content_type},
                timeout=self.window,
            ) as answer:
                for piece in answer.iter_bytes():
                    pieces.append(piece)
                    if sum(map(len, pieces)) > ANSWER_LIMIT:
                        break
                    if time.monotonic() > until:  # httpx's timeout is for each piece
                        return self.late(b"".join(pieces))
        except httpx.TimeoutException:
            return self.late(b"".join(pieces))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self.broken(error, b"".join(pieces))
        return self.ended(answer.status_code, b"".join(pieces))


class AsyncPlatform(Protocol):
    """The platform for an event loop: any number of tasks may deliver at once.

    Attributes:
        client: The HTTP client that posts.
        refused: Returns why a connection would be refused at the moment, or "" if it would not be.
            None if that can only be found out by connecting.
    """

    def __init__(
        self, account: Account, url: str, *, client: httpx.AsyncClient | None = None, **options: Any
    ) -> None:
        """Make one; see `Protocol` for what else there is."""
        super().__init__(account, url, **options)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self.client = client or httpx.AsyncClient(trust_env=False, limits=limits)
        self.refused: Callable[[], str] | None = None
        self._goes_on = False
        self._abandoned: set[asyncio.Task[Answer]] = set()

    @classmethod
    def to_asgi(cls, application: Any, account: Account, **options: Any) -> Self:
        """Drive an ASGI application in this process, on this event loop."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(application, raise_app_exceptions=False)
        )
        platform = cls(account, INSIDE, client=client, **options)
        platform._goes_on = True
        return platform

    async def close(self) -> None:
        """Close the connections. Leaving an `async with` block does this, too."""
        if self._abandoned:
            await asyncio.wait(self._abandoned)
        await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def verify(self) -> Awaitable[str]:
        """See `Platform.verify`."""
        return self._perform(self.verifying())

    def deliver(self, message: dict[str, Any], watch: Watch | None = None) -> Awaitable[Shown]:
        """See `Platform.deliver`."""
        return self._perform(self.delivering(message, watch))

    async def _perform(self, steps: Generator[Ask, Answer, T]) -> T:
        try:
            ask = next(steps)
            while True:
                ask = steps.send(await self._ask(*ask))
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    async def _ask(self, method: str, query: str, body: bytes) -> Answer:
        """Make a request, and hang up if it takes longer than `window`."""
        if self.refused is not None and (why := self.refused()):
            return self.broken(ConnectionRefusedError(why))
        pieces: list[bytes] = []
        running = asyncio.create_task(self._exchange(method, query, body, pieces))
        try:
            finished, _ = await asyncio.wait({running}, timeout=self.window)
        except asyncio.CancelledError:
            running.cancel()
            raise
        if finished:
            return running.result()
        if self._goes_on:
            # An application in this process has no connection to close: it runs on, as it does
            # behind a server when the other side hangs up.
            self._abandoned.add(running)
            running.add_done_callback(self._abandoned.discard)
        else:
            running.cancel()
            await asyncio.wait({running})
        return self.late(b"".join(pieces))

    async def _exchange(self, method: str, query: str, body: bytes, pieces: list[bytes]) -> Answer:
        try:
            async with self.client.stream(
                method, self.address(query), content=body, headers=HEADERS, timeout=None
            ) as answer:
                async for piece in answer.aiter_bytes():
                    pieces.append(piece)
                    if sum(map(len, pieces)) > ANSWER_LIMIT:
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self.broken(error, b"".join(pieces))
        return self.ended(answer.status_code, b"".join(pieces))
