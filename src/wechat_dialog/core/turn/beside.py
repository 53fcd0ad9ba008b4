"""What of a user is not on their stack: conversations put aside, and the mailbox; in hand, and the
difference to what the store has.
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
"""In the place of what most users do not have; replaced, and never changed."""

_NOBODY: frozenset[str] = frozenset()


class Beside:
    """What was claimed beside head and journal, and what the turn does to it.

    Without a claim nothing of it is known, and nothing can be done to it.

    Attributes:
        claimed: Whether it is known.
        shared: Whether it is one of many users' nothing: it has to be made one's own (`own`) before
            anything is put there.
        mail: The mailbox, oldest first, but for what was taken.
        taken: Numbers of what was taken since the last write.
    """

    __slots__ = ("_put", "_read", "_removed", "_stored", "claimed", "mail", "shared", "taken")

    def __init__(self, *, claimed: bool = False, shared: bool = False) -> None:
        self.claimed = claimed
        self.shared = shared
        self.mail: Sequence[Mail] = ()
        self.taken: tuple[int, ...] = ()
        self._stored: Mapping[str, bytes] = _NOTHING
        self._put: Mapping[str, bytes] = _NOTHING
        self._removed = _NOBODY
        self._read: Mapping[str, AsideConversation] = _NOTHING

    @classmethod
    def of(cls, claimed: Claimed) -> Beside:
        """Return what a claim found."""
        if not (claimed.aside or claimed.signals):
            return _CLAIMED  # nearly always
        found = cls(claimed=True)
        found.mail = claimed.signals
        found._stored = {one.id: one.document for one in claimed.aside}
        return found

    def own(self) -> Beside:
        """Return one that may be changed: this one, or one in the place of what is shared."""
        return Beside(claimed=self.claimed) if self.shared else self

    def prune(self, head: UserHead) -> None:
        """Forget what an operator dropped, which the head does not know."""
        if head.aside and self.claimed:
            there = self.ids()
            head.aside = [note for note in head.aside if note.id in there]

    def ids(self) -> set[str]:
        """Return the ids of the conversations that are put aside."""
        return (self._stored.keys() - self._removed) | self._put.keys()

    def read(self, id: str) -> AsideConversation:
        """Return a conversation that is put aside.

        Raises:
            KeyError: There is none.
            msgspec.DecodeError: It is not ours.
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
        """Take a conversation away, which may not be there."""
        self._put = {one: document for one, document in self._put.items() if one != id}
        self._read = {one: read for one, read in self._read.items() if one != id}
        self._removed |= {id}

    def letters(self) -> list[tuple[Mail, Letter | None]]:
        """Return what is in the mailbox, oldest first; None for what another release put there."""
        return [(mail, decode_mail(mail)) for mail in self.mail]

    def take(self, number: int) -> None:
        """Take something out of the mailbox."""
        self.mail = [mail for mail in self.mail if mail.number != number]
        self.taken = (*self.taken, number)

    # To the store ---------------------------------------------------------------------------------

    def aside(self) -> tuple[Aside, ...]:
        """Return what a write puts aside."""
        put = self._put
        return tuple([Aside(id, document) for id, document in put.items()]) if put else ()

    def unaside(self) -> tuple[str, ...]:
        """Return the ids of what a write takes away."""
        if not self._removed:
            return ()
        gone = self._removed - self._put.keys()
        return tuple(sorted(id for id in gone if id in self._stored))

    def wrote(self, *, dropped: bool) -> None:
        """Note that the store has all of it; or has dropped what was aside, with its head."""
        self.taken = ()
        if dropped:
            self._stored = _NOTHING
        if self._put or self._removed:
            kept = {id: one for id, one in self._stored.items() if id not in self._removed}
            self._stored = {**kept, **self._put}
            self._put, self._removed = _NOTHING, _NOBODY

    def as_stored(self, mail: Sequence[Mail]) -> Beside:
        """Return it as the store has it.

        Args:
            mail: The mailbox, as the last write left it.
        """
        if self.shared:
            return self
        stored = Beside(claimed=self.claimed)
        stored._stored, stored.mail = self._stored, mail
        return stored


NOTHING = Beside(shared=True)
"""Where nothing was claimed."""

_CLAIMED = Beside(claimed=True, shared=True)
"""Where a claim found nothing, as with nearly all users."""
