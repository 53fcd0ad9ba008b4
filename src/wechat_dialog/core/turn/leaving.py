"""A dialog left at its wait, at the end of its part of a turn: its header is updated, what it said,
requested and changed in the user's data is taken over; in strict mode it is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from wechat_dialog.core.blame import told
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.questions import FIRST, Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.requests import Request
from wechat_dialog.core.dialog.user_data import apply_changes
from wechat_dialog.core.replay.header import SECRETS, Frame, flag
from wechat_dialog.core.replay.records import effective
from wechat_dialog.core.replay.rivals import stored_rivals
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.unawaited import WatchedRun, made_more, tell_of_forgotten
from wechat_dialog.core.turn.requested import carry_out
from wechat_dialog.core.turn.results import WAITS, Broke, PutsAside, Result
from wechat_dialog.core.turn.saying import said, take_said
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply

__all__ = [
    "changes_of",
    "compare_from_scratch",
    "leave_aside",
    "leave_waiting",
    "make_run",
    "stand",
    "take_effects",
    "tell_of_what_is_not_awaited",
    "time_limit",
]

LONGEST_ABOVE_LIMIT = 600.0
"""Seconds that a question waits that interrupts one with a time limit, if the bot sets no
timeout.
"""


def make_run(
    work: Work, dialog: RegisteredDialog, frame: Frame, *, code: str = "", runs: type[Run] = Run
) -> Run:
    """Return a run of a conversation's dialog that has been fed nothing yet; see `runs.run_of`."""
    head = work.doc.head
    run = work.rules.run_of(
        dialog, frame, user=head.user, account=head.account, message=work.message,
        arrived=work.arrived, code=code, runs=runs,
    )  # fmt: skip
    if work.rules.strict:
        run.keep_trail()
    return run


def time_limit(rules: Rules, dialog: RegisteredDialog) -> float | None:
    """Return the seconds without an answer after which a dialog's conversation expires."""
    return rules.timeout if dialog.timeout is None else dialog.timeout


def leave_waiting(work: Work, run: Run, frame: Frame, at: Wait[Any]) -> Result:
    """Leave a dialog at a question that this turn's answer asks."""
    doc, draft, rules = work.doc, work.draft, work.rules
    try:
        prompt = rules.reply_of(at.shown(FIRST))
        plain = said(run) if rules.strict else ()
        parts = take_said(run, rules) if run.chat.outbox else ()
        requests = take_effects(work, run, frame)
    except Exception as error:  # noqa: BLE001 - the author's value may raise when it is inspected
        return Broke(error, run)
    stand(work, run, frame, at)
    doc.run = run
    if at.prompt is None:
        # The question has no text of its own: what was said before it is the question.
        draft.ask(frame, parts, seen=False)
    else:
        if parts:
            draft.parts += parts
        draft.ask(frame, [prompt], seen=False)
    if rules.strict:
        compare_from_scratch(work, run, frame, at, plain, requests)
    elif run.chat.made > run.position:  # cheaper than `made_more`, for live turns
        tell_of_what_is_not_awaited(work, run, frame)
    return WAITS


def stand(work: Work, run: Run, frame: Frame, at: Wait[Any]) -> None:
    """Note in a conversation's header the question at which it now waits."""
    _note_wait(run, frame, at)
    options = at.options
    limit = options.timeout
    frame.timeout = time_limit(work.rules, run.dialog) if limit is None else limit
    if options.rivals:
        # Its rivals end the wait, and nothing else does.
        frame.timeout = None
        frame.rivals, frame.since = stored_rivals(at, work.doc.now), work.doc.now
        return
    if frame.rivals:
        frame.rivals, frame.since = (), 0
    if frame.timeout is None and any(below.rivals for below in work.doc.head.stack[:-1]):
        # The limit of the interrupted question applies only after this one, so this one must
        # expire.
        frame.timeout = work.rules.timeout or LONGEST_ABOVE_LIMIT


def _note_wait(run: Run, frame: Frame, at: Wait[Any] | Background[Any]) -> None:
    if run.secrets or at.kind == "A":
        # The turn in which the secrets were given has ended.
        for secret in run.secrets:
            secret.lose()
        flag(frame, SECRETS)
    frame.wait, frame.offers = at.id, at.offers
    if frame.misses or frame.page or frame.ticks:
        frame.misses = frame.page = 0
        frame.ticks = ()


def leave_aside(
    work: Work, run: Run, frame: Frame, at: Wait[Any] | Background[Any]
) -> PutsAside | Broke:
    """Leave a dialog that waits for no user, or whose user cannot be asked now."""
    doc, rules = work.doc, work.rules
    asks = isinstance(at, Wait)
    plain: Sequence[Reply] = ()
    parts: Sequence[Reply] = ()
    try:
        if isinstance(at, Wait):
            rules.reply_of(at.shown(FIRST))  # if this raises, then in the turn that leads to it
        plain = said(run) if rules.strict else ()
        if not (isinstance(at, Wait) and at.prompt is None):
            parts = take_said(run, rules)  # otherwise what was said is the question
        requests = take_effects(work, run, frame, goes_aside=True)
    except Exception as error:  # noqa: BLE001 - the author's value may raise when it is inspected
        return Broke(error, run)
    _note_wait(run, frame, at)
    # A question's time limits begin when it is asked.
    frame.timeout, frame.rivals = None, () if asks else stored_rivals(at, doc.now)
    frame.since = doc.now
    if rules.strict:
        compare_from_scratch(work, run, frame, at, plain, requests)
    elif made_more(run):
        tell_of_what_is_not_awaited(work, run, frame)
    return PutsAside(parts, run, asks)


def take_effects(
    work: Work, run: Run, frame: Frame, *, goes_aside: bool = False
) -> Sequence[Request]:
    """Apply what the dialog changed in the user's data in this turn, and carry out what it
    requested; returns the requests. If any of this is not possible, nothing has changed: the turn
    fails, may be resumed, and then has all its effects once.

    Args:
        work: The current message.
        run: The dialog.
        frame: Its conversation.
        goes_aside: Whether the conversation is put aside.

    Raises:
        Exception: See `changes_of` and `carry_out`.
    """
    changes, requests = changes_of(run), run.chat.requests
    if requests or goes_aside:
        carry_out(work, frame, requests, goes_aside=goes_aside)
    if changes:
        apply_changes(changes, work.doc.data)
    return requests


def changes_of(run: Run) -> dict[str, Any]:
    """Return what the dialog changed in the user's data in this turn; see `ChatState.changes`.

    Raises:
        TypeError: The data contains something that JSON cannot represent.
    """
    try:
        return run.chat.changes()
    except TypeError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {told(error)}"
        raise TypeError(f"chat.data: what is remembered must be JSON data: {why}") from error


# Looking again ------------------------------------------------------------------------------------


def compare_from_scratch(
    work: Work, run: Run, frame: Frame, at: Wait[Any] | Background[Any] | None,
    parts: Sequence[Reply], requests: Sequence[Request],
) -> None:  # fmt: skip
    """Strict mode: check that the dialog gets to the same place from scratch; see `strict`."""
    from wechat_dialog.core.replay.strict import compare

    records = effective(work.doc.records[frame.base :])
    expected = None if work.went_back else requests
    compare(run, _watched(work, run.dialog, frame), records, at, parts, expected)


def tell_of_what_is_not_awaited(work: Work, run: Run, frame: Frame) -> None:
    """Log the effects that a dialog created and does not wait for."""
    records = effective(work.doc.records[frame.base :])
    tell_of_forgotten(run.dialog, _watched(work, run.dialog, frame), records)


def _watched(work: Work, dialog: RegisteredDialog, frame: Frame) -> Callable[[], WatchedRun]:
    return lambda: cast("WatchedRun", make_run(work, dialog, frame, runs=WatchedRun))
