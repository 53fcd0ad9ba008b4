"""TCP_NODELAY for the connections of `serve`, whoever accepted them.

A response is two small writes, head and body. With Nagle's algorithm the second one waits until the
client acknowledges the first, and a client delays that by 40 ms: on a kept-alive connection every
answer takes 44 ms instead of less than one. asyncio sets TCP_NODELAY itself, but only on sockets
that say they speak TCP: one made by `socket.create_server` says protocol 0, and uvicorn opens the
file descriptor that its workers inherit as a UNIX socket, under uvloop, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

__all__ = ["send_at_once"]


def send_at_once(transport: asyncio.BaseTransport) -> None:
    """Turn Nagle's algorithm off for a connection; one that is no TCP connection stays as it is."""
    accepted = transport.get_extra_info("socket")
    if accepted is None:
        return
    # uvloop gives a stand-in without setsockopt; a second object over the same descriptor has it.
    with contextlib.suppress(OSError):  # a UNIX socket, or the client is gone
        same = socket.socket(fileno=accepted.fileno())
        try:
            same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        finally:
            same.detach()
