"""What a turn says, shown to the bot's reviewer before it goes out: `Bot(review=…)`.

It is asked at the end of the turn, under the claim, and nothing of it is journaled: a replay sends
nothing. So it may be asked twice for one answer, where a worker dies in between; nothing that it
has not passed is sent, held, or stored as an answer. What it makes of a question is shown in the
question's place. Whatever it is known by stays: the question that the dialog asked.
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
    """Have a turn's answer reviewed: what it says, and then the question it ends with."""
    draft, reviewing = work.draft, _Reviewing(work)
    question = draft.content().question
    if not (draft.parts or question):
        return
    yield NEEDS_CLAIM
    parts = yield from reviewing.all(draft.parts, question=False)
    asked = yield from reviewing.all(question, question=True)
    if reviewing.refusal in asked:  # said once is enough
        parts = [part for part in parts if part != reviewing.refusal]
    draft.parts, draft.question = parts, asked


class _Reviewing:
    """The reviews of one turn.

    Attributes:
        refusal: What stands in the place of what was refused.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._failed = False
        self.refusal = replies.Text(work.rules.texts.refused)

    def all(self, parts: Sequence[Reply], *, question: bool) -> Flow[list[Reply]]:
        """Have parts reviewed; returns what goes out in their place."""
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
        """Have one reply reviewed; returns what goes out in its place, or None: it was refused."""
        work, reviewer = self._work, self._work.rules.review
        if reviewer is None or self._failed:
            return None
        call = review_call(reviewer, outgoing)
        outcome: StepOutcome = yield Review(call, _key(work, outgoing))
        try:
            if outcome.error is not None:
                raise outcome.error
            verdict = to_reply(outcome.result)
        except Exception as error:  # noqa: BLE001 - it is the author's
            self._fails(error)
            return None
        if verdict is None:
            log.info("user %s: %s refused a part of an answer", outgoing.user, call.name)
            return None
        return _as_made(verdict, outgoing.reply)

    def _fails(self, error: Exception) -> None:
        """Refuse all that is left: it would most probably fail there, too."""
        self._failed = True
        report(
            logging.ERROR,
            "user %s: the reviewer failed; what it has not passed is not sent",
            self._work.message.user, error=error, secret=self._work.secret,
        )  # fmt: skip


def _joined(parts: Sequence[Reply]) -> Iterator[tuple[list[Reply], Reply]]:
    """Yield what goes out, texts that follow each other as one: the parts, and what they make."""
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
    """Return a reply that an AI made, too, if it stands in the place of one that says so."""
    if isinstance(verdict, Transfer) or isinstance(reply, Transfer):
        return verdict
    if verdict.ai_generated is not None or not reply.ai_generated:
        return verdict
    return msgspec.structs.replace(verdict, ai_generated=True)


def _key(work: Work, outgoing: Outgoing) -> str:
    """Return what a process knows this call by, should its turn start over: of the same words."""
    what: Any = (outgoing.question, msgspec.Raw(encode_reply(outgoing.reply)))
    digest = hashlib.blake2s(msgspec.json.encode(what), digest_size=8).hexdigest()
    return f"review:{message_part(work.key)}:{digest}"
