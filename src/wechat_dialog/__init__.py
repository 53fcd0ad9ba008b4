"""Whole conversations on WeChat Official Accounts, each written as one function and replayed from
its journal.

Here are the public names, and nothing else: `Bot` and `Dialogs` to build with, `Chat` and `Dialog`
for annotations, `Field` for forms, `step` for side effects, `Texts` and `Window` for settings, and
the modules `messages`, `replies` and `errors`.
"""

from __future__ import annotations

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
from .form_fields import Field
from .router import Dialogs
from .steps import step
from .texts import Texts
from .window import Window

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
