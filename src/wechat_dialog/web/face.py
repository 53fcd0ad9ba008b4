"""What a web face needs of a bot, and what all faces answer alike."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Protocol

from wechat_dialog.errors import Refused

__all__ = ["LIMIT", "Answers", "refusal"]

log = logging.getLogger("wechat_dialog")

LIMIT = 65536
"""Bytes of a body that are read; no message of the platform is longer (protocol reference 8)."""


class Answers(Protocol):
    """What a face calls."""

    def echo(self, query: str) -> str:
        """Answer the platform's GET."""
        ...

    def answer(self, body: bytes, query: str) -> bytes:
        """Answer one push."""
        ...

    def answer_async(self, body: bytes, query: str) -> Awaitable[bytes]:
        """Answer one push on an event loop."""
        ...


def refusal(error: Refused) -> int:
    """Return the HTTP status for a refused request, and tell the log; the sender gets no reason."""
    log.warning(
        "refused with %d: %s%s",
        error.status,
        type(error).__name__,
        f" ({error})" if str(error) else "",
    )
    return error.status
