"""How much is kept of one user that they may never ask for: `Bot(limits=Limits(held_bytes=…))`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from wechat_dialog.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept of one user. What is over is dropped, the oldest first, and logged.

    Attributes:
        held_parts: Parts of answers that did not fit one reply and wait to be fetched.
        held_bytes: Bytes of them: they are rewritten at every turn. 64 KiB are 32 full replies, and
            nobody taps that often.
        parked: Conversations that broke and wait for an operator.
        parked_bytes: Bytes of them. The newest is kept whatever its size.

    Raises:
        ConfigurationError: One of them is below 1.
    """

    held_parts: int = 50
    held_bytes: int = 64 * 1024
    parked: int = 100
    parked_bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ConfigurationError(f"Limits({field.name}={value}): 1 or more")
