"""Errors for a conversation or user that does not exist."""

from __future__ import annotations

from wechat_dialog.errors import DialogError

__all__ = ["NotFound", "NotOneParked"]


class NotFound(DialogError):
    """No stored conversation has this id or user.

    Attributes:
        name: The id or user that was asked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no conversation or user {self.name!r} in the store; `conversations list` shows all"


class NotOneParked(NotFound):
    """This id or user has no parked conversation, or several."""

    def __str__(self) -> str:
        return (
            f"{self.name!r} does not name exactly one parked conversation: what waits or runs "
            "continues by itself, and one of several is named by its id; "
            "`conversations list` shows all"
        )
