"""What `Bot(on_turn=…)` is told of each turn: names, numbers and times, and no word that was said.

Nothing in it is guessed from outside: the turn itself notes what it does (`notes.py`), and whoever
performs its operations counts and times them (`runtime/reporting.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import msgspec

__all__ = [
    "CAUSES", "DELIVERIES", "OUTCOMES", "WAYS", "Cause", "Delivery", "OnTurn", "Place",
    "StepReport", "TurnOutcome", "TurnReport", "Way",
]  # fmt: skip

Cause = Literal["message", "event", "timer", "signal", "begin", "end", "operator"]

TurnOutcome = Literal[
    "kept", "stale", "repeated", "ignored", "fetched", "not_taken", "browsed", "asked_again",
    "waits", "aside", "finished", "ended", "cancelled", "resumed", "restarted", "parked", "failed",
]  # fmt: skip

Way = Literal["none", "live", "behind", "cold", "claimed"]

Delivery = Literal["reply", "page", "pushed", "held", "nobody", "none"]

CAUSES: tuple[str, ...] = get_args(Cause)
OUTCOMES: tuple[str, ...] = get_args(TurnOutcome)
"""All outcomes. If several things happen in one turn, the last of them in this order is told."""
WAYS: tuple[str, ...] = get_args(Way)
DELIVERIES: tuple[str, ...] = get_args(Delivery)


class Place(msgspec.Struct, frozen=True):
    """Where a conversation waits.

    Attributes:
        conversation: Its id.
        dialog: Name of its dialog.
        version: Version of the dialog; "" if it has none.
        question: Key of the question, time or signal it waits for: a letter for its kind, followed
            by `=` and the author's `key=`, or by digits computed from the question's text.
    """

    conversation: str
    dialog: str
    version: str
    question: str


class StepReport(msgspec.Struct, frozen=True):
    """One step that ran in a turn; or a call of the reviewer.

    Attributes:
        name: Its name.
        began: Seconds from the turn's arrival until it was called.
        seconds: How long it took, pauses between its attempts included.
        attempts: How often its function was called, 1 or more; 0 if that is unknown, since the step
            was given up.
        error: Name of the type of what it raised; "" if it returned.
    """

    name: str
    began: float
    seconds: float
    attempts: int
    error: str


class TurnReport(msgspec.Struct, frozen=True, kw_only=True):
    """One turn that is over. It contains nothing that a user or a dialog said.

    `msgspec.json.encode(report)` makes a line of JSON of it.

    Attributes:
        user: The user's OpenID.
        account: The account's original id.
        turn: Key of the turn, the same in every process that tries it; unique for a user.
        cause: What began the turn: "message"; "event"; "timer": a time has come; "signal";
            "begin": a conversation is to begin (`bot.begin`, `chat.start`); "end": one is to end,
            since its user has unsubscribed or an operator said so; "operator": a command on stored
            conversations.
        kind: Of a message its kind ("text", "image"), of an event its name in lower case
            ("subscribe"), of a signal its name, of an operator "resume" or "end"; otherwise "".
        outcome: What the turn led to:
            "waits": its dialog waits for the user's next answer.
            "aside": its dialog waits for a time or a signal, and the user is free; or a time or a
            signal has led it to a question, which is asked when no other is pending, or pushed.
            "finished": its dialog has returned.
            "ended": the conversation ended otherwise: by a change of subject, `unsubscribe`, an
            operator, a time limit (`NoAnswer`), or too many answers that did not fit.
            "cancelled": the user wrote a cancel word.
            "asked_again": the answer did not fit, and the question was asked again; or there was
            nothing to take back.
            "browsed": a page of a menu was turned, or a choice ticked.
            "not_taken": the user cannot have seen the question when they wrote this.
            "fetched": the user fetched a held part.
            "ignored": no route matched, or every dialog handed the message back.
            "parked": a dialog failed, or the turn took too long, and the conversation is parked.
            "resumed", "restarted": the dialog's code has changed, and the conversation continued
            from the first difference, or began again.
            "repeated": a copy of a message that was answered; nothing was done.
            "stale": the message was read so late that another process may have answered it; nothing
            was done.
            "kept": no request waits any more, and the message is stored for the user's next turn.
            "failed": the turn raised `error`, and was not committed as far as is known.
        dialog: Name of the dialog that got the message, the time or the signal; "" if none did.
        version: Version of that dialog.
        conversation: Id of its conversation.
        before: Where the user's conversation waited before the turn; of a timer or signal, the
            conversation that it was for. None: there was none, or it had expired.
        after: Where that conversation, or the one that the user is in now, waits after it. None:
            there is none.
        answered: Key of the question that the message answered, or of the wait that the timer or
            signal ended; "" if there was none.
        recovered: Whether the turn was begun before by a process that died, or stored for later,
            and was finished on the way to another one.
        way: "live": the dialog was at hand; "behind": it was, and was given what other processes
            had added; "cold": it was replayed from the store; "claimed": the turn had a claim;
            "none": it did not get as far.
        restarts: How often the turn began anew, since another process was quicker, a claim was
            lost, or the store failed.
        replayed: Records that were replayed.
        steps: The steps that ran, in the order in which they ended.
        trips: Calls of the store.
        store_seconds: Time spent in them.
        arrived: When its request arrived, or its firing began, in seconds since 1970.
        seconds: From then until its end.
        waited: Of these, seconds spent waiting for the turn of another message of the user, or for
            a store that failed.
        late: Seconds between the due time of a timer, or the sending of a signal, and its turn.
        delivery: What became of what it says. "reply": sent as the reply to a request; "page": the
            same, with a link to an answer page; "pushed": sent as customer messages; "held": stored
            until the user's next message; "nobody": a reply that no request waited for any more,
            which is delivered with the user's next message; "none": it says nothing.
        request: The platform's request that got the reply, 1 to 3, as far as known; 0: none did.
        pushes: Parts that were sent as customer messages.
        error: Name of the type of the error that parked the conversation, or with which the turn
            failed; otherwise "".
        parked: Id of the parked conversation, for `wechat-dialog conversations`; otherwise "".
    """

    user: str
    account: str
    turn: str
    cause: Cause
    kind: str = ""
    outcome: TurnOutcome
    dialog: str = ""
    version: str = ""
    conversation: str = ""
    before: Place | None = None
    after: Place | None = None
    answered: str = ""
    recovered: bool = False
    way: Way = "none"
    restarts: int = 0
    replayed: int = 0
    steps: tuple[StepReport, ...] = ()
    trips: int = 0
    store_seconds: float = 0.0
    arrived: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    late: float = 0.0
    delivery: Delivery = "none"
    request: int = 0
    pushes: int = 0
    error: str = ""
    parked: str = ""


OnTurn = Callable[[TurnReport], object]
"""See `Bot(on_turn=…)`."""
