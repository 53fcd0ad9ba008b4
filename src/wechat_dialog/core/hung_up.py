"""Whether the client of a request is still connected, if the server can tell.

A web adapter whose server reports closed connections sets `hung_up`; the code that answers the
request reads it. It is a context variable so that neither has to know the other, and so that an
overridden `answer_async` need not pass it on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

__all__ = ["HungUp", "hung_up"]

HungUp = Callable[[], Awaitable[object]]
"""Waits until the client has disconnected. Called at most once per request."""

hung_up: ContextVar[HungUp | None] = ContextVar("hung_up", default=None)
"""Of the running request: waits until its client has disconnected; None if its server cannot
tell.
"""
