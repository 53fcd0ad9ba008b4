"""What a turn is about to say while conversations are driven, and what becomes of it.

A turn adds parts to the draft and ends it with the pending question. At the end the draft becomes
one reply (`reply`) and the rest is held; or all of it is held if no request listens (`owe`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.dialog.questions import View, Wait
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.shelf import Content, Shelf
from wechat_dialog.replies import Reply
from wechat_dialog.replies.packing import together

__all__ = ["Draft", "view_of"]


def view_of(frame: Frame) -> View:
    """Return the page and ticks of the question that a conversation waits at."""
    return View(frame.page, frame.ticks)


class Draft(msgspec.Struct, eq=False):
    """What a turn says.

    Attributes:
        rules: The bot's rules.
        doc: The user's document, whose head contains the held parts.
        now: When the current request arrived, ms since the epoch.
        parts: The parts of the answer so far, without the pending question.
        over: Parts of conversations that have ended; a later conversation that fails does not take
            them back.
        question: The pending question, if it was asked in this turn.
        asker: Id of the conversation whose question it is.
        seen: Whether the user has seen the question before.
        returns: Whether a conversation that had interrupted another has ended: what the user wrote
            meanwhile was for that one's question, not for the question that is asked again.
        unasked: Ids of conversations that reached a question in this turn which was not the last
            one.
        collects: Whether owed parts are delivered with it: the turn answers its message.
        for_page: The parts as shown on the turn's answer page; None: same as `parts`.
        page: Address of that page, if it is written; otherwise "".
        silent: Whether the library adds no texts of its own.
        note: If not None, the answer is the next held part, preceded by this text.
    """

    rules: Rules
    doc: Document
    now: int
    parts: list[Reply] = []
    over: Sequence[Reply] = ()
    question: Sequence[Reply] = ()
    asker: str = ""
    seen: bool = False
    returns: bool = False
    unasked: tuple[str, ...] = ()
    collects: bool = False
    silent: bool = False
    for_page: Sequence[Reply] | None = None
    page: str = ""
    note: str | None = None
    _shelf: Shelf | None = None

    # Saying ---------------------------------------------------------------------------------------

    def add(self, reply: Reply | None) -> None:
        """Add a part to the answer; None adds nothing."""
        if reply is not None:
            self.parts.append(reply)

    def say(self, text: str) -> None:
        """Add one of the library's texts to the answer; an empty one adds nothing."""
        if text and not self.silent:
            self.parts.append(replies.Text(text))

    def unsay(self, *texts: str) -> None:
        """Remove texts of the library from the answer."""
        unsaid = [replies.Text(text) for text in texts]
        self.parts = [part for part in self.parts if part not in unsaid]

    def ask(self, frame: Frame, question: Sequence[Reply | None], *, seen: bool) -> None:
        """End the answer with a question, which replaces any other."""
        if self.question and not self.seen:
            if self.asker == frame.id:
                seen = False
            else:
                self.unasked = (*self.unasked, self.asker)
        self.question = [part for part in question if part is not None]
        self.asker = frame.id
        self.seen = seen

    def ask_again(self, frame: Frame, at: Wait[Any]) -> None:
        """End the answer with a question that was asked before, with its page and ticks as before.

        Raises:
            Exception: The author's prompt is not sendable, or raises when it is inspected.
        """
        reply_of = self.rules.reply_of
        question = [reply_of(before) for before in getattr(at, "said", ())]
        question.append(reply_of(at.shown(view_of(frame))))
        self.ask(frame, question, seen=not self.doc.has_unseen(frame))

    def hush(self) -> None:
        """Discard everything to be said."""
        self.parts, self.question = [], ()

    @property
    def says_anything(self) -> bool:
        """Whether there is anything to be said."""
        return bool(self.parts or self.question or self.note is not None)

    # What becomes of it ---------------------------------------------------------------------------

    def shelf(self) -> Shelf:
        """Return what is held, to be taken from or added to."""
        return Shelf(self.rules, self.doc.head, self.now)

    def content(self) -> Content:
        """Return what is to be said now, without the question of a conversation that is not on
        top.
        """
        top = self.doc.top
        if top is None or self.asker != top.id:
            if self.question and not self.seen:
                self.unasked = (*self.unasked, self.asker)
            self.question = ()
        return Content(
            self.parts, self.question, "" if top is None else top.id, self.seen, self.unasked
        )

    def whole(self) -> list[Reply]:
        """Return all that the turn says, in order."""
        return [*self.parts, *self.content().question]

    def reply(self, created: int, key: str) -> Reply | None:
        """Make one reply of what the turn says, and hold what does not fit. Called once, at the
        end.

        Args:
            created: `CreateTime` of the message that is replied to.
            key: Its key.
        """
        head = self.doc.head
        if head.question_at:
            head.question_at = 0
        if not (head.held or head.owed or self.unasked) and self.note is None:
            # The usual case: nothing to weigh up, and nothing to undo.
            top = self.doc.top
            if not self.question or (top is not None and self.asker == top.id):
                mark = self.rules.texts.ai_generated
                reply = together([*self.parts, *self.question], mark)
                if reply is not None:
                    self._note_whether_asked(top, bool(self.question))
                    self._note_since_when(top, created, key, unseen=False)
                    return reply
        unseen = self.doc.unseen
        # Owed parts are removed from the head only here: a turn that is cut off before still owes
        # them.
        shelf = self._shelf = self.shelf()
        if self.note is not None:
            reply = shelf.fetch(self.content(), self.note)
        else:
            reply = shelf.answer(self.content(), owed=self.collects)
        top = self.doc.top
        self._note_whether_asked(top, shelf.shows)
        self._note_since_when(top, created, key, unseen=unseen)
        return reply

    def _note_since_when(self, top: Frame | None, created: int, key: str, *, unseen: bool) -> None:
        """Note since when, by the platform's clock, the user knows the pending question, and by
        which message, if this reply is what shows it.

        Args:
            top: The conversation on top.
            created: See `reply`, as for `key`.
            key: The message's key.
            unseen: Whether the question was held unseen before.
        """
        head = self.doc.head
        if top is None:
            return
        newly_asked = self.asker == top.id and not self.seen
        if (newly_asked or unseen or self.returns) and not (head.held and self.doc.unseen):
            head.note_shown(created, key)

    def _note_whether_asked(self, top: Frame | None, shown: bool) -> None:
        """Note for the next turn whether the pending question counts as seen if this reply is not
        taken.

        Args:
            top: The conversation on top.
            shown: Whether the reply contains the question.
        """
        before = top is not None and (self.seen or self.asker != top.id)
        asked_before = before and not shown
        if self.doc.head.asked_before != asked_before:
            self.doc.head.asked_before = asked_before

    def take_back(self) -> None:
        """Undo `reply`: it was not delivered."""
        if self._shelf is not None:
            self._shelf.undo()

    def owe(self) -> None:
        """Hold the whole answer for the user's next message, since no request listens for this
        one.
        """
        self.doc.head.asked_before, self.doc.head.question_at = False, 0
        if self.note is None:
            self.shelf().owe(self.content())
        else:
            # The answer was only a fetched part: it is put back.
            self.shelf().owe_note(self.note)
