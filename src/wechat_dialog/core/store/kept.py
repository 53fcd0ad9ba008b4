"""The values of the store's contract for conversations that are put away, and for what people are
shown.
"""

from __future__ import annotations

import msgspec

from .times import Mail, Wake

__all__ = ["Aside", "Parked", "Shown", "Stored"]


class Parked(msgspec.Struct, frozen=True):
    """A conversation put away because it broke.

    Attributes:
        id: Id of the conversation, unique for its user.
        document: Everything of it, bytes the store never reads.
        ttl: Seconds it is kept.
        most: Conversations that may be parked for the user, this one included; above that the
            oldest are dropped.
        room: Bytes that they may have together, likewise; this one stays whatever its size.
    """

    id: str
    document: bytes
    ttl: float = 7 * 86400.0
    most: int = 100
    room: int = 4 * 1024 * 1024


class Aside(msgspec.Struct, frozen=True):
    """A conversation that waits for no user, put aside until something else takes it up again.

    It lives as long as the head does: a write with an empty head drops it, and so does the end of
    the head's time.

    Attributes:
        id: Id of the conversation, unique for its user.
        document: Everything of it, bytes the store never reads.
    """

    id: str
    document: bytes


class Stored(msgspec.Struct, frozen=True):
    """One line of a listing.

    Attributes:
        user: The user's key.
        head: The head; empty if only parked conversations are there.
        length: Number of records.
        age: Seconds since the last commit; 0.0 if only parked conversations are there.
        ttl: Seconds until the store drops head and journal, else the last of the parked
            conversations.
        parked: Ids of parked conversations, oldest first.
        aside: Ids of the conversations that are put aside, in their order.
    """

    user: str
    head: bytes
    length: int
    age: float
    ttl: float
    parked: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """Everything of one user.

    Attributes:
        head: The head; empty if there is none.
        records: The whole journal.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit; 0.0 if there is no head.
        ttl: Seconds until head and journal are dropped; 0.0 if there is no head.
        parked: Parked conversations by id, oldest first, each with the seconds it is still kept as
            its `ttl`.
        aside: Documents of the conversations that are put aside, by id, in the order of the ids.
        mail: The mailbox, oldest first.
        wake: What the last write said; None if nothing.
    """

    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    ttl: float
    parked: dict[str, Parked] = msgspec.field(default_factory=dict[str, Parked])
    aside: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    mail: tuple[Mail, ...] = ()
    wake: Wake | None = None
