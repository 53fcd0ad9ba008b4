"""What of a user is not on their stack: conversations put aside, and the mailbox; in hand, and the
difference to what the store has.
"""

from __future__ import annotations

from collections.abc import Sequence

from wechat_dialog.core.replay.header import AsideConversation, UserHead, decode_aside, encode_aside
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Mail
from wechat_dialog.core.store.values import Claimed

from .mail import Letter, decode_mail

__all__ = ["Beside"]


class Beside:
    """What was claimed beside head and journal, and what the turn does to it.

    Without a claim nothing of it is known, and nothing can be done to it.

    Attributes:
        claimed: Whether it is known.
        mail: The mailbox, oldest first, but for what was taken.
        taken: Numbers of what was taken since the last write.
    """

    __slots__ = ("_put", "_read", "_removed", "_stored", "claimed", "mail", "taken")

    def __init__(self) -> None:
        self.claimed = False
        self.mail: Sequence[Mail] = ()
        self.taken: list[int] = []
        self._stored: dict[str, bytes] = {}
        self._put: dict[str, bytes] = {}
        self._removed: set[str] = set()
        self._read: dict[str, AsideConversation] = {}

    def update(self, claimed: Claimed) -> None:
        """Take over what a claim found; whatever was not written is forgotten."""
        self.claimed = True
        self.mail = claimed.signals
        self.taken = []
        self._stored = {one.id: one.document for one in claimed.aside}
        self._put, self._removed, self._read = {}, set(), {}

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
            self._read[id] = decode_aside(self._put[id] if id in self._put else self._stored[id])
        return self._read[id]

    def put(self, conversation: AsideConversation) -> None:
        """Put a conversation aside."""
        id = conversation.frame.id
        self._put[id] = encode_aside(conversation)
        self._read[id] = conversation

    def remove(self, id: str) -> None:
        """Take a conversation away, which may not be there."""
        self._put.pop(id, None)
        self._read.pop(id, None)
        self._removed.add(id)

    def letters(self) -> list[tuple[Mail, Letter | None]]:
        """Return what is in the mailbox, oldest first; None for what another release put there."""
        return [(mail, decode_mail(mail)) for mail in self.mail]

    def take(self, number: int) -> None:
        """Take something out of the mailbox."""
        self.mail = [mail for mail in self.mail if mail.number != number]
        self.taken.append(number)

    # To the store ---------------------------------------------------------------------------------

    def aside(self) -> tuple[Aside, ...]:
        """Return what a write puts aside."""
        return tuple([Aside(id, document) for id, document in self._put.items()])

    def unaside(self) -> tuple[str, ...]:
        """Return the ids of what a write takes away."""
        gone = self._removed - self._put.keys()
        return tuple(sorted(id for id in gone if id in self._stored))

    def wrote(self) -> None:
        """Note that the store has all of it."""
        for id in self._removed:
            self._stored.pop(id, None)
        self._stored.update(self._put)
        self._put, self._removed, self.taken = {}, set(), []

    def as_stored(self, mail: Sequence[Mail]) -> Beside:
        """Return it as the store has it.

        Args:
            mail: The mailbox, as the last write left it.
        """
        stored = Beside()
        stored._stored, stored.mail, stored.claimed = dict(self._stored), mail, self.claimed
        return stored
