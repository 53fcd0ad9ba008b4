"""What a turn passes to a step for its parts; see `step_parts`."""

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
    """What a step is given for its parts.

    Attributes:
        step: The store's id of the step.
        ttl: Seconds for which its parts are kept, if nothing ends the step.
        reply_of: See `Rules.reply_of`.
        secrets: Secret answers of this turn, if the step gets them as arguments.
        seal: Encrypts what is recorded of the parts; None: the step gets nothing secret.
        before: What the turn has said before the step.
        page: Creates the turn's answer page, given the user's key and a fence, and returns the
            store's id of it; None: nothing is shown before the turn has ended.
        user: The user's key in the store.
        fence: Fencing token of the claim.
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
    """Decode a stored outcome; None if it is encrypted."""
    if stored.startswith(Seal.MARK):
        return None
    [record] = decode_records([stored])
    return record if isinstance(record, (Returned, Failed)) else None
