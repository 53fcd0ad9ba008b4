"""What a bot's reviewer sees of an answer before it is sent: `Bot(review=…)`."""

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
"""Seconds that a reviewer may take for one reply, unless it sets its own timeout."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A part of an answer that is about to be sent.

    Attributes:
        reply: The part; consecutive texts are joined.
        message: The message whose turn says this; a secret answer is ●●● there.
        question: Whether the conversation waits for an answer to it.
    """

    reply: Reply
    message: Message
    question: bool = False

    @property
    def user(self) -> str:
        """The OpenID of the user whose turn it is."""
        return self.message.user

    @property
    def text(self) -> str:
        """Its words, one item a line: a text, or titles and descriptions; "" if there are none."""
        match self.reply:
            case replies.Text(content=content):
                return content
            case replies.News(articles=articles):
                words = [
                    word for article in articles for word in (article.title, article.description)
                ]
            case replies.Video() | replies.Music():
                words = [self.reply.title, self.reply.description]
            case _:
                words = []
        return "\n".join(word for word in words if word)


Reviewer = Callable[[Outgoing], Sayable | Awaitable[Sayable]]
"""Returns what is sent: `outgoing.reply`, or something else instead; None refuses it."""


class _Call(StepCall[Sayable]):
    """A call that no dialog has requested, and no journal records."""

    __slots__ = ()

    def __init__(self, fn: Callable[..., object], outgoing: Outgoing, options: StepOptions) -> None:
        self.fn, self.args, self.kwargs, self.options = fn, (outgoing,), {}, options
        self.name = options.name or getattr(fn, "__qualname__", None) or type(fn).__name__
        self.amid = None
        self._digest = ""


def review_call(reviewer: Reviewer, outgoing: Outgoing) -> StepCall[Sayable]:
    """Return the call of a reviewer, to be run like a step: with its own options, if it has any
    (`step(fn, timeout=3)`).
    """
    if isinstance(reviewer, StepFunction):
        options = reviewer.options
        if options.timeout is None:
            options = msgspec.structs.replace(options, timeout=PATIENCE)
        return _Call(reviewer.fn, outgoing, options)
    return _Call(reviewer, outgoing, StepOptions(timeout=PATIENCE))
