"""What a process must not take over from the process it was forked from.

A fork copies the memory and one thread. A lock that another thread held stays locked for ever, a
pool counts threads that do not exist, and a connection is shared with the parent. Servers fork
after loading an application (`gunicorn --preload`, uWSGI), which may have answered messages by
then.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["Forked", "Gated", "leave_behind", "mind", "wait_for"]

PATIENCE = 1.0
"""Seconds that a fork waits for a thread to leave foreign code; then it goes ahead."""


class Forked(Protocol):
    """An object with a lock, a thread or a connection."""

    def begin_anew(self) -> None:
        """Replace what belongs to the parent. Called in the child, before any other code runs
        there.
        """
        ...


class Gated(Protocol):
    """An object that calls foreign code with internal locks that cannot be replaced: SQLite's.

    Attributes:
        gate: Held by the thread that is in that code. `begin_anew` creates a new one.
    """

    gate: threading.Lock


_minded: weakref.WeakSet[Forked] = weakref.WeakSet()
_gated: weakref.WeakSet[Gated] = weakref.WeakSet()
_left_behind: list[object] = []


class _Held(threading.local):
    def __init__(self) -> None:
        self.gates: list[threading.Lock] = []


_held = _Held()


def mind(thing: Forked) -> None:
    """Call the object's `begin_anew` in the child of every fork, as long as the object lives."""
    _minded.add(thing)


def wait_for(thing: Gated) -> None:
    """Make every fork wait until no thread is behind the object's gate, as long as it lives."""
    _gated.add(thing)


def leave_behind(thing: object) -> None:
    """Keep the object alive and unused: its finalizer would close what the parent still uses."""
    _left_behind.append(thing)


def _before() -> None:
    for thing in list(_gated):
        gate = thing.gate
        if gate.acquire(timeout=PATIENCE):
            _held.gates.append(gate)


def _in_the_parent() -> None:
    while _held.gates:
        _held.gates.pop().release()


def _in_the_child() -> None:
    _held.gates.clear()
    for thing in list(_minded):
        thing.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_in_the_parent, after_in_child=_in_the_child
    )
