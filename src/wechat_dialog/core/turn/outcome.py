"""What a turn comes to."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from wechat_dialog.core.store.times import Due
from wechat_dialog.core.turn.operations import Operation
from wechat_dialog.replies import Reply

__all__ = ["Outcome"]

Transaction = Generator[Operation, Any, "Outcome"]


class Outcome(msgspec.Struct, frozen=True):
    """What a turn came to.

    Attributes:
        reply: What to answer; None is no reply.
        late: Whether the reply is held for the user's next message, since nobody waits for it any
            more.
        then: What is to be performed after the reply has gone out: the pushing of what is held.
            None: nothing.
        again: What is due of this user right now: a conversation that was just started, a signal
            that came meanwhile. Whoever ran the turn goes on with `outside.fire` for it; whoever
            sweeps finds it too. None: nothing.
    """

    reply: Reply | None
    late: bool = False
    then: Generator[Operation, Any, None] | None = None
    again: Due | None = None
