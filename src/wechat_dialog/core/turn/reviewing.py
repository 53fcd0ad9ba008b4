"""The bot's reviewer, `Bot(review=…)`, sees what a turn says before it is sent.

It is asked at the end of the turn, under the claim, and its verdict is not journaled, since a
replay sends nothing. So it may be asked twice about one answer, if a worker dies in between;
nothing that it has not approved is sent, held, or stored as an answer. Its version of a question is
shown instead of the question; the question's id and record stay those of the dialog.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.dialog.review import Outgoing, review_call
from wechat_dialog.core.logs import log, report
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow, Review, StepOutcome
from wechat_dialog.core.turn.step_records import message_part
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply, Transfer, to_reply
from wechat_dialog.replies.stored import encode_reply

__all__ = ["review"]


def review(work: Work) -> Flow[None]:
    """Have a turn's answer reviewed: first what it says, then the question at its end."""
    draft, reviewing = work.draft, _Reviewing(work)
    question = draft.content().question
    if not (draft.parts or question):
        return
    yield NEEDS_CLAIM
    parts = yield from reviewing.all(draft.parts, question=False)
    asks = yield from reviewing.all(question, question=True)
    if reviewing.refusal in asks:  # said once is enough
        parts = [part for part in parts if part != reviewing.refusal]
    draft.parts, draft.question = parts, asks


class _Reviewing:
    """The reviews of one turn.

    Attributes:
        refusal: Replaces what was refused.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._failed = False
        self.refusal = replies.Text(work.rules.texts.refused)

    def all(self, parts: Sequence[Reply], *, question: bool) -> Flow[list[Reply]]:
        """Have parts reviewed; returns what is sent instead."""
        passed: list[Reply] = []
        for group, reply in _joined(parts):
            verdict = yield from self._one(Outgoing(reply, self._work.message, question))
            if verdict == reply:
                passed += group
            elif verdict is not None:
                passed.append(verdict)
            elif self.refusal.content and self.refusal not in passed:
                passed.append(self.refusal)
        return passed

    def _one(self, outgoing: Outgoing) -> Flow[Reply | None]:
        """Have one reply reviewed; returns what is sent instead, or None if it was refused."""
        work, reviewer = self._work, self._work.rules.review
        if reviewer is None or self._failed:
            return None
        call = review_call(reviewer, outgoing)
        outcome: StepOutcome = yield Review(call, _key(work, outgoing))
        try:
            if outcome.error is not None:
                raise outcome.error
            verdict = to_reply(outcome.result)
        except Exception as error:  # noqa: BLE001 - an error in the author's reviewer
            self._fails(error)
            return None
        if verdict is None:
            log.info("user %s: %s refused a part of an answer", outgoing.user, call.name)
            return None
        return _as_made(verdict, outgoing.reply)

    def _fails(self, error: Exception) -> None:
        """Refuse the remaining parts: the reviewer would most probably fail for them, too."""
        self._failed = True
        report(
            logging.ERROR,
            "user %s: the reviewer failed; what it has not passed is not sent",
            self._work.message.user, error=error, secret=self._work.secret,
        )  # fmt: skip


def _joined(parts: Sequence[Reply]) -> Iterator[tuple[list[Reply], Reply]]:
    """Yield what is sent, consecutive texts joined: the parts, and the reply they make."""
    group: list[replies.Text] = []
    for part in (*parts, None):
        if group and not (
            isinstance(part, replies.Text) and part.ai_generated == group[-1].ai_generated
        ):
            content = "\n".join(text.content for text in group)
            yield [*group], msgspec.structs.replace(group[0], content=content)
            group = []
        if isinstance(part, replies.Text):
            group.append(part)
        elif part is not None:
            yield [part], part


def _as_made(verdict: Reply, reply: Reply) -> Reply:
    """Return a verdict marked as AI-generated if the reply that it replaces was."""
    if isinstance(verdict, Transfer) or isinstance(reply, Transfer):
        return verdict
    if verdict.ai_generated is not None or not reply.ai_generated:
        return verdict
    return msgspec.structs.replace(verdict, ai_generated=True)


def _key(work: Work, outgoing: Outgoing) -> str:
    """Return the key by which a turn that starts over finds this call: it depends on the words."""
    content: Any = (outgoing.question, msgspec.Raw(encode_reply(outgoing.reply)))
    digest = hashlib.blake2s(msgspec.json.encode(content), digest_size=8).hexdigest()
    return f"review:{message_part(work.key)}:{digest}"
