"""The values of the store's contract for time and for what comes from outside: when something of a
user can be done, and their mailbox.

Times here are milliseconds since the epoch by the store's own clock, since they are told, compared
and kept; durations are seconds, as everywhere.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Due", "Dues", "Mail", "Post", "Posted", "Wake"]


class Wake(msgspec.Struct, frozen=True):
    """When something of a user can be done, though they say nothing.

    Attributes:
        account: The account whose index tells of it; not empty.
        at: When, in ms since the epoch; greater than 0. One that is over already is due at once.
    """

    account: str
    at: int


class Due(msgspec.Struct, frozen=True):
    """An entry of the index, to be handed back as it is: with the claim, with the commit of the
    turn that was begun for it, and to `undue`.

    Attributes:
        user: The user's key.
        at: When it fell due, in ms since the epoch.
        until: Tells this answer of `due` from others that had the same entry; nothing to reckon
            with.
        account: The account whose index it is of.
    """

    user: str
    at: int
    until: int = 0
    account: str = ""


class Dues(msgspec.Struct, frozen=True):
    """What is due for an account.

    Attributes:
        entries: In the order in which they fell due, or came back from a lease that ran out.
        now: The store's clock, in ms since the epoch.
        next: When the first of those that are left in the index can be had, in ms since the epoch;
            of one that is leased, when its lease ends. None: nothing of the account is left in it.
    """

    entries: tuple[Due, ...]
    now: int
    next: int | None = None


class Mail(msgspec.Struct, frozen=True):
    """A signal in a user's mailbox.

    Attributes:
        number: Its number: greater than that of any before it in this mailbox.
        body: What `post` was given, bytes the store never reads.
    """

    number: int
    body: bytes


class Post(msgspec.Struct, frozen=True):
    """A signal for a user's mailbox; see `Store.post`.

    Attributes:
        user: The user's key.
        account: The account whose index tells of it; not empty.
        id: What makes a repetition of it one: while it is remembered, another of the same id is not
            kept. "": it is never a repetition.
        body: What is kept, bytes the store never reads.
        most: Signals that may lie in the mailbox, this one included.
        kept: Seconds that it is kept, and that its id is remembered, taken or not.
        lease: Seconds for which the index tells nobody else of it: for whoever posts and goes on to
            do it. 0: it is anybody's at once.
    """

    user: str
    account: str
    id: str
    body: bytes
    most: int = 100
    kept: float = 7 * 86400.0
    lease: float = 0.0


class Posted(msgspec.Struct, frozen=True):
    """What became of a signal.

    Attributes:
        outcome: "kept": it is in the mailbox, and due. "repeated": one of its id was posted before;
            nothing was changed.
        number: `Mail.number`; 0 where it is repeated.
        due: The entry of the index that tells of it; None where it is repeated.
    """

    outcome: Literal["kept", "repeated"]
    number: int = 0
    due: Due | None = None
