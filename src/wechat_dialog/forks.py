"""What a process must not take over from the one it was forked from.

A fork copies memory and one thread. A lock that another thread held stays locked for ever, a pool
counts threads that do not exist, and a connection is shared with the parent. Servers fork after
they have loaded an application (`gunicorn --preload`, uWSGI), and an application may have answered
a message by then.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Forked", "leave_behind", "mind"]


class Forked(Protocol):
    """Something that holds a lock, a thread or a connection."""

    def begin_anew(self) -> None:
        """Replace what belongs to the parent. Called in the child, before any other code runs
        there.
        """
        ...


_minded: weakref.WeakSet[Forked] = weakref.WeakSet()
_left_behind: list[object] = []


def mind(thing: Forked) -> None:
    """Call the object's `begin_anew` in the child of every fork, as long as the object lives."""
    _minded.add(thing)


def leave_behind(thing: object) -> None:
    """Keep the object alive and unused: freed, it would close what the parent still uses."""
    _left_behind.append(thing)


def _in_the_child() -> None:
    for thing in list(_minded):
        thing.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
