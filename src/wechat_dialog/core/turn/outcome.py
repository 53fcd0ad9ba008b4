"""The result of a turn."""

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
    """The result of a turn.

    Attributes:
        reply: What to answer; None: no reply.
        late: Whether the reply is held for the user's next message, since no request waits for it
            any more.
        pushes: What to perform after the reply was sent: the pushing of held parts. None: nothing.
        again: What is due for this user at once: a conversation that was just started, or a signal
            that came meanwhile. Whoever ran the turn continues with `outside.fire` for it; a sweep
            finds it too. None: nothing.
    """

    reply: Reply | None
    late: bool = False
    pushes: Generator[Operation, Any, None] | None = None
    again: Due | None = None
