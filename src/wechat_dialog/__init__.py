"""Whole conversations on WeChat Official Accounts, each written as one function and replayed from
its journal.

Here are the public names, and nothing else: `Bot` and `Dialogs` to build with, `Chat` and `Dialog`
for annotations, `Field` for forms, `step` for side effects, `Texts` and `Window` for settings, and
the modules `messages`, `replies` and `errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors, messages, replies
from .bot import Bot
from .chat import Chat, Dialog
from .errors import (
    Cancelled,
    Refused,
    ReplayMismatch,
    StoreError,
    TimedOut,
    TooManyAttempts,
    UnexpectedAnswer,
)
from .router import Dialogs
from .steps import step
from .texts import Texts
from .window import Window

if TYPE_CHECKING:
    from .form_fields import Field

__all__ = [
    "Bot",
    "Cancelled",
    "Chat",
    "Dialog",
    "Dialogs",
    "Field",
    "Refused",
    "ReplayMismatch",
    "StoreError",
    "Texts",
    "TimedOut",
    "TooManyAttempts",
    "UnexpectedAnswer",
    "Window",
    "errors",
    "messages",
    "replies",
    "step",
]


def __getattr__(name: str) -> object:
    # Forms bring the parsers, which take longer to import than all the rest.
    if name == "Field":
        from .form_fields import Field

        return Field
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
