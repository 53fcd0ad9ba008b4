"""Turns that no message began: something of a user fell due, a signal came, or a conversation is to
be begun; as generators of operations, like `transaction`.

What whoever performs them has to know:

- `fire(settings, due, account, openid)` does one thing that is due of a user, and says whether
  there is more (`Fired.again`): call it again for that, or leave it to a sweep. `due` is an entry
  that `Store.due` gave, or `Fired.again`, `Sent.again`, `Outcome.again`.
- `send(settings, user, account, openid, letter, id)` puts a letter into the mailbox, and runs the
  turn for it if nobody has the claim; it never waits for one. `letter` is `SignalMail.of(name,
  data, match)` or `begin_mail(routes, dialog, state)`, which refuse what is wrong on the author's
  line. With `post_only=True` (in a step) it only posts.
- The operations: `Claim` (with `fires`), `RecordWrite`, `Commit` (with `fires`), `Release`,
  `RunStep`, `RunSteps`, `Review`, `Push`, `Pause` (only with `waits=True`), pages, and the two of
  their own: `PostMail` and `Undue`. No clock is handed in: the store's is read at the claim.
- After `LONGEST` seconds a firing gets `TurnTooLong` thrown in, as a message's turn does after the
  bot's longest; it is parked then.
- `settings.rules.may_push` says whether the account may push just now. What is said is pushed
  within the transaction, after its commit and under its claim.
- `StoreError` and `ClaimLost` come out as they are, the claim given up: the thing stays due.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

import msgspec

from wechat_dialog.core.store.times import Due
from wechat_dialog.core.turn.mail import Letter
from wechat_dialog.core.turn.operations import Operation
from wechat_dialog.core.turn.settings import Settings

__all__ = ["KEY", "LONGEST", "STANDS_IN_LINE", "Fired", "Sent", "fire", "send"]

KEY = "fire"
"""Key of a firing's claim, the same for all of a user: what one that died left behind is in no
other's way."""

LONGEST = 30.0
"""Seconds that such a turn may take; then it is parked."""

STANDS_IN_LINE = 5.0
"""Seconds of refusals after which `fire` is to be called with `waits=True`, once."""


class Fired(msgspec.Struct, frozen=True):
    """What became of a firing.

    Attributes:
        outcome: "done"; "nothing": nothing was due (the entry is handed to `Store.undue`); "busy":
            somebody has the turn, or a message comes first; "left": what is due is for the process
            of another release.
        again: What else is due of this user right now; None: nothing.
        dialog: Name of the dialog that was taken up; "" if none was.
        late: Seconds between when it fell due and the claim.
    """

    outcome: Literal["done", "nothing", "busy", "left"]
    again: Due | None = None
    dialog: str = ""
    late: float = 0.0


class Sent(msgspec.Struct, frozen=True):
    """What became of a letter.

    Attributes:
        outcome: "taken": its turn was run; "kept": it is in the mailbox; "repeated": one of its id
            came before, and nothing was done.
        again: See `Fired.again`.
    """

    outcome: Literal["taken", "kept", "repeated"]
    again: Due | None = None


def fire(
    settings: Settings, due: Due, account: str, openid: str, *, waits: bool = False
) -> Generator[Operation, Any, Fired]:
    """Do one thing that is due of a user.

    Args:
        settings: How.
        due: The entry of the index.
        account: The account's id.
        openid: The user's OpenID.
        waits: Whether it stands in line, as a message does, until it has the claim.

    Raises:
        StoreError: The store failed; it stays due.
        ClaimLost: Likewise, the claim.
    """
    raise NotImplementedError
    yield


def send(
    settings: Settings,
    user: str,
    account: str,
    openid: str,
    letter: Letter,
    id: str = "",
    *,
    post_only: bool = False,
) -> Generator[Operation, Any, Sent]:
    """Put a letter into a user's mailbox, and run the turn for it if nobody has the claim.

    Args:
        settings: How.
        user: The user's key in the store.
        account: The account's id.
        openid: The user's OpenID.
        letter: The letter.
        id: What makes a repetition of it harmless for a week; "": nothing does.
        post_only: Whether that is all: the turn is a sweep's to run.

    Raises:
        MailboxFull: There is no room; it names the user's OpenID.
        SignalMisfit: The data are not what the conversation waits for that would take them; they
            are not kept.
        StoreError: The store failed; it may have been posted.
    """
    raise NotImplementedError
    yield
