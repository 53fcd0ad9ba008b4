"""A user's data that are not on their stack, conversations put aside and the mailbox: the copy in
memory, and how it differs from the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wechat_dialog.core.replay.header import AsideConversation, UserHead, decode_aside, encode_aside
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Mail
from wechat_dialog.core.store.values import Claimed

from .mail import Letter, decode_mail

__all__ = ["NOTHING", "Beside"]


_NOTHING: dict[str, Any] = {}
"""Used for most users, who have nothing aside; it is replaced, never changed."""

_NOBODY: frozenset[str] = frozenset()


class Beside:
    """What a claim returned beside head and journal, and what the turn changes in it.

    Without a claim the content is unknown, and cannot be changed.

    Attributes:
        claimed: Whether the content is known.
        shared: Whether this is one of the constants below, which many users share: call `own`
            before anything is put into it.
        mail: The mailbox, oldest first, without the letters that were taken.
        taken: Numbers of the letters taken since the last write.
        refused: The ids of those of them that were refused.
    """

    __slots__ = (
        "_put",
        "_read",
        "_removed",
        "_stored",
        "claimed",
        "mail",
        "refused",
        "shared",
        "taken",
    )

    def __init__(self, *, claimed: bool = False, shared: bool = False) -> None:
        self.claimed = claimed
        self.shared = shared
        self.mail: Sequence[Mail] = ()
        self.taken: tuple[int, ...] = ()
        self.refused: tuple[str, ...] = ()
        self._stored: Mapping[str, bytes] = _NOTHING
        self._put: Mapping[str, bytes] = _NOTHING
        self._removed = _NOBODY
        self._read: Mapping[str, AsideConversation] = _NOTHING

    @classmethod
    def of(cls, claimed: Claimed) -> Beside:
        """Return what a claim returned, as a value of this class."""
        if not (claimed.aside or claimed.signals):
            return _CLAIMED  # nearly always
        beside = cls(claimed=True)
        beside.mail = claimed.signals
        beside._stored = {conversation.id: conversation.document for conversation in claimed.aside}
        return beside

    def own(self) -> Beside:
        """Return an object that may be changed: this one, or a new one instead of a shared
        constant.
        """
        return Beside(claimed=self.claimed) if self.shared else self

    def prune(self, head: UserHead) -> None:
        """Remove from the head the conversations that an operator dropped in the meantime."""
        if head.aside and self.claimed:
            present = self.ids()
            head.aside = tuple([note for note in head.aside if note.id in present])

    def ids(self) -> set[str]:
        """Return the ids of the conversations that are put aside."""
        return (self._stored.keys() - self._removed) | self._put.keys()

    def read(self, id: str) -> AsideConversation:
        """Return a conversation that is put aside.

        Raises:
            KeyError: It does not exist.
            msgspec.DecodeError: It was not written by this library.
            NewerJournal: A newer version of the library put it aside.
        """
        if id not in self._read:
            document = self._put[id] if id in self._put else self._stored[id]
            self._read = {**self._read, id: decode_aside(document)}
        return self._read[id]

    def put(self, conversation: AsideConversation) -> None:
        """Put a conversation aside."""
        id = conversation.frame.id
        self._put = {**self._put, id: encode_aside(conversation)}
        self._read = {**self._read, id: conversation}

    def remove(self, id: str) -> None:
        """Remove a conversation, if it is there."""
        self._put = {
            other_id: document for other_id, document in self._put.items() if other_id != id
        }
        self._read = {other_id: read for other_id, read in self._read.items() if other_id != id}
        self._removed |= {id}

    def letters(self) -> list[tuple[Mail, Letter | None]]:
        """Return the mailbox, oldest first; None for a letter that this release cannot read."""
        return [(mail, decode_mail(mail)) for mail in self.mail]

    def take(self, number: int) -> None:
        """Take a letter out of the mailbox."""
        self.mail = [mail for mail in self.mail if mail.number != number]
        self.taken = (*self.taken, number)

    def refuse(self, number: int, id: str) -> None:
        """Take a letter out of the mailbox whose sender is told that it was refused: they may send
        it again, under the same id.
        """
        self.take(number)
        if id:
            self.refused = (*self.refused, id)

    # To the store ---------------------------------------------------------------------------------

    def aside(self) -> tuple[Aside, ...]:
        """Return the conversations that the next write puts aside."""
        put = self._put
        return tuple([Aside(id, document) for id, document in put.items()]) if put else ()

    def unaside(self) -> tuple[str, ...]:
        """Return the ids of the conversations that the next write removes."""
        if not self._removed:
            return ()
        removed = self._removed - self._put.keys()
        return tuple(sorted(id for id in removed if id in self._stored))

    def wrote(self, *, dropped: bool) -> None:
        """Note that the store has all changes; or has dropped what was aside, with its head."""
        self.taken, self.refused = (), ()
        if dropped:
            self._stored = _NOTHING
        if self._put or self._removed:
            remaining = {
                id: document for id, document in self._stored.items() if id not in self._removed
            }
            self._stored = {**remaining, **self._put}
            self._put, self._removed = _NOTHING, _NOBODY

    def as_stored(self, mail: Sequence[Mail]) -> Beside:
        """Return a copy with the content that the store has.

        Args:
            mail: The mailbox, as the last write left it.
        """
        if self.shared:
            return self
        stored = Beside(claimed=self.claimed)
        stored._stored, stored.mail = self._stored, mail
        return stored


NOTHING = Beside(shared=True)
"""No claim was made, so nothing is known."""

_CLAIMED = Beside(claimed=True, shared=True)
"""A claim found nothing aside, as for nearly all users."""
