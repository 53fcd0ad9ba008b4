"""The message at hand: what it says, whose it is, and what its turn has come to so far.

A `Work` is one message's, on one user's document. It is the only home of both: whoever works on the
message is handed the `Work` and reads them there. Where a turn that was cut off is finished, or a
parked conversation is taken up, the message becomes that turn's own (`becomes`), and what was said
in secret is taken out of it before anything writes it down (`keep_secret`).
"""

from __future__ import annotations

import msgspec

from wechat_dialog.core.replay.records import is_secret, masked
from wechat_dialog.core.secrecy import without_secret
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.draft import Draft
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.messages import Message, from_fields
from wechat_dialog.messages.said import text_of
from wechat_dialog.replies.stored import decode_reply, encode_reply

__all__ = ["Work"]

LONGEST_WAY = 3600
"""Seconds that a message may be on its way while later ones of its user are answered. What seems
older came by another clock, and nobody is to be turned away until that one is there."""


class Work:
    """A message being worked on.

    Attributes:
        rules: The bot's.
        doc: The user's document; changed as the turn goes.
        message: The message, as it may be written down.
        key: Its key.
        arrived: When it arrived, ms since the epoch.
        confided_to: Id of the conversation that took it for a secret answer, in this attempt or an
            earlier one; "" if none did.
        answers_nothing: Whether it was meant for a question that is gone, and for no other.
        secret: What it said, where that is not to be written down: `message` does not have it.
        draft: What is to be answered.
        begun: How many conversations it has begun.
        unrouted: Routes that handed it back, so that none gets it twice; see
            `beginning.number_of`.
        went_back: Whether a dialog stands where it stood in an earlier turn, in which what it asked
            for was carried out.
        outside: Whether no message began the turn; then `message` only stands for one.
        posted: Number of the signal whose sender runs the turn; 0: nobody waits for it.
    """

    __slots__ = (
        "answers_nothing",
        "arrived",
        "begun",
        "confided_to",
        "doc",
        "draft",
        "key",
        "message",
        "outside",
        "posted",
        "rules",
        "secret",
        "unrouted",
        "went_back",
    )

    def __init__(
        self,
        rules: Rules,
        doc: Document,
        message: Message,
        key: str,
        arrived: int,
        *,
        now: int | None = None,
    ) -> None:
        """Begin to work on a message.

        Args:
            rules: See the attributes, as for the others.
            doc: The document it is worked on with.
            message: The message.
            key: Its key.
            arrived: When it arrived.
            now: When the request at hand arrived, which is later where an earlier message's turn is
                finished; None: with this message.
        """
        self.rules = rules
        self.doc = doc
        self.message = message
        self.key = key
        self.arrived = arrived
        self.secret = self.confided_to = ""
        self.answers_nothing = False
        self.draft = Draft(rules, doc, arrived if now is None else now)
        self.begun = 0
        self.unrouted: set[int] = set()
        self.outside = self.went_back = False
        self.posted = 0

    def goes_on_outside(self) -> None:
        """Let it be a turn that no message began: the library says nothing of its own in it."""
        self.outside = self.draft.silent = True

    def on(self, doc: Document) -> Work:
        """Return the work on the same message begun anew, on another document."""
        work = Work(self.rules, doc, self.message, self.key, self.arrived, now=self.draft.now)
        work.secret, work.confided_to = self.secret, self.confided_to
        if self.outside:
            work.goes_on_outside()
        return work

    @property
    def not_seen(self) -> bool:
        """Whether the user cannot have seen the pending question when they wrote the message: it is
        held, or was shown later, or the message was for another one. Within one second of the
        platform's clock nobody can tell.
        """
        if self.doc.unseen or self.answers_nothing:
            return True
        return 0 < self.doc.head.shown - self.message.created < LONGEST_WAY

    # Whose turn it is -----------------------------------------------------------------------------

    def becomes(self, message: Message, arrived: int) -> None:
        """Take a message of the journal for the one at hand: its turn is gone on with."""
        self.message, self.arrived = message, arrived

    def says(self, text: str) -> None:
        """Take the message at hand for one that says this: its dialog put it so."""
        raw = {**self.message.raw, "MsgType": "text", "Content": text}
        self.message = from_fields(
            {**raw, "FromUserName": self.message.user, "ToUserName": self.message.account}
        )

    def take_over(self) -> None:
        """Take over, from the head, the turn that was cut off; `note_progress` left it there."""
        head = self.doc.head
        self.key, self.begun, self.unrouted = head.key, head.begun, set(head.tried)
        said = [decode_reply(bytes(part)) for part in head.said]
        self.draft.parts = [part for part in said if part is not None]
        self.draft.over = list(self.draft.parts)

    def note_progress(self) -> None:
        """Put into the head what another worker would need to finish this turn, and no replay
        tells.
        """
        head = self.doc.head
        head.begun = self.begun
        head.said = [msgspec.Raw(encode_reply(part)) for part in self.draft.parts]
        head.tried = sorted(self.unrouted)

    # What is not to be written down ---------------------------------------------------------------

    def is_said_to(self, wait: str) -> bool:
        """Whether the message is one that answers a secret question."""
        return is_secret(wait) and text_of(self.message) is not None

    def keep_secret(self, wait: str, asker: str) -> None:
        """Let nothing from here on have what the message says to a secret question.

        Args:
            wait: Id of the question.
            asker: Id of the conversation that waits at it.
        """
        if self.is_said_to(wait):
            self.confided_to = asker
            self._mask()

    def keep_confided(self) -> None:
        """Keep the message secret where it was taken for a secret answer before its turn started
        over, and whoever asked for it is gone, since it was ended meanwhile: it is nobody's answer.
        """
        if self.confided_to and self.confided_to not in (one.id for one in self.doc.head.stack):
            self._mask()
            self.answers_nothing = True

    def _mask(self) -> None:
        # Once: handed back, or begun anew, it says ●●● by now.
        self.secret = self.secret or text_of(self.message) or ""
        self.message = masked(self.message)

    def without_secret(self, text: str) -> str:
        """Return a text that is kept or said, without what the message said in secret."""
        return without_secret(text, self.secret) if self.secret else text
