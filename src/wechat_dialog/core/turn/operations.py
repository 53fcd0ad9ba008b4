"""Operations: what a turn asks its driver to do.

A turn is a generator of these values and performs none of them itself. A driver performs each with
a store, or by running a step, and sends the result back; so a turn can be driven by hand in a test,
and the same turn runs on threads and on an event loop. `on(store)` is all that a store operation
needs: it returns the result, or an awaitable of it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from wechat_dialog.core.dialog.steps import StepCall
from wechat_dialog.core.store import times, values
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.pages import PageAppend, PageOpen, PageSecret
from wechat_dialog.core.store.values import Write
from wechat_dialog.replies import Reply

if TYPE_CHECKING:
    from wechat_dialog.core.replay.records import Paragraph
    from wechat_dialog.core.turn.given_parts import GivenParts

__all__ = [
    "CHECKPOINT",
    "NEEDS_CLAIM",
    "STORED",
    "Checkpoint",
    "Claim",
    "Commit",
    "Defer",
    "Flow",
    "Operation",
    "Pause",
    "PostMail",
    "Push",
    "RecordWrite",
    "Release",
    "Review",
    "RunStep",
    "RunSteps",
    "Show",
    "StepOutcome",
    "Undue",
]

T = TypeVar("T")


class Claim(values.Claim, frozen=True):
    """Claim the user's turn; see `Store.claim`.

    Attributes:
        ran_at: Revision at which the dialog has run until it needed the claim; 0: it has not.
    """

    ran_at: int = 0

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.claim(self)


class RecordWrite(msgspec.Struct, frozen=True):
    """Write in the middle of a turn; see `Store.record`."""

    user: str
    fence: int
    write: Write

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.record(self.user, self.fence, self.write)


class Commit(values.Commit, frozen=True):
    """End a turn; see `Store.commit`. The driver sets `taken`: it knows whether a request waits for
    the reply.

    Attributes:
        ran: Name of the dialog that was run without a claim; "" if there was a claim.
    """

    ran: str = ""

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.commit(self)


class Release(msgspec.Struct, frozen=True):
    """Release the claim; see `Store.release`."""

    user: str
    fence: int

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.release(self.user, self.fence)


class Show(msgspec.Struct, frozen=True):
    """Read everything stored for a user; see `Store.show`. Only an operator's turn uses it, and
    never on an event loop.
    """

    user: str

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return cast("Store", store).show(self.user)


class Defer(msgspec.Struct, frozen=True):
    """Tell the store that no request will take the message's reply, and have the message kept; see
    `Store.defer`.

    Attributes:
        user: The user's key in the store.
        key: The message's key.
        message: The message.
        within: Seconds within which a request needs the store's answer.
    """

    user: str
    key: str
    message: bytes
    within: float = 1.0

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.defer(self.user, self.key, self.message)


class Pause(msgspec.Struct, frozen=True):
    """Wait before asking for the claim again.

    The result is whether to stop: no request listens for the message's reply any longer, and the
    turn in progress may never end. None or False: claim again.

    Attributes:
        seconds: How long.
        copies: How many requests with this message the store has seen, from `Running`.
        since: Seconds since the first of them.
        user: Wake early when a turn of this user ends in this process; "": always wait the full
            time.
        key: Key of the message that waits.
        before: Key of the message whose turn comes first, from `Running`.
        failing: Whether the pause waits for the store, which failed after a step had run: the turn
            continues whether or not its requests wait for it.
    """

    seconds: float
    copies: int
    since: float
    user: str = ""
    key: str = ""
    before: str = ""
    failing: bool = False


class RunStep(msgspec.Struct, frozen=True):
    """Run one step; the result is its `StepOutcome`.

    Attributes:
        call: The step.
        key: Its idempotency key.
        slot: Its place in a gathering.
        parts: What it is given for its parts; None if it has none.
    """

    call: StepCall[Any]
    key: str
    slot: int = 0
    parts: GivenParts | None = None


class Review(RunStep, frozen=True):
    """Ask the bot's reviewer about one reply: a call that runs like a step, but is not recorded."""


class RunSteps(msgspec.Struct, frozen=True):
    """Run the remaining steps of a gathering concurrently.

    The driver sends back one `StepOutcome` as soon as a step ends. It is then sent this operation
    again with `steps` empty, for the next outcome, until all have been returned.
    """

    steps: tuple[RunStep, ...]


class StepOutcome(msgspec.Struct, frozen=True):
    """How a step ended.

    Attributes:
        slot: The slot of its `RunStep`.
        result: What it returned.
        error: What it raised, or None; a `BaseException` if `is_bug` says so.
        said: What it added to the answer.
        attempts: How often its function was called.
    """

    slot: int
    result: object = None
    error: BaseException | None = None
    said: tuple[Paragraph, ...] = ()
    attempts: int = 1


class PostMail(times.Post, frozen=True):
    """Put a letter into a user's mailbox; see `Store.post`."""

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.post(self)


class Undue(msgspec.Struct, frozen=True):
    """Tell the store that nothing was due; see `Store.undue`."""

    due: times.Due

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.undue(self.due)


class Push(msgspec.Struct, frozen=True):
    """Send a part of an answer as a customer message; the result is None, or why it was refused.

    Attributes:
        user: The user's OpenID.
        reply: The part.
    """

    user: str
    reply: Reply


STORED = (
    Commit, Claim, RecordWrite, Release, Show, Defer, PageOpen, PageAppend, PageSecret, PostMail,
    Undue,
)  # fmt: skip
"""The operations that a store performs; the one that every turn has comes first."""

Operation = (
    Claim | RecordWrite | Commit | Release | Show | Defer | Pause | RunStep | RunSteps | Push
    | PageOpen | PageAppend | PageSecret | PostMail | Undue
)  # fmt: skip


class Checkpoint:
    """Asks for everything recorded so far to be written before the dialog continues."""


CHECKPOINT = Checkpoint()

NEEDS_CLAIM = Checkpoint()
"""Yielded before anything that cannot be undone: a turn on the fast path must obtain the claim
before it continues. Nothing is written for it.
"""

Flow = Generator[Operation | Checkpoint, Any, T]
