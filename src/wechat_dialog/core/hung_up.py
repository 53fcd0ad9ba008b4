"""Whether the client of a request is still connected, as far as the request's server can tell.

A web adapter whose server reports a closed connection sets `hung_up`; the code that answers the
request reads it. It is a context variable so that neither has to know the other, and an overridden
`answer_async` need not pass it on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

__all__ = ["HungUp", "hung_up"]

HungUp = Callable[[], Awaitable[object]]
"""Returns once the client has hung up, and waits until then. Called at most once a request."""

hung_up: ContextVar[HungUp | None] = ContextVar("hung_up", default=None)
"""For the running request: waits until its client has hung up; None if its server cannot tell."""
