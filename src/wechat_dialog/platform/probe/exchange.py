"""A request of the probe with its answer, and the results of a check other than passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wechat_dialog.errors import ConfigurationError

__all__ = ["Exchange", "Failed", "Fields", "Skipped", "Unreachable"]

Fields = dict[str, Any]


class Unreachable(ConfigurationError):
    """No server answers at the URL."""


class Skipped(Exception):
    """A case cannot be checked at this server; the message says why."""


class Failed(Exception):
    """A rule was broken.

    Attributes:
        rule: The section of the protocol reference; "" for that of the case.
        why: What was wrong.
        exchanges: What was sent and received.
    """

    def __init__(self, rule: str, why: str, *exchanges: Exchange) -> None:
        super().__init__(rule, why)
        self.rule = rule
        self.why = why
        self.exchanges = exchanges


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        method: GET or POST.
        target: Path and query, as they were sent.
        sent: The body.
        plain: The body before it was encrypted.
        status: The HTTP status; 0 if there was no answer.
        received: The body of the answer.
        opened: The answer decrypted; unchanged if it is plain, or cannot be decrypted.
        problem: Why there was no answer; "" if there was one.
    """

    method: str
    target: str
    sent: bytes
    plain: bytes
    status: int
    received: bytes
    opened: bytes
    problem: str = ""
