"""For the people who operate a bot: stored conversations listed, shown, resumed, ended, checked.

    conversations = Conversations(bot)
    for summary in conversations.list(): …
    print(conversations.show("oOpenId…"))
    conversations.resume("3f9a1c…")

A conversation is named by its id, or by its user: an OpenID or the user's key in the store. The
commands `wechat-dialog conversations …` are these methods, and `check` is `Conversations.check`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import msgspec

from wechat_dialog import messages
from wechat_dialog.bot import Bot
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.records import encode_record
from wechat_dialog.core.replay.redacted_records import redact, redact_value
from wechat_dialog.core.replay.redacted_run import RedactedRun
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.verdict import Verdict, examine
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.turn.operator import end, end_one_aside, resume
from wechat_dialog.core.turn.settings import dialog_of

from .export import Exported, read, write
from .listing import (
    StoredConversation,
    Summary,
    conversation_of_line,
    conversations_of,
    exported,
)
from .not_found import NotFound, NotOneParked
from .transcript import transcript

__all__ = ["Checked", "Conversations", "Forgotten"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A stored conversation and what the code at hand would do with it."""

    summary: Summary
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was stored of a user who has been forgotten.

    Attributes:
        conversations: How many conversations were running.
        records: Number of their records.
        parked: How many conversations were parked.
        data: Whether the bot had data of the user.
    """

    conversations: int
    records: int
    parked: int
    data: bool


class Conversations:
    """The stored conversations of a bot.

    Bots of several accounts may share a store: one with `Bot(account=…)` sees those of its own.
    """

    def __init__(self, bot: Bot) -> None:
        """Read nothing yet.

        Args:
            bot: The bot. Its routes give the dialogs; its store is read and written.
        """
        self._bot = bot

    # Reading --------------------------------------------------------------------------------------

    def list(self) -> Iterator[Summary]:
        """Yield all conversations, user by user, the users in no order. For each user, those on the
        stack come first, then those put aside, then the parked ones.

        Raises:
            StoreError: The store failed.
        """
        return (stored.summary for stored in self._all())

    def _of(self, user: str, shown: Shown) -> Iterator[StoredConversation]:
        return conversations_of(user, shown, self._bot.rules.zone)

    def _users(self, *, everybody: bool = False) -> Iterator[Stored]:
        """Yield the users of the bot's account; if it is not configured, all users in the store."""
        account = self._bot.account
        return self._bot.store.list(f"{account}:" if account else "", everybody=everybody)

    def _by_user(self) -> Iterator[tuple[str, Sequence[StoredConversation]]]:
        for stored in self._users():
            shown = self._bot.store.show(stored.user)
            if shown is not None:
                yield stored.user, tuple(self._of(stored.user, shown))

    def _all(self) -> Iterator[StoredConversation]:
        return (stored for _, own in self._by_user() for stored in own)

    def _find(self, name: str) -> Sequence[StoredConversation]:
        """Return the conversations of a user, or the one conversation with an id.

        Raises:
            NotFound: There is no such conversation or user.
        """
        shown = self._bot.store.show(name)
        if shown is not None:
            own = tuple(self._of(name, shown))
            if own:
                return own
        for user, all_ in self._by_user():
            if all_ and user.endswith(f":{name}"):
                return all_
            if named := [conversation for conversation in all_ if conversation.summary.id == name]:
                return named
        raise NotFound(name)

    def show(
        self, name: str, *, chinese: bool = False, translated: Callable[[str], str] = str
    ) -> str:
        """Return conversations as readable transcripts: who said what when, which steps ran, and
        where it broke.

        Args:
            name: A conversation's id, or a user.
            chinese: Whether the transcript is in Chinese, and not in English.
            translated: Returns an error's message, or a part of one, in the reader's language; by
                default as it is, in English.

        Raises:
            NotFound: There is no such conversation.
        """
        zone = self._bot.rules.zone
        return "\n\n".join(
            transcript(
                stored,
                zone,
                self._run_of(stored),
                parts=self._parts_of(stored),
                chinese=chinese,
                translated=translated,
            )
            for stored in self._find(name)
        )

    def _parts_of(self, stored: StoredConversation) -> Iterator[bytes]:
        """Yield the outcomes of parts of the step that a conversation is in, or was parked in."""
        for step, parts in self._bot.store.parts(stored.summary.user).items():
            if step.startswith(f"{stored.frame.id}:"):
                yield from parts.values()

    # Changing -------------------------------------------------------------------------------------

    def resume(self, name: str) -> bool:
        """Continue a parked conversation, from the message that broke it.

        The user gets its answer with their next message, whatever that says.

        Args:
            name: Its id, or its user if they have just one parked conversation.

        Returns:
            Whether it went on; False if it broke again, and is parked as before.

        Raises:
            NotFound: There is no such parked conversation, or the user has several.
            StoreError: The store failed.
        """
        parked = [stored for stored in self._find(name) if stored.parked is not None]
        if len(parked) != 1 or parked[0].parked is None:
            raise NotOneParked(name)
        stored, document = parked[0], parked[0].parked
        now, user = int(time.time() * 1000), stored.summary.user
        stand_in = self._stand_in(stored, now)
        transaction = partial(resume, self._bot.settings_now(), user, document, stand_in, now)
        self._bot.operate(user, transaction)
        shown = self._bot.store.show(user)
        return shown is None or stored.frame.id not in shown.parked

    def end(self, name: str) -> None:
        """End conversations for good. The clean-up steps of running ones run; the user is told
        nothing.

        Args:
            name: The id of a conversation; if it is running, those that it interrupted end, too. Or
                a user: then all of their conversations end.

        Raises:
            NotFound: There is no such conversation.
            StoreError: The store failed.
        """
        conversations = self._find(name)
        user = conversations[0].summary.user
        for conversation in conversations:
            if conversation.is_parked:
                self._bot.store.end(user, conversation.summary.id)
        running = [conversation for conversation in conversations if not conversation.is_parked]
        if running:
            now, top = int(time.time() * 1000), running[-1]
            stand_in, settings = self._stand_in(top, now), self._bot.settings_now()
            named = name == top.summary.id
            if named and top.aside:
                transaction = partial(end_one_aside, settings, user, name, stand_in, now)
            else:
                transaction = partial(end, settings, user, stand_in, now, stack_only=named)
            self._bot.operate(user, transaction)
            for conversation in running:  # if it no longer fits its code, it was parked
                self._bot.store.end(user, conversation.summary.id)

    def forget(self, user: str) -> Forgotten:
        """Remove everything that is stored of a user, for good.

        Clean-up steps of running conversations are run first; if that fails, it is logged, and the
        user is forgotten without it. A message that is being worked on is not answered.

        Args:
            user: An OpenID, or the user's key in the store. With the key, no other users are read.

        Returns:
            What was stored.

        Raises:
            NotFound: Nothing was stored.
            StoreError: The store failed, and something may be left: try again.
        """
        store = self._bot.store
        keys = [user]
        if store.show(user) is None:
            everybody = (stored.user for stored in self._users(everybody=True))
            keys += [key for key in everybody if key.endswith(f":{user}")]
        entries = [(key, store.show(key)) for key in keys]
        conversations = [
            conversation
            for key, shown in entries
            if shown is not None
            for conversation in self._of(key, shown)
        ]
        self._clean_up(conversations)
        # A captured push is accepted for so long in safe mode, and must not begin a second turn.
        removed = [store.forget(key, self._bot.settings.remember) for key in keys]
        if not any(removed):
            raise NotFound(user)
        running = [conversation for conversation in conversations if conversation.checkable]
        return Forgotten(
            len(running),
            sum(conversation.summary.records for conversation in running),
            len(conversations) - len(running),
            any(shown is not None and shown.data for _, shown in entries),
        )

    def _clean_up(self, conversations: Iterable[StoredConversation]) -> None:
        """End the running conversations of users who are to be forgotten."""
        running = [
            conversation
            for conversation in conversations
            if conversation.checkable and conversation.summary.state != "unreadable"
        ]
        now = int(time.time() * 1000)
        for user, top in {stored.summary.user: stored for stored in running}.items():
            ending = partial(end, self._bot.settings_now(), user, self._stand_in(top, now), now)
            try:
                self._bot.operate(user, ending)
            except Exception as error:  # noqa: BLE001 - they are forgotten in any case
                report(
                    logging.ERROR,
                    "user %s: clean-up failed; they are forgotten without it",
                    top.summary.openid, error=error,
                )  # fmt: skip

    @staticmethod
    def _stand_in(conversation: StoredConversation, now: int) -> messages.Message:
        fields: dict[str, Any] = {
            "ToUserName": conversation.account,
            "FromUserName": conversation.summary.openid,
            "CreateTime": str(now // 1000),
            "MsgType": "text",
            "Content": "",
        }
        return messages.from_fields(fields)

    # Before a deployment --------------------------------------------------------------------------

    def export(self, file: BinaryIO, *, redact: bool = False) -> int:
        """Write all conversations to a file, for `check` elsewhere.

        Args:
            file: A binary file, open for writing; see `export.py` for its format.
            redact: Whether what users wrote and steps returned is left out;
                `core/replay/redacted_records.py` says what stays.

        Returns:
            The number of conversations written.

        Raises:
            StoreError: The store failed.
        """
        lines = (
            self._redacted(number, stored) if redact else exported(stored)
            for number, stored in enumerate(self._all(), 1)
            if stored.summary.state != "unreadable"
        )
        return write(file, lines, redacted=redact)

    def _redacted(self, number: int, stored: StoredConversation) -> Exported:
        frame = stored.frame
        dialog = self._dialog(frame)
        args = {name: redact_value(value) for name, value in frame.args.items()}

        def replays(redacted: bool) -> Run:
            assert dialog is not None  # noqa: S101 - see below
            header = msgspec.structs.replace(frame, args=args) if redacted else frame
            return self._bot.rules.run_of(
                dialog, header, user=stored.summary.openid, account=stored.account, code=frame.code,
                runs=RedactedRun if redacted else Run,
            )  # fmt: skip

        unfinished = len(stored.records) > frame.length
        runs = replays if dialog is not None else None
        records, hidden = redact(stored.records, runs, frame)
        length = 0 if unfinished else len(records)
        hidden = msgspec.structs.replace(hidden, args=args, base=0, length=length)
        raw = [msgspec.Raw(encode_record(record)) for record in records]
        error = stored.summary.why.partition(":")[0]
        return Exported(hidden, raw, stored.summary.state, str(number), error=error)

    def check(
        self,
        export: Iterable[bytes] | None = None,
        *,
        left_out: Callable[[Summary], object] = bool,
    ) -> Iterator[Checked]:
        """Replay every running conversation against the code at hand; nothing is run or written.

        Args:
            export: The lines of a file that `export` wrote; None reads the store.
            left_out: Called with each that is not replayed, since it is parked.

        Raises:
            BadExport: A line is not one of an export.
            StoreError: The store failed.
        """
        zone = self._bot.rules.zone
        conversations = (
            self._all()
            if export is None
            else (conversation_of_line(line, head.redacted, zone) for head, line in read(export))
        )
        for stored in conversations:
            if stored.checkable:
                yield Checked(stored.summary, self._examined(stored))
            else:
                left_out(stored.summary)

    def count(self) -> int:
        """Return how many users have something stored."""
        return sum(1 for _ in self._users())

    def _dialog(self, frame: Frame) -> RegisteredDialog | None:
        return dialog_of(self._bot.rules.routes, frame)

    def _run_of(self, stored: StoredConversation) -> Run | None:
        dialog = self._dialog(stored.frame)
        if dialog is None:
            return None
        return self._fresh(stored, dialog, stored.frame.code)

    def _fresh(self, stored: StoredConversation, dialog: RegisteredDialog, code: str) -> Run:
        return self._bot.rules.run_of(
            dialog, stored.frame, user=stored.summary.openid, account=stored.account, code=code,
            runs=RedactedRun if stored.redacted else Run,
        )  # fmt: skip

    def _examined(self, stored: StoredConversation) -> Verdict:
        if stored.summary.state == "unreadable":
            return Verdict("unreadable", 0, stored.summary.why)
        return examine(
            self._dialog(stored.frame),
            stored.frame,
            stored.records,
            policy=self._bot.rules.on_divergence,
            fresh=lambda dialog, code: self._fresh(stored, dialog, code),
        )
