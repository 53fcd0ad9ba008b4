"""How much is kept for one user that they may never ask for: `Bot(limits=Limits(held_bytes=…))`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from wechat_dialog.core.quantities import as_text, is_count
from wechat_dialog.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept for one user. If it is more, the oldest is dropped, and that is logged.

    Attributes:
        held_parts: Parts of answers that did not fit into one reply and wait to be fetched.
        held_bytes: Their size in bytes: they are rewritten at every turn. 64 KiB are 32 full
            replies, more than anybody fetches one by one.
        parked: Conversations that failed and wait for an operator.
        parked_bytes: Their size in bytes. The newest is kept whatever its size.

    Raises:
        ConfigurationError: One of them is no whole number, or below 1.
    """

    held_parts: int = 50
    held_bytes: int = 64 * 1024
    parked: int = 100
    parked_bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not is_count(value):
                raise ConfigurationError(
                    f"Limits({field.name}={as_text(value)}): a whole number, 1 or more"
                )
