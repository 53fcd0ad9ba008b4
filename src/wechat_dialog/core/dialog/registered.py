"""A dialog as registered with a bot: the author's function, with its name, version and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = ["RegisteredDialog"]


@dataclass(eq=False)
class RegisteredDialog:
    """An author's function, with its name, version and options.

    Attributes:
        name: Unique among the bot's dialogs, together with `version`; stored in every header.
        fn: The function: a generator, a coroutine, or one that only returns. Its first argument is
            the `Chat`.
        version: "" unless several are registered under one name.
        timeout: Seconds without an answer after which a conversation expires; None: as set for the
            bot.
        on_divergence: "resume", "restart" or "park"; None: as set for the bot.
        fingerprint: Fingerprint of its code; "" until `core.replay.codes.code_of` computes it.
        pure: Whether it only computes between its waits, so that a run may be discarded and
            repeated.
    """

    name: str
    fn: Callable[..., Any]
    version: str = ""
    timeout: float | None = None
    on_divergence: str | None = None
    pure: bool = True
    fingerprint: str = field(default="", repr=False)

    @cached_property
    def waits(self) -> bool:
        """Whether it is a generator or a coroutine function. Any other function does all its work
        in one call, side effects included.
        """
        fn = inspect.unwrap(self.fn)
        fn = getattr(fn, "func", fn)
        return inspect.isgeneratorfunction(fn) or inspect.iscoroutinefunction(fn)
