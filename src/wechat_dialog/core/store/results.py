"""Results of store operations, assembled for the stores written in Python.

`rules` decides on an `Entry`, which lacks records, data and parked conversations; a store has
those. A result such as `Claimed` needs both.
"""

from __future__ import annotations

from collections.abc import Callable

from wechat_dialog.core.store.entry import Entry, Granted, millis, seconds
from wechat_dialog.core.store.kept import Aside, Parked, Shown, Stored
from wechat_dialog.core.store.times import Due, Dues, Mail, Wake
from wechat_dialog.core.store.values import Claimed, Committed, Have, Unclaimed, checksum

__all__ = ["claimed", "dues", "lacking", "listed", "shown", "unclaimed", "written"]


def _age(entry: Entry, now: int) -> float:
    """Return the seconds since the last commit; 0 if nothing is committed."""
    return seconds(now - entry.committed) if entry.revision else 0.0


def unclaimed(entry: Entry, now: int, *, records: tuple[bytes, ...], data: bytes) -> Unclaimed:
    """Assemble an `Unclaimed`."""
    return Unclaimed(
        revision=entry.revision,
        journal=entry.journal,
        length=entry.length,
        head=entry.head,
        records=records,
        data=data,
        age=_age(entry, now),
        now=millis(now),
        issued=0 if entry.revision else entry.last,
    )


def claimed(
    entry: Entry,
    granted: Granted,
    now: int,
    *,
    records: tuple[bytes, ...],
    data: bytes,
    signals: tuple[Mail, ...],
    aside: tuple[Aside, ...],
) -> Claimed:
    """Assemble a `Claimed` from what `claim` granted and what only the store has."""
    return Claimed(
        fence=granted.fence,
        revision=entry.revision,
        journal=entry.journal,
        length=entry.length,
        head=entry.head,
        records=records,
        data=data,
        age=_age(entry, now),
        deferred=granted.deferred,
        since=seconds(granted.since),
        copies=granted.copies,
        pending=granted.pending,
        lost=entry.lost,
        untaken=granted.untaken,
        now=millis(now),
        signals=signals,
        aside=aside,
    )


def lacking(entry: Entry, have: Have, record: Callable[[int], bytes]) -> int:
    """Return how many leading records of the journal the caller has already.

    Args:
        entry: The entry.
        have: What the caller has, according to the claim.
        record: Returns one record of the journal by its position.
    """
    held = have.length
    if not held or have.journal != entry.journal or held > entry.length:
        return 0
    return 0 if have.last and checksum(record(held - 1)) != have.last else held


def written(entry: Entry, committed: Committed, dropped: tuple[str, ...], now: int) -> Committed:
    """Return the result of a write, with what it dropped.

    Args:
        entry: The entry after the write, and after signals were taken from the mailbox.
        committed: The result of the rules.
        dropped: Ids of parked conversations that were dropped.
        now: The store's time.
    """
    return Committed(
        revision=committed.revision,
        journal=committed.journal,
        dropped=dropped,
        now=millis(now) if committed.revision else 0,
        mail=entry.mail > entry.mail_claimed,
    )


def dues(entries: list[Due], now: int, following: int | None) -> Dues:
    """Return due entries; `following` is from when on the index returns the next one."""
    # Rounded up: a caller that sleeps until then finds it.
    return Dues(tuple(entries), millis(now), None if following is None else -millis(-following))


def shown(
    entry: Entry,
    now: int,
    *,
    records: tuple[bytes, ...],
    data: bytes,
    parked: dict[str, Parked],
    aside: dict[str, bytes],
    mail: tuple[Mail, ...],
) -> Shown | None:
    """Return everything stored for one user; None if there is nothing. `parked` is as in
    `Shown`.
    """
    if not (entry.revision or data or parked or mail):
        return None
    return Shown(
        head=entry.head,
        records=records if entry.revision else (),
        data=data,
        age=_age(entry, now),
        ttl=seconds(entry.expires - now) if entry.revision else 0.0,
        parked=parked,
        aside=aside,
        mail=mail,
        wake=Wake(entry.account, millis(entry.wake)) if entry.wake else None,
    )


def listed(
    user: str, entry: Entry, now: int, *, parked: dict[str, float], aside: tuple[str, ...]
) -> Stored:
    """Return a user's line of a listing; `parked` has the remaining seconds by id."""
    longest = max(parked.values(), default=0.0)
    return Stored(
        user=user,
        head=entry.head,
        length=entry.length,
        age=_age(entry, now),
        ttl=seconds(entry.expires - now) if entry.revision else longest,
        parked=tuple(parked),
        aside=aside,
    )
