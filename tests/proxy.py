"""A network between a bot and its store: slow, lossy, silent, or gone.

`Proxy` stands before a server on 127.0.0.1. It forwards bytes both ways, each chunk `delay` seconds
after it came, so that what is sent together arrives together: it adds latency, and does not limit
bandwidth.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Proxy"]

_PATIENCE = 10.0


class Proxy:
    """A TCP proxy on an event loop of its own; a context manager.

    Args:
        target: Port of the server on 127.0.0.1.
        delay: Seconds every chunk takes, each way.
        unknown: A command of Redis with an E that the server does not know; "": it knows all.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        lost: Set as soon as an answer that was to be lost has come from the server.
        swallowed: What was sent to the server since `stall`, in the order in which it came.
    """

    def __init__(self, target: int, *, delay: float = 0.0, unknown: str = "") -> None:
        self.port = 0
        self.lost = threading.Event()
        self.swallowed: list[bytes] = []
        self._stalls = False
        self._target = target
        self._delay = delay
        self._unknown = b"\r\n%b\r\n" % unknown.encode() if unknown else b""
        self._down = False
        self._loses: bytes | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def lose_answer_to(self, text: bytes) -> None:
        """Forward the next request that contains `text`, lose its answer, and be down from then on.

        The client sees its connection closed, and no other is accepted before `restore`.
        """
        self.lost.clear()
        self._loses = text

    def cut(self) -> None:
        """Close all connections, and every new one at once, until `restore`."""
        self._do(self._cut)

    def stall(self) -> None:
        """Accept every connection and whatever is sent, and never answer, until `restore`."""
        self._stalls = True

    def restore(self) -> None:
        """Let everything through again; what was swallowed stays without an answer."""
        self._loses, self._down, self._stalls = None, False, False

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """`cut` for the length of a block."""
        self.cut()
        try:
            yield
        finally:
            self.restore()

    def _do(self, what: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(what(), self._loop).result(_PATIENCE)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        # A connection that was just accepted has its task a moment later. All of them are cut off,
        # so they end by themselves.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await self._cut()
            await asyncio.gather(*others)

    async def _cut(self) -> None:
        self._down = True
        for writer in self._writers:
            writer.transport.abort()

    def _is_down(self) -> bool:
        return self._down

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down():
            writer.transport.abort()
            return
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        if self._is_down():  # since we asked
            writer.transport.abort()
            forth.transport.abort()
            return
        both = {writer, forth}
        self._writers |= both
        loses = asyncio.Event()
        try:
            await asyncio.gather(
                self._pump(reader, forth, loses, asks=True),
                self._pump(back, writer, loses, asks=False),
            )
        finally:
            self._writers -= both
            for one in both:
                one.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        loses: asyncio.Event,
        *,
        asks: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1 << 16):
                if asks and self._stalls:
                    self.swallowed.append(chunk)
                    continue
                if asks and self._loses is not None and self._loses in chunk:
                    self._loses = None
                    loses.set()
                if asks and self._unknown:
                    # It has as many letters as before: the protocol counts them.
                    chunk = chunk.replace(self._unknown, self._unknown.replace(b"E", b"X"))
                if not asks and loses.is_set():
                    self.lost.set()
                    await self._cut()
                    return
                self._later(writer.write, chunk)
        self._later(writer.close)

    def _later(self, what: Callable[..., object], *args: Any) -> None:
        if self._delay:
            self._loop.call_later(self._delay, what, *args)
        else:
            what(*args)
