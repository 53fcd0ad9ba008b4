"""What sends the parts that a turn pushes: a protocol, which `api.pusher` implements."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NoReturn, Protocol

from wechat_dialog.replies import Reply

__all__ = ["Pusher", "none_to_push"]


class Pusher(Protocol):
    """Sends customer messages, and the typing sign."""

    @property
    def allowed(self) -> bool:
        """Whether the account may push at this moment, as far as is known."""
        ...

    def push(self, user: str, reply: Reply) -> Exception | None:
        """Push one part to a user by their OpenID; returns why it did not go out."""
        ...

    def typing(self, user: str, *, on: bool) -> bool:
        """Show a user that the account is typing, or end that; see `typing_sign.Shows`."""
        ...

    def push_async(self, user: str, reply: Reply) -> Awaitable[Exception | None]:
        """Do so on an event loop."""
        ...


def none_to_push() -> NoReturn:
    """Say that a turn wants to push where the bot has nothing to push with."""
    raise AssertionError("a bot that pushes has something to push with")
