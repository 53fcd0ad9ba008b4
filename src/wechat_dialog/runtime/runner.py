"""The turns of one bot in this process: the parts that drive and perform them, put together.

`requests.py` and `drive.py` decide what is done for a request and for a turn, as generators;
`threads.py` and `loops.py` perform it. They are connected here, with what exists once per process:
the running turns, the heartbeat, the watch, the threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import wait

from wechat_dialog.core.hung_up import has_hung_up
from wechat_dialog.core.logs import log
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.turn.listening import SLACK
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import Request
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.turn_report import OnTurn
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import Closing
from wechat_dialog.messages import Message

from .accounts import Accounts
from .drive import TurnDriver
from .firings import AT_ONCE, Firings
from .heartbeat import Heartbeat
from .loops import OnLoops
from .outside import Outside
from .performing import perform_all, perform_all_async
from .pusher import Pusher
from .readiness import Readiness
from .report_thread import LAST, ReportThread
from .reporting import ReportedRequests, Reporting
from .requests import Begins, Requests
from .running_turns import RunningTurns
from .signals import Signal, future_of, wait_for
from .step_parts import PartPerformer
from .steps import Steps
from .threads import OnThreads
from .typing_sign import TypingSign
from .untaken_replies import UntakenReplies
from .watch import Watch

__all__ = ["Runner"]

ROUNDS = 20
"""Iterations of an event loop for which a turn waits if its client may have hung up long ago: a
server notices that some iterations after it has read the request.
"""

LOOK = 1.0
"""Seconds for which the closing of a bot waits for a look at what is due: what that leases then is
given back.
"""

GRACE = 2.0
"""Seconds that closing a bot takes at most beyond those that its turns have, whatever the store
does: for such a look, and to give back what is leased.
"""

LOOKS = 60.0
"""Seconds after which an operator checks again whether a turn is over."""


class Runner:
    """Runs a bot's turns on a store.

    Attributes:
        store: The store.
        steps: Runs steps.
        turns: The running turns.
        outside: Outside events and due times.
        readiness: Whether a message would be taken now.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        asynchronous: Callable[[], AsyncStore],
        window: Window,
        pusher: Pusher | None = None,
        longest_turn: float | None = None,
        accounts: Accounts | None = None,
        on_turn: OnTurn | None = None,
    ) -> None:
        """Create it; nothing is started yet.

        Args:
            settings: How turns are run.
            store: The store.
            asynchronous: Returns the store's asynchronous interface.
            window: The platform's window.
            pusher: Pushes, for bots that may.
            longest_turn: Seconds after which a turn is given up; None: never.
            accounts: The accounts whose index is swept; None: none yet.
            on_turn: Receives a report of each turn; None: nobody wants any.
        """
        longest = longest_turn or math.inf
        self.store = store
        self.steps = Steps(settings.outcomes, parts=PartPerformer(store, self._face))
        self.turns = RunningTurns()
        self._window = window
        self._heartbeat = Heartbeat(store, settings.lease)
        self._untaken = UntakenReplies(store)
        self._watch = Watch(
            self.turns, longest, settings.lease, window.seconds + SLACK, self._heartbeat.let_go
        )
        self.readiness = Readiness(store, self._face, self.turns)
        self._typing = None if pusher is None else TypingSign(self.turns, pusher)
        self._driver = TurnDriver(
            settings, window, self.turns, self._heartbeat, clock=time.monotonic,
            longest_turn=longest, began=self._watch.begin if pusher is None else self._begin,
            may_push=None if pusher is None else lambda: pusher.allowed,
        )  # fmt: skip
        self._requests, firings = self._reported(on_turn)
        self._threads = OnThreads(store, self._driver, lambda: self.steps, pusher)
        self._loops = OnLoops(asynchronous, self._driver, lambda: self.steps, pusher)
        self._beside = OnThreads(
            store, self._driver, lambda: self.steps, pusher, name="wechat-dialog-firing",
            at_once=2 * AT_ONCE,
        )  # fmt: skip
        self.outside = self._outside(accounts, firings, settings.lease)
        self._driver.wakes = self.outside.sweeping.wakes
        self._requests.goes_on = firings.fire

    def _reported(self, on_turn: OnTurn | None) -> tuple[Requests, Firings]:
        """Return what runs turns, and makes reports of them if somebody wants any."""
        self._reports = None if on_turn is None else ReportThread(on_turn)
        if self._reports is None:
            return Requests(self._driver, self._untaken, self._watch), Firings(self._driver)
        reporting = Reporting(self._reports.put, self._driver.clock)
        requests = ReportedRequests(self._driver, self._untaken, self._watch, reporting=reporting)
        return requests, Firings(self._driver, reporting=reporting)

    def _outside(self, accounts: Accounts | None, firings: Firings, lease: float) -> Outside:
        return Outside(
            accounts or Accounts("", str), firings, self._beside, self._loops, lease=lease,
            chance=random.Random().random,
        )  # fmt: skip

    def _begin(self) -> None:
        """Start the watch and the typing sign: a turn of a bot that pushes has got its claim."""
        self._watch.begin()
        if self._typing is not None:
            self._typing.begin()

    def _face(self) -> AsyncStore:
        return self._loops.face()

    def settings_now(self) -> Settings:
        """Return the settings for a turn that begins now: it pushes only if the account may push
        now.
        """
        return self._driver.settings()

    def run(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """Answer one request with a message, by running its turn or by joining it.

        Args:
            user: The user's key in the store.
            message: The message.
            key: Its key; see `keys.message_key`.
            arrived: When this request arrived, ms since the epoch.

        Raises:
            AskAgain: The store failed, and the platform has another request.
            Closing: The bot is being closed, and the turn has not begun.
            StoreError: The store failed until the patience of the platform's last request was over.
        """
        request = Request(user, message, key, arrived)
        requests, perform = self._requests, self._threads.perform
        if self._untaken.users:
            perform_all(requests.tell_untaken(user), perform)
        listener = self.turns.join((user, key), time.monotonic(), on_thread=True)
        has_left = self._has_left(request)
        listener.turn.departed += has_left
        if listener.number == 1:
            outcome = self._threads.begin(requests.run(request, listener))
            if outcome is not None:
                return outcome
        if has_left:
            return Outcome(None)
        return perform_all(requests.answer(request, listener, on_thread=True), perform)

    async def run_async(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """See `run`."""
        request = Request(user, message, key, arrived)
        requests, loops = self._requests, self._loops
        if self._untaken.users:
            await perform_all_async(requests.tell_untaken(user), loops.perform)
        listener = self.turns.join((user, key), time.monotonic())
        task, doubtful = None, self._may_have_left(request)
        if listener.runs:
            driving = requests.run(request, listener)
            task = loops.begin(listener.turn, driving, rounds=ROUNDS if doubtful else 0)
        wants = requests.answer(request, listener, on_thread=False)
        return await loops.answer(wants, task, doubtful=doubtful)

    def _has_left(self, request: Request) -> bool:
        """Whether the client of this thread's request had hung up before it arrived, if its server
        can tell. It is not asked at every request.
        """
        asks = has_hung_up.get() if self._may_have_left(request) else None
        return asks is not None and asks()

    def _may_have_left(self, request: Request) -> bool:
        """Whether the client of a request may have hung up before it arrived."""
        return self._window.may_be_over(request.arrived / 1000 - request.message.created)

    def operate(self, user: str, begin: Begins) -> Outcome:
        """Drive an operator's transaction on one user, and push what it leaves to push.

        Raises:
            Closing: The bot is being closed, or the process ends.
            StoreError: The store failed.
        """
        listener = self.turns.join((user, f"operator {id(begin)}"), time.monotonic())
        completion = listener.turn.completion
        # On a thread that can be abandoned: what an operator ends or resumes may hang.
        driving = self._requests.operate(listener, begin)
        job = self._threads.start(driving, f"an operator's turn of user {user}")
        while not completion.done():
            wait_for(completion.when_over, LOOKS)
        outcome = completion.result()
        if outcome.pushes is not None:
            job.result()
        return outcome

    async def settle(self, drain: float) -> None:
        """Wait for the turn that a request of this very task has left, `drain` seconds at most."""
        await self._loops.settle(drain)

    def close(self, drain: float) -> None:
        """Begin no more turns, let running ones end, and stop the threads.

        Claims are renewed until the last turn has ended. A turn that has not ended in time is
        logged; its claim expires, and whoever takes it over repeats the step in progress.

        Meanwhile what is leased is given back: nobody here takes it, and a turn may take long to
        end. It takes `GRACE` seconds more at most.

        Args:
            drain: Seconds that the turns may take.
        """
        self.outside.sweeping.stop()
        over, ended = Signal(), Signal()
        self.turns.close(over.happen)
        waits = self._can_wait()
        giving = self.outside.give_back(LOOK if waits else 0.0, ended)
        try:
            # On a thread that can be left: a store may not answer for a long time.
            job = self._beside.start(giving, "giving back what is leased")
        except Closing:
            job = None
        try:
            if waits:
                wait_for(over.when_over, drain)
        finally:
            ended.happen()
        if job is None:
            self.outside.run(giving)  # for as long as the store takes
        else:
            wait([job], GRACE)
        if self._reports is not None:
            wait_for(self._reports.pass_on().when_over, LAST)
        self._stop(drain)

    async def close_async(self, drain: float) -> None:
        """See `close`."""
        self.outside.sweeping.stop()
        over, ended = future_of(self.turns.close), Signal()
        giving = self.outside.run_async(self.outside.give_back(LOOK, ended))
        task = asyncio.ensure_future(giving)
        try:
            await asyncio.wait([over], timeout=drain)
        finally:
            ended.happen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await task
        await self.readiness.stop()
        if self._reports is not None:
            await asyncio.wait([future_of(self._reports.pass_on().when_over)], timeout=LAST)
        self._stop(drain)

    def when_idle(self, close: Callable[[], Awaitable[object]]) -> None:
        """Call `close` on the running event loop once no turn is running there; not at all if none
        is running now.
        """
        self._loops.when_idle(close)

    def _can_wait(self) -> bool:
        """Whether turns on event loops continue while this thread waits; end those whose loop is
        stopped.
        """
        try:
            current_loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            current_loop = None
        loops: dict[asyncio.Task[object], asyncio.AbstractEventLoop] = {}
        for task, turn in list(self._loops.turns.items()):
            loops[task] = task.get_loop()
            if not loops[task].is_running():
                self.turns.finish(turn, Closing("the event loop was stopped"))
        if current_loop is None or current_loop not in loops.values():
            return True
        log.warning("on an event loop, `await bot.close_async()`: turns end only while it runs")
        return False

    def _stop(self, drain: float) -> None:
        now = time.monotonic()
        for turn in self.turns.running():
            log.warning(
                "user %s: a turn did not end within the %g s that closing the bot may take: it has "
                "run for %.1f s, now in %s; its claim expires, and the next worker repeats that",
                turn.user, drain, now - turn.began, turn.doing or "no step",
            )  # fmt: skip
        self.outside.sweeping.end()
        self._heartbeat.stop()
        self._untaken.stop()
        self._watch.stop()
        if self._typing is not None:
            self._typing.stop()
        if self._reports is not None:
            self._reports.stop()
        self._threads.close()
        self._beside.close()
        self.steps.close()
