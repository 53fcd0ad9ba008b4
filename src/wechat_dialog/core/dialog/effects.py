"""Effects: what a dialog hands to its driver and waits for.

`chat.ask(…)` and its like return one of these values, and nothing has happened yet. `yield from
effect` in a generator and `await effect` in a coroutine do the same: both hand the effect itself to
whoever drives the dialog, and evaluate to what is sent in, typed. What follows from an effect is
decided by the driver; this module only defines what it carries.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.errors import NotWaitedFor
from wechat_dialog.replies import to_reply

if TYPE_CHECKING:
    from .chat_state import ChatState

__all__ = ["INSISTS", "ContinueAs", "Effect", "PutAway", "encoded"]

T = TypeVar("T")


INSISTS = 100
"""Effects that a dialog may ask for while it is put away: one that catches everything in a loop
would go on for ever."""


class PutAway(GeneratorExit):
    """Raised inside a dialog that is being put away and asks for an effect: it stops there."""


def _refuse(self: Effect[Any], *_other: object) -> Any:
    """Refuse to stand for the answer, which only waiting for it gives."""
    raise NotWaitedFor(self.call, line_at_hand())


class Effect(Generic[T]):
    """Something a dialog asks its driver for; `yield from` it, or `await` it."""

    __slots__ = ("chat",)

    chat: ChatState[Any]

    @property
    def call(self) -> str:
        """What the author wrote to make this, for error messages."""
        return "chat.…(…)"

    def __str__(self) -> str:
        """Refuse: the text of the answer is wanted, which only waiting for it gives."""
        raise NotWaitedFor(self.call, line_at_hand())

    def __format__(self, how: str) -> str:
        """See `__str__`."""
        raise NotWaitedFor(self.call, line_at_hand())

    def __bool__(self) -> bool:
        """Refuse, as `__str__` does: `if chat.confirm(…):` would always be true."""
        raise NotWaitedFor(self.call, line_at_hand())

    __repr__ = object.__repr__
    if not TYPE_CHECKING:  # a type checker shall go on refusing these
        # `if chat.ask(…, int) > 5`, `2 * chat.step(price)`: the same.
        __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = __len__ = _refuse
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __neg__ = _refuse
        __int__ = __float__ = __index__ = _refuse

    def __iter__(self) -> Generator[Any, Any, T]:
        """Hand this effect to the driver; gives back its result."""
        if self.chat.put_away:
            self.chat.put_away += 1
            if self.chat.put_away > INSISTS:
                yield self  # at which Python gives the closing up; see `Run.close`
            raise PutAway
        result: T = yield self
        return result

    __await__ = __iter__


def encoded(asked: object) -> bytes:
    """Return a prompt, or a tuple of them, as JSON. A lone surrogate is encoded as the reply will
    have it.
    """
    try:
        return msgspec.json.encode(asked)
    except UnicodeEncodeError:
        prompts = cast("tuple[object, ...]", asked) if isinstance(asked, tuple) else (asked,)
        return msgspec.json.encode([to_reply(prompt) for prompt in prompts])


class ContinueAs(msgspec.Struct, frozen=True):
    """What `chat.continue_as` returns, for the dialog to return: end here and begin there."""

    dialog: Callable[..., Any]
    state: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
