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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from . import exports, journal, messages, turn
from .bot import Bot
from .conversation import dialog_of
from .deploy import Verdict, examine, run_of
from .engine import Dialog, Run
from .errors import DialogError
from .exports import Exported
from .head import Frame
from .lookup import Found, Summary, found_in, found_in_line
from .redaction import RedactedRun, redact, redact_value
from .stores.base import Shown
from .transcripts import transcript

__all__ = ["Checked", "Conversations", "NotFound"]


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
class Checked:
    """A stored conversation and what the code at hand would do with it."""

    summary: Summary
    verdict: Verdict


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
        return (found.summary for found in self._everything())

    def _in(self, user: str, shown: Shown) -> Iterator[Found]:
        return found_in(user, shown, self._bot.rules.zone)

    def _everything(self) -> Iterator[Found]:
        for stored in self._bot.store.list():
            shown = self._bot.store.show(stored.user)
            if shown is not None:
                yield from self._in(stored.user, shown)

    def _find(self, name: str) -> Sequence[Found]:
        """Return the conversations of a user, or the one of an id.

        Raises:
            NotFound: There is none.
        """
        shown = self._bot.store.show(name)
        if shown is not None:
            found = tuple(self._in(name, shown))
            if found:
                return found
        for stored in self._bot.store.list():
            shown = self._bot.store.show(stored.user)
            if shown is None:
                continue
            all_ = tuple(self._in(stored.user, shown))
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
        zone = self._bot.rules.zone
        return "\n\n".join(transcript(one, zone, self._run_of(one)) for one in self._find(name))

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
    def _stand_in(found: Found, now: int) -> messages.Message:
        fields: dict[str, Any] = {
            "ToUserName": found.account,
            "FromUserName": found.summary.openid,
            "CreateTime": str(now // 1000),
            "MsgType": "text",
            "Content": "",
        }
        return messages.from_fields(fields)

    # Before a deployment --------------------------------------------------------------------------

    def export(self, file: BinaryIO, *, redact: bool = False) -> int:
        """Write all conversations to a file, for `check` elsewhere.

        Args:
            file: Is written to; `exports.py` says what.
            redact: Whether what users wrote and steps returned is left out; `redaction.py` says
                what stays.

        Returns:
            How many there were.

        Raises:
            StoreError: The store failed.
        """
        lines = (
            self._redacted(number, found) if redact else _exported(found)
            for number, found in enumerate(self._everything(), 1)
            if found.summary.state != "unreadable"
        )
        return exports.write(file, lines, redacted=redact)

    def _redacted(self, number: int, found: Found) -> Exported:
        frame = found.frame
        dialog = self._dialog(frame)
        args = {name: redact_value(value) for name, value in frame.args.items()}

        def replays(redacted: bool) -> Run:
            assert dialog is not None  # noqa: S101 - see below
            return run_of(
                dialog,
                msgspec.structs.replace(frame, args=args) if redacted else frame,
                user=found.summary.openid,
                account=found.account,
                zone=self._bot.rules.zone,
                remembered=self._bot.rules.remembered,
                runs=RedactedRun if redacted else Run,
            )

        unfinished = len(found.records) > frame.length
        told = replays if dialog is not None else None
        records, wait = redact(found.records, told, frame.wait)
        length = 0 if unfinished else len(records)
        hidden = msgspec.structs.replace(frame, args=args, base=0, length=length, wait=wait)
        raw = [msgspec.Raw(journal.encode_record(record)) for record in records]
        error = found.summary.why.partition(":")[0]
        return Exported(hidden, raw, found.summary.state, str(number), error=error)

    def check(self, export: Iterable[bytes] | None = None) -> Iterator[Checked]:
        """Replay every running conversation against the code at hand; nothing is run or written.

        Args:
            export: Lines of a file that `export` wrote; None: the store is read.

        Raises:
            BadExport: A line is none of an export.
            StoreError: The store failed.
        """
        zone = self._bot.rules.zone
        found = (
            self._everything()
            if export is None
            else (found_in_line(one, head.redacted, zone) for head, one in exports.read(export))
        )
        return (Checked(one.summary, self._examined(one)) for one in found if one.checkable)

    def count(self) -> int:
        """Return how many users have something stored."""
        return sum(1 for _ in self._bot.store.list())

    def _dialog(self, frame: Frame) -> Dialog | None:
        return dialog_of(self._bot.rules.routes, frame)

    def _run_of(self, found: Found) -> Run | None:
        dialog = self._dialog(found.frame)
        if dialog is None:
            return None
        return run_of(
            dialog,
            found.frame,
            user=found.summary.openid,
            account=found.account,
            zone=self._bot.rules.zone,
            remembered=self._bot.rules.remembered,
        )

    def _examined(self, found: Found) -> Verdict:
        if found.summary.state == "unreadable":
            return Verdict("unreadable", 0, found.summary.why)
        return examine(
            self._dialog(found.frame),
            found.frame,
            found.records,
            user=found.summary.openid,
            account=found.account,
            policy=self._bot.rules.on_divergence,
            zone=self._bot.rules.zone,
            remembered=self._bot.rules.remembered,
            runs=RedactedRun if found.redacted else Run,
        )


def _exported(found: Found) -> Exported:
    return Exported(
        msgspec.structs.replace(found.frame, base=0),
        [msgspec.Raw(journal.encode_record(record)) for record in found.records],
        found.summary.state,
        found.summary.user,
        found.summary.openid,
        found.account,
        found.summary.why,
        found.parked.traceback if found.parked is not None else "",
    )
