"""Strict mode: every turn is replayed at once from scratch, and compared with the live dialog.

Whatever makes a difference then would make one between two machines: a clock, randomness, a global
variable. The order of a set is constant within one process; `set_order` permutes it for one more
replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from wechat_dialog.core.blame import line_of
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.effects import ContinueAs
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.requests import Remind, Request, Start
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Ended, doing
from wechat_dialog.errors import NotRepeatable, ReplayMismatch
from wechat_dialog.replies import Reply, Text, to_reply

from .codes import sets_of
from .firings import what_ends
from .foreign import noted, watching_sleep
from .left_behind import looking_for_left
from .records import FIRED, Killed, MessageRecord, Record, TextRecord
from .rivals import lacking, stored_rivals
from .set_order import PERMUTATIONS, Permutation, Site
from .unawaited import WatchedRun

__all__ = ["compare"]

HEARD = (TextRecord, MessageRecord, Killed, *FIRED)


def compare(
    live: Run,
    fresh: Callable[[], WatchedRun],
    records: Sequence[Record],
    at: Wait[Any] | Background[Any] | None,
    said: Sequence[Reply] = (),
    requests: Sequence[Request] | None = (),
) -> None:
    """Replay a conversation and check that its dialog gets to the same place.

    Args:
        live: The run of the live dialog, with its trail.
        fresh: Makes a run of the same dialog that has not begun, with a trail of its own.
        records: The conversation's records that count, oldest first.
        at: The wait the live dialog stands at; None: it has returned.
        said: What else it said in this turn.
        requests: What it requested in this turn; None if it went back to where that was carried
            out.

    Raises:
        NotRepeatable: It does not: it reads a clock, randomness or something else outside its
            journal, or depends on the order of a set.
        NotWaitedFor: It created a question, a step, or a coroutine of its author's, and never waits
            for it.
        SideEffect: It acted between its questions, and caught the exception about that.
    """
    if (acted := noted()) is not None:
        raise acted
    dialog = live.dialog
    with sets_of(dialog).looking() as seen:
        again = fresh()
        try:
            with looking_for_left() as left:
                mismatch = _difference(live, again, records, at, said)
            if requests is not None:
                mismatch = mismatch or _otherwise_requested(live, again, requests)
            if (acted := noted()) is not None:
                raise acted
            # An exception thrown in between may have kept it from being waited for.
            left = [] if any(map(_is_thrown, records)) else left
            forgotten = [*left, *again.forgotten()]
        finally:
            again.close()
    if mismatch is not None and not left:  # its address would differ each time
        raise _not_repeatable(live, mismatch)
    for mistake in forgotten:
        raise mistake
    if seen:
        _permute(live, fresh, records, at, tuple(seen), reworded=bool(again.rewording))


def _is_thrown(record: Record) -> bool:
    if isinstance(record, (TextRecord, MessageRecord)):
        return record.wait.startswith("!")
    return isinstance(record, Killed)


def _permute(
    live: Run,
    fresh: Callable[[], WatchedRun],
    records: Sequence[Record],
    at: Wait[Any] | Background[Any] | None,
    sites: tuple[Site, ...],
    *,
    reworded: bool,
) -> None:
    """Replay a conversation with its sets in other orders.

    Raises:
        NotRepeatable: It gets to another place.
    """

    def permuted(sites: Sequence[Site], permutation: Permutation) -> ReplayMismatch | None:
        with sets_of(live.dialog).looking(sites, permutation):
            shuffled = fresh()
            # If a clock in a prompt was accepted, a difference in words may be that clock.
            shuffled.rewording.same_code = reworded
            try:
                # Words and arguments in another order are accepted.
                return _difference(live, shuffled, records, at, None)
            finally:
                shuffled.close()

    for permutation in PERMUTATIONS:
        # All sites at once: in another process, too, two loops over one set have the same order.
        mismatch = permuted(sites, permutation)
        if mismatch is not None:
            guilty = next((site for site in sites if permuted((site,), permutation)), None)
            raise _not_repeatable(live, mismatch, sites if guilty is None else (guilty,))


def _difference(
    live: Run,
    again: Run,
    records: Sequence[Record],
    at: Wait[Any] | Background[Any] | None,
    said: Sequence[Reply] | None,
) -> ReplayMismatch | None:
    """Replay, and return the first difference; None if there is none."""
    name = live.dialog.name
    try:
        turn = max((n for n, first in enumerate(records) if isinstance(first, HEARD)), default=0)
        again.replay(records[:turn])
        with watching_sleep():
            again.replay(records[turn:])
        trails = zip(live.trail or [], again.trail or [], strict=False)
        for position, (first, second) in enumerate(trails):
            if first != second:
                return ReplayMismatch(name, position, _way_by(first), _way_by(second), second)
        if at is not None:
            try:
                again.must_wait_at(at.id, at.offers)
            except ReplayMismatch as second:
                # The error has only the id of the wait; here the wait itself is available.
                expected = doing(at) if isinstance(at, Background) else f"the question {doing(at)}"
                return ReplayMismatch(name, second.position, expected, second.found, second.where)
            if (mismatch := _otherwise_ended_by(again, at)) is not None:
                return mismatch
        elif not isinstance(again.at, Ended):
            actual = doing(again.at) if again.at is not None else None
            return ReplayMismatch(name, again.position, "its end", actual, again.where())
        if said is not None and live.dialog.waits:  # otherwise it is never replayed
            return _otherwise_called(live, again) or _otherwise_said(live, again, said)
    except ReplayMismatch as mismatch:
        return mismatch
    return None


def _otherwise_ended_by(again: Run, at: Wait[Any] | Background[Any]) -> ReplayMismatch | None:
    """Compare what else ends the wait, but not due times, which are computed once."""
    stands = again.at
    assert isinstance(stands, (Wait, Background))  # noqa: S101 - it waits at the same
    missing, more = lacking(stands, stored_rivals(at, 0)), lacking(at, stored_rivals(stands, 0))
    rival = missing or more
    if rival is None:
        return None
    dialog = again.dialog
    ends, alone = what_ends(at.id, rival.branch, rival.name, dialog.fn), doing(at)
    pair = (ends, alone) if missing else (alone, ends)
    return ReplayMismatch(dialog.name, again.position, *pair, again.where())


def _otherwise_called(live: Run, again: Run) -> ReplayMismatch | None:
    """Compare the arguments of steps. If the code was changed during a conversation, they may
    differ from the recorded ones, but must be the same at each replay.
    """
    new = {call: at for call, at in again.calls.lost.items() if call not in live.calls.lost}
    if not new:
        return None
    (step, _), position = min(new.items(), key=lambda item: item[1])
    first, second = f"step {step!r}", f"step {step!r} with other arguments"
    place = (again.trail or [])[position - 1 : position]
    return ReplayMismatch(live.dialog.name, position, first, second, "".join(place))


def _otherwise_said(live: Run, again: Run, said: Sequence[Reply]) -> ReplayMismatch | None:
    """Compare what is said in this turn, and the dialog's return value."""
    # If the user went back, or the code was changed, what was said before is not said again.
    count = 0 if isinstance(live.at, Wait) and live.at.prompt is None else len(said)
    now = [reply for reply in map(to_reply, again.chat.outbox) if reply is not None]
    pairs = list(zip_longest(said[:count], now[-count:] if count else ()))
    if isinstance(live.at, Ended) and isinstance(again.at, Ended):
        pairs.append((_last_word(live.at.value), _last_word(again.at.value)))
    for first, second in pairs:
        if first != second:
            place = again.where() or "".join((again.trail or [])[-1:])
            name, position = live.dialog.name, again.position
            return ReplayMismatch(name, position, _quoted(first), _quoted(second), place)
    return None


def _otherwise_requested(
    live: Run, again: Run, requests: Sequence[Request]
) -> ReplayMismatch | None:
    """Compare the requests of this turn, except for the times of reminders."""
    # The lines of a chat may be those of an earlier turn, if it has requested nothing in this one.
    ours = again.chat.requested_at[: len(again.chat.requests)]
    theirs = live.chat.requested_at[: len(requests)]
    lines = list(zip_longest(ours, theirs, fillvalue=""))
    pairs = zip_longest(requests, again.chat.requests)
    for number, (first, second) in enumerate(pairs):
        if _asked_for(first) != _asked_for(second):
            place = next(filter(None, lines[number]), "")
            name, position = again.dialog.name, again.position
            return ReplayMismatch(name, position, _named(first), _named(second), place)
    return None


def _asked_for(request: Request | None) -> object:
    return (request.reply, request.key) if isinstance(request, Remind) else request


def _named(request: Request | None) -> str:
    if request is None:
        return "no request"
    kind, state = type(request).__name__.lower(), ""
    if isinstance(request, Start):
        name = getattr(request.dialog, "__qualname__", request.dialog)
        state = f" of {name} with {request.state}"
    return f"chat.{kind}{state}" + (f" with key {request.key!r}" if request.key else "")


def _last_word(value: object) -> Any:
    try:
        return to_reply(value)
    except Exception:  # noqa: BLE001 - it is refused where it is answered
        return value if isinstance(value, ContinueAs) else None


def _quoted(said: object) -> str:
    if isinstance(said, Text):
        return f"the words {said.content[:40]!r}"
    return "no words" if said is None else f"the reply {type(said).__name__}"


def _way_by(place: str) -> str:
    return f"the way by {place}" if place else "its end"


def _not_repeatable(
    live: Run, mismatch: ReplayMismatch, sites: Sequence[Site] = ()
) -> NotRepeatable:
    # If it has ended, the place from which the live dialog continued.
    stood = [place for place in (live.trail or [])[: mismatch.position] if place]
    return NotRepeatable(
        mismatch.dialog,
        mismatch.position,
        mismatch.expected,
        mismatch.found,
        mismatch.where or "".join(stood[-1:]) or line_of(live.dialog.fn),
        tuple((f"{site.file}:{site.line}", site.text) for site in sites),
    )
