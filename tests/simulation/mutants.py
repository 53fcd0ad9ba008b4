"""Mutants: each breaks one thing that keeps turns apart, or steps from running twice; the
simulation must notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from wechat_dialog import messages
from wechat_dialog.core.dialog.chat_state import ChatState
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.store import results, rules
from wechat_dialog.core.store.entry import SEEN_KEPT, Entry, Seen
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Running
from wechat_dialog.core.turn import committing, cut_off, job, step_records
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Flow, RunSteps
from wechat_dialog.core.turn.outcomes_in_hand import Call, Outcomes
from wechat_dialog.core.turn.pending import sealed_pending
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.core.turn.work import Work
from wechat_dialog.core.wire.crypto import Seal
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.runtime.signals import NEVER
from wechat_dialog.runtime.wanted import Wait
from wechat_dialog.stores.memory import MemoryStore

from . import world
from .parts import LEASE, Flying, Worker
from .workers import Workers

__all__ = ["MUTANTS"]


class NoClaim(MemoryStore):
    """Grants every claim, also while there is a valid one."""

    def claim(self, claim: Claim) -> Any:
        found = self._users.get(claim.user)
        if found is not None:
            found.entry.until = 0
            for seen in found.entry.seen.values():
                seen.waits = False
        return super().claim(claim)


class NoFence(MemoryStore):
    """Accepts every write under a claim, also if the claim was lost."""

    def _believed(self, user: str, fence: int, write: Callable[[], Any]) -> Any:
        found = self._users.get(user)
        if found is None or not fence or found.entry.fence == fence:
            return write()
        entry = found.entry
        was = entry.fence, entry.holder, entry.until
        entry.fence, entry.until = fence, int(self._clock() * 1e6) + 1
        done = write()
        entry.fence, entry.holder, entry.until = was
        return done

    def record(self, user: str, fence: int, write: Any) -> Any:
        return self._believed(user, fence, lambda: super(NoFence, self).record(user, fence, write))

    def commit(self, commit: Commit) -> Any:
        return self._believed(
            commit.user, commit.fence, lambda: super(NoFence, self).commit(commit)
        )


class NoRevision(MemoryStore):
    """Accepts every commit without a claim, also if the entry was written meanwhile."""

    def commit(self, commit: Commit) -> Any:
        found = self._users.get(commit.user)
        if not commit.fence and found is not None and found.entry.revision:
            commit = replace(commit, revision=found.entry.revision)
        return super().commit(commit)


_forget = rules.forget


def _drop(entry: Entry, now: int) -> frozenset[str]:
    _forget(entry, now)
    return frozenset()


class NotAnswered(MemoryStore):
    """Forgets a user without counting messages in progress as answered."""

    def forget(self, user: str, remember: float = 60.0) -> bool:
        with patch.object(rules, "forget", _drop):
            return super().forget(user, remember)


class NotKept(MemoryStore):
    """Forgets what a claim was told of its message."""

    def claim(self, claim: Claim) -> Any:
        return super().claim(replace(claim, message=b""))


Broken = Callable[[], AbstractContextManager[type[MemoryStore]]]

MUTANTS: dict[str, Broken] = {}
"""The mutants by name, which says what is broken; each provides the store to run worlds on."""


def _mutant(broken: Callable[[], Iterator[type[MemoryStore]]]) -> Broken:
    made = MUTANTS[broken.__name__.replace("_", " ")] = contextmanager(broken)
    return made


def _second_only(message: messages.Message) -> str:
    return str(message.created)


@_mutant
def none() -> Iterator[type[MemoryStore]]:
    yield MemoryStore


@_mutant
def grants_a_claim_that_another_holds() -> Iterator[type[MemoryStore]]:
    yield NoClaim


@_mutant
def writes_under_a_lost_claim() -> Iterator[type[MemoryStore]]:
    yield NoFence


@_mutant
def commits_after_another_write() -> Iterator[type[MemoryStore]]:
    yield NoRevision


@_mutant
def keeps_no_message_with_its_claim() -> Iterator[type[MemoryStore]]:
    yield NotKept


@_mutant
def forgets_a_user_with_messages_unanswered() -> Iterator[type[MemoryStore]]:
    yield NotAnswered


@_mutant
def keeps_a_user_who_left() -> Iterator[type[MemoryStore]]:
    """A user who unsubscribed is not forgotten if another worker finishes the turn."""
    with patch.object(cut_off, "forget_who_left", lambda _work, _message: None):
        yield MemoryStore


@_mutant
def defers_a_message_unencrypted() -> Iterator[type[MemoryStore]]:
    """A message that waited for its turn is deferred unencrypted."""

    def plain(seal: Seal, message: messages.Message, arrived: int) -> bytes:
        return seal.open(sealed_pending(seal, message, arrived))

    with patch.object(job, "sealed_pending", plain):
        yield MemoryStore


@_mutant
def tells_a_secret_answer_no_second_time() -> Iterator[type[MemoryStore]]:
    """A worker that finishes a dead worker's turn does not give its dialog the secret answer."""
    with patch.object(cut_off, "_tell_secret_again", lambda *_: None):
        yield MemoryStore


@_mutant
def knows_messages_by_their_second() -> Iterator[type[MemoryStore]]:
    with patch.object(world, "message_key", _second_only):
        yield MemoryStore


@_mutant
def keeps_no_outcome_in_hand() -> Iterator[type[MemoryStore]]:
    """A process keeps no outcome, and a turn joins no call."""
    with patch.object(Outcomes, "join", lambda _, user, key: (Call(user, key), True)):
        yield MemoryStore


@_mutant
def gives_back_a_claim_under_which_a_step_ran() -> Iterator[type[MemoryStore]]:
    """A claim is released although a step ran under it."""

    def called(_job: object, op: object, slots: dict[int, str]) -> Any:
        steps = op.steps if isinstance(op, RunSteps) else (op,)
        slots.update({step.slot: step.key for step in steps})  # type: ignore[attr-defined]
        return (yield op)

    with patch.object(committing, "_call", called):
        yield MemoryStore


@_mutant
def counts_a_lease_from_its_grant() -> Iterator[type[MemoryStore]]:
    """A claim's age counts from when its grant is received."""
    learn = RunningTurn.learn

    def at_once(
        turn: RunningTurn, op: Any, result: Any, _asked: float, now: float, window: Any
    ) -> None:
        learn(turn, op, result, now, now, window)

    with patch.object(RunningTurn, "learn", at_once):
        yield MemoryStore


@_mutant
def renews_claims_one_after_another() -> Iterator[type[MemoryStore]]:
    """Claims are renewed one after another, however long each renewal takes."""

    def beat(workers: Workers, worker: Worker) -> None:
        left = workers.old(worker)

        def following() -> None:
            if left:
                flying = left.pop(0)
                workers.renew(flying, flying.fence, following)
            else:
                workers.later(LEASE / 3, worker, lambda: workers.beat(worker))

        worker.beating = bool(worker.flying)
        if worker.beating:
            following()

    with patch.object(Workers, "beat", beat):
        yield MemoryStore


@_mutant
def renews_no_claim_while_closing() -> Iterator[type[MemoryStore]]:
    """A process that is being closed renews no claims."""
    renew = Workers.renew

    def not_then(workers: Workers, flying: Flying, fence: int, then: Callable[[], object]) -> None:
        if flying.worker.closing:
            then()
        else:
            renew(workers, flying, fence, then)

    with patch.object(Workers, "renew", not_then):
        yield MemoryStore


@_mutant
def takes_a_belated_message_for_the_answer() -> Iterator[type[MemoryStore]]:
    """A message is taken for the answer, whenever it was written."""
    with patch.object(Work, "not_seen", property(lambda work: work.doc.unseen)):
        yield MemoryStore


@_mutant
def sets_a_turn_no_time_limit() -> Iterator[type[MemoryStore]]:
    """A turn has no time limit."""
    with patch.object(TurnDriver, "time_left", lambda *_: math.inf):
        yield MemoryStore


@_mutant
def leaves_a_conversation_that_is_given_up() -> Iterator[type[MemoryStore]]:
    """A turn that is given up is left until its user writes again."""

    def put_off(work: Work, _error: Exception) -> Flow[None]:
        work.doc.put_away()
        yield from ()

    with patch.object(committing, "give_up", put_off):
        yield MemoryStore


@_mutant
def runs_resumed_steps_under_new_keys() -> Iterator[type[MemoryStore]]:
    """A resumed conversation runs its steps under new keys."""
    with patch.object(step_records, "heard_key", lambda key: key):
        yield MemoryStore


@_mutant
def goes_on_without_waiting_for_the_store() -> Iterator[type[MemoryStore]]:
    """A turn that waits for the store continues at once."""

    def wakes(*_: object) -> Generator[object, object, bool]:
        yield Wait(NEVER.when_over, 0.001)
        return False

    with patch.object(TurnDriver, "_pause", wakes):
        yield MemoryStore


@_mutant
def handles_the_secret_of_an_ended_conversation() -> Iterator[type[MemoryStore]]:
    """A secret answer whose conversation was ended is handled as an ordinary message."""
    with patch.object(rules, "_is_answered", lambda *_: False):
        yield MemoryStore


@_mutant
def takes_a_message_that_was_answered_long_ago_for_new() -> Iterator[type[MemoryStore]]:
    """A message is handled although it may have been answered and forgotten."""
    with patch.object(RunningTurn, "is_sure", lambda *_: True):
        yield MemoryStore


@_mutant
def forgets_a_reply_that_nobody_took() -> Iterator[type[MemoryStore]]:
    """A copy of a message is new after a minute, although its reply is kept."""

    def was_ended(entry: Entry, key: str) -> bool:
        seen = entry.seen.get(key)
        return seen is not None and seen.reply == b""

    with patch.object(rules, "_is_answered", was_ended):
        yield MemoryStore


@_mutant
def lets_a_message_that_is_kept_lose_its_place() -> Iterator[type[MemoryStore]]:
    """A message that is kept counts as new if it has not asked for a minute."""
    see = Entry.see

    def as_new(entry: Entry, key: str, now: int) -> Seen:
        seen = entry.seen.get(key)
        if seen is not None and now - seen.last_asked > SEEN_KEPT:
            seen.first = max(now, 1 + max(other.first for other in entry.seen.values()))
        return see(entry, key, now)

    with patch.object(Entry, "see", as_new):
        yield MemoryStore


@_mutant
def takes_a_message_for_forgotten_when_the_clock_was_set_back() -> Iterator[type[MemoryStore]]:
    """The clock alone says when a turn was first granted."""

    def take(one: job.Job, claimed: Claimed) -> None:
        one.fence, one.deferred = claimed.fence, claimed.deferred
        one.granted = one.granted or claimed.now

    with patch.object(job.Job, "take", take):
        yield MemoryStore


@_mutant
def takes_a_message_for_new_when_the_clock_was_set_back() -> Iterator[type[MemoryStore]]:
    """The store says so of a message that it saw at a time which is yet to come."""

    class NoSince(MemoryStore):
        def claim(self, claim: Claim) -> Any:
            result = super().claim(claim)
            if isinstance(result, Running) and result.since <= 1e-6:
                return replace(result, since=0.0)
            return result

    yield NoSince


@_mutant
def forgets_that_a_message_was_not_heard() -> Iterator[type[MemoryStore]]:
    """A worker that takes over while changed code continues does not look at the message."""
    take_over = Work.take_over

    def heard(work: Work) -> None:
        take_over(work)
        work.unheard = False

    with patch.object(Work, "take_over", heard):
        yield MemoryStore


@_mutant
def counts_the_steps_of_changed_code_as_those_of_the_message() -> Iterator[type[MemoryStore]]:
    """Steps before and after a message is heard are counted alike."""
    count = step_records._count

    def alike(work: Work, frame: Frame, finished: int = 0) -> int:
        return abs(count(work, frame, finished))

    with patch.object(step_records, "_count", alike):
        yield MemoryStore


@_mutant
def takes_another_journal_for_the_beginning_of_this_one() -> Iterator[type[MemoryStore]]:
    """What a caller has of another journal counts as the beginning of this one."""
    with patch.object(results, "lacking", lambda entry, have, _: min(have.length, entry.length)):
        yield MemoryStore


@_mutant
def counts_a_request_that_hung_up_as_waiting() -> Iterator[type[MemoryStore]]:
    """A request that a stopped process receives after the platform hung up counts as waiting."""
    with patch.object(Workers, "deaf", 0.25):
        yield MemoryStore


@_mutant
def runs_the_parts_of_a_step_again() -> Iterator[type[MemoryStore]]:
    """A worker that takes over a step runs all of its parts again."""

    class NoParts(MemoryStore):
        def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
            return {}

    yield NoParts


@_mutant
def records_a_step_without_what_it_said() -> Iterator[type[MemoryStore]]:
    """The record of a step lacks what the step said."""
    with patch.object(ChatState, "heard_of_step", lambda *_: None):
        yield MemoryStore


@_mutant
def reports_only_the_last_turn_of_a_request() -> Iterator[type[MemoryStore]]:
    """What a request finished before its own message's turn is not reported."""
    with patch.object(Notes, "_close_and_go_on", lambda _: None):
        yield MemoryStore


@_mutant
def keeps_no_part_in_hand() -> Iterator[type[MemoryStore]]:
    """A part whose outcome the store did not take is forgotten."""
    with patch.object(Outcomes, "parts", lambda *_: {}):
        yield MemoryStore
