"""The message being handled: what it says, whose it is, and the result of its turn so far.

A `Work` is about one message and one user's document, and the only place for both: functions that
handle the message get the `Work` and read them there. If a turn that was cut off is finished, or a
parked conversation resumed, that turn's message replaces the current one (`becomes`). A secret
answer is removed from the message before anything is recorded (`keep_secret`).
"""

from __future__ import annotations

import msgspec

from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.records import is_secret, masked
from wechat_dialog.core.secrecy import without_secret
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.draft import Draft
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.turn_report import TurnOutcome
from wechat_dialog.core.turn.window import LONGEST_WAY
from wechat_dialog.messages import Message, from_fields
from wechat_dialog.messages.said import text_of
from wechat_dialog.replies.stored import decode_reply, encode_reply

__all__ = ["Work"]

CLOCKS_DIFFER = 2
"""Seconds by which the store's clock may differ from the platform's: where a question was pushed,
only that one tells when."""

LATE = 20
"""Seconds that a message is on its way at most where only that clock can tell: the platform's last
request comes within 15 s. A clock that is wrong turns a user away for no longer than that."""


class Work(msgspec.Struct, eq=False):
    """A message being handled.

    Attributes:
        rules: The bot's rules.
        doc: The user's document; changed during the turn.
        message: The message, in the form that may be recorded.
        key: Its key.
        arrived: When it arrived, ms since the epoch.
        secret: The secret text of the message, which is not in `message`; "" if there is none.
        draft: The answer so far.
        begun: How many conversations the message has begun.
        unrouted: Routes that handed it back, so that none gets it twice; see `beginning.number_of`.
        unheard: Whether code that has changed is continuing, and the message is looked at after
            that.
        went_back: Whether a dialog is back at a point of an earlier turn, in which its requests
            were carried out.
        outside: Whether no message began the turn; `message` is then only a stand-in.
        posted: Number of the signal whose sender runs the turn; 0: no sender waits for it.
        notes: Notes for the turn's report; None: nobody wants one.
    """

    rules: Rules
    doc: Document
    message: Message
    key: str
    arrived: int
    draft: Draft
    secret: str = ""
    begun: int = 0
    unrouted: frozenset[int] = frozenset()
    unheard: bool = False
    outside: bool = False
    went_back: bool = False
    posted: int = 0
    notes: Notes | None = None

    @classmethod
    def of(
        cls,
        rules: Rules,
        doc: Document,
        message: Message,
        key: str,
        arrived: int,
        *,
        now: int | None = None,
    ) -> Work:
        """Begin to handle a message.

        Args:
            rules: See the attributes, as for the others.
            doc: The user's document.
            message: The message.
            key: Its key.
            arrived: When it arrived.
            now: When the current request arrived, if that is later because an earlier message's
                turn is finished; None: with this message.
        """
        draft = Draft(rules, doc, arrived if now is None else now)
        return cls(rules, doc, message, key, arrived, draft)

    def goes_on_outside(self) -> None:
        """Mark the turn as one that no message began: the library adds no texts of its own."""
        self.outside = self.draft.silent = True

    def on(self, doc: Document) -> Work:
        """Return a new `Work` for the same message, on another document."""
        work = Work.of(self.rules, doc, self.message, self.key, self.arrived, now=self.draft.now)
        work.secret, work.notes = self.secret, self.notes
        if self.outside:
            work.goes_on_outside()
        return work

    def note(self, outcome: TurnOutcome) -> None:
        """Note what happened, if a report is wanted; see `Notes.happened`."""
        if self.notes is not None:
            self.notes.happened(outcome)

    def note_conversation(self, frame: Frame) -> None:
        """Note which conversation gets the message, if a report is wanted."""
        if self.notes is not None:
            self.notes.belongs_to(frame)

    def note_end(self, *, says: bool | None = None) -> None:
        """Note that its turn was committed, if a report is wanted.

        Args:
            says: Whether it said anything; None: as its draft says.
        """
        if self.notes is None:
            return
        draft, message = self.draft, None if self.outside else self.message
        if says is None:
            says = draft.says_anything
        self.notes.ended(self.key, message, self.doc, says=says, page=bool(draft.page))

    @property
    def not_seen(self) -> bool:
        """Whether the user cannot have seen the pending question when they wrote the message: it is
        held, or was shown later. Within one second of the platform's clock this cannot be decided.
        """
        head, created = self.doc.head, self.message.created
        if head.held and self.doc.unseen:
            return True
        if 0 < head.shown_at - created < LONGEST_WAY:
            return True
        return CLOCKS_DIFFER < head.pushed - created <= LATE

    @property
    def comes_again(self) -> bool:
        """Whether the message is a copy of the one whose reply first showed the pending question.
        The store has forgotten that reply: the copy lay in the queue of a process that was stopped,
        or the store's clock was set forward.
        """
        head, created = self.doc.head, self.message.created
        if head.shown_at != created or self.arrived / 1000 - created >= LONGEST_WAY:
            return False
        return head.is_shown_by(created, self.key)

    # Whose turn it is -----------------------------------------------------------------------------

    def becomes(self, message: Message, arrived: int) -> None:
        """Replace the current message by one of the journal, whose turn is continued."""
        self.message, self.arrived = message, arrived

    def says(self, text: str) -> None:
        """Replace the text of the current message: its dialog passed another one on."""
        raw = {**self.message.raw, "MsgType": "text", "Content": text}
        self.message = from_fields(
            {**raw, "FromUserName": self.message.user, "ToUserName": self.message.account}
        )

    def take_over(self) -> None:
        """Take over the turn that was cut off, from what `note_progress` left in the head."""
        head = self.doc.head
        self.key, self.begun, self.unrouted = head.key, head.begun, frozenset(head.tried)
        self.unheard = head.unheard
        parts = [decode_reply(bytes(part)) for part in head.said]
        self.draft.parts = [part for part in parts if part is not None]
        self.draft.over = list(self.draft.parts)

    def note_progress(self) -> None:
        """Store in the head what another worker would need to finish this turn and replay cannot
        restore.
        """
        head = self.doc.head
        head.begun = self.begun
        head.said = tuple([msgspec.Raw(encode_reply(part)) for part in self.draft.parts])
        head.tried = tuple(sorted(self.unrouted))
        head.unheard = self.unheard

    # What is not to be written down ---------------------------------------------------------------

    def is_said_to(self, wait: str) -> bool:
        """Whether the message answers a secret question."""
        return is_secret(wait) and text_of(self.message) is not None

    def keep_secret(self, wait: str) -> None:
        """If the message answers a secret question, remove the secret from it.

        Args:
            wait: Id of the question.
        """
        if self.is_said_to(wait):
            # Only once: a message that was handed back, or is handled again, says ●●● already.
            self.secret = self.secret or text_of(self.message) or ""
            self.message = masked(self.message)

    def without_secret(self, text: str) -> str:
        """Return a text that is stored or sent, without the message's secret."""
        return without_secret(text, self.secret) if self.secret else text
