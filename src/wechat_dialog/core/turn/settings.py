"""A bot's settings for its turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.routes import Match
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.dialog.user_data import PLAIN, DataShape
from wechat_dialog.core.turn.limits import Limits
from wechat_dialog.core.turn.outcomes_in_hand import Outcomes
from wechat_dialog.core.turn.staleness import Staleness
from wechat_dialog.core.wire.crypto import Seal
from wechat_dialog.replies import Markdown, Reply, Text, Transfer, to_reply

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.review import Reviewer
    from wechat_dialog.core.pages.address import Pages
    from wechat_dialog.core.replay.header import Frame
    from wechat_dialog.core.replay.run import Run
    from wechat_dialog.core.turn.document import Document

__all__ = ["LONGEST_POLL", "Cache", "Routes", "Rules", "Settings", "dialog_of"]

REMINDS = "chat.remind"
"""Name of the dialog behind `chat.remind`; see `reminder`."""

LONGEST_POLL = 0.25
"""Longest time in seconds between two attempts to claim, unless a release is announced."""


class Routes(Protocol):
    """What a conversation needs of a router."""

    def matches(self, message: messages.Message, *, anytime: bool = False) -> Iterator[Match]:
        """Yield the routes that match the message, in order.

        Args:
            message: The message.
            anytime: Only those that match in the middle of another conversation.
        """
        ...

    def find(self, name: str, version: str) -> RegisteredDialog | None:
        """Return a dialog, or None."""
        ...

    def newest(self, name: str) -> RegisteredDialog | None:
        """Return the newest version of a dialog, or None."""
        ...

    def named(self, fn: Callable[..., Any]) -> RegisteredDialog | None:
        """Return the newest dialog whose function this is, or None."""
        ...


def dialog_of(routes: Routes, frame: Frame) -> RegisteredDialog | None:
    """Return the dialog that continues a conversation: its version, else the newest, or None."""
    dialog = routes.find(frame.dialog, frame.version) or routes.newest(frame.dialog)
    if dialog is None and frame.dialog == REMINDS:
        from wechat_dialog.core.dialog.reminder import REMINDER

        return REMINDER
    return dialog


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rules:
    """A bot's settings for all its conversations.

    Attributes:
        routes: The bot's router.
        texts: The bot's sentences.
        zone: The bot's time zone.
        timeout: Seconds without an answer after which a conversation expires; None: never.
        on_divergence: "resume", "restart" or "park".
        cancel: Cancel words.
        way_out: Tells the user one of them; "": nothing is said.
        back: Back words.
        journal_limit: How many records a conversation may have.
        strict: Whether every turn is replayed from scratch and compared.
        hold: Seconds for which a part of an answer is held.
        park: Seconds for which a parked conversation is kept.
        depth: How many conversations may interrupt each other.
        data_shape: The shape of a user's data.
        may_push: Whether what does not fit into one reply, or is too late for it, is pushed as
            customer messages. Whoever begins a turn knows whether the account may push at that
            moment.
        forget_on_unsubscribe: Whether everything about a user is removed when they unsubscribe.
        limits: How much is kept of one user.
        seal: Encrypts what is stored and may contain a secret answer.
        broke: Called with the error of each conversation that is parked, where it cannot be shown
            by the command; None: not called.
        refused: Called with the user and the error of each message that could not be answered, and
            of which nothing was recorded; None: not called.
        ai_generated: Whether what dialogs say counts as AI-generated, unless a reply says
            otherwise.
        review: Sees what is sent before it is sent; None: there is no reviewer.
        pages: Where answers that are late or long can be read; None: there are no pages.
    """

    routes: Routes
    texts: Texts = field(default_factory=Texts)
    zone: tzinfo = UTC
    timeout: float | None = 60.0
    on_divergence: str = "resume"
    cancel: frozenset[str] = frozenset()
    way_out: str = ""
    back: frozenset[str] = frozenset()
    journal_limit: int = 10_000
    strict: bool = False
    hold: float = 86400.0
    park: float = 7 * 86400.0
    depth: int = 5
    data_shape: DataShape = PLAIN
    may_push: bool = False
    forget_on_unsubscribe: bool = False
    limits: Limits = field(default_factory=Limits)
    seal: Seal = field(default_factory=Seal)
    broke: Callable[[BaseException], object] | None = None
    refused: Callable[[str, BaseException], object] | None = None
    ai_generated: bool = False
    review: Reviewer | None = None
    pages: Pages | None = None

    @property
    def grace(self) -> float:
        """Seconds for which an expired conversation is kept so that its user can be told."""
        return 86400.0 if self.texts.expired else 0.0

    def reply_of(self, value: object) -> Reply | None:
        """Return what a dialog said as the reply to send; see `to_reply`."""
        reply = to_reply(value)
        if reply is None or not (self.ai_generated or (self.pages and type(value) is not str)):
            return reply
        if self.pages is not None and isinstance(value, Markdown) and isinstance(reply, Text):
            reply = msgspec.structs.replace(reply, markdown=value.text)
        if self.ai_generated and not isinstance(reply, Transfer):
            ai_generated = None if reply.ai_generated is False else True
            reply = msgspec.structs.replace(reply, ai_generated=ai_generated)
        return reply

    def run_of(
        self,
        dialog: RegisteredDialog,
        frame: Frame,
        *,
        user: str,
        account: str,
        message: messages.Message | None = None,
        arrived: int = 0,
        code: str = "",
        runs: type[Run] | None = None,
    ) -> Run:
        """Return a run of one of the bot's conversations; see `runs.run_of`."""
        # Imported late: `import wechat_dialog` does not need what replays.
        from wechat_dialog.core.replay.runs import run_of

        return run_of(
            dialog, frame, user=user, account=account, texts=self.texts, zone=self.zone,
            data_shape=self.data_shape, message=message, arrived=arrived, code=code, runs=runs,
        )  # fmt: skip


class Cache(Protocol):
    """Live dialogs of this process, by user."""

    def take(self, user: str) -> Document | None:
        """Return a user's document and forget it: it now belongs to the caller."""
        ...

    def put(self, user: str, document: Document) -> None:
        """Keep a document, its dialog live, for the user's next message."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Settings:
    """How a bot's turns are run.

    Attributes:
        rules: The bot's settings for its conversations.
        cache: Live dialogs; None: none are kept.
        lease: Seconds a claim lasts unless renewed.
        poll: Initial seconds between attempts to get a claim that another worker holds; doubled up
            to `LONGEST_POLL`.
        remember: Seconds for which a reply is remembered for copies of its message.
        fast: Whether the fast path is used.
        blocking: Names of dialogs that were seen to block between two waits, and may not use the
            fast path; the driver adds them.
        outcomes: Outcomes of steps in this process that the store is not known to have.
        staleness: How often live dialogs of this process are out of date.
    """

    rules: Rules
    cache: Cache | None = None
    lease: float = 3.0
    poll: float = 0.02
    remember: float = 60.0
    fast: bool = True
    blocking: set[str] = field(default_factory=set[str])
    outcomes: Outcomes = field(default_factory=Outcomes)
    staleness: Staleness = field(default_factory=Staleness)
