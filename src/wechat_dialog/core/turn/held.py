"""What is held of a user's answers, as values: which of it comes next, and which is over.

A part is held in the order in which it will come: first what is *owed* (nothing of its answer was
seen), then what is left of the newest answer, then of older ones. A question that its user has not
seen is held as a part of its own, so that it can go with its conversation, be asked again, and is
known to be unseen as long as it is there. `shelf.py` takes from it and adds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.replay.header import Frame, Held, UserHead
from wechat_dialog.replies.links import TEXT_LIMIT
from wechat_dialog.replies.packing import Part
from wechat_dialog.replies.splitting import pages
from wechat_dialog.replies.stored import decode_reply, encode_reply

__all__ = [
    "coming",
    "expire",
    "held_of",
    "is_gone",
    "is_pushable",
    "is_word",
    "parts_of",
    "shortened",
    "to_ask",
]

_NOTHING = msgspec.Raw(b"null")

_AROUND = " \t\r\n\u3000。．.，,、！!？?～~…“”‘’\"'「」『』《》【】[]（）()"


def is_word(text: str, *words: str) -> bool:
    """Whether a text is one of the words, whatever punctuation its user put around it."""
    bare = text.strip(_AROUND)
    return any(word and (text.strip() == word or bare == word) for word in words)


def expire(held: Iterable[Held], stack: Sequence[Frame], now: int) -> list[Held]:
    """Return what is not held for too long; a question that is, and is still pending, will be asked
    again.
    """
    pending = {frame.id for frame in stack}
    kept: list[Held] = []
    for part in held:
        if part.until > now:
            kept.append(part)
        elif part.asks in pending:
            kept.append(to_ask(part.asks, part.until))
    return kept


def is_gone(part: Held) -> bool:
    """Whether a question is to be asked again, since what was held of it was dropped."""
    return part.reply == _NOTHING


def to_ask(conversation: str, until: int) -> Held:
    """Return what is held for a question that is to be asked again."""
    return Held(_NOTHING, until, False, conversation, True)


def is_pushable(head: UserHead) -> bool:
    """Whether anything that is held can be pushed."""
    parts, _ = coming(head.held, head.stack[-1].id if head.stack else "")
    return bool(parts)


def coming(held: Sequence[Held], asks: str) -> tuple[list[Part], list[Held]]:
    """Return what can be delivered of what is held, and the rest: the questions of conversations
    that are interrupted, and those that are to be asked again.
    """
    here = [part for part in held if not part.asks or (part.asks == asks and not is_gone(part))]
    return parts_of(here), [part for part in held if part not in here]


def parts_of(held: Iterable[Held]) -> list[Part]:
    """Return what is held as parts of an answer."""
    decoded = [(decode_reply(bytes(part.reply)), part) for part in held]
    return [
        Part(reply, part.asks, part.question, part.owed, part.until)
        for reply, part in decoded
        if reply is not None
    ]


def held_of(parts: Iterable[Part]) -> list[Held]:
    """Return parts as they are held."""
    return [
        Held(msgspec.Raw(encode_reply(p.reply)), p.until, p.owed, p.asks, p.question) for p in parts
    ]


def shortened(part: Held, excess: int) -> Held | None:
    """Return a long text without `excess` bytes of its end; None if that leaves nothing to speak
    of.
    """
    reply = decode_reply(bytes(part.reply))
    if not isinstance(reply, replies.Text):
        return None
    room = len(reply.content.encode("utf-8", "surrogatepass")) - excess
    if room < TEXT_LIMIT:
        return None
    cut = msgspec.structs.replace(reply, content=pages(reply.content[: room + 64], room)[0])
    return msgspec.structs.replace(part, reply=msgspec.Raw(encode_reply(cut)))
