"""One simulated world: users, the platform with its retries, and an operator, around the workers.

What the workers run is the real thing: `turn`, `flights`, `LiveDialogs`, the rules of the stores.
What is simulated is what lies around it: time, the network, processes that die or stop, a store
that fails, steps that take long. `Judge` looks at every operation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from wechat_dialog import messages
from wechat_dialog.errors import StoreError
from wechat_dialog.flights import Defer, Listen, Request, Seat, listen
from wechat_dialog.head import decode_parked, decode_state
from wechat_dialog.journal import message_key
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.turn import Outcome, end, resume, turn

from .dialogs import FIRST_ID, RULES
from .judge import Violation
from .parts import BEGIN, WINDOW, Chain, Connection, Flying, Worker
from .plan import Desert, Dice, Operate, Outage, Plan, Say
from .workers import Workers

__all__ = ["World", "run"]


class World(Workers):
    """Runs a plan; see `run`."""

    # The plan -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run all of it, and then see that everyone can go on."""
        for action in self.plan.actions:
            if isinstance(action, Say):
                self.later(action.at, None, partial(self.post, action))
            elif isinstance(action, Operate):
                self.later(action.at, None, partial(self.operate, action))
            elif isinstance(action, Outage):
                self.outages.append((BEGIN + action.at, BEGIN + action.at + action.seconds))
            elif isinstance(action, Desert):
                self.deserted[action.serial] = action.seconds
            else:
                self.at[action.serial, action.nth] = action
        self.pass_time()
        self._settle()

    def _settle(self) -> None:
        """No mishaps any more: every user is answered at once, and nothing stays undone."""
        self.calm = True
        self.at.clear()
        self.deserted.clear()
        self.outages.clear()
        serial = 1_000
        for number in sorted({a.user for a in self.plan.actions if isinstance(a, Say)}):
            user = f"gh:u{number}"
            for word in ("继续",) * 12 + ("帮助",):
                state = decode_state(self.snapshot(user).head)
                if word == "继续" and not (state.held or state.key or self.pending(user)):
                    continue
                serial += 1
                chain = self.post(Say(0, serial, number, word))
                self.pass_time()
                if not chain.answers or chain.answers[0] is None or len(chain.answers) > 1:
                    raise Violation(f"{user} is stuck: {word} is answered {chain.answers}")
            state = decode_state(self.snapshot(user).head)
            if state.held and any(held.owed for held in state.held):
                raise Violation(f"{user} never gets {state.held}")
        self.judge.all_promises_kept()

    def pending(self, user: str) -> bool:
        """Whether a message of the user was put off and has no answer."""
        found = self.store._users.get(user)
        return found is not None and any(s.message for s in found.document.seen.values())

    # The platform ---------------------------------------------------------------------------------

    def post(self, say: Say) -> Chain:
        """A user sends a message: the platform asks for an answer until it has one."""
        message = _message(say, int(self.now))
        user = f"gh:u{say.user}"
        chain = Chain(say, message, user, message_key(message), self.plan.requests)
        self.chains[say.serial] = chain
        self.say(f"user {say.user} says {say.text} ({say.serial})")
        self._ask(chain, 0)
        return chain

    def _ask(self, chain: Chain, copy: int) -> None:
        if chain.answered or copy >= chain.asks:
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
        if not worker.alive:
            self.say(f"  worker {number} is down: {chain.say.serial} gets no connection")
            return
        if worker.frozen > self.now:
            self.later(
                worker.frozen - self.now + 0.001,
                None,
                lambda: self._arrive(chain, number, dice, closes),
            )
            return
        seat = worker.flights.board((chain.user, chain.key), self.now)
        connection = Connection(chain.say.serial, self.now, closes)
        worker.connections.append(connection)
        chain.connections.append(connection)
        self.say(f"  {chain.say.serial} reaches worker {number}, seat {seat.number}")
        if not self.calm:
            self.later(4.8, worker, lambda: self._look_after(worker, seat, chain, connection))
        if seat.runs:
            arrived = int(self.now * 1000)
            transaction = turn(worker.settings, chain.user, chain.message, chain.key, arrived)
            flying = Flying(
                worker, chain.user, chain.key, chain.say.serial, chain.say.text, transaction, seat,
                dice, connection=connection, chain=chain,
            )  # fmt: skip
            self.judge.began(flying)
            worker.flying.add(flying)
            self.later(0.0, worker, lambda: self.send(flying, None, None))
            if worker.synchronous:
                return
        self.listen(worker, seat, chain, connection)

    def _look_after(self, worker: Worker, seat: Seat, chain: Chain, connection: Connection) -> None:
        """Who is known to be the platform's last request must be answered by now."""
        told = worker.told.get(id(seat.flight), self.now)
        if (
            seat.is_last(WINDOW) and told < connection.opened + 4.5 and self.now < connection.closes
            and not (chain.answered or connection.slow or seat.flight.done.done() or self.outages)
        ):  # fmt: skip
            raise Violation(f"the last request of {chain.say.serial} is left without an answer")

    def listen(self, worker: Worker, seat: Seat, chain: Chain, connection: Connection) -> None:
        request = Request(chain.user, chain.message, chain.key, int(connection.opened * 1000))
        listening = listen(seat, request, WINDOW, RULES, self.now)
        token = 0

        def go_on(value: Any) -> None:
            nonlocal token
            token += 1
            mine = token
            try:
                wanted = listening.send(value)
            except StopIteration as stop:
                self.answer(worker, chain, connection, stop.value)
                return
            except Exception as error:  # noqa: BLE001 - what the bot does, too
                self.answer(worker, chain, connection, error)
                return
            if isinstance(wanted, Listen):

                def wake() -> None:
                    if mine == token:
                        go_on(self.now)

                worker.listeners.setdefault(id(seat.flight), []).append(wake)
                self.later(wanted.seconds, worker, wake)
            else:
                self.later(0.002, worker, lambda: put_off(wanted))

        def put_off(wanted: Defer) -> None:
            if self.store_is_away():
                self.answer(worker, chain, connection, StoreError("the store is away"))
                return
            self.judge.deferred(
                connection,
                chain.connections if chain.asks == 3 and not chain.say.doubled else (),
                self.now,
            )
            self.say(f"  {chain.say.serial} is put off")
            told = wanted.on(self.store)
            seconds = self.deserted.get(chain.say.serial)
            if seconds is not None and told is None:
                self.later(seconds, None, lambda: self.desert(chain.user, chain.key))
            go_on(told)

        go_on(None)

    def answer(
        self, worker: Worker, chain: Chain, connection: Connection, outcome: Outcome | Exception
    ) -> None:
        if not worker.alive or self.now >= connection.closes or chain.answered:
            return
        chain.answered = True
        if isinstance(outcome, Exception):
            if not isinstance(outcome, StoreError):
                raise Violation(f"{chain.say.serial} fails: {outcome!r}") from outcome
            self.say(f"  {chain.say.serial} gets an apology: {outcome}")
            chain.answers.append(None)
            return
        self.say(f"  {chain.say.serial} is answered {outcome.reply!r}"[:300])
        chain.answers.append(outcome)
        self.judge.delivered(connection, chain.user, outcome, self.now)

    # The operator ---------------------------------------------------------------------------------

    def operate(self, action: Operate) -> None:
        """An operator ends, resumes or drops."""
        user, worker = f"gh:u{action.user}", self.workers[0]
        if not worker.alive or worker.frozen > self.now:
            return
        if action.what == "drop":
            self.say(f"the operator drops {user}")
            for at in self.workers:
                for flying in at.flying:
                    if flying.user == user:
                        flying.excused = flying.dropped = True
            if self.store.end(user):
                self.judge.dropped(user)
            return
        arrived = int(self.now * 1000)
        stand_in = messages.Text(
            user=f"u{action.user}", account="gh", created=int(self.now), text=""
        )
        if action.what == "end":
            transaction, key = end(worker.settings, user, stand_in, arrived), f"end:{arrived}"
        else:
            shown = self.store.show(user)
            if shown is None or not shown.parked:
                return
            parked = decode_parked(next(iter(shown.parked.values())).document)
            transaction = resume(worker.settings, user, parked, stand_in, arrived)
            key = f"resume:{parked.frame.id}:{parked.parked}"
        self.say(f"the operator does {action.what} to {user}")
        dice = Dice(self.plan.seed, int(action.at * 1000), action.user)
        flying = Flying(worker, user, key, 0, "", transaction, None, dice)
        worker.flying.add(flying)
        self.send(flying, None, None)


def _message(say: Say, created: int) -> messages.Message:
    fields: dict[str, Any] = {
        "ToUserName": "gh", "FromUserName": f"u{say.user}", "CreateTime": str(created),
    }  # fmt: skip
    if say.text.startswith("!"):
        return messages.from_fields(
            {**fields, "MsgType": "event", "Event": say.text[1:], "EventKey": f"go{say.serial}"}
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
