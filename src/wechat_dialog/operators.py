"""For the people who run a bot: what conversations there are, one in full, and a hand in it.

    conversations = Conversations(bot)
    for one in conversations.list(): …
    print(conversations.show("oOpenId…"))
    conversations.resume("3f9a1c…")

A conversation is named by its id, or by its user: an OpenID or the user's key in the store. The
commands `wechat-dialog conversations …` are these methods, and `check` is `Conversations.check`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from . import journal, messages, turn
from .bot import Bot
from .deploy import Verdict, examine
from .errors import DialogError, NewerJournal
from .journal import Frame, ParkedConversation, Record, unthrown
from .stores.base import Shown

__all__ = ["Checked", "Conversations", "NotFound", "Summary"]


class NotFound(DialogError):
    """No stored conversation has this id or user.

    Attributes:
        name: What was looked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no conversation or user {self.name!r} in the store; `conversations list` shows all"


@dataclass(frozen=True, slots=True)
class Summary:
    """One conversation in a listing.

    Attributes:
        id: Its id.
        user: Its user's key in the store.
        openid: The user's OpenID.
        dialog: Name of its dialog.
        version: The version it began on; "" for the only one.
        state: "waiting", "interrupted" (by another one above it), "unfinished" (a turn was cut
            off), "parked", or "unreadable" (of a newer version of the library, or not ours).
        records: Number of its records.
        begun: When it began, in the bot's time zone.
        why: What it broke with, or why it cannot be read; else "".
    """

    id: str
    user: str
    openid: str
    dialog: str
    version: str
    state: str
    records: int
    begun: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A stored conversation and what the code at hand would do with it."""

    summary: Summary
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Found:
    """One conversation with its records."""

    summary: Summary
    frame: Frame
    records: list[Record]
    account: str
    parked: ParkedConversation | None = None


class Conversations:
    """The stored conversations of a bot."""

    def __init__(self, bot: Bot) -> None:
        """Look at nothing yet.

        Args:
            bot: The bot; its routes say what the dialogs are, its store is read and written.
        """
        self._bot = bot

    # Looking --------------------------------------------------------------------------------------

    def list(self) -> Iterator[Summary]:
        """Yield all conversations, user by user, in no order; parked ones after running ones."""
        for stored in self._bot.store.list():
            shown = self._bot.store.show(stored.user)
            if shown is not None:
                yield from (found.summary for found in self._all(stored.user, shown))

    def _all(self, user: str, shown: Shown) -> Iterator[_Found]:
        try:
            yield from self._running(user, shown)
        except (NewerJournal, msgspec.DecodeError) as error:
            yield self._unreadable(user, len(shown.records), error)
        for parked in shown.parked.values():
            try:
                one = journal.decode_parked(parked.document)
                own = journal.decode_records([bytes(raw) for raw in one.records])
            except (NewerJournal, msgspec.DecodeError) as error:
                yield self._unreadable(user, 0, error, parked.id)
                continue
            summary = self._summary(user, one.user, one.frame, "parked", len(own), one.error)
            yield _Found(summary, one.frame, own, one.account, one)

    def _unreadable(self, user: str, records: int, error: Exception, id: str = "") -> _Found:
        frame = Frame(id or "-", "")
        summary = self._summary(user, user, frame, "unreadable", records, str(error))
        return _Found(summary, frame, [], "")

    def _running(self, user: str, shown: Shown) -> Iterator[_Found]:
        state = journal.decode_state(shown.head)
        records = journal.decode_records(shown.records)
        ends = [*(frame.base for frame in state.stack[1:]), len(records)]
        for frame, end in zip(state.stack, ends, strict=False):
            own = records[frame.base : end]
            what = "waiting" if frame is state.stack[-1] else "interrupted"
            if len(own) > frame.length:
                what = "unfinished"
            summary = self._summary(user, state.user, frame, what, len(own))
            yield _Found(summary, frame, own, state.account)

    def _summary(
        self, user: str, openid: str, frame: Frame, state: str, records: int, why: str = ""
    ) -> Summary:
        begun = datetime.fromtimestamp(frame.begun / 1000, self._bot.rules.zone)
        return Summary(
            frame.id, user, openid, frame.dialog, frame.version, state, records, begun, why
        )

    def _find(self, name: str) -> Sequence[_Found]:
        """Return the conversations of a user, or the one of an id.

        Raises:
            NotFound: There is none.
        """
        shown = self._bot.store.show(name)
        if shown is not None:
            found = tuple(self._all(name, shown))
            if found:
                return found
        for stored in self._bot.store.list():
            shown = self._bot.store.show(stored.user)
            if shown is None:
                continue
            all_ = tuple(self._all(stored.user, shown))
            if stored.user.endswith(f":{name}"):
                return all_
            if one := [found for found in all_ if found.summary.id == name]:
                return one
        raise NotFound(name)

    def show(self, name: str) -> str:
        """Return conversations as readable transcripts: who said what when, which steps ran, and
        where it broke.

        Args:
            name: A conversation's id, or a user.

        Raises:
            NotFound: There is none.
        """
        return "\n\n".join(self._transcript(found) for found in self._find(name))

    def _transcript(self, found: _Found) -> str:
        summary = found.summary
        version = f" version {summary.version}" if summary.version else ""
        lines = [
            f"{summary.id}  {summary.dialog}{version}  {summary.state}",
            f"user {summary.openid}, begun {summary.begun:%Y-%m-%d %H:%M:%S}",
        ]
        for position, record in enumerate(found.records):
            lines.append(f"{position:5}  {self._line(record, found)}")
        if summary.state == "unreadable":
            lines.append(summary.why)
        if found.parked is not None:
            lines += ["", found.parked.traceback.rstrip() or found.parked.error]
        return "\n".join(lines)

    def _line(self, record: Record, found: _Found) -> str:
        if isinstance(record, (journal.Answer, journal.Message)):
            when = datetime.fromtimestamp(journal.arrival_of(record) / 1000, self._bot.rules.zone)
            message = journal.message_of(record, found.summary.openid, found.account)
            said = message.text if isinstance(message, messages.Text) else f"[{message.kind}]"
            thrown = f"  ({unthrown(record.wait)[0]})" if record.wait.startswith("!") else ""
            return f"{when:%m-%d %H:%M:%S}  said {said!r}{thrown}"
        if isinstance(record, (journal.Returned, journal.GatheredReturned)):
            return f"{'':14}  step {record.name} → {bytes(record.result).decode()}"
        if isinstance(record, (journal.Failed, journal.GatheredFailed)):
            return f"{'':14}  step {record.name} raised {record.cls.split(':')[-1]}: {record.text}"
        if isinstance(record, journal.Rewind):
            return f"{'':14}  taken back to record {record.length} ({record.why})"
        return f"{'':14}  {type(record).__name__.lower()}"

    # A hand in it ---------------------------------------------------------------------------------

    def resume(self, name: str) -> None:
        """Take a parked conversation up again, with the very message that broke it.

        Its answer reaches the user with his next message, whatever that says.

        Args:
            name: Its id, or its user if he has just one parked conversation.

        Raises:
            NotFound: There is no such parked conversation, or the user has several.
            StoreError: The store failed.
        """
        parked = [found for found in self._find(name) if found.parked is not None]
        if len(parked) != 1 or parked[0].parked is None:
            raise NotFound(name)
        found, one = parked[0], parked[0].parked
        now = int(time.time() * 1000)
        stand_in = self._stand_in(found, now)
        transaction = turn.resume(self._bot.settings, found.summary.user, one, stand_in, now)
        self._bot.operate(found.summary.user, transaction)

    def end(self, name: str) -> None:
        """End conversations for good: a running one's clean-up steps run, nothing is said.

        Args:
            name: The id of a parked conversation, or of a running one (with it go those it
                interrupted); or a user: all of his.

        Raises:
            NotFound: There is none.
            StoreError: The store failed.
        """
        found = self._find(name)
        user = found[0].summary.user
        for one in found:
            if one.parked is not None:
                self._bot.store.end(user, one.summary.id)
        running = [one for one in found if one.parked is None]
        if running:
            now = int(time.time() * 1000)
            stand_in = self._stand_in(running[-1], now)
            self._bot.operate(user, turn.end(self._bot.settings, user, stand_in, now))

    @staticmethod
    def _stand_in(found: _Found, now: int) -> messages.Message:
        fields: dict[str, Any] = {
            "ToUserName": found.account,
            "FromUserName": found.summary.openid,
            "CreateTime": str(now // 1000),
            "MsgType": "text",
            "Content": "",
        }
        return messages.from_fields(fields)

    # Before a deployment --------------------------------------------------------------------------

    def check(self) -> Iterator[Checked]:
        """Replay every stored conversation against the code at hand; nothing is run or written."""
        for stored in self._bot.store.list():
            shown = self._bot.store.show(stored.user)
            if shown is None:
                continue
            for found in self._all(stored.user, shown):
                if found.parked is None:
                    yield Checked(found.summary, self._examined(found))

    def _examined(self, found: _Found) -> Verdict:
        frame = found.frame
        if found.summary.state == "unreadable":
            return Verdict("unreadable", 0, found.summary.why)
        routes = self._bot.rules.routes
        dialog = routes.find(frame.dialog, frame.version) or routes.newest(frame.dialog)
        try:
            return examine(
                dialog,
                frame,
                found.records,
                user=found.summary.openid,
                account=found.account,
                policy=self._bot.rules.on_divergence,
                zone=self._bot.rules.zone,
                remembered=self._bot.rules.remembered,
            )
        except msgspec.DecodeError as error:
            return Verdict("parked", 0, f"its journal cannot be read: {error}")
