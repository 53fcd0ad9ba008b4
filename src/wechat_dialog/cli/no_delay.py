"""TCP_NODELAY for the connections of `serve`.

A response is two small writes, head and body. With Nagle's algorithm the second one waits until the
client acknowledges the first, and a client delays that by 40 ms: on a kept-alive connection every
answer takes 44 ms instead of less than one. asyncio sets TCP_NODELAY itself, but only on sockets
whose protocol is TCP: one made by `socket.create_server` has protocol 0, and uvicorn opens the file
descriptor that its workers inherit as a UNIX socket, under uvloop, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

__all__ = ["send_at_once"]


def send_at_once(transport: asyncio.BaseTransport) -> None:
    """Turn Nagle's algorithm off for a TCP connection; do nothing for any other."""
    accepted = transport.get_extra_info("socket")
    if accepted is None:
        return
    # uvloop's socket object has no setsockopt; another object for the same descriptor has.
    with contextlib.suppress(OSError):  # a UNIX socket, or the client is gone
        same = socket.socket(fileno=accepted.fileno())
        try:
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        finally:
            same.detach()
