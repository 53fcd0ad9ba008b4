"""The values of the store's contract for times and for signals: when something of a user is due,
and their mailbox.

Times here are milliseconds since the epoch by the store's own clock, since they are passed on,
compared and stored; durations are seconds, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import msgspec

__all__ = ["Due", "Dues", "EndsLeases", "Mail", "Post", "Posted", "Wake"]


class Wake(msgspec.Struct, frozen=True):
    """When something of a user is due without a message from them.

    Attributes:
        account: The account whose index has it; not empty.
        at: When, in ms since the epoch; greater than 0. A time in the past is due at once.
    """

    account: str
    at: int


class Due(msgspec.Struct, frozen=True):
    """An entry of the index, to be passed back unchanged: with the claim, with the commit of the
    turn that was begun for it, and to `undue`.

    Attributes:
        user: The user's key.
        at: When it fell due, in ms since the epoch.
        until: Distinguishes this result of `due` from others with the same entry; otherwise
            meaningless.
        account: The account to whose index it belongs.
    """

    user: str
    at: int
    until: int = 0
    account: str = ""


class Dues(msgspec.Struct, frozen=True):
    """What is due for an account.

    Attributes:
        entries: In the order in which they fell due, or in which their leases expired.
        now: The store's clock, in ms since the epoch.
        next: When the first remaining entry of the index will be returned, in ms since the epoch;
            for a leased entry, when its lease ends. None: the account has no other entries.
    """

    entries: tuple[Due, ...]
    now: int
    next: int | None = None


class Mail(msgspec.Struct, frozen=True):
    """A signal in a user's mailbox.

    Attributes:
        number: Its number: greater than that of any earlier one in this mailbox.
        body: The body given to `post`, opaque bytes.
    """

    number: int
    body: bytes


class Post(msgspec.Struct, frozen=True):
    """A signal for a user's mailbox; see `Store.post`.

    Attributes:
        user: The user's key.
        account: The account whose index has it; not empty.
        id: Its idempotency key: while it is remembered, another signal with the same id is not
            stored. "": there is none.
        body: What is stored, opaque bytes.
        most: How many signals the mailbox may hold, including this one.
        kept: Seconds for which it is stored, and its id is remembered, whether or not it is taken.
        lease: Seconds for which the index returns it to nobody else, if the caller will handle it.
            0: anybody may handle it at once.
    """

    user: str
    account: str
    id: str
    body: bytes
    most: int = 100
    kept: float = 7 * 86400.0
    lease: float = 0.0


class Posted(msgspec.Struct, frozen=True):
    """The result of posting a signal.

    Attributes:
        outcome: "kept": it is in the mailbox, and due. "repeated": one with its id was posted
            before; nothing was changed.
        number: `Mail.number`; 0 if it is repeated.
        due: Its entry in the index; None if it is repeated.
    """

    outcome: Literal["kept", "repeated"]
    number: int = 0
    due: Due | None = None


@runtime_checkable
class EndsLeases(Protocol):
    """An optional ability of a `Store`: to end the leases of index entries before their time.

    A process that is closed may have leased entries for which it has begun nothing. With a store
    without this, other processes get them when the leases end.
    """

    def end_leases(self, entries: Sequence[Due]) -> None:
        """End the leases of entries that `due` or `post` returned, and for which no firing was
        begun: the next call of `due` returns them.

        An entry that was leased again since stays leased.
        """
        ...
