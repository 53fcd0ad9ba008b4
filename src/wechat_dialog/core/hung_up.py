"""Whether the client of a request is still connected, if the server can tell.

A web adapter whose server reports closed connections sets `hung_up`, or on a thread `has_hung_up`;
the code that answers the request reads it. They are context variables so that neither has to know
the other, and so that an overridden `answer` or `answer_async` need not pass them on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

__all__ = ["HungUp", "has_hung_up", "hung_up"]

HungUp = Callable[[], Awaitable[object]]
"""Waits until the client has disconnected. Called at most once per request."""

hung_up: ContextVar[HungUp | None] = ContextVar("hung_up", default=None)
"""Of the running request: waits until its client has disconnected; None if its server cannot
tell.
"""

has_hung_up: ContextVar[Callable[[], bool] | None] = ContextVar("has_hung_up", default=None)
"""Of the request that this thread answers: returns at once whether its client has disconnected.
None if its server cannot tell.
"""
