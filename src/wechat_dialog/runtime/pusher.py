"""Sends the parts that a turn pushes: a protocol, which `api.pusher` implements."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NoReturn, Protocol

from wechat_dialog.replies import Reply

__all__ = ["Pusher", "none_to_push"]


class Pusher(Protocol):
    """Sends customer messages, and the typing sign."""

    @property
    def allowed(self) -> bool:
        """Whether, as far as known, the account may push at this moment."""
        ...

    def push(self, user: str, reply: Reply) -> Exception | None:
        """Push one part to a user by their OpenID; returns why it was not sent."""
        ...

    def typing(self, user: str, *, on: bool) -> bool:
        """Show a user that the account is typing, or end that; see `typing_sign.Shows`."""
        ...

    def push_async(self, user: str, reply: Reply) -> Awaitable[Exception | None]:
        """Do the same on an event loop."""
        ...


def none_to_push() -> NoReturn:
    """Raise an error: a turn wants to push, and the bot has no pusher."""
    raise AssertionError("a bot that pushes has something to push with")
