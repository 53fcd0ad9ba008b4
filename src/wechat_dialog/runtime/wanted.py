"""Operations of the generators in `drive` and `steps`, in addition to a turn's operations.

They are performed on threads (`threads.py`), on event loops (`loops.py`), or for a test
(`testing/world.py`); each one's result is sent back, or its exception thrown in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

import msgspec

from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.times import Due, EndsLeases
from wechat_dialog.core.turn.listening import Deferral, Listen
from wechat_dialog.core.turn.operations import STORED, Operation, RunStep
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import RunningTurn

__all__ = [
    "ON_STORE", "AskAccount", "AskDue", "Begin", "BeginBeside", "EndLeases", "Gather", "HandOver",
    "NextOutcome", "NoteAccount", "Renew", "Step", "TellUntaken", "Wait", "Wanted",
]  # fmt: skip


class Begin(msgspec.Struct, frozen=True):
    """Drive a turn until it has ended or, on a request's thread, until it is handed over.

    Attributes:
        turn: The turn.
        driving: Its generator, not yet begun. It raises nothing.
    """

    turn: RunningTurn
    driving: Generator[Wanted, Any, Outcome | None]


class HandOver(msgspec.Struct, frozen=True):
    """Continue this turn on another thread, since this one is a request's, which has to leave.

    If no other thread can be created, this one continues.
    """

    turn: RunningTurn


class Step(msgspec.Struct, frozen=True):
    """Run one step of a turn; the result is its `StepOutcome`.

    Raises `TurnTooLong` if the turn's longest time passes before the step has ended.
    """

    turn: RunningTurn
    step: RunStep


class Gather(msgspec.Struct, frozen=True):
    """Begin several steps of a turn at once; the result is the handle for `NextOutcome`."""

    turn: RunningTurn
    steps: tuple[RunStep, ...]


class NextOutcome(msgspec.Struct, frozen=True):
    """Wait for the next `StepOutcome` of the turn's gathering; see `Step`."""

    turn: RunningTurn


class Wait(msgspec.Struct, frozen=True):
    """Wait until something is over, at most for this time.

    Attributes:
        when_over: Called with a callback that reports the end, from any thread.
        seconds: The longest time to wait; None: without limit.
    """

    when_over: Callable[[Callable[[], object]], None]
    seconds: float | None


class Renew(msgspec.Struct, frozen=True):
    """Renew a claim; see `Store.renew`."""

    user: str
    fence: int
    lease: float

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.renew(self.user, self.fence, self.lease)


class TellUntaken(msgspec.Struct, frozen=True):
    """Tell the store that a reply was not taken; see `Store.untaken`."""

    user: str
    key: str
    takes: int

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.untaken(self.user, self.key, self.takes)


class AskDue(msgspec.Struct, frozen=True):
    """Read due entries of the index, and lease them; see `Store.due`."""

    account: str
    limit: int
    lease: float

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.due(self.account, self.limit, self.lease)


class EndLeases(msgspec.Struct, frozen=True):
    """End the leases of entries of the index, if the store can; see `EndsLeases.end_leases`."""

    entries: tuple[Due, ...]

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.end_leases(self.entries) if isinstance(store, EndsLeases) else _Nothing()


class _Nothing:
    """What doing nothing results in, whether or not it is awaited."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class AskAccount(msgspec.Struct, frozen=True):
    """Look up the account that was noted under a name; see `Store.account`."""

    name: str

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.account(self.name)


class NoteAccount(msgspec.Struct, frozen=True):
    """Store the account; see `Store.note_account`."""

    name: str
    account: str

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.note_account(self.name, self.account)


class BeginBeside(msgspec.Struct, frozen=True):
    """Begin a turn that no message began, beside the current one.

    Attributes:
        turn: The turn.
        driving: Its generator, not yet begun. It raises nothing. If it returns such a request, that
            is performed after it, on the same thread.
        context: The turn is run in a copy of it, so that no turn finds what another has set; None:
            the one in which this is performed.
    """

    turn: RunningTurn
    driving: Generator[Wanted, Any, object]
    context: Context | None = None


class NextTurn(msgspec.Struct, frozen=True):
    """The generator drives another turn from now on: the one before has ended.

    Attributes:
        turn: The turn.
    """

    turn: RunningTurn


ON_STORE = (*STORED, Renew, TellUntaken, AskDue, EndLeases, AskAccount, NoteAccount)
"""The operations that a store performs; the one that every turn has comes first."""

Wanted = (
    Operation | Begin | HandOver | Step | Gather | NextOutcome | Wait | Renew | TellUntaken
    | Listen | Deferral | AskDue | EndLeases | AskAccount | NoteAccount | BeginBeside | NextTurn
)  # fmt: skip
