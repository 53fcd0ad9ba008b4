"""Writes of one process that share a transaction, and with it the wait for the disk.

A commit is one fsync of the log, and SQLite has one writer at a time: eight threads that commit
each for itself wait for eight of them. So they stand in line, and the first of the line does, in
one transaction, its own work and that of all who came until it commits. Who comes meanwhile waits
for the next. Nobody is told what became of their work before the transaction is on the disk, reads
included: they may have seen what a neighbour wrote.
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
    """What one thread wants done, and what became of it.

    Args:
        do: Does it, given the rows of the transaction and the time. It may be called again where a
            transaction was rolled back.
        durable: Whether it has to be on the disk before the thread is told.
        alone: Whether nobody else's work may be done in between; for what is no transaction.
    """

    __slots__ = ("alone", "do", "durable", "error", "gone", "leads", "result", "told")

    result: T

    def __init__(
        self, do: Callable[[Rows, int], T], *, durable: bool = False, alone: bool = False
    ) -> None:
        self.do = do
        self.durable = durable
        self.alone = alone
        self.error: BaseException | None = None
        self.leads = False
        self.gone = False
        """Whether its thread waits no longer."""
        self.told: threading.Lock | None = None
        """Held until its thread is told that it leads, or that the work is done; None: it did not
        have to wait.
        """

    def outcome(self) -> T:
        """Return what the work returned, or raise what it raised."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            raise error
        finally:
            del error  # which knows this frame

    def tell(self) -> None:
        """Let the thread that waits go on."""
        if self.told is not None:
            self.told.release()


class Line:
    """The threads of one process that want to write, in order of arrival; one of them leads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[Work[Any]] = deque()
        self._led = False

    def enter(self, work: Work[Any], patience: float | None = None) -> bool:
        """Wait until the work is done, or its thread is to lead.

        Args:
            work: The work.
            patience: Seconds to wait; None is as long as it takes.

        Returns:
            Whether the thread leads: it has to do its work, and to `leave`.

        Raises:
            TimeoutError: It took longer. The work is not done, or whether it was is not known.
        """
        with self._mutex:
            if not self._led:
                self._led = True
                return True
            told = work.told = threading.Lock()
            told.acquire()
            self._waiting.append(work)
        try:
            if not told.acquire(timeout=-1 if patience is None else patience):
                raise TimeoutError
        except BaseException:
            self._withdraw(work)
            raise
        return work.leads

    def _withdraw(self, work: Work[Any]) -> None:
        """Stop waiting; who leads may be at the work already, and then finishes it."""
        with self._mutex:
            work.gone = True
            if work in self._waiting:
                self._waiting.remove(work)
        if work.leads:
            self.leave()

    def wants_durable(self) -> bool:
        """Return whether somebody waits for the disk."""
        if not self._waiting:
            return False
        with self._mutex:
            return any(work.durable for work in self._waiting)

    def next(self, *, durable: bool) -> Work[Any] | None:
        """Take the first of the line into the transaction of who leads.

        Args:
            durable: Whether that will wait for the disk.

        Returns:
            The work; None: nobody waits, or has to wait for another transaction.
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
        """Put works that were taken back to where they stood, but for those nobody waits for: their
        threads would never lead.
        """
        with self._mutex:
            self._waiting.extendleft(work for work in reversed(works) if not work.gone)

    def leave(self) -> None:
        """Lead no longer: the first of the line does."""
        with self._mutex:
            self._led = bool(self._waiting)
            if not self._led:
                return
            first = self._waiting.popleft()
            first.leads = True
        first.tell()


class Group:
    """The works of one transaction: that of the thread that leads, and those it takes along."""

    def __init__(self, line: Line, first: Work[Any]) -> None:
        self.first = first
        self.durable = first.durable or line.wants_durable()
        self._line = line
        self._taken: list[Work[Any]] = []

    def others(self) -> Iterator[Work[Any]]:
        """Take along who waits, until nobody does."""
        while (work := self._line.next(durable=self.durable)) is not None:
            self._taken.append(work)
            yield work

    def fail(self, error: Callable[[], Exception]) -> None:
        """Tell all, those that were refused as well, that nothing was done.

        Args:
            error: Makes the error; each thread raises its own.
        """
        for work in (self.first, *self._taken):
            work.error = error()
        self.tell()

    def give_up(self) -> None:
        """Leave the others' works to the next who leads: what ended this thread's is its own."""
        taken, self._taken = self._taken, []
        for work in taken:
            work.error = None
        self._line.give_back(taken)

    def tell(self) -> None:
        """Let those that were taken along go on."""
        taken, self._taken = self._taken, []
        for work in taken:
            work.tell()
