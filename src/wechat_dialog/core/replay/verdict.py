"""What the code at hand would do with a stored conversation: the gate of a deployment.

`examine` replays one journal and comes to the decision a turn would come to, without a store and
without executing a step. `core/turn/stack.py` asks `decide` for the same decision, so that the gate
and production cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Ended, Raised
from wechat_dialog.errors import CannotTell, ReplayMismatch, Signal

from .header import Frame
from .records import OUTCOMES, Record, effective

__all__ = ["Verdict", "decide", "examine"]


class Verdict(msgspec.Struct, frozen=True):
    """What would become of a conversation.

    Attributes:
        outcome: "unchanged", "asks again", "finished" (it would end at once), "restarted",
            "parked", "unreadable" (it is of a newer version of the library), or "cannot tell" (it
            depends on something redacted).
        position: Record at which it first differs, counted from 0; -1 where it does not.
        why: The first difference in words; "" where there is none.
    """

    outcome: str
    position: int = -1
    why: str = ""


def decide(policy: str, records: Sequence[Record], position: int, *, pure: bool) -> str:
    """Return what is done with a conversation whose journal differs from `position` on.

    Resuming keeps the records before the difference. If a step, a timer or a signal would be lost
    with the rest, or no record would be left, the conversation is parked instead: a step that ran
    is never forgotten, and a signal comes only once. So it is if an answer would be lost in a
    dialog that may act between its waits: it would act a second time.

    Args:
        policy: "resume", "restart" or "park".
        records: The effective records.
        position: Index of the first that differs; their number if only the pending question does.
        pure: Whether the dialog only computes between its waits.
    """
    if policy != "resume":
        return policy
    rest = records[position:]
    lost = any(isinstance(record, OUTCOMES) for record in rest) if pure else bool(rest)
    return "park" if lost or not position else "resume"


def examine(
    dialog: RegisteredDialog | None,
    frame: Frame,
    records: Sequence[Record],
    *,
    policy: str,
    fresh: Callable[[RegisteredDialog, str], Run],
) -> Verdict:
    """Replay a stored conversation against the code at hand.

    Args:
        dialog: The dialog it would go on with; None if none is registered under its name any more.
        frame: Its header.
        records: Its own records, rewinds among them.
        policy: What the bot does on a difference.
        fresh: Makes a run of the conversation that has been fed nothing, for a dialog and the
            fingerprint of the code that wrote the journal ("": the dialog's own).
    """
    if dialog is None:
        return Verdict("parked", 0, f"no dialog {frame.dialog!r} is registered")
    kept = effective(list(records))
    if not kept:
        return Verdict("unchanged")  # it is still to begin
    cut_off = len(records) > frame.length
    run = fresh(dialog, frame.code)
    try:
        run.replay(kept)
        if not cut_off:
            run.must_wait_at(frame.wait, frame.offers, frame.rivals)
    except ReplayMismatch as mismatch:
        policy = dialog.on_divergence or policy
        what = decide(policy, kept, mismatch.position, pure=dialog.pure)
        return _changed(lambda: fresh(dialog, ""), kept, mismatch, what)
    except CannotTell as unknown:
        return Verdict("cannot tell", unknown.position, str(unknown))
    finally:
        run.close()
    return Verdict("unchanged")


def _changed(
    fresh: Callable[[], Run], kept: Sequence[Record], mismatch: ReplayMismatch, what: str
) -> Verdict:
    if what != "resume":
        outcome = {"park": "parked", "restart": "restarted"}[what]
        return Verdict(outcome, mismatch.position, str(mismatch))
    run = fresh()
    try:
        run.replay(kept[: mismatch.position])
        if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
            why = f"{mismatch}; and then it raises {run.at.error!r}"
            return Verdict("parked", mismatch.position, why)
        # A step before the next question: only the turn itself can tell how that ends.
        outcome = "finished" if isinstance(run.at, Ended) else "asks again"
        return Verdict(outcome, mismatch.position, str(mismatch))
    except CannotTell as unknown:
        return Verdict("cannot tell", mismatch.position, f"{mismatch}; and {unknown}")
    finally:
        run.close()
