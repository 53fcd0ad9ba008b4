"""The worker processes of a simulated world: they drive turns, run steps, stop and die.

A turn is a generator of operations, and so is a request that listens for one, so a world needs no
threads: it keeps a heap of what happens when, and moves its clock from one event to the next.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from wechat_dialog.core.store.values import Answered, Claimed, Committed
from wechat_dialog.core.turn.operations import (
    Claim,
    Commit,
    Defer,
    Operation,
    Pause,
    RecordWrite,
    Release,
    RunStep,
    StepOutcome,
)
from wechat_dialog.core.turn.running_turn import RunningTurn, tells_copies
from wechat_dialog.core.turn.settings import Rules, Settings
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import ClaimLost, DialogError, Refused, StoreError
from wechat_dialog.runtime.attempt import GivenUp
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.runtime.live_dialogs import LiveDialogs
from wechat_dialog.runtime.reporting import ReportedRequests
from wechat_dialog.runtime.running_turns import RunningTurns
from wechat_dialog.runtime.wanted import Gather, HandOver, NextOutcome, Renew, Step, Wait
from wechat_dialog.stores.memory import MemoryStore

from .changed import ROUTES
from .dialogs import FORGETFUL, RULES
from .judge import Judge, Snapshot, Violation
from .network import Network
from .parted import Parted
from .parts import (
    BEGIN,
    LEASE,
    LONGEST,
    WINDOW,
    Chain,
    Connection,
    Flying,
    Reports,
    Worker,
    staleness_of,
)
from .plan import Dice, Fault, Freeze, Kill, Plan

__all__ = ["Workers"]

DRAIN = 2.0
"""Seconds that the turns of a worker have to end in a deployment."""

ENDLESS = 8_000.0
"""Seconds after which a world must have ended, whose plan takes less than an hour."""

NOTHING = Snapshot(b"", (), claimed=False)


class Workers:
    """A store, a clock, and the processes that use them.

    Attributes:
        plan: What happens.
        rules: What the bot has decided.
        now: The time, in seconds since 1970, of everyone.
        changed: The workers that have the changed code, or will have it once they are replaced, by
            number.
        ahead: Seconds by which the store's clock is ahead.
        calm: Whether nothing goes wrong any more.
        network: What happens between the workers and the store.
        hanging: Serial numbers of the messages whose steps never return.
        miscounted: When the store last took a question whose answer nobody heard, by user: asked
            again, it counts that request twice.
        deaf: Seconds after a request's arrival in which its server does not tell that the platform
            has hung up.
    """

    deaf = 0.0

    def __init__(
        self, plan: Plan, store: type[MemoryStore], tell: Callable[[str], None] | None
    ) -> None:
        self.plan = plan
        self.rules = self.rules_of(plan)
        self.changed: set[int] = set()
        self.ahead = 0.0
        self.now = BEGIN
        self.store = store(lambda: self.clock)
        self.judge = Judge(self.remains, self.contents, forgetful=plan.forgetful)
        self._tell = tell
        self._heap: list[tuple[float, int, Worker | None, Callable[[], object]]] = []
        self._count = 0
        self._ops: dict[int, int] = {}
        self.at: dict[tuple[int, int], Kill | Freeze | Fault] = {}
        self.deserted: dict[int, float] = {}
        self.hanging: set[int] = set()
        self.network = Network()
        self.miscounted: dict[str, float] = {}
        self._receipts = 0
        self.calm = False
        self.chains: dict[int, Chain] = {}
        self.workers = [self._worker(number) for number in range(plan.workers)]

    def rules_of(self, plan: Plan) -> Rules:
        """Return what the bot has decided."""
        return FORGETFUL if plan.forgetful else RULES

    def _worker(self, number: int) -> Worker:
        cache = LiveDialogs(2) if self.plan.cache else None
        rules = replace(self.rules, routes=ROUTES) if number in self.changed else self.rules
        settings = Settings(
            rules, cache, lease=LEASE, fast=self.plan.fast,
            staleness=staleness_of(self.plan.seed + number),
        )  # fmt: skip
        synchronous = (self.plan.seed + number) % 3 == 0
        process = Process(self)
        driver = TurnDriver(
            settings, WINDOW, process, process, clock=lambda: self.now, longest_turn=LONGEST
        )
        reports = Reports(lambda: self.now)
        requests = ReportedRequests(driver, process, process, _pauses, reporting=reports)
        worker = process.worker = Worker(
            number,
            settings,
            synchronous,
            process,
            requests,
            driver,
            reports,
            number in self.changed,
        )
        return worker

    # Time -----------------------------------------------------------------------------------------

    def later(self, seconds: float, worker: Worker | None, what: Callable[[], object]) -> None:
        """Let something happen in a worker, unless it dies before; None: outside of all."""
        self._count += 1
        heapq.heappush(self._heap, (self.now + seconds, self._count, worker, what))

    def pass_time(self) -> None:
        """Run until no event is left."""
        heap = self._heap
        while heap:
            at, _, worker, what = heapq.heappop(heap)
            if at > self.now:
                self.now = at
            if at > BEGIN + ENDLESS:
                raise Violation("nothing new happens, and something goes on for ever")
            if worker is None:
                what()
            elif worker.alive:
                if worker.frozen > self.now:
                    self.later(worker.frozen - self.now + 0.001, worker, what)
                else:
                    what()

    @property
    def clock(self) -> float:
        """The store's time, in seconds since 1970."""
        return self.now + self.ahead

    def say(self, text: str) -> None:
        """Tell whoever reads the trace."""
        if self._tell is not None:
            self._tell(f"{self.now - BEGIN:9.3f}  {text}")

    # Turns ----------------------------------------------------------------------------------------

    def send(self, flying: Flying, result: Any, error: Exception | None) -> None:
        """Continue a turn, and arrange for the operation that it requests next."""
        driving = flying.driving
        try:
            wanted = driving.send(result) if error is None else driving.throw(error)
        except StopIteration:
            self._ended(flying)
            return
        flying.asked = self.now
        if isinstance(wanted, HandOver):
            self._leave(flying)
            self.send(flying, None, None)
        elif isinstance(wanted, Wait):
            self.wait(flying.worker, wanted, lambda: self.send(flying, None, None))
        elif isinstance(wanted, Renew):
            self._renew_now(flying, wanted)
        elif isinstance(wanted, Gather):
            self._gather(flying, wanted)
        elif isinstance(wanted, NextOutcome):
            self._next(flying)
        elif isinstance(wanted, Step):  # nothing can happen between the look at its claim and it
            self._perform(flying, wanted)
        else:
            wait = 0.001 if self.calm else self.plan.latency + flying.dice.delay()
            self.later(wait, flying.worker, lambda: self._perform(flying, wanted))

    def wait(self, worker: Worker, wanted: Wait, go_on: Callable[[], object]) -> None:
        """Continue when a call has ended, or its time limit is over."""
        waits = [go_on]

        def wake() -> None:
            if waits:
                waits.pop()()

        wanted.when_over(lambda: self.later(0.0, worker, wake))
        if wanted.seconds is not None:
            self.later(wanted.seconds, worker, wake)

    def _leave(self, flying: Flying) -> None:
        """The request whose thread ran a turn continues without it."""
        leaves, flying.leaves = flying.leaves, None
        if leaves is not None:
            leaves()

    def _ended(self, flying: Flying) -> None:
        worker = flying.worker
        flying.over = True
        worker.flying.pop(flying, None)
        self.judge.reported(flying, worker.reporting.of(flying.turn))
        try:
            flying.turn.completion.result()
        except StoreError:
            self.judge.gave_up_waiting(flying, self.now)
        except (DialogError, Refused):
            pass  # anything else is a bug of ours
        if flying.operator:
            return
        self.say(f"  {flying.serial} is through in worker {worker.number}")
        self._leave(flying)
        if worker.closing and not worker.flying:
            self._kill(worker)

    def tell_untaken(self, worker: Worker, user: str, key: str, takes: int) -> None:
        """Report to the store that nobody took a reply, as soon as it can be reached."""
        if self.network.silence(user, self.now) is not None or self.network.stall(self.now):
            self.later(0.3, worker, partial(self.tell_untaken, worker, user, key, takes))
            return
        self.store.untaken(user, key, takes)
        self.judge.told(user, key)
        found = self.store._users.get(user)
        seen = None if found is None else found.entry.seen.get(key)
        if seen is not None and seen.reply:
            self.judge.left(user, key, seen.reply)

    def _perform(self, flying: Flying, op: Any) -> None:
        """Perform one operation, with the mishap that is planned for it."""
        count = self._ops[flying.serial] = self._ops.get(flying.serial, 0) + 1
        mishap = self.at.get((flying.serial, count)) if flying.serial else None
        if isinstance(mishap, Kill) and not mishap.after:
            self._kill(flying.worker)
        elif isinstance(mishap, Freeze) and mishap.before and not isinstance(op, Step):
            self._ops[flying.serial] = count - 1
            del self.at[flying.serial, count]
            self._freeze(flying.worker, mishap.seconds)
            self.later(0.001, flying.worker, lambda: self._perform(flying, op))
        elif isinstance(op, Step):
            go_on = self._in_time(flying, op.step.key)
            self._step(flying, op.step, go_on)
            self._befall(flying, mishap)
        else:
            self._question(flying, op, mishap)

    def _befall(self, flying: Flying, mishap: Kill | Freeze | Fault | None) -> None:
        """Let what is planned for an operation happen after it."""
        if isinstance(mishap, Kill):
            self._kill(flying.worker)
        elif isinstance(mishap, Freeze):
            self._freeze(flying.worker, mishap.seconds)

    def snapshot(self, user: str) -> Snapshot:
        """Return what the store holds of a user now."""
        found = self.store._users.get(user)
        if found is None:
            return NOTHING
        entry = found.entry
        claimed = entry.is_claimed(int(self.clock * 1e6))
        if not entry.revision or entry.expires <= int(self.clock * 1e6):
            return Snapshot(b"", (), claimed)
        return Snapshot(entry.head, tuple(found.records), claimed)

    def remains(self, user: str) -> bool:
        """Whether the store holds anything of a user besides the numbers that it issued."""
        found = self.store._users.get(user)
        return found is not None and bool(
            found.entry.revision or found.data or found.parked or found.records
        )

    def contents(self, user: str) -> Iterator[bytes]:
        """Yield all that the store holds of a user, as it is kept."""
        found = self.store._users.get(user)
        if found is not None:
            yield from (found.entry.head, found.data, *found.records)
            yield from (shelf.parked.document for shelf in found.parked.values())
            yield from (remembered.reply or b"" for remembered in found.replies.values())
            for seen in found.entry.seen.values():
                yield from (seen.message, seen.reply or b"")

    # The store ------------------------------------------------------------------------------------

    def _question(
        self, flying: Flying, op: Operation, mishap: Kill | Freeze | Fault | None
    ) -> None:
        """Let an operation reach the store, and its answer the worker, unless something fails."""
        away = self.network.silence(flying.user, self.now)
        if away is None and isinstance(mishap, Fault) and not mishap.after:
            away = 0.0
        if away is not None:
            self.say(f"    {flying.serial} {type(op).__name__}: the store fails before")
            failure = StoreError("before")
            self.later(away, flying.worker, lambda: self._hear(flying, op, None, failure))
            self._befall(flying, mishap)
            return
        stall = self.network.stall(self.now)
        if stall is not None:
            self._wait(flying, op, mishap, *stall)
            return
        result, failure_or_none = self._on_store(flying, op)
        if isinstance(mishap, Fault):
            self.say("      and then the store fails")
            self.miscounted[flying.user] = self.now
            result, failure_or_none = None, StoreError("after")
        self._befall(flying, mishap)
        if flying.worker.alive and (flying.worker.frozen > self.now or flying.dice.roll() < 0.2):
            self.later(
                0.001, flying.worker, lambda: self._hear(flying, op, result, failure_or_none)
            )
        elif flying.worker.alive:
            self._hear(flying, op, result, failure_or_none)

    def _wait(
        self, flying: Flying, op: Operation, mishap: Kill | Freeze | Fault | None,
        seconds: float, patience: float,
    ) -> None:  # fmt: skip
        """Let an operation wait in a stalled store; its worker may give it up."""
        self.say(f"    {flying.serial} {type(op).__name__}: the store stalls")
        flying.worker.failed[flying.user] = self.now
        self._befall(flying, mishap)
        if patience < seconds:
            self.miscounted[flying.user] = self.now
            self.later(seconds, None, lambda: self._on_store(flying, op))
            failure = StoreError("no answer")
            self.later(patience, flying.worker, lambda: self._hear(flying, op, None, failure))
            return

        def carry_out() -> None:
            result, failure = self._on_store(flying, op)
            self.later(0.001, flying.worker, lambda: self._hear(flying, op, result, failure))

        self.later(seconds, None, carry_out)

    def _on_store(self, flying: Flying, op: Operation) -> tuple[Any, Exception | None]:
        """Let the store carry out an operation, whether or not its caller gets the answer."""
        before = self.snapshot(flying.user) if isinstance(op, (Commit, RecordWrite)) else NOTHING
        try:
            result = op.on(self.store)  # type: ignore[union-attr]
        except ClaimLost as lost:
            self.say(f"    {flying.serial} {type(op).__name__}: claim lost")
            return None, lost
        if self._tell is not None:
            number = flying.worker.number
            self.say(f"    {flying.serial} worker {number} {_short(op)} -> {_short(result)}")
        if isinstance(result, Claimed):
            flying.confirmed = self.now
        if isinstance(op, Claim) and isinstance(result, Answered) and result.reply:
            self.judge.took(flying.user, op.key, flying.worker, deaf=self._is_deaf(flying))
        if isinstance(op, Claim):
            self.judge.asked(flying, op, result, self.now)
        elif isinstance(op, Defer) and op.message and result is None:
            self.judge.put_off(flying.user, op.key, op.message, self.now)
        elif isinstance(op, Release):
            self.judge.gave_up(flying, op.fence)
        elif isinstance(op, (Commit, RecordWrite)) and isinstance(result, Committed):
            self.judge.wrote(flying, op, before, self.snapshot(flying.user), self.now)
            if isinstance(op, Commit) and flying.chain is not None:
                self._addressed(flying, op, flying.chain.connections)
        return result, None

    def _is_deaf(self, flying: Flying) -> bool:
        """Whether the platform has closed every connection that a turn has in a process on threads,
        which does not hear of it.
        """
        worker, chain = flying.worker, flying.chain
        return worker.synchronous and not any(
            one.closes > self.now
            for one in (chain.connections if chain is not None else ())
            if one in worker.connections
        )

    def _addressed(self, flying: Flying, op: Commit, connections: list[Connection]) -> None:
        """Tell the judge whether a reply that the store has taken is for somebody.

        A process that waits on threads does not hear a connection close: one that the platform had
        closed before the process, stopped, came to it counts as open as long as any.
        """
        worker = flying.worker
        if op.taken and any(
            one.closes > self.now
            or (
                worker.synchronous
                and one in worker.connections
                and self.now - one.opened <= WINDOW.seconds
            )
            for one in connections
        ):
            self.judge.somebody_waits(op)
        elif not op.taken and all(one.closes <= self.now for one in connections):
            self.judge.nobody_waits(op)
        elif not worker.synchronous and all(
            # A server tells of a connection that was closed before it came to the request only
            # after it has handed the request over.
            max(one.closes, one.opened) < flying.asked and not one.slow
            for one in connections
        ):
            self.judge.is_deaf(op)

    def _hear(self, flying: Flying, op: Operation, result: Any, failure: Exception | None) -> None:
        """Give a worker the answer of the store."""
        worker = flying.worker
        if isinstance(failure, StoreError):
            worker.failed[flying.user] = self.now
            flying.failing = flying.failing or self.now
        else:
            flying.failing = 0.0
        if failure is None:
            if isinstance(result, Claimed):
                worker.sure[flying.user] = flying.confirmed
            if isinstance(op, Claim):
                self._claimed(flying, op, result)
            if isinstance(op, Commit) and isinstance(result, Committed):
                flying.committed.append(op)
        self.send(flying, result, failure)

    def _claimed(self, flying: Flying, op: Claim, result: Any) -> None:
        if tells_copies(op, result):
            flying.worker.told[id(flying.turn)] = self.now
        if isinstance(result, Claimed):
            flying.fence, flying.since = result.fence, self.now
            self.begin_to_beat(flying.worker)

    def begin_to_beat(self, worker: Worker) -> None:
        """Let a worker's heartbeat begin, if it has not."""
        if not worker.beating:
            worker.beating = True
            self.later(LEASE / 3, worker, lambda: self.beat(worker))

    def beat(self, worker: Worker) -> None:
        """What the heartbeat does for the turns that are still under way: all at once."""
        for flying in worker.flying:
            self.judge.is_in_time(flying, self.now)
        for flying in self.old(worker):
            self.later(self._trip(flying), worker, partial(self.renew, flying, flying.fence, _idle))
        worker.beating = any(one.fence for one in worker.flying)
        if worker.beating:
            self.later(LEASE / 3, worker, lambda: self.beat(worker))

    def old(self, worker: Worker) -> list[Flying]:
        """Return the turns whose claims are to be renewed, oldest first."""
        old = [one for one in worker.flying if one.fence and one.since <= self.now - LEASE / 3]
        return sorted(old, key=lambda one: one.since)

    def _trip(self, flying: Flying) -> float:
        return 0.001 if self.calm else self.plan.latency + flying.dice.roll() * 0.02

    def renew(self, flying: Flying, fence: int, then: Callable[[], object]) -> None:
        """Renew one claim when the store carries it out; then continue."""
        if flying.over or flying.fence != fence:
            then()
            return
        worker, away = flying.worker, self.network.silence(flying.user, self.now)
        stall = self.network.stall(self.now)
        if away is not None:
            self.later(away, worker, then)
            worker.failed[flying.user] = self.now
        elif stall is not None:
            worker.failed[flying.user] = self.now
            self.later(stall[0] + 0.001, None, lambda: self._renewed(flying, fence, then))
        else:
            self._renewed(flying, fence, then)

    def _renewed(self, flying: Flying, fence: int, then: Callable[[], object]) -> None:
        worker = flying.worker
        if not worker.alive:
            return
        try:
            self.store.renew(flying.user, fence, LEASE)
        except ClaimLost:
            found = self.store._users.get(flying.user)
            if found is not None and found.entry.fence == fence and not flying.dropped:
                self.judge.ran_out(worker, flying.user, self.now)
            if flying.fence == fence:
                flying.fence = 0
        else:
            worker.sure[flying.user] = self.now
        self.later(0.0, worker, then)

    # Steps ----------------------------------------------------------------------------------------

    def _in_time(self, flying: Flying, key: str) -> Callable[[StepOutcome], object]:
        """Let a turn wait for an outcome until its time limit is over; return what it is then
        called with.
        """
        worker = flying.worker
        flying.calls += 1
        flying.calls_since = self.now
        this = flying.calls

        def go_on(outcome: StepOutcome) -> None:
            if flying.calls == this and flying.calls_since:
                flying.calls_since = 0.0
                self.send(flying, outcome, None)

        def give_up(error: Exception | None = None) -> None:
            if flying.calls == this and flying.calls_since:
                flying.calls_since = 0.0
                self._give_up(flying, key, error)

        flying.gives_up = give_up
        left = worker.driver.time_left(flying.turn)
        if left < math.inf:
            self.later(left, worker, give_up)
        return go_on

    def _give_up(self, flying: Flying, key: str, error: Exception | None) -> None:
        """Let a turn give up what it waits for: its time limit is over, or the caller gave it
        up.
        """
        worker = flying.worker
        self.say(f"    {flying.serial} gives {key} up")
        self.judge.gave_up_step(flying, key, self.now, joined=error is not None)
        flying.gathering += 1
        flying.waits = False
        if not worker.synchronous:  # what it has made is cancelled
            for call in flying.made:
                if not call.over:
                    call.given_up = True
                    worker.settings.outcomes.finish(call, None, self.now)
        self.send(flying, None, error or worker.driver.too_long(flying.turn))

    def _step(self, flying: Flying, step: RunStep, then: Callable[[StepOutcome], object]) -> None:
        """Run a step; then go on."""
        worker = flying.worker
        what = f"{step.call.name}{step.call.args} {step.key}"
        self.say(f"    {flying.serial} worker {worker.number} runs {what}")
        outcomes = worker.settings.outcomes
        call, mine = outcomes.join(flying.user, step.key)
        parted: Parted | None = None

        def over() -> None:
            if call.outcome is not None:
                outcome = call.outcome
                self.later(0.0, worker, lambda: then(outcome))
            elif parted is not None and parted.lost is not None:  # the store failed its parts
                lost = parted.lost
                self.later(0.0, worker, lambda: flying.gives_up(lost))
            elif not mine:  # whoever made it has cancelled it, or the store failed its parts
                none = GivenUp() if call.given_up else StoreError("the joined call is lost")
                self.later(0.0, worker, lambda: flying.gives_up(none))

        outcomes.when_over(call, over)
        if not mine:
            self.say(f"    {flying.serial} joins it")
            return
        flying.made.append(call)
        found = self.store._users.get(flying.user)
        entry = found.entry if found is not None else None
        now = int(self.clock * 1e6)
        holds = entry is not None and entry.fence == flying.fence and entry.is_claimed(now)
        held = self.snapshot(flying.user)
        self.judge.step_started(flying, step, held, self.now, holds=holds)
        if step.parts is not None:
            parted = Parted(self, flying, step, call)
            parted.begin()
            return
        outcome = self._outcome(step)

        def ended() -> None:
            if call.over:
                return  # it was cancelled
            self.judge.step_returned(flying, step)
            outcomes.finish(call, outcome, self.now)

        if flying.serial in self.hanging:
            self.say(f"    {flying.serial} hangs")
        else:
            self.later(self.lasts(flying), worker, ended)

    def _renew_now(self, flying: Flying, wanted: Renew) -> None:
        """Renew a doubtful claim before a step."""
        failure: StoreError | None = None
        if (
            self.network.silence(flying.user, self.now) is not None
            or self.network.stall(self.now) is not None
        ):
            flying.worker.failed[flying.user] = self.now
            failure = StoreError("away")
        else:
            try:
                wanted.on(self.store)
            except ClaimLost as lost:
                failure = lost
            else:
                # One that had expired holds again once the clock was set back.
                flying.fence = flying.turn.fence
                flying.worker.sure[flying.user] = self.now
        self.send(flying, None, failure)

    def _outcome(self, step: RunStep) -> StepOutcome:
        if step.call.name == "refuse":
            return StepOutcome(step.slot, error=ValueError("refused"))
        return StepOutcome(step.slot, self.receipt())

    def receipt(self) -> int:
        """Return a value that no other call returns."""
        self._receipts += 1
        return self._receipts

    def lasts(self, flying: Flying) -> float:
        """Return how long a step, or a part of one, takes."""
        kind, size = flying.dice.roll(), flying.dice.roll()
        if self.calm or kind < (0.3 if self.plan.slow else 0.85):
            return size * 0.2
        return size * 4 if kind < 0.95 else 4 + size * 18

    def _gather(self, flying: Flying, wanted: Gather) -> None:
        flying.gathering += 1
        flying.outcomes = []
        mine = flying.gathering
        for step in wanted.steps:
            self._step(flying, step, lambda outcome: self._came(flying, outcome, mine))
        self.send(flying, None, None)

    def _next(self, flying: Flying) -> None:
        if flying.outcomes:
            outcome = flying.outcomes.pop(0)
            self.later(0.0, flying.worker, lambda: self.send(flying, outcome, None))
        else:
            flying.waits = True
            flying.hears = self._in_time(flying, "a gathering")

    def _came(self, flying: Flying, outcome: StepOutcome, gathering: int) -> None:
        if flying.gathering != gathering:
            return
        if flying.waits:
            flying.waits = False
            flying.hears(outcome)
        else:
            flying.outcomes.append(outcome)

    # Mishaps --------------------------------------------------------------------------------------

    def put_away(self, worker: Worker) -> None:
        """Release the dialogs of a worker that has died, in order."""
        for flying in worker.flying:
            flying.driving.close()
        if isinstance(worker.settings.cache, LiveDialogs):
            worker.settings.cache.clear()

    def _kill(self, worker: Worker) -> None:
        self.say(f"  worker {worker.number} dies")
        worker.alive = False
        self.judge.died(worker)
        self.put_away(worker)
        number = worker.number
        down = Dice(self.plan.seed, number, self._count).roll() * 4
        self.later(down, None, lambda: self.workers.__setitem__(number, self._worker(number)))

    def desert(self, user: str, key: str) -> None:
        """Kill the workers that handle a message, or wait for its turn."""
        for worker in self.workers:
            if any(flying.user == user and flying.key == key for flying in worker.flying):
                self._kill(worker)

    def close(self, number: int, drain: float) -> None:
        """Tell a worker to end: it does so when its turns have ended, or after `drain`."""
        worker = self.workers[number % len(self.workers)]
        if not worker.alive or worker.closing:
            return
        self.say(f"  worker {worker.number} is told to end")
        worker.closing = True
        if worker.flying:
            self.later(drain, worker, lambda: self._kill(worker))
        else:
            self._kill(worker)

    def jump(self, seconds: float) -> None:
        """Set the store's clock."""
        self.say(f"the store's clock is set by {seconds} s")
        self.ahead += seconds
        self.judge.ahead = self.ahead
        for worker in self.workers:
            worker.jumps.append((self.now, seconds))

    def deploy(self, number: int) -> None:
        """Replace a worker by one with other code."""
        number %= len(self.workers)
        self.changed ^= {number}
        self.close(number, DRAIN)

    def _freeze(self, worker: Worker, seconds: float) -> None:
        self.say(f"  worker {worker.number} stops for {seconds} s")
        worker.frozen = worker.stopped = self.now + seconds
        for connection in worker.connections:
            connection.slow = True


class Process(RunningTurns):
    """What a simulated process has once: its turns under way, its heartbeat, its watch."""

    def __init__(self, world: Workers) -> None:
        super().__init__()
        self.worker: Worker | None = None
        self.users: dict[str, Any] = {}
        self.wary = False
        self._world = world
        self._held: dict[int, tuple[str, int]] = {}
        self._count = 0

    def hold(self, user: str, fence: int) -> int:
        """See `drive.Renewals`."""
        self._count += 1
        self._held[self._count] = user, fence
        return self._count

    def let_go(self, renewal: int) -> None:
        """See `drive.Renewals`."""
        held = self._held.pop(renewal, None)
        for flying in self._worker.flying:
            if (flying.user, flying.fence) == held:
                flying.fence = 0

    def note(self, user: str, key: str, takes: int) -> None:
        """See `requests.Untaken`."""
        worker, world = self._worker, self._world
        world.later(0.0, worker, partial(world.tell_untaken, worker, user, key, takes))

    def begin(self, user: str) -> None:
        """See `requests.Untaken`: the world tells the store, as soon as it can."""

    def end(self, user: str, reply: Any, *, store_knows: bool) -> None:
        """See `requests.Untaken`."""

    def stops_waiting(
        self, pause: Pause, turn: RunningTurn, now: float, window: Window, *, pushes: bool
    ) -> bool:
        stops = super().stops_waiting(pause, turn, now, window, pushes=pushes)
        for flying in self._worker.flying:
            if stops and flying.turn is turn:
                self._world.say(f"    {flying.serial} waits no more")
                self._worker.left[flying.serial] = now
        return stops

    @property
    def _worker(self) -> Worker:
        assert self.worker is not None, "it is made with its process"
        return self.worker


def _pauses() -> Iterator[float]:
    """See `retries.pauses`; without chance."""
    pause = 0.1
    while True:
        yield pause
        pause = min(pause * 2, 0.8)


def _idle() -> None:
    """Nothing follows."""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 700 else f"{text[:700]}…"
