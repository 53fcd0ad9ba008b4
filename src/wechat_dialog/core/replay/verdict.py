"""What the current code would do with a stored conversation: a check before deployment.

`examine` replays one journal and makes the decision that a turn would make, without a store and
without executing a step. `core/turn/stack.py` uses the same `decide`, so that check and production
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from wechat_dialog.core.dialog.background import Background
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
        outcome: "unchanged", "asks again", "waits again" (for a time or a signal: nobody is asked
            anything), "finished" (it would end at once), "restarted", "parked", "unreadable"
            (written by a newer version of the library), or "cannot tell" (it depends on something
            redacted).
        position: Index of the first record that differs; -1 if none does.
        why: A description of the first difference; "" if there is none.
    """

    outcome: str
    position: int = -1
    why: str = ""


def decide(policy: str, records: Sequence[Record], position: int, *, pure: bool) -> str:
    """Return what is done with a conversation whose journal differs from `position` on.

    Resuming keeps the records before the difference. If a step, a timer or a signal would be lost
    with the rest, or no record would be left, the conversation is parked instead: a step that ran
    is never forgotten, and a signal comes only once. The same applies if an answer would be lost in
    a dialog that may act between its waits: it would act a second time.

    Args:
        policy: "resume", "restart" or "park".
        records: The effective records.
        position: Index of the first record that differs; their number if only the pending question
            differs.
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
    """Replay a stored conversation with the current code.

    Args:
        dialog: The dialog that would continue it; None if none is registered under its name any
            more.
        frame: Its header.
        records: Its own records, including rewinds.
        policy: The bot's policy for differences.
        fresh: Makes a run of the conversation that has been fed nothing, for a dialog and the
            fingerprint of the code that wrote the journal ("": the dialog's own).
    """
    if dialog is None:
        return Verdict("parked", 0, f"no dialog {frame.dialog!r} is registered")
    remaining = effective(list(records))
    if not remaining:
        return Verdict("unchanged")  # it has not begun yet
    cut_off = len(records) > frame.length
    run = fresh(dialog, frame.code)
    try:
        run.replay(remaining)
        if not cut_off:
            run.must_wait_at(frame.wait, frame.offers, frame.rivals)
    except ReplayMismatch as mismatch:
        policy = dialog.on_divergence or policy
        action = decide(policy, remaining, mismatch.position, pure=dialog.pure)
        return _changed(lambda: fresh(dialog, ""), remaining, mismatch, action)
    except CannotTell as unknown:
        return Verdict("cannot tell", unknown.position, str(unknown))
    finally:
        run.close()
    return Verdict("unchanged")


def _changed(
    fresh: Callable[[], Run], remaining: Sequence[Record], mismatch: ReplayMismatch, action: str
) -> Verdict:
    if action != "resume":
        outcome = {"park": "parked", "restart": "restarted"}[action]
        return Verdict(outcome, mismatch.position, str(mismatch))
    run = fresh()
    try:
        run.replay(remaining[: mismatch.position])
        if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
            why = f"{mismatch}; and then it raises {run.at.error!r}"
            return Verdict("parked", mismatch.position, why)
        # A step comes before the next question: its outcome is not known here.
        outcome = "asks again"
        if isinstance(run.at, Ended):
            outcome = "finished"
        elif isinstance(run.at, Background):
            outcome = "waits again"
        return Verdict(outcome, mismatch.position, str(mismatch))
    except CannotTell as unknown:
        return Verdict("cannot tell", mismatch.position, f"{mismatch}; and {unknown}")
    finally:
        run.close()
