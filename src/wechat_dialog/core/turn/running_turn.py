"""One message's turn in this process, and the requests that listen for it.

No clock, thread or event loop here: times are handed in, and the outcome (`Completion`) is the
runtime's, safe between its threads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import msgspec

from wechat_dialog.core.store.values import Answered, Claimed, Committed, Running, Unclaimed
from wechat_dialog.core.turn.document import NO_REPLY
from wechat_dialog.core.turn.operations import (
    Claim,
    Commit,
    Operation,
    Push,
    RunStep,
    RunSteps,
)
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.window import Window
from wechat_dialog.messages import Message

__all__ = ["Completion", "Listener", "Request", "RunningTurn", "TurnId", "tells_copies"]


TurnId = tuple[str, str]
"""Key of the user in the store, and of the message; for what has no message, what stands for it."""


def tells_copies(operation: Operation, result: object) -> bool:
    """Whether the store has told which copy of its message a request is.

    It does so when a request asks for the claim for the first time; a look (`Unclaimed`) tells
    nothing, since other copies may have been looking too.
    """
    return type(operation) is Claim and operation.arrival and type(result) is not Unclaimed


class Completion(Protocol):
    """The outcome of a turn, once it has ended; `runtime` has one that is safe between threads."""

    def done(self) -> bool:
        """Whether the turn has ended."""
        ...

    def failed(self) -> bool:
        """Whether it has ended by raising."""
        ...

    def result(self) -> Outcome:
        """Return its outcome, or raise what it raised."""
        ...

    def set_result(self, outcome: Outcome) -> None:
        """End the turn."""
        ...

    def set_exception(self, error: BaseException) -> None:
        """End the turn with what it raised."""
        ...

    def when_over(self, tell: Callable[[], object]) -> None:
        """Call `tell` when the turn ends; at once if it has ended."""
        ...


class RunningTurn(msgspec.Struct, eq=False):
    """One message's turn in this process. All times are the process's clock.

    Attributes:
        id: The user's key in the store and the message's.
        began: When the message was first seen, here or elsewhere.
        completion: Its outcome.
        copies: Requests of this process with the message, the first included.
        copies_elsewhere: Requests of other processes with it, before this one's first.
        counted: Whether the store has told `began` and `copies_elsewhere`.
        latest: When the latest of its requests arrived.
        departed: Requests of this process that stopped listening before the turn ended.
        on_threads: Whether each of its requests keeps a thread while it listens.
        detached: Whether no request's thread drives it, so that its requests can leave it.
        leave_at_once: Whether its requests are to leave at once, as if each were the platform's
            last.
        deferred: Whether a request has said that nobody will take the reply: the message is kept.
        failing: Whether the store failed its last try, and there is to be another.
        untaken: Whether nobody waits for its reply: it was committed so, or the store is told so.
        takes: How often the store gave the reply to the turn itself, or to a request that had left.
        fence: Fencing token of its claim in the store; 0: it has no claim.
        renewal: What the heartbeat knows its claim by; 0: it is not renewed.
        confirmed: When the claim was last known to be its own.
        claimed_since: When it first had a claim; 0: it had none.
        doing: The step it is in, or was in last, for the log.
        give_up: Gives up the step it is in, and has another thread go on with the turn; returns
            whether there was something to give up. None: there is nothing.
        gathering: What whoever performs its operations knows the gathering under way by.
        longest: Seconds that it may take, where that is less than any turn of the bot may.
    """

    id: TurnId
    began: float
    completion: Completion
    copies: int = 0
    copies_elsewhere: int = 0
    counted: bool = False
    latest: float = 0.0
    departed: int = 0
    on_threads: bool = False
    detached: bool = False
    leave_at_once: bool = False
    deferred: bool = False
    failing: bool = False
    untaken: bool = False
    takes: int = 0
    fence: int = 0
    renewal: int = 0
    confirmed: float = 0.0
    claimed_since: float = 0.0
    doing: str = ""
    give_up: Callable[[], bool] | None = None
    gathering: Any = None
    longest: float = inf

    @property
    def user(self) -> str:
        """Key of its user in the store."""
        return self.id[0]

    def nobody_waits(self, now: float, window: Window) -> bool:
        """Whether no request of this process waits for it any more, as far as is known: all have
        left, or the platform has hung up.
        """
        return self.departed >= self.copies or now - self.latest > window.seconds

    def addressed(self, commit: Commit, now: float, window: Window) -> Commit:
        """Return a commit as it is to be performed: if nobody waits for its reply, it says so.

        A copy that waits in another process gets the reply from the store all the same.
        """
        kept = commit.deferred or commit.reply == NO_REPLY
        self.untaken = not kept and self.nobody_waits(now, window)
        return msgspec.structs.replace(commit, taken=False) if self.untaken else commit

    def learn_late(self, result: object, note: Callable[[], object]) -> None:
        """Take over what the store answered to the deferral of a request that had left by then.

        Where that was the reply, nobody took it, though the store counts it as taken.

        Args:
            result: What the store answered.
            note: Notes that nobody took the reply; called when the turn ends, unless somebody waits
                for its outcome.
        """
        if type(result) is Answered:
            self.takes += 1
            completion = self.completion
            completion.when_over(lambda: note() if self.untaken or completion.failed() else None)

    def begin_again(self) -> None:
        """The store failed the turn, and it is tried again."""
        self.failing = True
        # A claim of the failed try is not the next one's.
        self.renewal = self.fence = 0

    def learn(
        self, operation: Operation, result: object, asked: float, now: float, window: Window
    ) -> None:
        """Take over what the store tells of the claim, and of the message's other copies.

        Of the copies, only the answer to a request's first claim counts: what later ones tell
        includes copies that came after it. So does an answer that came when the request's own
        window was over (its process was stopped, or the store was); then time alone tells.

        Args:
            operation: What was asked.
            result: What the store answered.
            asked: When, at the earliest, it was asked: a claim holds from then on. A process may be
                stopped before it hears the answer.
            now: The process's clock.
            window: The platform's.
        """
        if type(result) is Committed or type(result) is Claimed:
            self.confirmed = asked
        if type(result) is Answered and type(operation) is not Commit:
            self.takes += 1
        if type(operation) is not Claim:
            return
        if type(result) is Claimed:
            self.fence = result.fence
            self.claimed_since = self.claimed_since or now
        if not tells_copies(operation, result):
            return
        if isinstance(result, (Claimed, Running)):
            if now - self.began <= window.seconds:
                self.copies_elsewhere = max(self.copies_elsewhere, result.copies - 1)
            self.began = min(self.began, now - result.since)
        self.counted = True

    def needs_renewal(self, operation: Operation, now: float, lease: float) -> bool:
        """Whether the claim must be renewed before `operation`, which is skipped if renewal fails.

        True before a step or a push where the store last confirmed the claim more than half a lease
        ago: a process that was stopped and wakes up must not do what another has done meanwhile.
        """
        acts = isinstance(operation, (RunStep, Push)) or (
            isinstance(operation, RunSteps) and bool(operation.steps)
        )
        return acts and self.fence != 0 and now - self.confirmed > lease / 2


class Listener(msgspec.Struct, frozen=True):
    """One request and the turn it listens for.

    Attributes:
        turn: The turn.
        number: Which of this process's requests with the message it is, counted from 1.
        arrived: When it arrived, on the process's clock.
    """

    turn: RunningTurn
    number: int
    arrived: float

    @property
    def runs(self) -> bool:
        """Whether this request is to run the turn."""
        return self.number == 1

    def is_last(self, window: Window) -> bool:
        """Whether it is the platform's last request for its message, as far as is known."""
        turn = self.turn
        return window.last(turn.copies_elsewhere + self.number, self.arrived - turn.began)


class Request(msgspec.Struct, frozen=True):
    """One push of a message.

    Attributes:
        user: The user's key in the store.
        message: The message.
        key: Its key; see `keys.message_key`.
        arrived: When this push of it arrived, ms since the epoch.
    """

    user: str
    message: Message
    key: str
    arrived: int
