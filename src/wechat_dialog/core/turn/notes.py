"""What is noted of turns while they run, for their reports; only of a bot with `on_turn=`.

One request may run several turns: before its own message's it finishes those that other processes
left, and does what is due. Each has a report. The turn notes what happens (`begins`, `heard`,
`happened`, …), whoever performs its operations counts and times them, and `over` ends it all.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.results import (
    Broke,
    Finished,
    HandsOver,
    PutsAside,
    Result,
    Signalled,
    Waits,
)
from wechat_dialog.core.turn.turn_report import (
    OUTCOMES,
    Cause,
    Delivery,
    Place,
    StepReport,
    TurnOutcome,
    TurnReport,
    Way,
)
from wechat_dialog.errors import Cancelled, NewerJournal, UnexpectedAnswer

__all__ = ["Notes", "cause_of"]

_RANK = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}

_OF_NOBODY = ("ignored", "fetched", "repeated", "stale", "kept")
"""Outcomes of messages that no dialog got."""


_OF_OPERATORS = {"resume": "resume", "end": "end", "end-stack": "end"}
"""What an operator did, by the beginning of the turn's key."""


def cause_of(key: str, message: messages.Message) -> tuple[Cause, str]:
    """Return the cause and the kind of a turn that a message or an operator began."""
    what = _OF_OPERATORS.get(key.partition(":")[0])
    if what is not None:
        return "operator", what
    if isinstance(message, messages.Event):
        return "event", message.event.lower()
    return "message", message.kind


class _Turn(msgspec.Struct, eq=False):
    """What is noted of one turn; see `TurnReport` for what has the same name there.

    Attributes:
        key: Key of the turn.
        began: When it began, by the process's clock.
        until: When it was committed.
        tries: How often its work was begun.
        is_over: Whether it was committed.
        says: Whether it said anything.
        page: Whether its answer is on a page.
    """

    key: str
    began: float
    until: float = 0.0
    cause: Cause | None = None
    kind: str = ""
    outcome: TurnOutcome | None = None
    dialog: str = ""
    version: str = ""
    conversation: str = ""
    before: Place | None = None
    after: Place | None = None
    answered: str = ""
    recovered: bool = False
    replayed: int = 0
    steps: list[StepReport] = []
    trips: int = 0
    store_seconds: float = 0.0
    late: float = 0.0
    pushes: int = 0
    error: str = ""
    parked: str = ""
    tries: int = 0
    is_over: bool = False
    says: bool = False
    page: bool = False


class Notes:
    """The notes of one request, or one firing.

    Attributes:
        turn: The turn that is running, or ran last.
        way: See `TurnReport`.
        waited: See `TurnReport`; of the request's own turn.
        now: When the last operation ended, by the process's clock.
    """

    __slots__ = (
        "_account", "_arrived", "_began", "_cause", "_key", "_kind", "_reports", "_user", "now",
        "turn", "waited", "way",
    )  # fmt: skip

    def __init__(
        self,
        user: str,
        account: str,
        *,
        key: str,
        arrived: float,
        began: float,
        cause: Cause | None = None,
        kind: str = "",
    ) -> None:
        """Begin to take notes.

        Args:
            user: The user's OpenID.
            account: The account's id.
            key: Key of the request's message; "" if a firing begins.
            arrived: When the request arrived, in seconds since 1970.
            began: The same by the process's clock.
            cause: What begins the request's own turn; None: what is due says so.
            kind: See `TurnReport`.
        """
        self._user, self._account, self._key = user, account, key
        self._arrived, self._began = arrived, began
        self._cause: Cause | None = cause
        self._kind = kind
        self._reports: list[TurnReport] = []
        self.way: Way = "none"
        self.waited = 0.0
        self.now = began
        self.turn = _Turn(key, began, cause=cause, kind=kind)

    # By the turn ----------------------------------------------------------------------------------

    def begins(
        self,
        key: str,
        frame: Frame | None,
        *,
        cause: Cause | None = None,
        kind: str = "",
        recovered: bool = False,
        late: float = 0.0,
    ) -> None:
        """A turn begins, or begins anew.

        Args:
            key: Its key.
            frame: The conversation that it finds; None: there is none.
            cause: What began it, if it was neither a message nor an operator.
            kind: See `TurnReport`, as for the others.
            recovered: Whether an earlier turn is finished.
            late: Seconds since it was due.
        """
        if self.turn.is_over:
            self._close_and_go_on()
        turn = self.turn
        turn.tries += 1
        turn.key, turn.recovered, turn.late = key, recovered, late
        # of a message, or an operator, its end says more exactly
        turn.cause, turn.kind = (self._cause, self._kind) if cause is None else (cause, kind)
        turn.before = None if frame is None else _place(frame)
        turn.outcome = None
        turn.answered = turn.error = turn.parked = ""
        self.belongs_to(None)

    def finds_it_begun(self) -> None:
        """The turn was cut off in another attempt, and is finished."""
        self.turn.recovered = True

    def reads(self, records: int, *, live: bool) -> None:
        """The journal, or what a live dialog lacked of it, was read without a claim.

        Args:
            records: How many records were read.
            live: Whether a live dialog was given them.
        """
        self.way = "behind" if live else "cold"
        if live:
            self.turn.replayed += records

    def belongs_to(self, frame: Frame | None) -> None:
        """A conversation gets the message, the time or the signal; None: it was handed back."""
        turn = self.turn
        if frame is None:
            turn.dialog = turn.version = turn.conversation = turn.answered = ""
        else:
            turn.dialog, turn.version, turn.conversation = frame.dialog, frame.version, frame.id

    def heard(self, frame: Frame, wait: str) -> None:
        """A conversation's wait has ended."""
        self.belongs_to(frame)
        self.turn.answered = wait

    def happened(self, outcome: TurnOutcome) -> None:
        """Something happened that may be the outcome: see `OUTCOMES` for what counts most."""
        known = self.turn.outcome
        if known is None or _RANK[outcome] > _RANK[known]:
            self.turn.outcome = outcome

    def follows(self, frame: Frame, result: Result) -> None:
        """A dialog has ended its part of the turn, otherwise than by asking its user."""
        match result:
            case Broke():
                self._parks(frame, result.error)
            case PutsAside():
                self.happened("aside")
            case Finished():
                self.happened("finished")
            case Signalled(signal=UnexpectedAnswer()):
                self.belongs_to(None)
            case Signalled(signal=Cancelled()):
                self.happened("cancelled")
            case Signalled():
                self.happened("ended")
            case HandsOver() | Waits():
                pass

    def _parks(self, frame: Frame, error: BaseException) -> None:
        turn = self.turn
        self.happened("parked")
        turn.error, turn.parked = type(error).__name__, frame.id
        if not turn.dialog:
            self.belongs_to(frame)

    def is_undone(self) -> None:
        """The turn was not for this process, or was refused: it did not take place."""
        self.turn.cause = None

    def ended(
        self, key: str, message: messages.Message | None, doc: Document, *, says: bool, page: bool
    ) -> None:
        """The turn was committed.

        Args:
            key: Its key.
            message: Its message; None: a firing has none.
            doc: The document as it is stored now.
            says: Whether the turn says anything.
            page: Whether its answer is on a page.
        """
        turn = self.turn
        turn.key, turn.is_over, turn.says, turn.page = key, True, says, page
        turn.until = self.now
        if self.way == "none":
            self.way = "live"
        if message is not None and key != self._key:
            turn.cause, turn.kind = cause_of(key, message)
        if turn.outcome is None:
            turn.outcome = "ignored"
            if turn.dialog:
                turn.outcome = "ended" if doc.top is None else "waits"
        before = turn.before
        if not turn.dialog and before is not None and turn.outcome not in _OF_NOBODY:
            turn.dialog, turn.version = before.dialog, before.version
            turn.conversation = before.conversation
        if message is None or turn.outcome == "aside":
            turn.after = _place_of(doc, turn.conversation)
        elif doc.top is not None:
            turn.after = _place(doc.top)

    # By whoever performs it -----------------------------------------------------------------------

    def at(self, moment: float) -> float:
        """Return the seconds from the beginning of the running turn to a moment of the process's
        clock.
        """
        turn = self.turn
        return moment - (self._began if turn.key == self._key else turn.began)

    def over(
        self,
        *,
        error: BaseException | None = None,
        is_kept: bool = False,
        delivery: Delivery = "none",
        request: int = 0,
    ) -> list[TurnReport]:
        """Return the reports of the turns that took place, in order; may be empty.

        Args:
            error: What was raised; None: nothing.
            is_kept: If the request's own turn was not committed: whether its message is kept.
            delivery: What became of its answer.
            request: See `TurnReport`.
        """
        own = self.turn.key == self._key
        if self.turn.is_over:
            if error is None or own:
                self._close(delivery if own else None, request if own else 0)
                return self._reports
            self._close_and_go_on()
            self.turn.cause, self.turn.kind = self._cause, self._kind
        turn = self.turn
        if error is not None:
            turn.outcome, turn.error = "failed", type(error).__name__
        elif is_kept:
            turn.outcome = "kept"
        elif turn.outcome != "stale":
            return self._reports  # a copy of a message that was answered
        if turn.cause is not None:
            self._close(delivery)
        return self._reports

    def _close_and_go_on(self) -> None:
        """Make the report of the turn, and begin the notes of the next."""
        self._close()
        self.turn = _Turn(self._key, self.now)

    def _close(self, delivery: Delivery | None = None, request: int = 0) -> None:
        """Make the report of the turn."""
        turn = self.turn
        own = turn.key == self._key
        if delivery is None:
            delivery = "held" if turn.says else "none"
        elif delivery == "reply" and turn.page:
            delivery = "page"
        if turn.pushes and delivery in ("held", "nobody", "none"):
            delivery = "pushed"
        began = self._began if own else turn.began
        seconds = (turn.until if turn.is_over else self.now) - began
        if turn.cause is None or turn.outcome is None:
            raise AssertionError("a turn that took place has a cause and an outcome")
        self._reports.append(
            TurnReport(
                user=self._user, account=self._account, turn=turn.key, cause=turn.cause,
                kind=turn.kind, outcome=turn.outcome, dialog=turn.dialog, version=turn.version,
                conversation=turn.conversation, before=turn.before, after=turn.after,
                answered=turn.answered, recovered=turn.recovered,
                way=self.way, restarts=max(turn.tries - 1, 0), replayed=turn.replayed,
                steps=tuple(turn.steps), trips=turn.trips, store_seconds=turn.store_seconds,
                arrived=self._arrived + began - self._began, seconds=seconds,
                waited=self.waited if own else 0.0, late=turn.late, delivery=delivery,
                request=request, pushes=turn.pushes, error=turn.error, parked=turn.parked,
            )
        )  # fmt: skip


def _place(frame: Frame) -> Place:
    return Place(frame.id, frame.dialog, frame.version, frame.wait)


def _place_of(doc: Document, id: str) -> Place | None:
    """Return where a conversation waits, on the stack or aside; None if it has ended."""
    for frame in doc.head.stack:
        if frame.id == id:
            return _place(frame)
    if any(note.id == id for note in doc.head.aside):
        with suppress(NewerJournal, msgspec.DecodeError, KeyError):
            return _place(doc.beside.read(id).frame)
    return None
