"""Operations: what a turn asks its driver to do.

A turn is a generator of these values and performs none of them. A driver performs each with a
store, or by running a step, and sends the result back; so a turn can be driven by hand in a test,
and the same turn runs on threads and on an event loop. `on(store)` is the whole of what a store
operation needs: it returns the result, or the awaitable of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .effects import StepCall
from .replies import Reply
from .stores.base import NOTHING, AsyncStore, Have, Store, Write

__all__ = [
    "STORED",
    "Claim",
    "Commit",
    "Operation",
    "Pause",
    "Push",
    "Record",
    "Release",
    "RunStep",
    "RunSteps",
    "StepOutcome",
]


class Claim(msgspec.Struct, frozen=True):
    """Ask for the turn; see `Store.claim`."""

    user: str
    key: str
    lease: float
    have: Have = NOTHING
    arrival: bool = True
    optimistic: bool = False
    message: bytes = b""

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.claim(
            self.user, self.key, lease=self.lease, have=self.have, arrival=self.arrival,
            optimistic=self.optimistic, message=self.message,
        )  # fmt: skip


class Record(msgspec.Struct, frozen=True):
    """Write in the middle of a turn; see `Store.record`."""

    user: str
    fence: int
    write: Write

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.record(self.user, self.fence, self.write)


class Commit(msgspec.Struct, frozen=True):
    """End a turn; see `Store.commit`.

    Attributes:
        ran: Name of the dialog that was run without a claim; "" if there was one.
    """

    user: str
    key: str
    write: Write
    reply: bytes
    fence: int = 0
    revision: int = 0
    max_age: float | None = None
    deferred: bool = False
    release: bool = True
    remember: float = 60.0
    ran: str = ""

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.commit(
            self.user, self.key, self.write, reply=self.reply, fence=self.fence,
            revision=self.revision, max_age=self.max_age, deferred=self.deferred,
            release=self.release, remember=self.remember,
        )  # fmt: skip


class Release(msgspec.Struct, frozen=True):
    """Give the claim up; see `Store.release`."""

    user: str
    fence: int

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.release(self.user, self.fence)


class Pause(msgspec.Struct, frozen=True):
    """Wait before asking for the claim again.

    Attributes:
        seconds: How long.
        copies: How many requests with this message were seen, as `Running` says.
        since: Seconds since the first of them.
        user: Whose turn is waited for: if one of his ends in this process meanwhile, there is
            nothing left to wait for. "": the whole time.
        key: Key of the message that waits.
        before: Key of the message whose turn comes first, as `Running` says.
    """

    seconds: float
    copies: int
    since: float
    user: str = ""
    key: str = ""
    before: str = ""


class RunStep(msgspec.Struct, frozen=True):
    """Run one step; the result is its `StepOutcome`.

    Attributes:
        call: The step.
        key: Its idempotency key.
        slot: Its place in a gathering.
    """

    call: StepCall[Any]
    key: str
    slot: int = 0


class RunSteps(msgspec.Struct, frozen=True):
    """Run what is left of a gathering at once.

    The driver sends back one `StepOutcome` as soon as there is one, and is asked again, with
    `steps` empty, for the next of those under way, until all have been given.
    """

    steps: tuple[RunStep, ...]


class StepOutcome(msgspec.Struct, frozen=True):
    """How a step ended.

    Attributes:
        slot: That of its `RunStep`.
        result: What it returned.
        error: What it raised, or None; a `BaseException` where `is_bug` says so.
    """

    slot: int
    result: object = None
    error: BaseException | None = None


class Push(msgspec.Struct, frozen=True):
    """Send a part of an answer as a customer message; the result is None, or why it did not go.

    Attributes:
        user: The user's OpenID.
        reply: The part.
    """

    user: str
    reply: Reply


STORED = (Commit, Claim, Record, Release)
"""Those that a store performs; the one of every turn first."""

Operation = Claim | Record | Commit | Release | Pause | RunStep | RunSteps | Push
