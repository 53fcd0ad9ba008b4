"""What a dialog knows: who talks to it, what was said and when, chance, and what is remembered.

The engine sets these fields as it feeds the journal, so that whatever a dialog reads is the same at
every replay: the time is the current message's, chance is seeded by the conversation. None of it
costs a record. What a dialog may do is `chat.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from random import Random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .journal import Answer, message_of
from .messages import Message
from .remembered import GONE, PLAIN, Remembered, difference
from .texts import Texts

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    # `Chat` alone is `Chat[Any]`, in every checker's strictest mode. Python knows it from 3.13 on.
    D = TypeVarWithDefault("D", default=Any)
else:
    D = TypeVar("D")

__all__ = ["D", "Situation"]

_NOTHING: Mapping[str, Any] = {}


class Situation(Generic[D]):
    """One conversation, as far as its dialog knows it.

    Attributes:
        user: The user's OpenID, a `str`.
        random: A `random.Random` seeded by the conversation's id: the same draws at every replay.
        replaying: Whether the dialog is only being rebuilt: True for everything before the current
            message. The 2017 `is_replay`. A dialog that obeys the golden rule never needs it.
        data: What the bot remembers of this user beyond the conversation, committed with the turn:
            a `dict` of JSON data by name, or an instance of `Bot(data=…)`. Assign to its keys or
            attributes; what a turn leaves different from before is kept, name by name.
        stored: The user's data when the conversation began, as JSON data; see `data`.
        remembered: The shape the bot gives to it.
        texts: The sentences of the library.
        heard: The current message, or its record: `message` makes one of the other when asked for.
    """

    __slots__ = (
        "_random",
        "account",
        "arrived",
        "data",
        "heard",
        "id",
        "outbox",
        "put_away",
        "remembered",
        "replaying",
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
        remembered: Remembered = PLAIN,
    ) -> None:
        self.user = user
        self.heard: Message | Answer = message
        self.account = account
        self.id = id
        self.arrived = arrived
        self.texts = texts or Texts()
        self.zone = zone
        self.remembered = remembered
        self.stored: Mapping[str, Any] = _NOTHING
        self.data: D = remembered.read(_NOTHING)
        self.replaying = False
        self.put_away = False
        self.outbox: list[object] = []
        self._random: Random | None = None

    @property
    def message(self) -> Message:
        """The current message: the one that started the dialog, then each accepted answer."""
        message = self.heard
        if isinstance(message, Answer):
            message = self.heard = message_of(message, self.user, self.account)
        return message

    @message.setter
    def message(self, message: Message) -> None:
        self.heard = message

    def now(self) -> datetime:
        """Return when the current message arrived, an aware `datetime` in the bot's time zone."""
        return datetime.fromtimestamp(self.arrived / 1000, self.zone)

    @property
    def random(self) -> Random:
        """Chance that falls the same way at every replay."""
        if self._random is None:
            self._random = Random(self.id)
        return self._random

    def remember(self, stored: Mapping[str, Any]) -> None:
        """Begin with this data; nothing of it is changed or kept a reference to by a dialog."""
        self.stored = stored
        self.data = self.remembered.read(stored)

    def kept(self) -> dict[str, Any]:
        """Return the user's data as the dialog has left it, as JSON data.

        Raises:
            TypeError: A value is nothing JSON knows.
        """
        return self.remembered.plain(self.data)

    def changes(self) -> dict[str, Any]:
        """Return what the dialog changed in the user's data since its conversation began: the new
        values by name, `GONE` for what it removed.

        Raises:
            TypeError: A value is nothing JSON knows.
        """
        if self.data == self.stored:
            return {}  # a plain dict, as most are
        return difference(self._began(), self.kept())

    def undone(self, was: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that lead from `was`, once `kept`, back to what is here now."""
        found, began = difference(was, self.kept()), self._began()
        for name, value in found.items():
            if name in began and began[name] == value:
                found[name] = self.stored.get(name, GONE)  # not the default of a class
        return found

    def _began(self) -> dict[str, Any]:
        return self.remembered.plain(self.remembered.read(self.stored))
