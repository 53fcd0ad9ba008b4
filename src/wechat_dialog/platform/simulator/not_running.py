"""The error of a request to the bot's process that has no result."""

from __future__ import annotations

from typing import Any, Self

from wechat_dialog.errors import DialogError

__all__ = ["NotRunning"]


class NotRunning(DialogError):
    """The bot's process does not run or does not answer, or it refused a request.

    Attributes:
        chinese: The message in Chinese, where the process told it; else "".
        refused: Whether it answered, and refused.
    """

    def __init__(self, message: str, chinese: str = "", *, refused: bool = False) -> None:
        super().__init__(message)
        self.chinese = chinese
        self.refused = refused

    @classmethod
    def refusal(cls, answer: dict[str, Any]) -> Self:
        """Make one of the process's answer."""
        return cls(answer["error"], answer["chinese"], refused=True)
