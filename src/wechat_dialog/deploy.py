"""What the code at hand would do with a stored conversation: the gate of a deployment.

`examine` replays one journal and comes to the decision a turn would come to, without a store and
without running anything; `conversation.py` asks `decide` for the same decision, so that the gate
and production cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

import msgspec

from . import messages
from .chat import Chat
from .engine import Dialog, Ended, Raised, Run
from .errors import CannotTell, ReplayMismatch, Signal
from .head import Frame
from .journal import Failed, GatheredFailed, GatheredReturned, Record, Returned, effective
from .remembered import PLAIN, Remembered

__all__ = ["Verdict", "decide", "examine", "run_of"]

STEP_RECORDS = (Returned, Failed, GatheredReturned, GatheredFailed)


class Verdict(msgspec.Struct, frozen=True):
    """What would become of a conversation.

    Attributes:
        outcome: "unchanged", "asks again", "finished" (it would end at once), "restarted",
            "parked", "unreadable" (it is of a newer version of the library), or "cannot tell" (it
            hangs on something redacted).
        position: Record at which it first differs, counted from 0; -1 where it does not.
        why: The first difference in words; "" where there is none.
    """

    outcome: str
    position: int = -1
    why: str = ""

    @property
    def harmless(self) -> bool:
        """Whether the user keeps every answer he gave."""
        return self.outcome in ("unchanged", "finished")


def decide(policy: str, records: Sequence[Record], position: int, *, pure: bool) -> str:
    """Return what a policy comes to for a journal that differs from `position` on.

    Resuming keeps the records before the difference. Where a step would be lost with the rest, or
    nothing would be left, the conversation is parked instead: a step that ran is never forgotten.
    So it is where an answer would be lost in a dialog that may act between its waits: what it did
    then would be done again.

    Args:
        policy: "resume", "restart" or "park".
        records: The effective records.
        position: Index of the first that differs; their number if only the pending question does.
        pure: Whether the dialog only computes between its waits.
    """
    if policy != "resume":
        return policy
    rest = records[position:]
    lost = any(isinstance(record, STEP_RECORDS) for record in rest) if pure else bool(rest)
    return "park" if lost or not position else "resume"


def examine(
    dialog: Dialog | None,
    frame: Frame,
    records: Sequence[Record],
    *,
    user: str,
    account: str,
    policy: str,
    zone: tzinfo,
    runs: type[Run] = Run,
    remembered: Remembered = PLAIN,
) -> Verdict:
    """Replay a stored conversation against the code at hand.

    Args:
        dialog: The dialog it would go on with; None if there is none of its name any more.
        frame: Its header.
        records: Its own records, rewinds among them.
        user: The user's OpenID.
        account: The account's id.
        policy: What the bot does on a difference.
        zone: The bot's time zone, in which dates in answers are read.
        runs: What replays; `redaction.RedactedRun` for records that lack what was said.
        remembered: The shape it gives to a user's data.
    """
    if dialog is None:
        return Verdict("parked", 0, f"no dialog {frame.dialog!r} is registered")
    kept = effective(list(records))
    interrupted = len(records) > frame.length

    def fresh(code: str) -> Run:
        return run_of(
            dialog, msgspec.structs.replace(frame, code=code), user=user, account=account,
            zone=zone, remembered=remembered, runs=runs,
        )  # fmt: skip

    run = fresh(frame.code)
    try:
        run.replay(kept)
        if not interrupted:
            run.must_wait_at(frame.wait, frame.offers)
    except ReplayMismatch as mismatch:
        policy = dialog.on_divergence or policy
        what = decide(policy, kept, mismatch.position, pure=dialog.pure)
        return _changed(fresh, kept, mismatch, what)
    except CannotTell as unknown:
        return Verdict("cannot tell", unknown.position, str(unknown))
    finally:
        run.close()
    return Verdict("unchanged")


def run_of(
    dialog: Dialog,
    frame: Frame,
    *,
    user: str,
    account: str,
    zone: tzinfo,
    remembered: Remembered = PLAIN,
    runs: type[Run] = Run,
) -> Run:
    """Return a run of a stored conversation that has not begun; for the arguments see `examine`."""
    nobody = messages.Text(user=user, account=account, created=0, msg_id="", raw={}, text="")
    chat = Chat(user, nobody, account=account, id=frame.id, zone=zone, remembered=remembered)
    return runs(dialog, chat, dict(frame.args), account=account, code=frame.code)


def _changed(
    fresh: Callable[[str], Run], kept: Sequence[Record], mismatch: ReplayMismatch, what: str
) -> Verdict:
    if what != "resume":
        outcome = {"park": "parked", "restart": "restarted"}[what]
        return Verdict(outcome, mismatch.position, str(mismatch))
    run = fresh("")
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
