"""One simulated world: users, the platform with its retries, and an operator, around the workers.

What the workers run is the real thing: `turn`, `listen`, `RunningTurns`, `LiveDialogs`, the rules
of the stores. Simulated are time, the network, processes that die or stop, a store that fails, and
steps that take long. `Judge` looks at every operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from inspect import GEN_CLOSED, getgeneratorstate
from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.replay.header import decode_head, decode_parked
from wechat_dialog.core.store.values import Answered
from wechat_dialog.core.turn.listening import Deferral, Listen
from wechat_dialog.core.turn.operations import Defer
from wechat_dialog.core.turn.operator import end, resume
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import Listener, Request
from wechat_dialog.core.turn.step_records import resume_key
from wechat_dialog.errors import AskAgain, StoreError
from wechat_dialog.messages.keys import message_key
from wechat_dialog.runtime.wanted import Begin, Wait
from wechat_dialog.stores.memory import MemoryStore

from .dialogs import FIRST_ID
from .judge import Violation
from .parts import BEGIN, WINDOW, Asking, Chain, Connection, Flying, Worker
from .plan import (
    Close,
    Deploy,
    Desert,
    Dice,
    Hang,
    Jump,
    Operate,
    Outage,
    Plan,
    Say,
    Stall,
    secret_of,
)
from .workers import Workers

__all__ = ["World", "run"]


AGAIN = 10_000
"""Added to the serial number of a message that its user writes again."""


class World(Workers):
    """Runs a plan; see `run`."""

    # The plan -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run the world, and then check that every user can continue."""
        for action in self.plan.actions:
            if isinstance(action, Say):
                self.later(action.at, None, partial(self.post, action))
            elif isinstance(action, Operate):
                self.later(action.at, None, partial(self.operate, action))
            elif isinstance(action, (Outage, Stall)):
                self.network.add(BEGIN, action)
            elif isinstance(action, Close):
                self.later(action.at, None, partial(self.close, action.worker, action.drain))
            elif isinstance(action, Deploy):
                self.later(action.at, None, partial(self.deploy, action.worker))
            elif isinstance(action, Jump):
                self.later(action.at, None, partial(self.jump, action.seconds))
            elif isinstance(action, Hang):
                self.hanging.add(action.serial)
            elif isinstance(action, Desert):
                self.deserted[action.serial] = action.seconds
            else:
                self.at[action.serial, action.nth] = action
        try:
            self.pass_time()
            self._settle()
        finally:
            for worker in self.workers:
                self.put_away(worker)

    def _settle(self) -> None:
        """From here on nothing fails: every user is answered at once, and nothing is left to do."""
        self.calm = True
        self.at.clear()
        self.deserted.clear()
        self.hanging.clear()
        self.network.clear()
        serial = 1_000
        for number in sorted({a.user for a in self.plan.actions if isinstance(a, Say)}):
            user = f"gh:u{number}"
            for word in ("继续",) * 12 + ("帮助",) + ("取消", "继续", "继续") * 5:
                state = decode_head(self.snapshot(user).head)
                if word == "继续" and not (state.held or state.key or self.pending(user)):
                    continue
                if word == "取消" and not state.stack:
                    continue
                serial += 1
                chain = self.post(Say(0, serial, number, word))
                self.pass_time()
                if not chain.answers or chain.answers[0] is None or len(chain.answers) > 1:
                    raise Violation(f"{user} is stuck: {word} is answered {chain.answers}")
            state = decode_head(self.snapshot(user).head)
            if state.held and any(held.owed for held in state.held):
                raise Violation(f"{user} never gets {state.held}")
            if state.stack:
                raise Violation(f"{user} never gets out of {state.stack}")
        self.judge.all_promises_kept()

    def pending(self, user: str) -> bool:
        """Whether a message of the user was deferred and has no answer."""
        found = self.store._users.get(user)
        return found is not None and any(s.message for s in found.entry.seen.values())

    # The platform ---------------------------------------------------------------------------------

    def post(self, say: Say) -> Chain:
        """A user sends a message: the platform repeats it until it gets an answer."""
        message = _message(say, int(self.now))
        user = f"gh:u{say.user}"
        chain = Chain(say, message, user, message_key(message), self.plan.requests)
        self.chains[say.serial] = chain
        self.say(f"user {say.user} says {say.text} ({say.serial})")
        self._ask(chain, 0)
        return chain

    def _ask(self, chain: Chain, copy: int) -> None:
        if chain.answered:
            return
        if copy >= chain.asks:
            self._repeat(chain)
            return
        self.later(5.0, None, lambda: self._ask(chain, copy + 1))
        closes = self.now + 5.0
        if copy in chain.say.lost:
            self.say(f"  copy {copy} of {chain.say.serial} is lost")
            return
        for twin in range(2 if copy in chain.say.doubled else 1):
            dice = Dice(self.plan.seed, chain.say.serial, copy, twin)
            number = int(dice.roll() * len(self.workers))
            wait = 0.001 if self.calm else dice.delay() * 0.5
            self.later(wait, None, partial(self._arrive, chain, number, dice, closes))

    def _arrive(self, chain: Chain, number: int, dice: Dice, closes: float) -> None:
        worker = self.workers[number]
        if not worker.alive or worker.closing:
            self.say(f"  worker {number} is down: {chain.say.serial} gets no connection")
            return
        if worker.frozen > self.now:
            self.later(
                worker.frozen - self.now + 0.001,
                None,
                lambda: self._arrive(chain, number, dice, closes),
            )
            return
        on_thread = worker.synchronous
        listener = worker.turns.join((chain.user, chain.key), self.now, on_thread=on_thread)
        connection = Connection(chain.say.serial, self.now, closes, dice)
        worker.connections.append(connection)
        chain.connections.append(connection)
        self.say(f"  {chain.say.serial} reaches worker {number}, listener {listener.number}")
        if not self.calm:
            self.later(4.8, worker, lambda: self._look_after(worker, listener, chain, connection))
        request = Request(chain.user, chain.message, chain.key, int(self.now * 1000))
        wants = worker.requests.answer(request, listener, on_thread=on_thread)
        asking = Asking(worker, chain, connection, listener.turn, wants)
        listens = partial(self._go_on, asking, None)
        if not on_thread:
            hears = max(closes - self.now, self.deaf)
            self.later(hears, worker, partial(self._hang_up, asking))
        if listener.runs:
            driving = worker.requests.run(request, listener)
            self._fly(asking, Begin(listener.turn, driving), listens if on_thread else None)
        if not (listener.runs and on_thread):
            listens()

    def _look_after(
        self, worker: Worker, listener: Listener, chain: Chain, connection: Connection
    ) -> None:
        """A request that is known to be the platform's last one must have been answered by now."""
        told = worker.told.get(id(listener.turn), self.now)
        if (
            listener.is_last(WINDOW)
            and told < connection.opened + 4.5 and self.now < connection.closes
            and not (chain.answered or connection.slow or listener.turn.completion.done())
            and not self.network.is_troubled
        ):  # fmt: skip
            raise Violation(f"the last request of {chain.say.serial} is left without an answer")

    def _go_on(self, asking: Asking, result: Any, error: BaseException | None = None) -> None:
        """Continue a request, and arrange for what it requests next."""
        worker, wants = asking.worker, asking.wants
        asking.waits += 1
        waits = asking.waits
        try:
            wanted = wants.send(result) if error is None else wants.throw(error)
        except StopIteration as stop:
            self.answer(worker, asking.chain, asking.connection, stop.value)
            return
        except HungUp:
            return
        except Exception as failure:  # noqa: BLE001 - what the bot does, too
            self.answer(worker, asking.chain, asking.connection, failure)
            return
        asking.listens = isinstance(wanted, Listen)

        def wake() -> None:
            if asking.waits == waits:
                self._go_on(asking, self.now)

        if isinstance(wanted, Listen):
            self.wait(worker, Wait(wanted.completion.when_over, wanted.seconds), wake)
        elif isinstance(wanted, Deferral):
            # Where the store failed its turn, it has joined another one of its message since.
            running = [one for one in worker.turns.running() if one.id == asking.turn.id]
            asking.turn = running[0] if running else asking.turn
            if isinstance(wanted.defer, Defer):  # what follows is its page
                asking.connection.early = asking.turn.leave_at_once
            self.later(0.001, worker, partial(self._defer, asking, wanted))
        elif isinstance(wanted, Begin):
            self._fly(asking, wanted, wake)
        else:
            self.wait(worker, wanted, wake)

    def _defer(self, asking: Asking, wanted: Deferral) -> None:
        """Let a request say that it leaves."""
        worker, defer, waits, user = asking.worker, wanted.defer, asking.waits, asking.chain.user
        away, stall = self.network.silence(user, self.now), self.network.stall(self.now)
        put_off = partial(defer.on, self.store)  # a page is made
        if isinstance(defer, Defer):
            put_off = partial(self._put_off, asking, defer, self.now)

        def hear(told: Any) -> None:
            if asking.waits == waits:
                self._go_on(asking, told)
            else:
                wanted.late(told)

        def fail() -> None:
            if asking.waits == waits:
                self._go_on(asking, None, StoreError("the store says nothing"))

        if away is None and stall is None:
            self.later(0.001, worker, partial(hear, put_off()))
        if away is not None or stall is not None:
            wait = defer.within if away is None else min(away, defer.within)
            self.later(wait, worker, fail)
        if away is None and stall is not None:  # it is heard all the same

            def carry_out() -> None:
                self.later(0.001, worker, partial(hear, put_off()))

            self.later(stall[0], None, carry_out)

    def _hang_up(self, asking: Asking) -> None:
        """A connection is closed, which an event loop is told by its server."""
        if getgeneratorstate(asking.wants) == GEN_CLOSED or asking.turn.completion.done():
            return
        if asking.listens:
            self._go_on(asking, None)
        else:
            self._go_on(asking, None, HungUp())

    def _put_off(self, asking: Asking, wanted: Defer, asked: float) -> Any:
        """Let a request that leaves, or that fetches an untaken reply, reach the store."""
        worker, chain, connection = asking.worker, asking.chain, asking.connection
        if wanted.message:
            # Where a question was answered too late to be heard, the store counted it all the same;
            # it still has when the process that asked is dead.
            counts = chain.asks == 3 and not chain.say.doubled
            counts = counts and self.miscounted.get(chain.user, 0.0) < chain.connections[0].opened
            # Where the store's clock was set forward, it takes the message for older than it is.
            counts = counts and not any(at > chain.connections[0].opened for at, _ in worker.jumps)
            counts = counts and worker.failed.get(chain.user, 0.0) < connection.opened
            self.judge.deferred(connection, chain.connections if counts else (), asked)
            self.say(f"  {chain.say.serial} is put off")
        told = wanted.on(self.store)
        if wanted.message and told is None:
            self.judge.put_off(chain.user, chain.key, wanted.message, self.now)
        if isinstance(told, Answered) and told.reply:
            # On threads nobody hears that the platform has hung up; the clock tells in the end.
            waited = self.now - connection.opened
            deaf = worker.synchronous and connection.closes <= self.now
            deaf = deaf and waited <= WINDOW.seconds
            self.judge.took(chain.user, chain.key, worker, deaf=deaf)
        seconds = self.deserted.get(chain.say.serial)
        if seconds is not None and told is None:
            self.later(seconds, None, lambda: self.desert(chain.user, chain.key))
        return told

    def _fly(self, asking: Asking, begin: Begin, leaves: Callable[[], object] | None) -> None:
        """Let a request begin its message's turn; `leaves` lets it go on when it leaves that."""
        worker, chain = asking.worker, asking.chain
        flying = Flying(
            worker, chain.user, chain.key, chain.say.serial, chain.say.text,
            begin.driving, begin.turn, asking.connection.dice, leaves=leaves, chain=chain,
        )  # fmt: skip
        self.judge.began(flying)
        worker.flying[flying] = None
        self.later(0.0, worker, lambda: self.send(flying, None, None))

    def answer(
        self, worker: Worker, chain: Chain, connection: Connection, outcome: Outcome | Exception
    ) -> None:
        if not worker.alive or self.now >= connection.closes or chain.answered:
            return
        if isinstance(outcome, AskAgain):
            return  # what is no 200 is as good as no answer
        chain.answered = True
        if isinstance(outcome, Exception):
            if not isinstance(outcome, StoreError):
                raise Violation(f"{chain.say.serial} fails: {outcome!r}") from outcome
            self.say(f"  {chain.say.serial} gets an apology: {outcome}")
            chain.answers.append(None)
            self._repeat(chain)
            return
        self.say(f"  {chain.say.serial} is answered {outcome.reply!r}"[:300])
        chain.answers.append(outcome)
        left = worker.left.get(chain.say.serial, float("inf"))
        self.judge.delivered(connection, chain.user, outcome, self.now, left)

    def _repeat(self, chain: Chain) -> None:
        """The user has been told that something went wrong, and may write the same again."""
        say = chain.say
        if say.again is None or self.calm or say.serial >= AGAIN or say.text.startswith("!"):
            return
        serial = say.serial + AGAIN
        text = secret_of(serial) if say.text == secret_of(say.serial) else say.text
        again = replace(say, serial=serial, text=text, lost=frozenset(), doubled=frozenset())
        self.later(say.again, None, lambda: self.post(again))

    # The operator ---------------------------------------------------------------------------------

    def operate(self, action: Operate) -> None:
        """An operator ends, resumes, drops or forgets a user."""
        user, worker = f"gh:u{action.user}", self.workers[0]
        if not worker.alive or worker.closing or worker.frozen > self.now:
            return
        if action.what in ("drop", "forget"):
            self._take_away(user, action.what)
            return
        arrived = int(self.now * 1000)
        stand_in = messages.Text(
            user=f"u{action.user}", account="gh", created=int(self.now), text=""
        )
        if action.what == "end":
            begin, key = partial(end, worker.settings, user, stand_in, arrived), f"end:{arrived}"
        else:
            shown = self.store.show(user)
            if shown is None or not shown.parked:
                return
            parked = decode_parked(next(iter(shown.parked.values())).document)
            begin = partial(resume, worker.settings, user, parked, stand_in, arrived)
            key = resume_key(parked)
        self.say(f"the operator does {action.what} to {user}")
        dice = Dice(self.plan.seed, int(action.at * 1000), action.user)
        self._count += 1
        listener = worker.turns.join((user, f"operator {self._count}"), self.now)
        driving = worker.requests.operate(listener, begin)
        flying = Flying(worker, user, key, 0, "", driving, listener.turn, dice, operator=True)
        worker.flying[flying] = None
        self.send(flying, None, None)

    def _take_away(self, user: str, what: str) -> None:
        """An operator drops a user's conversations without running them, or all that is stored of
        the user, whatever turn is in progress.
        """
        self.say(f"the operator does {what} to {user}")
        for worker in self.workers:
            for flying in worker.flying:
                flying.dropped = flying.dropped or flying.user == user
        found = self.store._users.get(user)
        if what == "drop":
            seen = {} if found is None else found.entry.seen
            begun = [key for key, one in seen.items() if one.message and one.began]
            if self.store.end(user):
                self.judge.dropped(user, begun)
            return
        if found is None:
            return
        keys = {*found.entry.seen, *found.replies, found.entry.holder}
        self.store.forget(user)
        self.judge.forgotten(user, keys)


class HungUp(BaseException):
    """Given to a request that waits for the store when its connection is closed."""


def _message(say: Say, created: int) -> messages.Message:
    fields: dict[str, Any] = {
        "ToUserName": "gh", "FromUserName": f"u{say.user}", "CreateTime": str(created),
    }  # fmt: skip
    if say.text.startswith("!"):
        # What tells a place from another of the same second stands in no key of an event.
        own = "Latitude" if say.text == "!LOCATION" else "EventKey"
        return messages.from_fields(
            {**fields, "MsgType": "event", "Event": say.text[1:], own: f"go{say.serial}"}
        )
    return messages.from_fields(
        {**fields, "MsgType": "text", "Content": say.text, "MsgId": str(FIRST_ID + say.serial)}
    )


def run(
    plan: Plan, store: type[MemoryStore] = MemoryStore, tell: Callable[[str], None] | None = None
) -> World:
    """Run a plan to its end.

    Args:
        plan: What happens.
        store: What the workers keep conversations in; takes a clock.
        tell: Gets a line for everything that happens; None: nobody listens.

    Raises:
        Violation: Something happened that must not.
    """
    world = World(plan, store, tell)
    world.run()
    return world
