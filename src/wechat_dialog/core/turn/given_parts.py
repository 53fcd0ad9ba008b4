"""What a turn gives a step for its parts; see `step_parts`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from wechat_dialog.core.replay.records import Failed, Returned, decode_records
from wechat_dialog.core.wire.crypto import Seal
from wechat_dialog.replies import Reply

__all__ = ["GivenParts", "plain_part"]


@dataclass(frozen=True, eq=False)
class GivenParts:
    """What the step of a turn is given for its parts.

    Attributes:
        step: What the store knows the step by.
        ttl: Seconds that its parts are kept, if nothing ends it.
        reply_of: See `Rules.reply_of`.
        secrets: What was said in secret in this turn, where the step is handed it.
        seal: Seals what is recorded of its parts; None: it is handed nothing secret.
        before: What the turn has said before.
        page: Makes the turn's page, given the user's key and a fence, and returns what the store
            knows it by; None: nothing is shown before the turn is over.
        user: The user's key in the store.
        fence: Number of the claim.
    """

    step: str
    ttl: float
    reply_of: Callable[[object], Reply | None]
    secrets: tuple[str, ...] = ()
    seal: Seal | None = None
    before: tuple[Reply, ...] = ()
    page: Callable[[str, int], Generator[Any, Any, str]] | None = None
    user: str = ""
    fence: int = 0


def plain_part(stored: bytes) -> Returned | Failed | None:
    """Return an outcome as the store has it; None: it is sealed."""
    if stored.startswith(Seal.MARK):
        return None
    [record] = decode_records([stored])
    return record if isinstance(record, (Returned, Failed)) else None
