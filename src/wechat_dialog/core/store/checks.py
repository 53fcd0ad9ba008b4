"""Checks of writes and commits that contradict themselves."""

from __future__ import annotations

from .values import Commit, Write

__all__ = ["check", "check_commit"]


def check(write: Write, *, commits: bool) -> None:
    """Refuse a write that contradicts itself; for every store."""
    if write.keep is not None and write.keep < 0:
        raise ValueError(f"Write.keep must not be negative, is {write.keep}")
    if write.forget and not (commits and write == Write(b"", ttl=write.ttl, forget=True)):
        raise ValueError("Write.forget stands alone, and ends a turn")
    if not write.head and (write.wake is not None or write.aside):
        raise ValueError("Write.wake and Write.aside need a head, and Write.head is empty")
    if write.wake is not None and not (write.wake.account and 0 < write.wake.at < 2**43):
        raise ValueError(f"Write.wake needs an account and ms since the epoch, is {write.wake}")


def check_commit(commit: Commit) -> None:
    """Refuse a commit that contradicts itself; for every store."""
    check(commit.write, commits=True)
    if commit.fence:
        return
    if bool(commit.revision) == bool(commit.looked):
        raise ValueError(
            "a commit without a fence needs the revision it is based on, or when none was there"
        )
    if commit.fires is not None or commit.write.taken:
        raise ValueError("Commit.fires and Write.taken need a fence")
