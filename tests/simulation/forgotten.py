"""What the judge remembers of users who were forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Forgotten"]

DONE = re.compile(r"完(\d+) ")
"""How many conversations a user has finished, according to the bot's data."""


@dataclass(slots=True)
class Forgotten:
    """What the judge knows of one user that must not reappear once they are forgotten.

    Attributes:
        keys: Keys of messages that the store knew of when an operator had their user forgotten, or
            whose turns were under way when one dropped their user's conversations.
        ids: Conversations that the store has had since, if it ever was.
        past: Conversations that it had before.
        done: How many finished conversations the bot has told of since.
    """

    keys: set[str] = field(default_factory=set[str])
    ids: set[str] = field(default_factory=set[str])
    past: set[str] = field(default_factory=set[str])
    done: int = 0

    def happens(self, keys: Iterable[str] = ()) -> None:
        """Take note that the user is forgotten now, with all messages of these keys."""
        self.keys.update(keys)
        self.past |= self.ids
        self.ids.clear()
        self.done = 0

    def back(self, key: str, ids: Iterable[str], said: str) -> str:
        """Return what a write brings back of a user who was forgotten; "" if that is nothing.

        Args:
            key: Of the message whose turn it is.
            ids: The conversations that the user has by this write, or is told of.
            said: What the user is told, or will be.
        """
        if key in self.keys:
            return f"a turn of {key}, which was under way"
        self.ids.update(ids)
        if known := self.ids & self.past:
            return f"conversations: {sorted(known)}"
        for found in DONE.finditer(said):
            self.done += 1
            if int(found[1]) > self.done:
                return f"data: {found[1]} conversations are finished, and {self.done} are known"
        return ""
