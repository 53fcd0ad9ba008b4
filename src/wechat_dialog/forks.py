"""What a process must not take over from the one it was forked from.

A fork copies memory and one thread. A lock that another thread held stays locked for ever, a pool
counts threads that are not there, a connection has the parent at its other end. Servers fork after
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
        """Do without what belongs to the parent. Called in the child, before anything else is."""
        ...


_minded: weakref.WeakSet[Forked] = weakref.WeakSet()
_left_behind: list[object] = []


def mind(thing: Forked) -> None:
    """Call its `begin_anew` in the child of every fork, as long as it is there."""
    _minded.add(thing)


def leave_behind(thing: object) -> None:
    """Keep it, unused: at its end it would close what is open in the parent, too."""
    _left_behind.append(thing)


def _in_the_child() -> None:
    for thing in list(_minded):
        thing.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
