"""Questions and steps that a dialog creates and never waits for.

    n = chat.ask("几个？", int)        # no `yield from`, no `await`: nobody is asked
    chat.step(pay, order)             # nothing is paid, and the user is told that all went well

Looking for them at every question would slow down every question. So a chat only counts the effects
that its dialog creates (`ChatState.made`). If there are more than the journal has records for, the
conversation is replayed once by a `WatchedRun`, which notes which effect was created at which line.
Strict mode, which replays every turn anyway, always watches.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.effects import Effect
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.steps import Gather
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import At, Ended
from wechat_dialog.errors import NotWaitedFor, ReplayMismatch

from .codes import code_of
from .left_behind import note_unbegun
from .records import Record

__all__ = ["WatchedRun", "made_more", "tell_of_forgotten"]


class _Made(NamedTuple):
    """A question, form or step, the call as its author wrote it, and its `file:line`."""

    effect: Any
    call: str
    where: str

    @property
    def parts(self) -> tuple[Effect[Any], ...]:
        """The steps of a gathering, or the branches of a race."""
        parts: tuple[Effect[Any], ...] = getattr(self.effect, "calls", ())
        return parts or getattr(self.effect, "branches", ())

    @property
    def begun(self) -> bool:
        """Whether it was waited for without a record of its own: a form, a race, or an empty
        gathering.
        """
        nothing = issubclass(type(self.effect), Gather) and not self.parts
        return nothing or bool(getattr(self.effect, "begun", False))


class WatchedChat(Chat[Any]):
    """A chat that notes the effects that its dialog creates.

    Attributes:
        noted: All of them, in order.
    """

    __slots__ = ("noted",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noted: list[_Made] = []


def _watched(name: str, of: type[Any] = Chat) -> Callable[..., Any]:
    make = getattr(of, name)

    def method(self: WatchedChat, /, *args: Any, **kwargs: Any) -> Any:
        effect: Any = make(self, *args, **kwargs)
        for argument in (*args, *kwargs.values()):
            note_unbegun(argument)
        # A form consists of questions, and is not an effect itself.
        call = effect.call if issubclass(type(effect), Effect) else f"chat.{name}(…)"
        self.noted.append(_Made(effect, call, line_at_hand()))
        return effect

    return method


for _name in ("ask", "choose", "confirm", "form", "step", "gather", "sleep", "wait_for", "race"):
    setattr(WatchedChat, _name, _watched(_name))


class WatchedRun(Run):
    """A run that says which of its effects were never waited for."""

    __slots__ = ("_stood",)

    chats: ClassVar[type[Chat[Any]]] = WatchedChat

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keep_trail()
        self._stood: list[At | None] = []

    def fed(self) -> None:
        """See `Run.fed`."""
        super().fed()
        self._stood.append(self.at)

    def forgotten(self) -> Iterator[NotWaitedFor]:
        """Yield what was created and not waited for: at the dialog's end all of it; before that,
        only what nothing refers to any more, since the rest may still be waited for.
        """
        assert isinstance(self.chat, WatchedChat)  # noqa: S101 - `chats` says so
        noted, ended = self.chat.noted, isinstance(self.at, Ended)
        waited = {id(at) for at in self._stood}
        for created in noted:
            waited.update(map(id, created.parts))  # these are waited for by the whole
        for number in range(len(noted)):
            held = sys.getrefcount(noted[number].effect) > _UNHELD
            created = noted[number]
            if not (created.begun or id(created.effect) in waited or (held and not ended)):
                yield NotWaitedFor(created.call, created.where)


LOOKS = 10
"""How often a process searches for what one dialog forgot."""

_looked: Counter[tuple[str, str, str]] = Counter()
_told: set[str] = set()


def tell_of_forgotten(
    dialog: RegisteredDialog, fresh: Callable[[], WatchedRun], records: Sequence[Record]
) -> None:
    """Log, once for each line, the effects that a dialog created and does not wait for.

    Args:
        dialog: The dialog, which seems to have forgotten some; see `made_more`.
        fresh: Makes a run of it that has not begun.
        records: The conversation's records that count.
    """
    code = dialog.name, dialog.version, code_of(dialog)
    if _looked[code] == LOOKS:
        return
    _looked[code] += 1
    again = fresh()
    try:
        again.replay(records)
        mistakes = {
            mistake.where: mistake for mistake in again.forgotten() if mistake.where not in _told
        }
    except ReplayMismatch:  # a dialog that cannot be replayed has a worse problem
        return
    finally:
        again.close()
    _told.update(mistakes)
    for mistake in mistakes.values():
        log.warning("dialog %r: %s", dialog.name, mistake)


def _count(noted: _Made) -> int:
    return sys.getrefcount(noted.effect)


_UNHELD = _count(_Made(object(), "", ""))
"""Reference count of an object that only its `_Made` holds, from `sys.getrefcount`."""


def made_more(run: Run) -> bool:
    """Whether a dialog may have created more effects than it waited for. Each answer and each
    outcome of a step accounts for one, and so does the question at which it waits.
    """
    answered = run.position - 1 - bool(run.chat.stored)  # its start, and the user's data
    return run.chat.made > answered + (not isinstance(run.at, Ended))
