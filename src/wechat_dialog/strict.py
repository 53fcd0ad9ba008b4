"""Strict mode: every turn is replayed at once from scratch, and compared with the live dialog.

Whatever makes a difference then will make it between two machines: a clock, chance, a global. The
order of a set does not, within one process; `set_order` turns it around for one more replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .effects import Wait
from .engine import Ended, Run, doing
from .errors import NotRepeatable, ReplayMismatch
from .journal import Record
from .set_order import TURNS, Site, Turn

__all__ = ["compare"]


def compare(
    live: Run, fresh: Callable[[], Run], records: Sequence[Record], at: Wait[Any] | None
) -> None:
    """Replay a conversation and see whether its dialog gets to the same place.

    Args:
        live: The live dialog, with its trail.
        fresh: Makes a run of the same dialog that has not begun, with a trail of its own.
        records: The conversation's records that count, oldest first.
        at: The question the live dialog waits at; None: it has returned.

    Raises:
        NotRepeatable: It does not: it reads a clock, chance or something else outside its journal,
            or hangs on the order of a set.
    """
    dialog = live.dialog
    with dialog.sets.looking() as seen:
        again = fresh()
        mismatch = _difference(live, again, records, at)
    if mismatch is not None:
        raise _not_repeatable(live, mismatch)
    if not seen:
        return

    def turned(sites: Sequence[Site], turn: Turn) -> ReplayMismatch | None:
        with dialog.sets.looking(sites, turn):
            other = fresh()
            # Where a clock in a prompt was let through, what differs in words may be that clock.
            other.same_code = again.reworded
            return _difference(live, other, records, at)

    sites = tuple(seen)
    for turn in TURNS:
        # All at once, as in another process: there, too, two loops over one set go one way.
        mismatch = turned(sites, turn)
        if mismatch is not None:
            guilty = next((site for site in sites if turned((site,), turn) is not None), None)
            raise _not_repeatable(live, mismatch, sites if guilty is None else (guilty,))


def _difference(
    live: Run, again: Run, records: Sequence[Record], at: Wait[Any] | None
) -> ReplayMismatch | None:
    """Replay, and return the first difference; None if there is none."""
    name = live.dialog.name
    try:
        again.replay(records)
        trails = zip(live.trail or [], again.trail or [], strict=False)
        for position, (one, other) in enumerate(trails):
            if one != other:
                return ReplayMismatch(name, position, _way_by(one), _way_by(other), other)
        if at is not None:
            again.must_wait_at(at.id, at.offers)
        elif not isinstance(again.at, Ended):
            found = doing(again.at) if again.at is not None else None
            return ReplayMismatch(name, again.position, "its end", found, again.where())
    except ReplayMismatch as mismatch:
        return mismatch
    finally:
        again.close()
    return None


def _way_by(place: str) -> str:
    return f"the way by {place}" if place else "its end"


def _not_repeatable(
    live: Run, mismatch: ReplayMismatch, sites: Sequence[Site] = ()
) -> NotRepeatable:
    # Where it has ended, the place from which the live dialog went on.
    stood = [place for place in (live.trail or [])[: mismatch.position] if place]
    return NotRepeatable(
        mismatch.dialog,
        mismatch.position,
        mismatch.expected,
        mismatch.found,
        mismatch.where or "".join(stood[-1:]),
        tuple((f"{site.file}:{site.line}", site.text) for site in sites),
    )
