"""Effects: values that a dialog yields to its driver to wait for.

`chat.ask(…)` and the like return one of these values, without any effect yet. `yield from effect`
in a generator and `await effect` in a coroutine do the same: both yield the effect itself to the
driver of the dialog, and evaluate to the typed value that is sent in. The driver decides what
follows from an effect; this module only defines its contents.
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
"""How many effects a dialog may request while it is being closed: one that catches everything in a
loop would continue forever.
"""


class PutAway(GeneratorExit):
    """Raised inside a dialog that is being closed and requests an effect, to stop it there."""


def _refuse(self: Effect[Any], *_other: object) -> Any:
    """Refuse to be used as the answer, which is only available by waiting."""
    raise NotWaitedFor(self.call, line_at_hand())


class Effect(Generic[T]):
    """A request of a dialog to its driver; `yield from` it, or `await` it."""

    __slots__ = ("chat",)

    chat: ChatState[Any]

    @property
    def call(self) -> str:
        """The call with which the author created it, for error messages."""
        return "chat.…(…)"

    def __str__(self) -> str:
        """Refuse: the text of the answer was meant, which is only available by waiting."""
        raise NotWaitedFor(self.call, line_at_hand())

    def __format__(self, how: str) -> str:
        """See `__str__`."""
        raise NotWaitedFor(self.call, line_at_hand())

    def __bool__(self) -> bool:
        """Refuse, as `__str__` does: `if chat.confirm(…):` would always be true."""
        raise NotWaitedFor(self.call, line_at_hand())

    __repr__ = object.__repr__
    if not TYPE_CHECKING:  # type checkers are to report these
        # `if chat.ask(…, int) > 5`, `2 * chat.step(price)`: likewise.
        __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = __len__ = _refuse
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __neg__ = _refuse
        __int__ = __float__ = __index__ = _refuse

    def __iter__(self) -> Generator[Any, Any, T]:
        """Yield this effect to the driver; returns its result."""
        if self.chat.put_away:
            self.chat.put_away += 1
            if self.chat.put_away > INSISTS:
                yield self  # at this point Python stops closing; see `Run.close`
            raise PutAway
        result: T = yield self
        return result

    __await__ = __iter__


def encoded(prompts: object) -> bytes:
    """Return a prompt, or a tuple of them, as JSON. A lone surrogate is encoded as in the reply."""
    try:
        return msgspec.json.encode(prompts)
    except UnicodeEncodeError:
        each = cast("tuple[object, ...]", prompts) if isinstance(prompts, tuple) else (prompts,)
        return msgspec.json.encode([to_reply(prompt) for prompt in each])


class ContinueAs(msgspec.Struct, frozen=True):
    """Result of `chat.continue_as`, for the dialog to return: end here and begin there."""

    dialog: Callable[..., Any]
    state: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
