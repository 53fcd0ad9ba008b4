"""A dialog's generator or coroutine: started, sent to, thrown into, closed.

Both have `send` and `throw`, and the effects of `chat` can be awaited as well as yielded from, so
one driver serves both. After each call it returns where the dialog stands: at an effect (`Wait`,
`Background`, `StepCall`, `Gather`) or past its end (`Ended`, `Raised`). It knows nothing of
records; `run` does.
"""

from __future__ import annotations

import logging
import types
from typing import Any, cast

from wechat_dialog import messages
from wechat_dialog.core.blame import is_bug, told
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.chat_state import ChatState
from wechat_dialog.core.dialog.effects import INSISTS, Effect
from wechat_dialog.core.dialog.questions import Reading, Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.replay.standing import At, Ended, Raised, way_in, where
from wechat_dialog.errors import ForeignAwait
from wechat_dialog.replies import to_reply

__all__ = ["Driver"]

log = logging.getLogger("wechat_dialog")


class Driver:
    """The running dialog, driven from effect to effect.

    Attributes:
        dialog: The dialog.
        chat: The chat it was started with.
    """

    __slots__ = ("_running", "chat", "dialog")

    def __init__(self, dialog: RegisteredDialog, chat: Chat) -> None:
        self.dialog = dialog
        self.chat = chat
        self._running: Any = None

    def start(self, args: dict[str, Any]) -> At:
        """Call the dialog's function, and drive it to its first effect or its end.

        Args:
            args: Its arguments after the chat.

        Raises:
            BaseException: What the dialog raised, if that must pass through; see `blame.is_bug`.
                The same holds for `send` and `throw`.
        """
        try:
            returned = self.dialog.fn(self.chat, **args)
        except BaseException as error:  # noqa: BLE001 - an exception is a result
            return self._raised(error)
        if isinstance(returned, (types.GeneratorType, types.CoroutineType)):
            self._running = returned
            return self.send(None)
        if isinstance(returned, types.AsyncGeneratorType):
            return Raised(
                TypeError(
                    f"dialog {self.dialog.name!r} is an async generator; use await chat.ask(…)"
                )
            )
        return Ended(returned)

    def send(self, result: object) -> At:
        """Send the dialog the result of the effect at which it stands."""
        try:
            effect = self._running.send(result)
        except BaseException as error:  # noqa: BLE001 - an exception is a result
            return self._stopped(error)
        if type(effect) is Wait:  # nearly always; runs for every record of a replay
            return effect  # pyright: ignore[reportUnknownVariableType]
        return self._interpreted(effect)

    def throw(self, error: BaseException) -> At:
        """Raise `error` in the dialog, at the effect at which it stands."""
        try:
            effect = self._running.throw(error)
        except BaseException as raised_error:  # noqa: BLE001 - likewise
            return self._stopped(raised_error)
        return self._interpreted(effect)

    def hand(self, outcome: object) -> At:
        """Send the dialog what it waits for; an exception is raised in it."""
        return self.throw(outcome) if isinstance(outcome, BaseException) else self.send(outcome)

    def abandon(self, error: BaseException) -> Raised:
        """Close the dialog, which counts as failed with an error that it did not raise."""
        self.close()
        return Raised(error)

    def close(self) -> None:
        """Close the dialog: Python runs its `finally` blocks, but an effect requested in them stops
        there.
        """
        self.chat.put_away = self.chat.put_away or 1
        running, self._running = self._running, None
        if running is None:
            return
        try:
            running.close()
        except RuntimeError:
            # A bare `yield` in a `finally`: Python complains that GeneratorExit was ignored, which
            # is intended here.
            if self.chat.put_away > INSISTS:
                log.error(
                    "dialog %r went on asking at %s while it was put away, and was dropped there: "
                    "an `except:` without a class catches what is to end it; catch `Exception`",
                    self.dialog.name, where(running),
                )  # fmt: skip
        except BaseException as error:
            if not is_bug(error):
                raise
            # There is no caller to whom it could be raised.
            log.debug(
                "dialog %r raised while it was put away: %s: %s",
                self.dialog.name, type(error).__name__, told(error),
            )  # fmt: skip

    def __del__(self) -> None:
        """Close a dialog that was dropped in the middle of a turn: Python would close its
        generator, and print that it "ignored GeneratorExit" if a `finally` requests a step.
        """
        self.close()

    def where(self) -> str:
        """Return `file:line` of the innermost line of the application at which the dialog stands;
        "" if it has ended.
        """
        return where(self._running)

    # What it yielded or raised --------------------------------------------------------------------

    def _stopped(self, error: BaseException) -> At:
        if isinstance(error, StopIteration):
            return Ended(error.value)
        return self._raised(error)

    def _raised(self, error: BaseException) -> Raised:
        if not is_bug(error):
            raise error
        # Imported late: dialogs rarely fail, and never while the library is imported.
        from .foreign import foreign

        return Raised(foreign(error, self.dialog.name))

    def _interpreted(self, effect: object) -> At:
        """Return the effect that the dialog yielded, or an error if it is invalid."""
        try:
            if type(effect) is str and type(self._running) is types.GeneratorType:
                return Wait(self.chat, "y", effect, _ANY_MESSAGE)
            return self._effect_of(effect)
        except Exception as error:  # noqa: BLE001 - an object that raises when it is inspected
            return self.abandon(error)

    def _effect_of(self, effect: object) -> At:
        if isinstance(effect, (Wait, Background, StepCall, Gather)):
            return self._asked_for(cast("Any", effect))
        if isinstance(effect, Effect):
            # Imported late: dialogs rarely race, and never while the library is imported.
            from wechat_dialog.core.dialog.races import Race

            if isinstance(effect, Race):
                at: At = cast("Any", effect).at
                return at
            kind: type = type(cast("object", effect))
            raise AssertionError(f"no driver for {kind.__name__}")
        if isinstance(self._running, types.CoroutineType):
            awaited = self._called() or type(effect).__qualname__
            return self.abandon(ForeignAwait(self.dialog.name, awaited, self.where()))
        try:
            to_reply(effect)
        except Exception as error:  # noqa: BLE001 - it may raise when it is inspected
            place = f"dialog {self.dialog.name!r} at {self.where()}"
            return self.abandon(TypeError(f"{place}: {told(error)}"))
        return Wait(self.chat, "y", effect, _ANY_MESSAGE)

    def _called(self) -> str:
        """Return the foreign awaitable that the author's code waits for; "" if unknown."""
        from .foreign import called

        return called(way_in(self._running))

    def _asked_for(self, at: Wait[Any] | Background[Any] | StepCall[Any] | Gather[Any]) -> At:
        if isinstance(at, StepCall):
            at.take_digest()
        elif isinstance(at, Gather):
            if not at.calls:
                return self.send(())
            for call in at.calls:
                call.take_digest()
        return at


def _the_message(_chat: ChatState, message: messages.Message) -> messages.Message:
    return message


_ANY_MESSAGE = Reading(_the_message)
"""How the answer to a bare `yield` is read: it is the message itself."""
