"""How the dialog of one conversation ended its part of a turn: the closed set of results that
`conversation` returns and `stack` acts on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.replay.records import Record
from wechat_dialog.core.replay.run import Run
from wechat_dialog.errors import ReplayMismatch
from wechat_dialog.replies import Reply

__all__ = [
    "WAITS",
    "Broke",
    "Differs",
    "Finished",
    "HandsOver",
    "PutsAside",
    "Result",
    "Signalled",
    "Waits",
]


class Waits:
    """The dialog waits; its question, and what it said before it, are in the draft."""

    __slots__ = ()


WAITS = Waits()


class Finished(msgspec.Struct, frozen=True):
    """The dialog returned.

    Attributes:
        parts: What it said in this turn, including what it returned.
    """

    parts: Sequence[Reply]


class HandsOver(msgspec.Struct, frozen=True):
    """The dialog ended with `chat.continue_as`.

    Attributes:
        parts: What it said in this turn.
        dialog: The dialog that continues in its place.
        args: What that dialog is started with.
    """

    parts: Sequence[Reply]
    dialog: RegisteredDialog
    args: dict[str, Any]


class PutsAside(msgspec.Struct, frozen=True):
    """The dialog waits for no user, or its user cannot be asked now.

    Attributes:
        parts: What it said in this turn.
        run: The dialog.
        asks: Whether it stands at a question that its user was not asked.
    """

    parts: Sequence[Reply]
    run: Run
    asks: bool = False


class Signalled(msgspec.Struct, frozen=True):
    """The dialog ended with an exception that is not an error.

    Attributes:
        parts: What it said in this turn.
        signal: The exception: a `Signal`, or `TooManyAttempts`.
    """

    parts: Sequence[Reply]
    signal: BaseException


class Broke(msgspec.Struct, frozen=True):
    """The dialog failed, or another function of its author did.

    Attributes:
        error: What was raised.
        run: The dialog; None: it is not available, or did not cause the error.
    """

    error: BaseException
    run: Run | None = None


class Differs(msgspec.Struct, frozen=True):
    """The dialog's code has changed so that it does not fit the conversation's journal.

    Attributes:
        dialog: The dialog.
        records: The conversation's records, with rewinds applied.
        mismatch: The first difference.
    """

    dialog: RegisteredDialog
    records: list[Record]
    mismatch: ReplayMismatch


Result = Waits | Finished | HandsOver | PutsAside | Signalled | Broke
