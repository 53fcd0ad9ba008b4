"""What a dialog can read: its user, the current message and its time, random numbers, and the
user's data.

A run sets these fields as it feeds the journal, so that whatever a dialog reads is the same at
every replay: the time is the current message's, random numbers are seeded by the conversation's id.
None of it costs a record. What a dialog can say, ask and do is in `core/dialog/chat.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from wechat_dialog.messages import Message
from wechat_dialog.replies import Markdown

from .texts import Texts
from .user_data import PLAIN, REMOVED, DataShape, difference

if TYPE_CHECKING:
    from random import Random

    from typing_extensions import TypeVar as TypeVarWithDefault

    from .requests import Request

    # `Chat` alone is `Chat[Any]`, in every checker's strictest mode. Python knows it from 3.13 on.
    D = TypeVarWithDefault("D", default=Any)
else:
    D = TypeVar("D")

__all__ = ["ChatState", "D", "RecordedMessage"]

_NOTHING: Mapping[str, Any] = {}


class RecordedMessage(Protocol):
    """The record of a message, from which it is made when a dialog asks for it."""

    def message(self, user: str, account: str) -> Message:
        """Rebuild the message.

        Args:
            user: The user's OpenID.
            account: The account's id.
        """
        ...


class ChatState(Generic[D]):
    """What a dialog can read of its conversation.

    Attributes:
        user: The user's OpenID, a `str`.
        random: A `random.Random` seeded by the conversation's id: the same draws at every replay.
        replaying: Whether the dialog is only being rebuilt: True for everything before the current
            message. The 2017 `is_replay`. A dialog that acts in steps only never needs it.
        data: What the bot remembers of this user beyond the conversation, committed with the turn:
            a `dict` of JSON data by name, or an instance of `Bot(data=…)`. Assign to its keys or
            attributes; what a turn leaves different from before is kept, name by name.
        stored: The user's data when the conversation began, as JSON data; see `data`.
        data_shape: The shape the bot gives to that data.
        made: How many questions and steps the dialog has made, whether it waited for them or not.
        texts: The sentences of the library.
        heard: The current message, or its record, from which `message` is made when it is read.
        outbox: What the dialog has said in this turn besides questions.
        requests: What it has asked for in this turn that is carried out in its commit.
        called: Whether one of the two may not be empty.
        put_away: 0 while the dialog runs; else how many effects it has asked for, from 1 on, while
            it was being closed.
    """

    __slots__ = (
        "_random",
        "account",
        "arrived",
        "called",
        "data",
        "data_shape",
        "heard",
        "id",
        "made",
        "outbox",
        "put_away",
        "replaying",
        "requests",
        "stored",
        "texts",
        "user",
        "zone",
    )

    def __init__(
        self,
        user: str,
        message: Message,
        *,
        account: str = "",
        id: str = "",
        arrived: int = 0,
        texts: Texts | None = None,
        zone: tzinfo = UTC,
        data_shape: DataShape = PLAIN,
    ) -> None:
        self.user = user
        self.heard: Message | RecordedMessage = message
        self.account = account
        self.id = id
        self.arrived = arrived
        self.texts = texts or Texts()
        self.zone = zone
        self.data_shape = data_shape
        self.stored: Mapping[str, Any] = _NOTHING
        self.data: D = data_shape.read(_NOTHING)
        self.replaying = False
        self.put_away = 0
        self.outbox: list[object] = []
        self.requests: list[Request] = []
        self.called = False
        self.made = 0
        self._random: Random | None = None

    @property
    def message(self) -> Message:
        """The current message: the one that started the dialog, then each accepted answer."""
        heard = self.heard
        if not isinstance(heard, Message):
            heard = self.heard = heard.message(self.user, self.account)
        return heard

    @message.setter
    def message(self, message: Message) -> None:
        self.heard = message

    def now(self) -> datetime:
        """Return when the current message arrived, an aware `datetime` in the bot's time zone."""
        return datetime.fromtimestamp(self.arrived / 1000, self.zone)

    @property
    def random(self) -> Random:
        """A random generator, seeded by the conversation's id."""
        if self._random is None:
            from random import Random

            self._random = Random(self.id)
        return self._random

    def hear(self, message: Message, arrived: int) -> None:
        """Begin the turn of a message that arrived so many milliseconds after the epoch."""
        self.message = message
        self.arrived = arrived
        if self.called:
            self.begin_turn()

    def begin_turn(self) -> None:
        """Forget what was said and asked for in an earlier turn: it was delivered with that, or is
        held, and was carried out.
        """
        self.outbox.clear()
        self.requests.clear()
        self.called = False

    def heard_of_step(self, said: Sequence[str | list[str]]) -> None:
        """Have said what a step has: texts, and each Markdown as a list of it alone."""
        if said:
            self.outbox += [one if isinstance(one, str) else Markdown(one[0]) for one in said]
            self.called = True

    def remember(self, stored: Mapping[str, Any], *, again: bool = False) -> None:
        """Set the data with which the conversation begins; the dialog gets a copy of it.

        Args:
            stored: The user's data.
            again: Whether it has begun, and goes on with what the data are by now: the dialog may
                hold the object that it had.
        """
        self.stored = stored
        fresh = self.data_shape.read(stored)
        if again:
            self.made += 1  # one record of the journal stands for it, as for a question
            fresh = self.data_shape.renewed(self.data, fresh)
        self.data = fresh

    def kept(self) -> dict[str, Any]:
        """Return the user's data as the dialog has left it, as JSON data.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        return self.data_shape.plain(self.data)

    def changes(self) -> dict[str, Any]:
        """Return what the dialog changed in the user's data since its conversation began: the new
        values by name, `REMOVED` for what it removed.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        if self.data == self.stored:
            return {}  # a plain dict, as most are
        return difference(self._began(), self.kept())

    def undone(self, was: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that turn `was` (an earlier `kept()`) back into the present data."""
        changes, began = difference(was, self.kept()), self._began()
        for name, value in changes.items():
            if name in began and began[name] == value:
                changes[name] = self.stored.get(name, REMOVED)  # not the default of a class
        return changes

    def _began(self) -> dict[str, Any]:
        return self.data_shape.plain(self.data_shape.read(self.stored))
