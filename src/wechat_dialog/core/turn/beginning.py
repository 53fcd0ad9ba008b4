"""Conversations that the current message begins, by the bot's routes."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from wechat_dialog.core.dialog.routes import Match
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.stack import begin
from wechat_dialog.core.turn.work import Work

__all__ = ["begin_by_route", "interrupt", "interruption", "matches", "take_route"]


def number_of(match: Match) -> int:
    """Return a number that tells a route from the others, the same in every process."""
    route = match.route
    patterns = [
        pattern if isinstance(pattern, str) else pattern.pattern for pattern in route.patterns
    ]
    return crc32(repr((route.kind, patterns, route.dialog.name)).encode("utf-8", "replace"))


def matches(work: Work, *, anytime: bool = False) -> Iterator[Match]:
    """Yield the routes that match the message and have not handed it back; see `Routes.matches`."""
    for match in work.rules.routes.matches(work.message, anytime=anytime):
        if not work.unrouted or number_of(match) not in work.unrouted:
            yield match


def take_route(work: Work) -> Match | None:
    """Return the first such route and do not offer it the message again; None if there is none."""
    match = next(matches(work), None)
    if match is not None:
        work.unrouted |= {number_of(match)}
    return match


def begin_by_route(work: Work) -> Flow[None]:
    """Begin a conversation with the first dialog that does not hand the message back."""
    while (match := take_route(work)) is not None:
        handed_back = yield from begin(work, match.route.dialog, match.args)
        if not handed_back:
            return
    if work.unrouted:
        log.warning(
            "user %s: every dialog handed %r back, so there is no reply",
            work.message.user, work.message.kind,
        )  # fmt: skip


def interruption(work: Work, frame: Frame) -> Match | None:
    """Return the `anytime` route that takes the message in the middle of a conversation; None if it
    is the running dialog's, or the stack is full.
    """
    if len(work.doc.head.stack) >= work.rules.depth:
        return None
    match = next(matches(work, anytime=True), None)
    if match is None or match.route.dialog.name == frame.dialog:
        return None
    return match


def interrupt(work: Work, match: Match) -> Flow[bool]:
    """Begin a conversation on top of the running one.

    Returns:
        Whether the new conversation handed the message back.
    """
    work.unrouted |= {number_of(match)}
    return (yield from begin(work, match.route.dialog, match.args))
