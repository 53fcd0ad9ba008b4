"""Turns without a claim: which may look instead, and what their commit relies on. See `rules`."""

from __future__ import annotations

from .entry import Entry, Remembered, micros
from .values import LOOK_HOLDS, Claim, Commit

__all__ = ["is_as_expected", "may_look"]


def may_look(entry: Entry, remembered: Remembered | None, requested: Claim) -> bool:
    """Return whether a turn may do without a claim; see `Claim.optimistic` for the conditions."""
    if not requested.optimistic or not (entry.revision or requested.absent):
        return False
    return not (remembered is not None or entry.fence or entry.seen or entry.mail)


def is_as_expected(entry: Entry, requested: Commit, now: int) -> bool:
    """Return whether the entry is the one that a commit without a claim is based on."""
    if requested.revision:
        known = entry.revision == requested.revision
        return known and not _is_older(entry, requested.max_age, now)
    untouched = not entry.revision and entry.last == requested.issued
    return untouched and now - requested.looked * 1000 <= micros(LOOK_HOLDS)


def _is_older(entry: Entry, age: float | None, now: int) -> bool:
    """Return whether the last commit was longer ago than `age` in seconds; None: no limit."""
    return age is not None and now - entry.committed > micros(age)
