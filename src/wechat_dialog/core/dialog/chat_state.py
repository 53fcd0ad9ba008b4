"""What a dialog can read: its user, the current message and its time, random numbers, and the
user's data.

A run sets these attributes while it feeds the journal, so that a dialog reads the same at every
replay: the time is the current message's, random numbers are seeded by the conversation's id. None
of this needs a record. What a dialog can say, ask and do is in `core/dialog/chat.py`.
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
    """The record of a message, from which the message is built when a dialog reads it."""

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
        random: A `random.Random` seeded by the conversation's id: equal draws at every replay.
        replaying: Whether the dialog is only being rebuilt: True for everything before the current
            message (`is_replay` in 2017). A dialog that has side effects only in steps does not
            need it.
        data: What the bot remembers about this user beyond the conversation, committed with the
            turn: a `dict` of JSON data by name, or an instance of `Bot(data=…)`. Assign to its keys
            or attributes; changes are saved name by name.
        stored: The user's data when the conversation began, as JSON data; see `data`.
        left: The user's data as the dialog left them at the end of its last turn, as JSON data;
            None: unchanged since `stored`.
        data_shape: The shape the bot gives to that data.
        made: How many effects the dialog has created, whether it waited for them or not.
        texts: The library's sentences.
        heard: The current message, or its record, from which `message` is built when it is read.
        outbox: What the dialog has said in this turn, without questions.
        requests: What it has requested in this turn, to be carried out in its commit.
        requested_at: `file:line` of each of them.
        called: Whether `outbox` or `requests` may be non-empty.
        put_away: 0 while the dialog runs; while it is being closed, 1 plus the number of effects it
            has requested.
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
        "left",
        "made",
        "outbox",
        "put_away",
        "replaying",
        "requested_at",
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
        self.left: Mapping[str, Any] | None = None
        self.data: D = data_shape.read(_NOTHING)
        self.replaying = False
        self.put_away = 0
        # Tuples: nearly always empty, and an empty list each is work for the garbage collector.
        self.outbox: tuple[object, ...] = ()
        self.requests: tuple[Request, ...] = ()
        self.requested_at: tuple[str, ...] = ()
        self.called = False
        self.made = 0
        self._random: Random | None = None

    @property
    def message(self) -> Message:
        """The current message: first the one that started the dialog, then each accepted answer."""
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

    def drawn(self) -> Any:
        """Return the state of `random`, to be given to `draw_again`."""
        return None if self._random is None else self._random.getstate()

    def draw_again(self, drawn: Any) -> None:
        """Set `random` back to an earlier state: what was drawn since is in no journal."""
        if self._random is not None:
            if drawn is None:
                self._random.seed(self.id)
            else:
                self._random.setstate(drawn)

    def hear(self, message: Message, arrived: int) -> None:
        """Begin the turn of a message; `arrived` is in ms since the epoch."""
        self.heard = message
        self.arrived = arrived
        if self.called:
            self.begin_turn()

    def begin_turn(self) -> None:
        """Clear what was said and requested in an earlier turn, which has been delivered or held,
        and carried out.
        """
        self.outbox = self.requests = ()
        self.called = False

    def heard_of_step(self, said: Sequence[str | list[str]]) -> None:
        """Add what a step has said: texts, and each Markdown as a list with its text."""
        if said:
            heard = [one if isinstance(one, str) else Markdown(one[0]) for one in said]
            self.outbox = (*self.outbox, *heard)
            self.called = True

    def remember(self, stored: Mapping[str, Any], *, again: bool = False) -> None:
        """Set the user's data at the beginning of the conversation; the dialog gets a copy.

        Args:
            stored: The user's data.
            again: Whether the conversation has begun, and continues with the present data: the
                dialog may hold the old object, which is then updated.
        """
        self.stored, self.left = stored, None
        fresh = self.data_shape.read(stored)
        if again:
            self.made += 1  # one record of the journal accounts for it, as for a question
            fresh = self.data_shape.renewed(self.data, fresh)
        self.data = fresh

    def kept(self) -> dict[str, Any]:
        """Return the user's data as the dialog has left it, as JSON data.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        return self.data_shape.plain(self.data)

    def end_turn(self) -> None:
        """Note the user's data as the dialog leaves them, so that `changes` are the next turn's.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        self.left = None if self.data == self.stored else self.kept()

    def changes(self) -> dict[str, Any]:
        """Return what the dialog changed in the user's data in this turn, and end the turn: the new
        values by name, `REMOVED` for what it removed. What it changed in earlier turns is stored
        already, and another conversation may have changed it since.

        Raises:
            TypeError: A value cannot be encoded as JSON.
        """
        if self.left is None and self.data == self.stored:
            return {}  # a plain dict, the usual case
        was, self.left = self.left, self.kept()
        return self._changes(self._began() if was is None else was, self.left)

    def changes_since(self, was: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that turn `was` (an earlier `kept()`) into the present data."""
        return self._changes(was, self.kept())

    def _changes(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
        changes = difference(was, now)
        if changes:
            began = self._began()
            for name, value in changes.items():
                if name in began and began[name] == value:
                    changes[name] = self.stored.get(name, REMOVED)  # not the default of a class
        return changes

    def _began(self) -> dict[str, Any]:
        return self.data_shape.plain(self.data_shape.read(self.stored))
