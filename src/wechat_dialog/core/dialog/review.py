"""What a bot's reviewer is shown of an answer before it goes out: `Bot(review=…)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.dialog.steps import StepCall, StepFunction, StepOptions
from wechat_dialog.messages import Message
from wechat_dialog.replies import Reply, Sayable

__all__ = ["Outgoing", "Reviewer", "review_call"]

PATIENCE = 10.0
"""Seconds that a reviewer may take for one reply, where it does not say itself."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A part of an answer that is about to go out.

    Attributes:
        reply: The part; texts that follow each other are one.
        message: What came in, whose turn says this. What was said in secret is ●●● there.
        question: Whether the conversation waits for an answer to it.
    """

    reply: Reply
    message: Message
    question: bool = False

    @property
    def user(self) -> str:
        """Whose turn it is, by their OpenID."""
        return self.message.user

    @property
    def text(self) -> str:
        """Its words, a line each: a text; titles and descriptions; "" for what has none."""
        match self.reply:
            case replies.Text(content=content):
                return content
            case replies.News(articles=articles):
                words = [word for one in articles for word in (one.title, one.description)]
            case replies.Video() | replies.Music():
                words = [self.reply.title, self.reply.description]
            case _:
                words = []
        return "\n".join(word for word in words if word)


Reviewer = Callable[[Outgoing], Sayable | Awaitable[Sayable]]
"""Returns what goes out: `outgoing.reply`, or something else in its place; None refuses it."""


class _Call(StepCall[Sayable]):
    """A call that no dialog has asked for, and no journal knows."""

    __slots__ = ()

    def __init__(self, fn: Callable[..., object], outgoing: Outgoing, options: StepOptions) -> None:
        self.fn, self.args, self.kwargs, self.options = fn, (outgoing,), {}, options
        self.name = options.name or getattr(fn, "__qualname__", None) or type(fn).__name__
        self.amid = None
        self._digest = ""


def review_call(reviewer: Reviewer, outgoing: Outgoing) -> StepCall[Sayable]:
    """Return the call of a reviewer, to be run as a step is: with its own options, where it has
    some (`step(fn, timeout=3)`).
    """
    if isinstance(reviewer, StepFunction):
        options = reviewer.options
        if options.timeout is None:
            options = msgspec.structs.replace(options, timeout=PATIENCE)
        return _Call(reviewer.fn, outgoing, options)
    return _Call(reviewer, outgoing, StepOptions(timeout=PATIENCE))
