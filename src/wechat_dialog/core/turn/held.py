"""The held parts of a user's answers, as values: which comes next, and which have expired.

Parts are held in the order of delivery: first those *owed* (no part of their answer was seen), then
the rest of the newest answer, then of older ones. A question that the user has not seen is held as
a part of its own, so that it can be removed with its conversation, be asked again, and is known to
be unseen while it is there. `shelf.py` takes parts from here and adds to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from wechat_dialog.core.replay.header import Frame, Held, UserHead
from wechat_dialog.replies import Reply, Text
from wechat_dialog.replies.links import TEXT_LIMIT
from wechat_dialog.replies.packing import Part, together
from wechat_dialog.replies.splitting import pages
from wechat_dialog.replies.stored import NO_REPLY, decode_reply, encode_reply

__all__ = [
    "coming",
    "expire",
    "held_of",
    "is_gone",
    "is_pushable",
    "is_word",
    "owed_of",
    "parts_of",
    "question_at",
    "shortened",
    "to_ask",
]

_NOTHING = msgspec.Raw(NO_REPLY)

_AROUND = " \t\r\n\u3000。．.，,、！!？?～~…“”‘’\"'「」『』《》【】[]（）()"


def is_word(text: str, *words: str) -> bool:
    """Whether a text is one of the words, ignoring punctuation around it."""
    bare = text.strip(_AROUND)
    return any(word and (text.strip() == word or bare == word) for word in words)


def expire(held: Iterable[Held], stack: Sequence[Frame], now: int) -> tuple[Held, ...]:
    """Return the parts that have not expired; a pending question that has expired is replaced by a
    note to ask it again.
    """
    pending = {frame.id for frame in stack}
    remaining: list[Held] = []
    for part in held:
        if part.until > now:
            remaining.append(part)
        elif part.asks in pending:
            remaining.append(to_ask(part.asks, part.until))
    return tuple(remaining)


def is_gone(part: Held) -> bool:
    """Whether this is only a note to ask a question again, since its held text was dropped."""
    return part.reply == _NOTHING


def to_ask(conversation: str, until: int) -> Held:
    """Return a note that a question is to be asked again."""
    return Held(_NOTHING, until, False, conversation, True)


def is_pushable(head: UserHead) -> bool:
    """Whether any held part can be pushed."""
    parts, _ = coming(head.held, head.stack[-1].id if head.stack else "")
    return bool(parts)


def coming(held: Sequence[Held], asks: str) -> tuple[list[Part], list[Held]]:
    """Return the held parts that can be delivered, and the rest: questions of interrupted
    conversations, and notes to ask again.
    """
    deliverable = [
        part for part in held if not part.asks or (part.asks == asks and not is_gone(part))
    ]
    return parts_of(deliverable), [part for part in held if part not in deliverable]


def parts_of(held: Iterable[Held]) -> list[Part]:
    """Return held parts as parts of an answer."""
    decoded = [(decode_reply(bytes(part.reply)), part) for part in held]
    return [
        Part(reply, part.asks, part.question, part.owed, part.until)
        for reply, part in decoded
        if reply is not None
    ]


def held_of(parts: Iterable[Part]) -> list[Held]:
    """Return parts of an answer as held parts."""
    return [
        Held(msgspec.Raw(encode_reply(p.reply)), p.until, p.owed, p.asks, p.question) for p in parts
    ]


def question_at(parts: Sequence[Part], reply: Reply | None, mark: str) -> int:
    """Return the index in a reply's text at which the question begins that it ends with.

    Args:
        parts: The parts it was made of; at least one belongs to the question.
        reply: The reply.
        mark: See `packing.pack`.

    Returns:
        0 if it has nothing before the question, or the two cannot be told apart.
    """
    first = next(number for number, part in enumerate(parts) if part.asks)
    before = together([part.reply for part in parts[:first]], mark)
    if not (isinstance(reply, Text) and isinstance(before, Text)):
        return 0
    known = parts[first].question and reply.content.startswith(f"{before.content}\n")
    return len(before.content) if known else 0


def owed_of(replies: Sequence[bytes], head: UserHead, until: int, asks: str) -> list[Held]:
    """Return replies that no request took as owed parts, without those that are held already as a
    whole: a turn that claims again is given them again.

    Args:
        replies: The replies, oldest first, encoded; at least one.
        head: The user's head.
        until: When to drop them, ms since the epoch.
        asks: Id of the conversation whose question the last of them ends with, unseen; or "".
    """
    known = {bytes(part.reply) for part in head.held if part.owed} | {NO_REPLY}
    last = _in_two(replies[-1], head.question_at)
    owed = [
        Held(msgspec.Raw(part), until, True)
        for answer in (*((reply,) for reply in replies[:-1]), last)
        if not known.issuperset(answer)
        for part in answer
    ]
    if owed and asks:
        owed[-1].asks, owed[-1].question = asks, len(last) > 1
    return owed


def _in_two(reply: bytes, at: int) -> tuple[bytes, ...]:
    """Return an encoded text as two, of which the second begins at this index (`question_at`); any
    other reply is left whole.
    """
    text = decode_reply(reply) if at else None
    if not isinstance(text, Text) or text.content[at : at + 1] != "\n":
        return (reply,)
    contents = text.content[:at], text.content[at + 1 :]
    return tuple([encode_reply(msgspec.structs.replace(text, content=one)) for one in contents])


def shortened(part: Held, excess: int) -> Held | None:
    """Return a long text shortened by `excess` bytes at its end; None if too little would
    remain.
    """
    reply = decode_reply(bytes(part.reply))
    if not isinstance(reply, Text):
        return None
    room = len(reply.content.encode("utf-8", "surrogatepass")) - excess
    if room < TEXT_LIMIT:
        return None
    cut = msgspec.structs.replace(reply, content=pages(reply.content[: room + 64], room)[0])
    return msgspec.structs.replace(part, reply=msgspec.Raw(encode_reply(cut)))
