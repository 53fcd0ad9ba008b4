"""Simulated worlds of time: users, signals, sweepers, and workers that die or stop anywhere.

The turns are the real ones (`turn`, `fire`, `send`), on the rules of the stores. They are driven by
a heap of events in order of time. Each operation takes some time, and before or after it the worker
may die, with everything in its memory, or stop for longer than its claim lasts.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Generator
from functools import partial
from random import Random
from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.store.times import Due, Posted
from wechat_dialog.core.store.values import Claimed, Committed, Running
from wechat_dialog.core.turn.firing import FIRING
from wechat_dialog.core.turn.mail import SignalMail, begin_mail
from wechat_dialog.core.turn.operations import (
    Claim,
    Commit,
    Pause,
    PostMail,
    Push,
    RecordWrite,
    RunStep,
    StepOutcome,
)
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.outside import Fired, Sent, fire, send
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.transaction import turn
from wechat_dialog.errors import ClaimLost, DialogError
from wechat_dialog.replies.stored import encode_reply
from wechat_dialog.runtime.live_dialogs import LiveDialogs
from wechat_dialog.stores.memory import MemoryStore

from .outside_dialogs import ASKED, PUSHING, RULES, begun
from .outside_judge import Judge, Violation
from .parts import staleness_of

__all__ = ["World", "run"]

BEGIN, LEASE, SWEEP, LASTS, CALM = 1_700_000_000.0, 3.0, 1.0, 90.0, 120.0
WORDS = (
    *("限5", "限9", "睡4", "睡7", "等20", "等40", "赛8", "赛30", "起6", "起9", "起11"),
    *("说", "取消", "嗯", "一", "二", "听", "听"),
)


class Worker:
    """One process; a killed one is replaced."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.dead = self.was_stopped = False
        self.frozen = 0.0
        self.settings = Settings(
            PUSHING if seed % 3 == 1 else RULES,
            LiveDialogs(4) if seed & 1 else None,
            lease=LEASE,
            fast=bool(seed & 2),
            staleness=staleness_of(seed + number),
        )


class Task:
    """A turn under way in a worker."""

    def __init__(
        self, worker: Worker, user: str, flow: Generator[Any, Any, Any],
        then: Callable[[Any], object], lost: Callable[[], object],
    ) -> None:  # fmt: skip
        self.worker, self.user, self.flow, self.then, self.lost = worker, user, flow, then, lost
        self.fence = self.last = 0


class World:
    """One world; see `run`."""

    def __init__(
        self, seed: int, store: type[MemoryStore] = MemoryStore, fires: Callable[..., Any] = fire
    ) -> None:
        self.chance = Random(seed)
        self.now = BEGIN
        self.store = store(lambda: self.now)
        self.judge = Judge(self.store, seed % 5 == 0)
        self._fires = fires
        self._heap: list[tuple[float, int, Worker | None, Callable[[], object]]] = []
        self._count = 0
        self.deadly = 0.0 if seed % 5 == 0 else self.chance.choice((0.01, 0.03, 0.08))
        self.workers = [Worker(number, seed) for number in range(self.chance.choice((1, 2, 3)))]
        self.seed = seed
        self.users = [f"gh:u{number}" for number in range(self.chance.choice((1, 2)))]
        self.tasks: dict[Task, None] = {}
        self.answered: set[str] = set()
        self.asked: set[str] = set()

    # Time -----------------------------------------------------------------------------------------

    def later(self, seconds: float, worker: Worker | None, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now + seconds, self._count, worker, what))

    def run(self) -> None:
        """Run the world to its end, and check that everything was done."""
        for number in range(self.chance.randrange(10, 30)):
            at, user = self.chance.random() * LASTS, self.chance.choice(self.users)
            self.later(at, None, partial(self._happens, number, user))
        for number in range(100, 150) if self.seed % 7 == 3 else ():
            # Fifty at once, for whoever waits.
            letter = SignalMail.of("paid", number, "")
            sends = partial(self._send, self.users[0], letter, f"s{number}", number, 0)
            self.later(20 + self.chance.random() / 2, None, sends)
        for worker in self.workers:
            self.later(self.chance.random(), worker, partial(self._sweep, worker))
            self.later(self.chance.random(), worker, partial(self._beat, worker))
        self._pass_until(BEGIN + LASTS)
        self.deadly = 0.0
        self._pass_until(BEGIN + LASTS + CALM)
        for user in self.users:
            self.judge.all_is_done(user, self.now)
        if missing := self.asked - self.answered:
            raise Violation(f"never answered: {missing}")

    def _pass_until(self, end: float) -> None:
        while self._heap and self._heap[0][0] <= end:
            at, _, worker, what = heapq.heappop(self._heap)
            self.now = max(self.now, at)
            if worker is not None and worker.dead:
                continue
            if worker is not None and worker.frozen > self.now:
                self.later(worker.frozen - self.now, worker, what)
                continue
            what()
        self.now = end

    # What happens ---------------------------------------------------------------------------------

    def _happens(self, number: int, user: str) -> None:
        roll = self.chance.random()
        if roll < 0.55:
            text = self.chance.choice(WORDS)
            self.asked.add(f"m{number}")
            self._ask(user, number, text, 0, int(self.now))
        elif roll < 0.9:
            letter, id = SignalMail.of("paid", number, ""), f"s{number}"
            for again in range(self.chance.choice((1, 1, 2, 3))):
                self.later(again * self.chance.random() * 4, None,
                           partial(self._send, user, letter, id, number, 0))  # fmt: skip
        else:
            letter_too = begin_mail(RULES.routes, begun, {"n": number})
            self._send(user, letter_too, f"b{number}", None, 0)

    def _worker(self) -> Worker | None:
        alive = [worker for worker in self.workers if not worker.dead]
        return self.chance.choice(alive) if alive else None

    def _ask(self, user: str, number: int, text: str, copy: int, created: int) -> None:
        """The platform sends a message, and repeats it until it is answered."""
        key = f"m{number}"
        if key in self.answered:
            return
        self.later(5.0, None, partial(self._ask, user, number, text, copy + 1, created))
        worker = self._worker()
        if worker is None:
            return
        message = messages.from_fields({
            "ToUserName": "gh", "FromUserName": user[3:], "CreateTime": str(created),
            "MsgType": "text", "Content": text, "MsgId": str(number + 1),
        })  # fmt: skip
        flow = turn(worker.settings, user, message, key, int(self.now * 1000))

        def then(outcome: Outcome) -> None:
            self.answered.add(key)
            self._again(worker, outcome.again)

        self._begin(Task(worker, user, flow, then, lambda: None))

    def _send(self, user: str, letter: Any, id: str, data: int | None, tries: int) -> None:
        """The sender tries again until it gets a result."""
        worker = self._worker()
        again = partial(self._send, user, letter, id, data, tries + 1)
        if worker is None:
            self.later(1.0, None, again)
            return
        flow = send(worker.settings, user, "gh", user[3:], letter, id)

        def then(sent: Sent) -> None:
            self._again(worker, sent.again)

        self._begin(Task(worker, user, flow, then, lambda: self.later(1.0, None, again)))

    def _sweep(self, worker: Worker) -> None:
        self.later(SWEEP, worker, partial(self._sweep, worker))
        for due in self.store.due("gh", 10, 2 * LEASE).entries:
            self._fire(worker, due)

    def _fire(self, worker: Worker, due: Due) -> None:
        flow = self._fires(worker.settings, due, "gh", due.user[3:])

        def then(fired: Fired) -> None:
            self._again(worker, fired.again)

        self._begin(Task(worker, due.user, flow, then, lambda: None))

    def _again(self, worker: Worker, due: Due | None) -> None:
        if due is not None:
            self.later(0.001, worker, partial(self._fire, worker, due))

    # Turns ----------------------------------------------------------------------------------------

    def _begin(self, task: Task) -> None:
        self.tasks[task] = None
        self._go_on(task, None, None)

    def _go_on(self, task: Task, result: Any, error: Exception | None) -> None:
        try:
            wanted = task.flow.send(result) if error is None else task.flow.throw(error)
        except StopIteration as stop:
            self.tasks.pop(task, None)
            task.then(stop.value)
            return
        except DialogError:
            self.tasks.pop(task, None)
            task.lost()
            return
        wait = self.chance.random() * 0.02
        self.later(wait, task.worker, partial(self._perform, task, wanted))

    def _perform(self, task: Task, wanted: Any) -> None:
        roll = self.chance.random()
        if roll < self.deadly / 2:
            self._kill(task.worker)
            return
        if isinstance(wanted, Pause):
            self.later(wanted.seconds, task.worker, partial(self._go_on, task, False, None))
            return
        if isinstance(wanted, RunStep):
            try:
                # As the driver does where it has not heard of the claim for a while.
                self.store.renew(task.user, task.last, LEASE)
            except ClaimLost as lost:
                self._go_on(task, None, lost)
            else:
                self._step(task, wanted)
            return
        result: Any = None
        error: Exception | None = None
        try:
            if isinstance(wanted, Push):
                self._pushed(task, wanted)
            else:
                result = self._on_store(task, wanted)
        except DialogError as failure:
            error = failure
        if roll > 1 - self.deadly / 2:
            self._kill(task.worker)
        elif roll > 1 - self.deadly:
            task.worker.was_stopped = True
            task.worker.frozen = self.now + self.chance.choice((1.0, 4.0, 8.0))
            self.later(0.001, task.worker, partial(self._go_on, task, result, error))
        else:
            self._go_on(task, result, error)

    def _pushed(self, task: Task, push: Push) -> None:
        """A part is pushed; a message that was written before that may arrive after it."""
        said = encode_reply(push.reply).decode()
        self.judge.pushed(said, self.now)
        if ASKED.search(said) and self.chance.random() < 0.5:
            number = 200 + len(self.asked)
            self.asked.add(f"m{number}")
            ask = partial(self._ask, task.user, number, "嗯", 0, int(self.now - 6))
            self.later(self.chance.random() * 4, None, ask)

    def _on_store(self, task: Task, wanted: Any) -> Any:
        found = self.store._users.get(task.user)
        before = {} if found is None else dict(found.mail)
        result = wanted.on(self.store)
        if isinstance(wanted, PostMail) and isinstance(result, Posted) and result.number:
            letter = SignalMail.of("x", 0, "") if wanted.id.startswith("begin") else None
            if letter is None:
                self.judge.posted.setdefault(task.user, set()).add(int(wanted.id.split(":s")[1]))
        if isinstance(wanted, Claim) and isinstance(result, Running):
            entry = self.store._users[task.user].entry
            held = entry.holder == FIRING and entry.is_claimed(int(self.now * 1e6))
            self.judge.refused(wanted.key, result.key, held=held)
        if isinstance(wanted, Commit) and isinstance(result, Committed):
            self.judge.replied(wanted.reply.decode())
        if isinstance(wanted, (Commit, RecordWrite)):
            self.judge.wrote(task.user, before, wanted.write.taken, self.now)
        if isinstance(result, Claimed):
            task.fence = task.last = result.fence
        return result

    def _beat(self, worker: Worker) -> None:
        """Renew the claims of a worker's turns."""
        self.later(LEASE / 3, worker, partial(self._beat, worker))
        for task in self.tasks:
            if task.worker is worker and task.fence:
                try:
                    self.store.renew(task.user, task.fence, LEASE)
                except ClaimLost:
                    task.fence = 0

    def _step(self, task: Task, step: RunStep) -> None:
        call, mine = task.worker.settings.outcomes.join(task.user, step.key)
        outcomes = task.worker.settings.outcomes

        def ended() -> None:
            outcome = call.outcome
            assert outcome is not None
            self._go_on(task, StepOutcome(step.slot, outcome.result, outcome.error), None)

        outcomes.when_over(call, lambda: self.later(0.0, task.worker, ended))
        if mine:
            entry = self.store._users[task.user].entry
            if entry.is_claimed(int(self.now * 1e6)) or task.worker.was_stopped:
                purpose = str(step.call.args[0]), str(step.call.args[1])
                self.judge.step_begins(task.worker, purpose, step.key)
            else:
                raise Violation(f"{step.call.args} runs without a claim")
            lasts = self.chance.random() * (2.0 if self.chance.random() < 0.2 else 0.2)
            finish = partial(outcomes.finish, call, StepOutcome(0), self.now)
            self.later(lasts, task.worker, finish)

    def _kill(self, worker: Worker) -> None:
        worker.dead = True
        for task in [task for task in self.tasks if task.worker is worker]:
            del self.tasks[task]
            task.flow.close()
            task.lost()
        if isinstance(worker.settings.cache, LiveDialogs):
            worker.settings.cache.clear()
        new = Worker(worker.number, self.seed)

        def start() -> None:
            self.workers[worker.number] = new
            self._sweep(new)
            self._beat(new)

        self.later(self.chance.random() * 4, None, start)


def run(
    seed: int, store: type[MemoryStore] = MemoryStore, fires: Callable[..., Any] = fire
) -> World:
    """Run the world of a seed to its end.

    Raises:
        Violation: Something happened that must not.
    """
    world = World(seed, store, fires)
    try:
        world.run()
    finally:
        for worker in world.workers:
            for task in [task for task in world.tasks if task.worker is worker]:
                task.flow.close()
            if isinstance(worker.settings.cache, LiveDialogs):
                worker.settings.cache.clear()
    return world


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    first, count = int(sys.argv[1]), int(sys.argv[2])
    for number in range(first, first + count):
        try:
            run(number)
        except Exception as error:  # noqa: BLE001 - told by its seed
            print(number, type(error).__name__, str(error)[:300])
