"""The turns of a process that no message began: for timers, signals, and conversations to begin.

They are driven like messages' turns, with claims renewed and steps given up, but on threads of
their own, few at a time, and fewer while messages are being answered, since a user waits for those.
A thread does one after another (`hand.py`). What they do is in `core/turn/outside.py`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from inspect import GEN_CREATED, getgeneratorstate
from itertools import count
from threading import Lock
from typing import Any, TypeVar

from wechat_dialog.core.logs import log, report
from wechat_dialog.core.store.times import Due
from wechat_dialog.core.turn.mail import Letter
from wechat_dialog.core.turn.operations import Operation
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.outside import LONGEST, STANDS_IN_LINE, Fired, Sent, fire, send
from wechat_dialog.core.turn.running_turn import Listener
from wechat_dialog.errors import Closing, StoreError
from wechat_dialog.forks import mind

from .drive import Driving, TurnDriver
from .hand import Entry, Hand
from .reporting import Reporting, firing_notes, observed
from .signals import NEVER
from .wanted import BeginBeside, EndLeases, NextTurn, Wait

__all__ = ["AT_ONCE", "BESIDE", "Firings"]

T = TypeVar("T")

AT_ONCE = 32
"""How many threads fire a hand's entries at once at most; and if as many entries are in hand in the
process, the sweeper leases no more.
"""

BESIDE = 4
"""The same while messages are being answered."""

REST = 1.0
"""Longest pause of a firing to make room for messages, in seconds: time spent waiting for a step
needs no pause.
"""

TRIES = (0.2, 0.8)
"""Seconds before each further try if another turn of the user is running. After that the lease of
the index entry expires, and whoever gets it then queues for the claim.
"""


class Firings:
    """The firings of one process; safe to use from several threads.

    Attributes:
        ring: Called when half of the room is free again; see `wants_more`.
        hand: What the sweeper has leased.
    """

    def __init__(
        self, driver: TurnDriver, rest: float = REST, reporting: Reporting | None = None
    ) -> None:
        """Create it without firings.

        Args:
            driver: Drives the turns.
            rest: Longest pause of a firing, in seconds.
            reporting: Makes reports of the turns; None: nobody wants any.
        """
        self._reporting = reporting
        self._driver = driver
        self._turns = driver.turns
        self._rest = rest
        self.ring: Callable[[], object] = lambda: None
        self.begin_anew()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: the parent's firings are not ours."""
        self._lock = Lock()
        self._numbers = count()
        self._places = 0
        self._running = 0
        self._wanted = False
        self.hand = Hand()
        self._leased = dict[Due, None]()  # not done yet; in order

    @property
    def closing(self) -> bool:
        """Whether none begin any more."""
        return self._turns.closing

    # Room -----------------------------------------------------------------------------------------

    def room(self) -> int:
        """Return how many more entries may be taken in hand now, 0 or more."""
        with self._lock:
            return max(self._most() - self._places, 0)

    def wants_more(self) -> bool:
        """Return whether half of the room is free; if not, `ring` is called once it is."""
        with self._lock:
            # Not called for each place: reading one entry costs as much as reading many. While
            # entries in hand wait for a thread, the sweeper looks every `TICK`, and may read then.
            free = self._places <= self._most() // 2
            self._wanted = not free
            return free

    def _most(self) -> int:
        return BESIDE if self._messages() else AT_ONCE

    def _messages(self) -> bool:
        """Whether messages are being answered."""
        return len(self._turns) > self._running

    def take(self, hand: Hand, entries: Sequence[Entry]) -> None:
        """Take entries in hand; each occupies a place until its firing has ended."""
        with self._lock:
            self._places += len(entries)
            self._leased.update((entry.due, None) for entry in entries)
        hand.take(entries)

    def drop(self, hand: Hand) -> None:
        """Take the entries out of hand whose firings have not begun: they are still due."""
        while (entry := hand.next_entry()) is not None:
            self._leave(hand, entry)

    def give_back(self) -> Driving[bool]:
        """Let other processes have at once what is leased and will not be done in this one, which
        begins no more turns. Otherwise they get it when the leases end.

        To be called again when no turn is running any more: of the users whose turns are running,
        nothing is given back yet.

        Returns:
            Whether the store did it; there is no use in asking one that failed again.
        """
        running = {turn.user for turn in self._turns.running()}
        with self._lock:
            entries = tuple(due for due in self._leased if due.user not in running)
            for due in entries:
                del self._leased[due]
        if entries:
            try:
                yield EndLeases(entries)
            except Exception as error:  # noqa: BLE001 - the process goes on closing
                report(
                    logging.INFO, "what is due for %d users waits for its lease", len(entries),
                    error=error,
                )  # fmt: skip
                return False
        return True

    def _leave(self, hand: Hand, entry: Entry, done_there: int = 0) -> None:
        """Free the place of an entry, and leave it to its lease, unless the process is being closed
        (see `give_back`); see `Hand.leave`.
        """
        with self._lock:
            self._places -= 1
            if not self.closing:
                self._leased.pop(entry.due, None)
            ring = self._wanted and self._places <= self._most() // 2
            self._wanted = self._wanted and not ring
        hand.leave(done_there)
        if ring:
            self.ring()

    def begin(self, hand: Hand) -> Iterator[BeginBeside]:
        """Return the requests to begin as many threads as the entries in hand need now; to be
        called again every `TICK` seconds while there are any.

        Raises:
            Closing: The process begins no more turns.
        """
        context = copy_context()
        for _ in range(hand.lacking(self._driver.clock(), self._most())):
            begins = self._next(hand, context)
            if begins is None:
                return
            hand.begin_thread()
            yield begins

    # What is due ----------------------------------------------------------------------------------

    def fire(self, account: str, due: Due, now: int = 0) -> BeginBeside:
        """Return the request to do all that is due for a user. It occupies a place until it has
        ended.

        Args:
            account: The account.
            due: An entry of the account's index.
            now: The store's clock, ms since the epoch; 0: the entry is not late.

        Raises:
            Closing: The process begins no more turns.
        """
        hand = Hand()
        self.take(hand, [Entry(account, due, now)])
        (begins,) = self.begin(hand)
        return begins

    def _next(self, hand: Hand, context: Context) -> BeginBeside | None:
        """Return the request to fire the next entry in hand, and then the others; None: there is
        none any more.
        """
        entry = hand.next_entry()
        if entry is None:
            return None
        try:
            listener = self._join(entry.due.user)
        except Closing:
            self._leave(hand, entry)
            raise
        fired = self._fired_in_turn(hand, entry, listener, context)
        listener.turn.completion.when_over(partial(self._if_unbegun, fired, hand, entry))
        return BeginBeside(listener.turn, fired, context)

    def _fired_in_turn(
        self, hand: Hand, entry: Entry, listener: Listener, context: Context
    ) -> Driving[BeginBeside | None]:
        """Fire an entry; returns the request to fire the next one on the same thread."""
        following: BeginBeside | None = None
        done_there = 0
        try:
            try:
                done_there = yield from self._fired(entry, listener)
            finally:
                self._leave(hand, entry, done_there)
            if hand.threads <= self._most():
                with suppress(Closing):
                    following = self._next(hand, context)
        finally:
            if following is None:
                hand.end_thread()
        return following

    def _fired(self, entry: Entry, listener: Listener) -> Driving[int]:
        """Do all that is due for one user; returns how many things were done."""
        waits = entry.now - entry.due.at >= STANDS_IN_LINE * 1000
        done_there, tries = 0, iter(TRIES)
        due: Due | None = entry.due
        try:
            while due is not None:
                began = self._driver.clock()
                fired = yield from self._once(listener, entry.account, due, waits=waits)
                if fired.outcome != "busy":
                    due, waits = fired.again, False
                    done_there += fired.outcome == "done"
                    if self._messages():  # it pauses as long as it worked
                        worked = self._driver.clock() - began
                        yield Wait(NEVER.when_over, min(worked, self._rest))
                elif (pause := next(tries, None)) is not None:
                    yield Wait(NEVER.when_over, pause)
                else:
                    return done_there
                if due is not None:
                    listener = self._join(due.user)
                    yield NextTurn(listener.turn)
        except Closing:
            pass  # it is still due, and given back
        except Exception as error:  # noqa: BLE001 - it is still due, and nobody waits for it
            level = logging.WARNING if isinstance(error, StoreError) else logging.ERROR
            report(
                level, "user %s: what is due could not be done, and is tried again",
                entry.due.user, error=error,
            )  # fmt: skip
        return done_there

    def _if_unbegun(self, fired: Driving[BeginBeside | None], hand: Hand, entry: Entry) -> None:
        """Free the place of what never began: no thread could be had, or its event loop ended."""
        if getgeneratorstate(fired) == GEN_CREATED:
            hand.end_thread()
            self._leave(hand, entry)

    def _once(self, listener: Listener, account: str, due: Due, *, waits: bool) -> Driving[Fired]:
        openid = due.user.removeprefix(f"{account}:")
        notes = firing_notes(self._reporting, listener.turn, account, openid)
        transaction = fire(self._settings(), due, account, openid, waits=waits, notes=notes)
        fired = yield from self._driven(listener, transaction, due)
        log.debug(
            "user %s: what is due: %s, dialog %r, %.3f s late",
            due.user, fired.outcome, fired.dialog, fired.late,
        )  # fmt: skip
        return fired

    # What comes from outside ----------------------------------------------------------------------

    def send(
        self, account: str, openid: str, letter: Letter, id: str
    ) -> tuple[BeginBeside, Future[Sent]]:
        """Return the request to post a letter and do what it makes due, and a future of the result.

        Args:
            account: The account.
            openid: The user's OpenID.
            letter: The letter.
            id: Idempotency key of the letter; "": none.

        Raises:
            Closing: The process begins no more turns.
        """
        user = f"{account}:{openid}"
        listener, sent = self._join(user), Future[Sent]()
        notes = firing_notes(self._reporting, listener.turn, account, openid)
        transaction = send(self._settings(), user, account, openid, letter, id, notes=notes)
        begins = BeginBeside(listener.turn, self._sent(listener, account, transaction, sent))
        return begins, sent

    def post(self, account: str, openid: str, letter: Letter, id: str) -> Driving[Sent]:
        """Post a letter only, for a step; see `send`.

        It is not refused while the bot is being closed: the step's turn is under way, and may end.
        """
        user = f"{account}:{openid}"
        transaction = send(self._settings(), user, account, openid, letter, id, post_only=True)
        return self._driven(self._join(user, follows=True), transaction)

    def _sent(
        self,
        listener: Listener,
        account: str,
        transaction: Generator[Operation, Any, Sent],
        sent: Future[Sent],
    ) -> Driving[None]:
        try:
            result = yield from self._driven(listener, transaction)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            sent.set_exception(error)
            return
        sent.set_result(result)
        if result.again is not None:
            with suppress(Closing):
                yield self.fire(account, result.again)

    # Driving them ---------------------------------------------------------------------------------

    def _settings(self) -> Any:
        # No live dialog is kept, since the user may not come back for days.
        return dataclasses.replace(self._driver.settings(), cache=None)

    def _join(self, user: str, *, follows: bool = False) -> Listener:
        id = user, f"fire {next(self._numbers)}"
        listener = self._turns.join(id, self._driver.clock(), follows=follows)
        listener.turn.longest = LONGEST
        with self._lock:
            self._running += 1
        listener.turn.completion.when_over(self._ended)
        return listener

    def _ended(self) -> None:
        with self._lock:
            self._running -= 1

    def _driven(
        self,
        listener: Listener,
        transaction: Generator[Operation, Any, T],
        due: Due | None = None,
    ) -> Driving[T]:
        turn = listener.turn
        driving = self._driver.drive(transaction, listener, listener.arrived)
        if turn.notes is not None:
            driving = observed(driving, turn.notes, self._driver.clock)
        try:
            result = yield from driving
        except BaseException as error:
            self._turns.finish(turn, error, self._driver.clock())
            raise
        # Before the turn ends: then a process that is being closed gives back what is noted.
        with self._lock:
            if due is not None and isinstance(result, Fired):
                if result.outcome in ("done", "nothing"):
                    self._leased.pop(due, None)
            elif isinstance(result, Sent) and result.again is not None:
                self._leased[result.again] = None
        self._turns.finish(turn, Outcome(None))
        return result
