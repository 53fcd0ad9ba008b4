"""The worker processes of a simulated world: they drive turns, run steps, stop and die.

A turn is a generator of operations, and so is a request that listens for one, so a world needs no
threads: it keeps a heap of what happens when, and moves its clock from one event to the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from typing import Any

from wechat_dialog.cache import LiveDialogs
from wechat_dialog.errors import ClaimLost, DialogError, StoreError
from wechat_dialog.flights import Seat, tells_copies
from wechat_dialog.operations import (
    Claim,
    Commit,
    Operation,
    Pause,
    Record,
    Release,
    RunStep,
    RunSteps,
    StepOutcome,
)
from wechat_dialog.stores.base import Claimed, Committed
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.turn import Outcome, Settings

from .dialogs import RULES
from .judge import Judge, Snapshot
from .parts import BEGIN, LEASE, WINDOW, Chain, Connection, Flying, Worker
from .plan import Dice, Fault, Freeze, Kill, Plan

__all__ = ["Workers"]

NOTHING = Snapshot(b"", (), claimed=False)


class Workers:
    """A store, a clock, and the processes that use them.

    Attributes:
        plan: What happens.
        now: The time, in seconds since 1970, of everyone.
        calm: Whether nothing goes wrong any more.
        outages: When the store cannot be reached: from, until.
    """

    def __init__(
        self, plan: Plan, store: type[MemoryStore], tell: Callable[[str], None] | None
    ) -> None:
        self.plan = plan
        self.now = BEGIN
        self.store = store(lambda: self.now)
        self.judge = Judge()
        self._tell = tell
        self._heap: list[tuple[float, int, Worker | None, Callable[[], object]]] = []
        self._count = 0
        self._ops: dict[int, int] = {}
        self.at: dict[tuple[int, int], Kill | Freeze | Fault] = {}
        self.deserted: dict[int, float] = {}
        self.outages: list[tuple[float, float]] = []
        self._receipts = 0
        self.calm = False
        self.chains: dict[int, Chain] = {}
        self.workers = [self._worker(number) for number in range(plan.workers)]

    def _worker(self, number: int) -> Worker:
        cache = LiveDialogs(2) if self.plan.cache else None
        settings = Settings(RULES, cache, lease=LEASE, fast=self.plan.fast)
        return Worker(number, settings, synchronous=(self.plan.seed + number) % 3 == 0)

    # Time -----------------------------------------------------------------------------------------

    def later(self, seconds: float, worker: Worker | None, what: Callable[[], object]) -> None:
        """Let something happen in a worker, unless it dies before; None: outside of all."""
        self._count += 1
        heapq.heappush(self._heap, (self.now + seconds, self._count, worker, what))

    def pass_time(self) -> None:
        """Go on until nothing is left to happen."""
        heap = self._heap
        while heap:
            at, _, worker, what = heapq.heappop(heap)
            if at > self.now:
                self.now = at
            if worker is None:
                what()
            elif worker.alive:
                if worker.frozen > self.now:
                    self.later(worker.frozen - self.now + 0.001, worker, what)
                else:
                    what()

    def say(self, text: str) -> None:
        """Tell whoever reads the trace."""
        if self._tell is not None:
            self._tell(f"{self.now - BEGIN:9.3f}  {text}")

    # Turns ----------------------------------------------------------------------------------------

    def send(self, flying: Flying, result: Any, error: Exception | None) -> None:
        """Let a turn go on, and see to what it asks for next."""
        try:
            op = flying.turn.send(result) if error is None else flying.turn.throw(error)
        except StopIteration as stop:
            self._land(flying, stop.value)
            return
        except DialogError as failure:
            self._land(flying, failure)
            return
        if isinstance(op, Pause):
            self.later(op.seconds, flying.worker, lambda: self.send(flying, None, None))
        elif isinstance(op, RunSteps):
            self._gather(flying, op)
        else:
            wait = 0.001 if self.calm else flying.dice.delay()
            self.later(wait, flying.worker, lambda: self._perform(flying, op))

    def _land(self, flying: Flying, outcome: Outcome | Exception) -> None:
        worker, seat = flying.worker, flying.seat
        flying.over = True
        worker.flying.discard(flying)
        if seat is None or flying.chain is None:
            return
        self.say(f"  {flying.serial} is through in worker {worker.number}")
        worker.flights.land((flying.user, flying.key), seat.flight, outcome)
        for wake in worker.listeners.pop(id(seat.flight), ()):
            wake()
        if worker.synchronous and not flying.left and flying.connection is not None:
            self.answer(worker, flying.chain, flying.connection, outcome)

    def store_is_away(self) -> bool:
        return any(since <= self.now < until for since, until in self.outages)

    def _perform(self, flying: Flying, op: Operation) -> None:
        """Perform one operation, with the mishap that is planned for it."""
        count = self._ops[flying.serial] = self._ops.get(flying.serial, 0) + 1
        mishap = self.at.get((flying.serial, count)) if flying.serial else None
        if isinstance(mishap, Kill) and not mishap.after:
            self._kill(flying.worker)
            return
        result: Any = None
        failure: Exception | None = None
        if isinstance(op, RunStep):
            if self._gave_up(flying, op):
                return
            self._step(flying, op)
        else:
            result, failure = self._on_store(
                flying, op, mishap if isinstance(mishap, Fault) else None
            )
        if isinstance(mishap, Kill):
            self._kill(flying.worker)
            return
        if isinstance(mishap, Freeze):
            self._freeze(flying.worker, mishap.seconds)
        if isinstance(op, RunStep):
            outcome = self._outcome(op)
            self.later(self._lasts(flying), flying.worker, lambda: self.send(flying, outcome, None))
        elif flying.worker.frozen > self.now or flying.dice.roll() < 0.2:
            self.later(0.001, flying.worker, lambda: self.send(flying, result, failure))
        else:
            self.send(flying, result, failure)

    def snapshot(self, user: str) -> Snapshot:
        """Return what the store holds of a user now."""
        found = self.store._users.get(user)
        if found is None:
            return NOTHING
        document = found.document
        claimed = document.is_claimed(int(self.now * 1e6))
        if not document.revision or document.expires <= int(self.now * 1e6):
            return Snapshot(b"", (), claimed)
        return Snapshot(document.head, tuple(found.records), claimed)

    def _on_store(
        self, flying: Flying, op: Operation, fault: Fault | None
    ) -> tuple[Any, Exception | None]:
        if (fault is not None and not fault.after) or self.store_is_away():
            flying.excused = True
            self.say(f"    {flying.serial} {type(op).__name__}: the store fails before")
            return None, StoreError("before")
        before = self.snapshot(flying.user) if isinstance(op, (Commit, Record)) else NOTHING
        try:
            result = op.on(self.store)  # type: ignore[union-attr]
        except ClaimLost as lost:
            self.say(f"    {flying.serial} {type(op).__name__}: claim lost")
            return None, lost
        if self._tell is not None:
            number = flying.worker.number
            self.say(f"    {flying.serial} worker {number} {_short(op)} -> {_short(result)}")
        if flying.seat is not None and fault is None:
            flying.seat.flight.heard(op, result, self.now, WINDOW)
        if isinstance(op, Claim):
            self._claimed(flying, op, result, fault)
        elif isinstance(op, Release):
            self.judge.gave_up(flying)
        elif isinstance(op, (Commit, Record)) and isinstance(result, Committed):
            self.judge.wrote(flying, op, before, self.snapshot(flying.user), self.now)
        if fault is not None:
            flying.excused = True
            self.say("      and then the store fails")
            return None, StoreError("after")
        return result, None

    def _claimed(self, flying: Flying, op: Claim, result: Any, fault: Fault | None) -> None:
        self.judge.asked(flying, result, self.now)
        if fault is not None:
            return
        seat = flying.seat
        arrived = tells_copies(op, result)
        if seat is not None and arrived:
            flying.worker.told[id(seat.flight)] = self.now
        if isinstance(result, Claimed):
            fence = flying.fence = result.fence
            wait = LEASE / 3 * (1 + flying.dice.roll())
            self.later(wait, flying.worker, lambda: self._beat(flying, fence))
        if (
            seat is not None and arrived and flying.worker.synchronous and not flying.left
            and seat.is_last(WINDOW) and flying.chain is not None and flying.connection is not None
        ):  # fmt: skip
            flying.left = True
            self.listen(flying.worker, seat, flying.chain, flying.connection)

    def _beat(self, flying: Flying, fence: int) -> None:
        """What the heartbeat thread does for a turn that is still under way."""
        if flying.over or flying.fence != fence:
            return
        if self.store_is_away():
            flying.excused = True
        else:
            try:
                self.store.renew(flying.user, fence, LEASE)
            except ClaimLost:
                return
        self.later(LEASE / 3, flying.worker, lambda: self._beat(flying, fence))

    # Steps ----------------------------------------------------------------------------------------

    def _step(self, flying: Flying, step: RunStep) -> None:
        what = f"{step.call.name}{step.call.args} {step.key}"
        self.say(f"    {flying.serial} worker {flying.worker.number} runs {what}")
        found = self.store._users.get(flying.user)
        document = found.document if found is not None else None
        now = int(self.now * 1e6)
        holds = document is not None and document.fence == flying.fence and document.is_claimed(now)
        self.judge.step_started(flying, step, flying.fence, self.snapshot(flying.user), holds=holds)

    def _gave_up(self, flying: Flying, op: RunStep | RunSteps) -> bool:
        """Renew a doubtful claim before a step, as the runner does; tell the turn if that fails."""
        seat = flying.seat
        if seat is None or not seat.flight.doubts(op, self.now, LEASE):
            return False
        failure: StoreError | None = None
        if self.store_is_away():
            flying.excused = True
            failure = StoreError("away")
        else:
            try:
                self.store.renew(flying.user, seat.flight.fence, LEASE)
            except ClaimLost as lost:
                failure = lost
        if failure is None:
            return False
        self.send(flying, None, failure)
        return True

    def _outcome(self, step: RunStep) -> StepOutcome:
        if step.call.name == "refuse":
            return StepOutcome(step.slot, error=ValueError("refused"))
        self._receipts += 1
        return StepOutcome(step.slot, self._receipts)

    def _lasts(self, flying: Flying) -> float:
        kind, size = flying.dice.roll(), flying.dice.roll()
        if self.calm or kind < 0.85:
            return size * 0.2
        return size * 4 if kind < 0.95 else 4 + size * 18

    def _gather(self, flying: Flying, op: RunSteps) -> None:
        if op.steps:
            flying.gathering += 1
            flying.outcomes = []
        mine = flying.gathering
        if op.steps and self._gave_up(flying, op):
            return
        for step in op.steps:
            self._step(flying, step)
            outcome = self._outcome(step)
            came = partial(self._came, flying, outcome, mine)
            self.later(self._lasts(flying), flying.worker, came)
        if flying.outcomes:
            outcome = flying.outcomes.pop(0)
            self.later(0.0, flying.worker, lambda: self.send(flying, outcome, None))
        else:
            flying.waits = True

    def _came(self, flying: Flying, outcome: StepOutcome, gathering: int) -> None:
        if flying.gathering != gathering:
            return
        if flying.waits:
            flying.waits = False
            self.send(flying, outcome, None)
        else:
            flying.outcomes.append(outcome)

    # Mishaps --------------------------------------------------------------------------------------

    def _kill(self, worker: Worker) -> None:
        self.say(f"  worker {worker.number} dies")
        worker.alive = False
        for flying in worker.flying:
            flying.dead = True
        number = worker.number
        down = Dice(self.plan.seed, number, self._count).roll() * 4
        self.later(down, None, lambda: self.workers.__setitem__(number, self._worker(number)))

    def desert(self, user: str, key: str) -> None:
        """Kill whoever works on a message, or waits for its turn."""
        for worker in self.workers:
            if any(flying.user == user and flying.key == key for flying in worker.flying):
                self._kill(worker)

    def _freeze(self, worker: Worker, seconds: float) -> None:
        self.say(f"  worker {worker.number} stops for {seconds} s")
        worker.frozen = self.now + seconds
        for flying in worker.flying:
            flying.excused = True
        for connection in worker.connections:
            connection.slow = True

    # What a request does: the world's part --------------------------------------------------------

    def listen(self, worker: Worker, seat: Seat, chain: Chain, connection: Connection) -> None:
        """Let a request wait for a flight's outcome."""
        raise NotImplementedError

    def answer(
        self, worker: Worker, chain: Chain, connection: Connection, outcome: Outcome | Exception
    ) -> None:
        """Write a request's answer to its connection."""
        raise NotImplementedError


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 700 else f"{text[:700]}…"
