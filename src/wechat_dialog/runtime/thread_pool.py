"""Threads for jobs that may never return.

A thread cannot be stopped. So a job here can be *given up*: if it has not begun, it never begins;
if it has begun, it keeps its thread, and another one replaces it. A pool of `concurrent.futures`
does neither: hanging threads count against its limit, jobs that nobody waits for are run all the
same, and the interpreter cannot exit before the last of them has ended.

Threads are created when none is idle and are kept for a few seconds, so that what a client library
keeps per thread (a connection) is still there for a busy bot, and not stale for a quiet one.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from wechat_dialog.errors import NoThread

__all__ = ["Job", "ThreadPool"]

log = logging.getLogger("wechat_dialog")

IDLE = 10.0
"""Seconds for which a thread waits for another job."""


class Job(Future[Any]):
    """A job, and a future of its result.

    Attributes:
        name: Its name in the log.
        lost: Whether it was given up while it ran.
    """

    def __init__(self, work: Callable[[], object], name: str) -> None:
        super().__init__()
        self.name = name
        self.lost = False
        self._work = work
        # Frameworks keep per-request data there: `flask.current_app`, a tracer's span.
        self._context = contextvars.copy_context()

    def perform(self) -> None:
        """Run it, unless it was given up before it began."""
        if not self.set_running_or_notify_cancel():
            return
        work, context = self._work, self._context
        del self._work, self._context
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.set_exception(error)
        else:
            self.set_result(result)


class ThreadPool:
    """Runs jobs, each on a thread of its own; safe to use from several threads."""

    def __init__(self, name: str, limit: int, spare: int) -> None:
        """Create it; no thread is started yet.

        Args:
            name: Name of the threads.
            limit: How many jobs may run at once; more have to wait.
            spare: How many threads may be created beyond that, to replace those whose job was given
                up.
        """
        self._name = name
        self._limit = limit
        self._spare = spare
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[Job | None]] = []
        self._waiting: deque[Job] = deque()
        self._alive = 0
        self._lost = 0
        self._closed = False
        self._here = threading.local()

    def here(self) -> Job | None:
        """Return the job that the current thread runs; None if it runs none of this pool."""
        return getattr(self._here, "job", None)

    def rename(self, name: str) -> None:
        """Let the job that the current thread runs have another name in the log from now on."""
        job = self.here()
        if job is not None:
            job.name = name

    def start(self, work: Callable[[], object], name: str = "") -> Job:
        """Run a job, at once if there is a thread for it.

        Args:
            work: The function of the job.
            name: Its name in the log.

        Raises:
            NoThread: No thread can be created, and none exists for which it could wait: the process
                is ending.
        """
        job = Job(work, name)
        with self._lock:
            if self._idle:
                self._idle.pop().put(job)
                return job
            if not self._may_grow():
                if not self._waiting:
                    log.warning(
                        "all %d threads of %s are in use: further calls wait for one",
                        self._alive, self._name,
                    )  # fmt: skip
                self._waiting.append(job)
                return job
            self._alive += 1
        self._begin(job)
        return job

    def give_up(self, job: Job) -> bool:
        """Stop waiting for a job. Returns whether it never begins; otherwise it continues, and its
        thread is replaced.
        """
        if job.cancel():
            with self._lock:
                if job in self._waiting:
                    self._waiting.remove(job)
            return True
        following: Job | None = None
        with self._lock:
            if job.done() or job.lost:
                return False
            job.lost = True
            self._lost += 1
            lost = self._lost
            if self._waiting and self._may_grow():
                following = self._waiting.popleft()
                self._alive += 1
        log.log(
            logging.ERROR if lost >= self._spare else logging.WARNING,
            "%s was given up and still runs: %d threads of %s have such code, %d are replaced",
            job.name or "a job", lost, self._name, self._spare,
        )  # fmt: skip
        if following is not None:
            self._begin(following)
        return False

    def close(self) -> None:
        """Let idle threads end; running jobs continue."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._alive -= len(idle)
        for inbox in idle:
            inbox.put(None)

    def _may_grow(self) -> bool:
        return self._alive - min(self._lost, self._spare) < self._limit

    def _begin(self, job: Job) -> None:
        try:
            # A daemon: a job that never returns must not keep the process from exiting.
            threading.Thread(target=self._live, args=(job,), name=self._name, daemon=True).start()
        except RuntimeError as error:  # the system's limit is reached, or the interpreter is ending
            with self._lock:
                self._alive -= 1
                if self._alive > self._lost:
                    self._waiting.append(job)
                    return
            raise NoThread(f"no thread can be had: {error}") from error

    def _live(self, job: Job | None) -> None:
        inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        while job is not None:
            self._here.job = job
            job.perform()
            self._here.job = None
            # A job that is done cannot be given up any more; do not keep a reference to its result.
            lost, job = job.lost, None
            job = self._following(inbox, lost=lost)

    def _following(self, inbox: queue.SimpleQueue[Job | None], *, lost: bool) -> Job | None:
        """Return a thread's next job; None: there is none for it, and it ends."""
        with self._lock:
            if lost:
                self._lost -= 1
            if self._closed or self._alive - min(self._lost, self._spare) > self._limit:
                self._alive -= 1
                return None
            if self._waiting:
                return self._waiting.popleft()
            self._idle.append(inbox)
        try:
            return inbox.get(timeout=IDLE)
        except queue.Empty:
            with self._lock:
                if inbox in self._idle:
                    self._idle.remove(inbox)
                    self._alive -= 1
                    return None
        return inbox.get()  # a job was assigned in the meantime
