"""One message's turn in this process, and the requests that listen for it.

There is no clock, thread or event loop here: times are passed in, and the outcome (`Completion`) is
an object of the runtime that is safe between its threads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import msgspec

from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Running,
    Unclaimed,
)
from wechat_dialog.core.turn.forgotten import SURE, may_be_answered
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import (
    Claim,
    Commit,
    Operation,
    Push,
    RunStep,
    RunSteps,
)
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.window import LONGEST_WAY, Window
from wechat_dialog.messages import Message
from wechat_dialog.replies.stored import NO_REPLY

__all__ = ["Completion", "Listener", "Request", "RunningTurn", "TurnId", "tells_copies"]


TurnId = tuple[str, str]
"""Key of the user in the store, and of the message; a turn without a message has another unique key
instead.
"""


def tells_copies(operation: Operation, result: object) -> bool:
    """Whether this result says which copy of its message a request is.

    The first claim of a request does; a read without a claim (`Unclaimed`) does not, since other
    copies may have read, too.
    """
    return type(operation) is Claim and operation.arrival and type(result) is not Unclaimed


class Completion(Protocol):
    """The outcome of a turn, once it has ended; `runtime` has an implementation that is safe
    between threads.
    """

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
    """One message's turn in this process. All times are by the process's clock.

    Attributes:
        id: The user's key in the store and the message's.
        began: When the message was first seen, in this or another process.
        completion: Its outcome.
        copies: Requests with the message in this process, including the first.
        copies_elsewhere: Requests with it in other processes, before this process's first.
        counted: Whether `began` and `copies_elsewhere` are known from the store.
        latest: When the latest of its requests arrived.
        unanswered: Until when its message cannot have had an answer; see `forgotten.py`. Infinite:
            it does not matter, since no message began the turn.
        departed: Requests of this process that stopped listening before the turn ended.
        on_threads: Whether each of its requests occupies a thread while it listens.
        detached: Whether the turn is not driven by a request's thread, so that all requests can
            leave.
        leave_at_once: Whether its requests are to leave at once, as if each were the platform's
            last.
        deferred: Whether a request told the store that no request will take the reply, so that the
            message is kept.
        failing: Whether the store failed the last attempt, and there will be another.
        untaken: Whether no request waits for its reply, and the commit said so, or the store is
            told so.
        takes: How often the store returned the reply to the turn itself, or to a request that had
            left.
        fence: Fencing token of its claim in the store; 0: it has no claim.
        renewal: The heartbeat's id for its claim; 0: it is not renewed.
        confirmed: When the claim was last known to be valid.
        claimed_since: When it first had a claim; 0: it had none.
        doing: The step in progress, or the last one, for the log.
        give_up: Gives up the step in progress, and lets another thread continue the turn; returns
            whether there was a step to give up. None: there is none.
        gathering: The driver's handle of the gathering in progress.
        longest: Seconds that it may take, if that is less than the bot's limit for all turns.
        notes: Notes for its report; None: nobody wants one.
    """

    id: TurnId
    began: float
    completion: Completion
    copies: int = 0
    copies_elsewhere: int = 0
    counted: bool = False
    latest: float = 0.0
    unanswered: float = inf
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
    notes: Notes | None = None

    @property
    def user(self) -> str:
        """Key of its user in the store."""
        return self.id[0]

    def nobody_waits(self, now: float, window: Window) -> bool:
        """Whether, as far as known, no request of this process waits for it any more: all have
        left, or the platform has hung up.
        """
        return self.departed >= self.copies or now - self.latest > window.seconds

    def addressed(self, commit: Commit, now: float, window: Window) -> Commit:
        """Return the commit to perform: if no request waits for its reply, it says so.

        A copy that waits in another process still gets the reply from the store.
        """
        has_no_reply = commit.deferred or commit.reply == NO_REPLY
        self.untaken = not has_no_reply and self.nobody_waits(now, window)
        return msgspec.structs.replace(commit, taken=False) if self.untaken else commit

    def learn_late(self, result: object, note: Callable[[], object]) -> None:
        """Handle the store's answer to the deferral of a request that had left by then.

        If that answer is the reply, it was not taken, though the store counts it as taken.

        Args:
            result: What the store answered.
            note: Notes that the reply was not taken; called when the turn ends, unless a request
                waits for its outcome.
        """
        if type(result) is Answered:
            self.takes += 1
            completion = self.completion
            completion.when_over(lambda: note() if self.untaken or completion.failed() else None)

    def is_sure(self, now: float) -> bool:
        """Whether its message has no answer that the store has forgotten."""
        return now - self.unanswered <= SURE

    def may_be_answered(
        self,
        claim: Claim,
        result: Answered | Claimed | Running | Unclaimed,
        sent: float,
        now: float,
    ) -> bool:
        """Whether its message may have an answer that the store has forgotten; if not, this is
        noted.

        Args:
            claim: A claim.
            result: The store's answer to it.
            sent: See `learn`, as for `now`.
            now: The process's clock.
        """
        seconds = now - self.unanswered
        if not self.is_sure(now) and may_be_answered(seconds, result, claim.ran_at):
            return True
        self.unanswered = max(self.unanswered, sent)
        return False

    def begin_again(self) -> None:
        """The store failed the turn, and it is tried again."""
        self.failing = True
        # The claim of the failed attempt is not that of the next one.
        self.renewal = self.fence = 0

    def learn(
        self, operation: Operation, result: object, sent: float, now: float, window: Window
    ) -> None:
        """Take over what the store says about the claim and about the message's other copies.

        Only the answer to a request's first claim counts the copies: later answers include copies
        that came afterwards. Nor does an answer count that came after the request's own window
        (because its process or the store was stopped); then only the time decides.

        Args:
            operation: The operation performed.
            result: The store's answer.
            sent: The earliest time at which it was sent: a claim is valid from then on. A process
                may be stopped before it receives the answer.
            now: The process's clock.
            window: The platform's window.
        """
        if type(result) is Committed or type(result) is Claimed:
            self.confirmed = sent
        if type(result) is Answered and type(operation) is not Commit:
            self.takes += 1
        if type(result) is Conflict:
            self.untaken = False  # nothing was committed, so there is no reply yet
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

        True before a step or a push if the store last confirmed the claim more than half a lease
        ago: a process that was stopped and continues must not repeat what another has done
        meanwhile.
        """
        acts = isinstance(operation, (RunStep, Push)) or (
            isinstance(operation, RunSteps) and bool(operation.steps)
        )
        return acts and self.fence != 0 and now - self.confirmed > lease / 2


class Listener(msgspec.Struct, frozen=True):
    """One request and the turn it listens for.

    Attributes:
        turn: The turn.
        number: The number of this request among those of this process with the message, from 1.
        arrived: When it arrived, on the process's clock.
    """

    turn: RunningTurn
    number: int
    arrived: float

    @property
    def runs(self) -> bool:
        """Whether this request has to run the turn."""
        return self.number == 1

    def is_last(self, window: Window) -> bool:
        """Whether, as far as known, it is the platform's last request for its message."""
        turn = self.turn
        return window.last(turn.copies_elsewhere + self.number, self.arrived - turn.began)


class Request(msgspec.Struct, frozen=True):
    """One request of the platform with a message.

    Attributes:
        user: The user's key in the store.
        message: The message.
        key: Its key; see `keys.message_key`.
        arrived: When this request arrived, ms since the epoch.
    """

    user: str
    message: Message
    key: str
    arrived: int

    @property
    def waited(self) -> float:
        """Seconds since the message was written; 0 if another clock timed that."""
        waited = self.arrived / 1000 - self.message.created
        return waited if 0 < waited < LONGEST_WAY else 0.0
