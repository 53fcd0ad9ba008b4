"""Outside events and due times of one process: its account, its sweeper, and its firings."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from wechat_dialog.core.store.times import Dues
from wechat_dialog.core.turn.mail import Letter
from wechat_dialog.core.turn.outside import Sent
from wechat_dialog.errors import Closing

from .accounts import Accounts, unknown
from .drive import Driving
from .firings import Firings
from .hand import TICK, Entry, Hand
from .loops import OnLoops
from .performing import perform_all, perform_all_async
from .signals import Signal
from .sweeper import Sweeper
from .sweeping import Sweeping
from .threads import OnThreads
from .wanted import AskDue, Wait

__all__ = ["Outside"]

T = TypeVar("T")


class Outside:
    """Outside events and due times in one process.

    Attributes:
        accounts: The bot's accounts.
        sweeping: Whether and where the process sweeps.
    """

    def __init__(
        self,
        accounts: Accounts,
        firings: Firings,
        threads: OnThreads,
        loops: OnLoops,
        *,
        lease: float,
        chance: Callable[[], float],
    ) -> None:
        """Create it; nothing is started yet.

        Args:
            accounts: The bot's accounts.
            firings: The turns that no message began.
            threads: Performs on threads.
            loops: Performs on event loops.
            lease: Seconds for which a claim lasts.
            chance: Returns a random number from 0 to 1.
        """
        self.accounts = accounts
        sweeper = Sweeper(accounts, firings, lease=lease, chance=chance)
        self.sweeping = Sweeping(sweeper, firings, threads, loops)
        self._firings = firings
        self._threads = threads
        self._loops = loops
        self._hidden = 2 * lease
        self._looks: set[Signal] = set()  # of calls of `run_due`

    def note(self) -> None:
        """Tell the store the account soon; no message waits for that."""
        with suppress(Closing):
            self._threads.start(self.accounts.note(), "noting the account")

    def run(self, wants: Driving[T]) -> T:
        """Perform a generator's operations on this thread; returns its result."""
        return perform_all(wants, self._threads.perform)

    async def run_async(self, wants: Driving[T]) -> T:
        """Perform them on the running event loop; see `run`."""
        return await perform_all_async(wants, self._loops.perform)

    def send(self, openid: str, letter: Letter, id: str, *, post_only: bool) -> Driving[Sent]:
        """Post a letter, and do what it makes due if nobody has the user's turn.

        Args:
            openid: The user's OpenID.
            letter: The letter.
            id: Idempotency key of the letter; "": none.
            post_only: Whether only to post it.

        Raises:
            ConfigurationError: The account is not known.
            DialogError: See `core.turn.outside.send`.
        """
        account = yield from self._account()
        if post_only:  # on this very thread, for which the others may be waiting
            return (yield from self._firings.post(account, openid, letter, id))
        begins, sent = self._firings.send(account, openid, letter, id)
        yield begins
        yield Wait(partial(_when_over, sent), None)
        return sent.result()

    def give_back(self, look: float, ended: Signal) -> Driving[None]:
        """Give back what is leased, at once and when the turns have ended; see `Firings.give_back`.

        Args:
            look: Seconds to wait for looks in progress: what they lease is in hand after them.
            ended: Happens when the turns have ended, or had their time.
        """
        yield Wait(self._when_still, look)
        if (yield from self._firings.give_back()):
            yield Wait(ended.when_over, None)
            yield from self._firings.give_back()

    def _when_still(self, tell: Callable[[], object]) -> None:
        """Call `tell` once none of the looks in progress continues."""
        looks = [self.sweeping.when_still, *(over.when_over for over in list(self._looks))]

        def next_or_tell() -> None:
            if looks:
                looks.pop()(next_or_tell)
            else:
                tell()

        next_or_tell()

    def run_due(self, limit: int) -> Driving[int]:
        """Do what is due, and wait for it; returns how many things were done.

        Args:
            limit: For how many users at most.

        Raises:
            ConfigurationError: The account is not known.
            StoreError: The store failed.
        """
        yield from self.accounts.note()
        yield from self._account()
        hand = Hand()
        try:
            yield from self._fire_due(hand, limit)
        finally:
            self._firings.drop(hand)  # it is not swept here
        return hand.done_there

    def _fire_due(self, hand: Hand, limit: int) -> Driving[None]:
        """Take what is due in hand, and fire it all."""
        for account in list(self.accounts.seen):
            entries = yield from self._look(hand, account, limit)
            # Before another account is asked, which may fail: these entries are leased.
            while hand.left:
                yield from self._firings.begin(hand)
                yield Wait(hand.over().when_over, TICK if hand.entries else None)
            limit -= entries
            if limit <= 0:
                break

    def _look(self, hand: Hand, account: str, limit: int) -> Driving[int]:
        """Take what is due for an account in hand; returns how many entries."""
        over = Signal()
        self._looks.add(over)
        try:
            if self._firings.closing:  # which waits for looks that began before it
                return 0
            dues: Dues = yield AskDue(account, limit, self._hidden)
            self._firings.take(hand, [Entry(account, due, dues.now) for due in dues.entries])
            return len(dues.entries)
        finally:
            self._looks.discard(over)
            over.happen()

    def _account(self) -> Driving[str]:
        account = yield from self.accounts.learn()
        if not account:
            raise unknown()
        return account


def _when_over(future: Future[Any], tell: Callable[[], object]) -> None:
    future.add_done_callback(lambda _: tell())
