"""Writes of one process that share a transaction, and with it the wait for the disk (group commit).

A commit is one fsync of the log, and SQLite has one writer at a time: eight threads with a commit
each would wait for eight fsyncs. So they queue, and the first of them does, in one transaction, its
own work and that of all who arrive before it commits. Later ones wait for the next transaction. No
thread is notified of its result before the transaction is on the disk, not even for reads, which
may have seen another work's changes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from .rows import Rows

__all__ = ["Group", "Line", "Work"]

T = TypeVar("T")


class Work(Generic[T]):
    """The work of one thread, and its result.

    Args:
        do: Does it, given the rows of the transaction and the time. It may be called again if a
            transaction was rolled back.
        durable: Whether it has to be on the disk before the thread is notified.
        alone: Whether no other work may share its turn; for works that are not transactions.
    """

    __slots__ = ("abandoned", "alone", "do", "durable", "error", "leads", "notified", "result")

    result: T

    def __init__(
        self, do: Callable[[Rows, int], T], *, durable: bool = False, alone: bool = False
    ) -> None:
        self.do = do
        self.durable = durable
        self.alone = alone
        self.error: BaseException | None = None
        self.leads = False
        self.abandoned = False
        """Whether its thread has stopped waiting."""
        self.notified: threading.Lock | None = None
        """Held until its thread is notified that it leads, or that the work is done; None: it did
        not have to wait.
        """

    def outcome(self) -> T:
        """Return the result of the work, or raise its exception."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            raise error
        finally:
            del error  # the exception refers to this frame

    def tell(self) -> None:
        """Let the waiting thread continue."""
        if self.notified is not None:
            self.notified.release()


class Line:
    """The threads of one process that want to write, in order of arrival; one of them leads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[Work[Any]] = deque()
        self._led = False

    def enter(self, work: Work[Any], patience: float | None = None) -> bool:
        """Wait until the work is done, or its thread has to lead.

        Args:
            work: The work.
            patience: Seconds to wait; None: no limit.

        Returns:
            Whether the thread leads: it has to do its work, and then `leave`.

        Raises:
            TimeoutError: It took longer. The work was not done, or it is unknown whether it was.
        """
        with self._mutex:
            if not self._led:
                self._led = True
                return True
            notified = work.notified = threading.Lock()
            notified.acquire()
            self._waiting.append(work)
        try:
            if not notified.acquire(timeout=-1 if patience is None else patience):
                raise TimeoutError
        except BaseException:
            self._withdraw(work)
            raise
        return work.leads

    def _withdraw(self, work: Work[Any]) -> None:
        """Stop waiting; the leading thread may have begun the work, and will then finish it."""
        with self._mutex:
            work.abandoned = True
            if work in self._waiting:
                self._waiting.remove(work)
        if work.leads:
            self.leave()

    def wants_durable(self) -> bool:
        """Return whether a waiting work has to be on the disk."""
        if not self._waiting:
            return False
        with self._mutex:
            return any(work.durable for work in self._waiting)

    def next(self, *, durable: bool) -> Work[Any] | None:
        """Take the first waiting work into the transaction of the leading thread.

        Args:
            durable: Whether that transaction will wait for the disk.

        Returns:
            The work; None: none waits, or the first has to wait for another transaction.
        """
        if not self._waiting:
            return None
        with self._mutex:
            for first in self._waiting:
                if first.alone or (first.durable and not durable):
                    return None
                return self._waiting.popleft()
        return None

    def give_back(self, works: list[Work[Any]]) -> None:
        """Put works that were taken back at the front of the queue, except abandoned ones: their
        threads would never lead.
        """
        with self._mutex:
            self._waiting.extendleft(work for work in reversed(works) if not work.abandoned)

    def leave(self) -> None:
        """Stop leading: the first waiting thread leads."""
        with self._mutex:
            self._led = bool(self._waiting)
            if not self._led:
                return
            first = self._waiting.popleft()
            first.leads = True
        first.tell()


class Group:
    """The works of one transaction: that of the leading thread, and those that share it."""

    def __init__(self, line: Line, first: Work[Any]) -> None:
        self.first = first
        self.durable = first.durable or line.wants_durable()
        self._line = line
        self._taken: list[Work[Any]] = []

    def others(self) -> Iterator[Work[Any]]:
        """Yield further works for the transaction, until none waits."""
        while (work := self._line.next(durable=self.durable)) is not None:
            self._taken.append(work)
            yield work

    def fail(self, error: Callable[[], Exception]) -> None:
        """Notify all, including those that were refused, that nothing was done.

        Args:
            error: Creates the error; each thread raises its own.
        """
        for work in (self.first, *self._taken):
            work.error = error()
        self.tell()

    def give_up(self) -> None:
        """Leave the others' works to the next leading thread: the error is this thread's own."""
        taken, self._taken = self._taken, []
        for work in taken:
            work.error = None
        self._line.give_back(taken)

    def tell(self) -> None:
        """Let the threads of the other works continue."""
        taken, self._taken = self._taken, []
        for work in taken:
            work.tell()
