"""Whole conversations on WeChat Official Accounts, each written as one function and replayed from
its journal.

Here are the public names, and nothing else: `Bot` and `Dialogs` to build with, `Chat`, `Dialog` and
`Outgoing` for annotations, `Field` for forms, `step`, `Steps` and
`AsyncSteps` for side effects, `Texts`, `Window` and `Limits` for settings, `TurnReport` for
metrics, and the modules `messages`, `replies`, `formats` and `errors`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import errors, formats, messages, replies
    from .bot import Bot
    from .core.dialog.chat import Chat, Dialog
    from .core.dialog.form_fields import Field
    from .core.dialog.review import Outgoing
    from .core.dialog.router import Dialogs
    from .core.dialog.step_parts import AsyncSteps, Steps
    from .core.dialog.steps import step
    from .core.dialog.texts import Texts
    from .core.turn.limits import Limits
    from .core.turn.turn_report import TurnReport
    from .core.turn.window import Window
    from .errors import (
        Cancelled,
        NoAnswer,
        Refused,
        ReplayMismatch,
        SignalMisfit,
        StoreError,
        TimedOut,
        TooManyAttempts,
        UnexpectedAnswer,
    )

__all__ = [
    "AsyncSteps",
    "Bot",
    "Cancelled",
    "Chat",
    "Dialog",
    "Dialogs",
    "Field",
    "Limits",
    "NoAnswer",
    "Outgoing",
    "Refused",
    "ReplayMismatch",
    "SignalMisfit",
    "Steps",
    "StoreError",
    "Texts",
    "TimedOut",
    "TooManyAttempts",
    "TurnReport",
    "UnexpectedAnswer",
    "Window",
    "errors",
    "formats",
    "messages",
    "replies",
    "step",
]


def __getattr__(name: str) -> object:
    # Whoever imports a module of this package imports this one first; `wechat-dialog --version` and
    # an emulated platform need no bot, and forms bring the parsers, which take long to import.
    if name in {"bot", "errors", "formats", "messages", "replies"}:
        return import_module(f".{name}", __name__)
    home: ModuleType
    match name:
        case "Bot":
            from . import bot as home
        case "Chat" | "Dialog":
            from .core.dialog import chat as home
        case "Dialogs":
            from .core.dialog import router as home
        case "Field":
            from .core.dialog import form_fields as home
        case "Limits" | "TurnReport" | "Window":
            from .core.turn import limits, turn_report, window

            home = {"Limits": limits, "TurnReport": turn_report, "Window": window}[name]
        case "Outgoing":
            from .core.dialog import review as home
        case "Steps" | "AsyncSteps":
            from .core.dialog import step_parts as home
        case "step":
            from .core.dialog import steps as home
        case "Texts":
            from .core.dialog import texts as home
        case _ if name in __all__:
            from . import errors as home
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(home, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
