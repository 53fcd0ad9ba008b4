"""The held parts of one user, while a message is handled: what is delivered of them, and what
stays.

How it is ensured that no user is trapped is described in the design, section 7;
`tests/dialogs/test_held.py` goes through all cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import Held, OwedPart, UserHead
from wechat_dialog.core.turn.held import (
    coming,
    held_of,
    is_gone,
    parts_of,
    question_at,
    shortened,
    to_ask,
)
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies import Reply
from wechat_dialog.replies.packing import (
    Parcel,
    Part,
    labelled,
    only_answers,
    pack,
    together,
)

__all__ = ["Content", "Shelf"]


class Content(msgspec.Struct):
    """What a turn has to say.

    Attributes:
        parts: The parts of its answer, without the pending question.
        question: The pending question, if this turn asks it.
        asks: Id of the conversation on top; "" if there is none.
        again: Whether its user has seen the question before.
        unasked: Ids of conversations at a question that was never shown, and will not be shown now.
    """

    parts: Sequence[Reply]
    question: Sequence[Reply] = ()
    asks: str = ""
    again: bool = False
    unasked: Sequence[str] = ()


class Shelf:
    """The held parts of one user, while a message is handled.

    Attributes:
        rules: The bot's rules.
        head: The user's head; changed.
        now: When the current request arrived, ms since the epoch.
        shows: Whether the latest reply contains the whole pending question.
    """

    __slots__ = ("_before", "head", "now", "rules", "shows")

    def __init__(self, rules: Rules, head: UserHead, now: int) -> None:
        self.rules = rules
        self.head = head
        self.now = now
        self.shows = False
        self._before: tuple[tuple[Held, ...], str, tuple[OwedPart, ...]] | None = None

    def has_next(self, asks: str) -> bool:
        """Whether there is a part for 继续 to fetch."""
        return any(not part.asks or part.asks == asks for part in self.head.held)

    def must_ask(self, asks: str) -> bool:
        """Whether the pending question comes next and has to be asked again, since its held text
        was dropped.
        """
        for part in self.head.held:
            if not part.asks or part.asks == asks:
                return is_gone(part)
        return False

    # What goes out --------------------------------------------------------------------------------

    def answer(self, content: Content, *, owed: bool) -> Reply | None:
        """Make one reply of what a turn says, and hold what does not fit.

        The answer to the user's message is delivered in any case. If one reply has room for both,
        owed parts come before it, and after it a question that was seen, or is held and comes next.

        Args:
            content: What the turn says.
            owed: Whether owed parts are delivered with it: it answers a message.
        """
        head = self.head
        self._begin(content)
        brought = owed and bool(head.owed) and self._take_in()
        mine = [Part(reply) for reply in content.parts if not _is_blank(reply)]
        question = [Part(reply, content.asks, True) for reply in content.question]
        waiting = self._up_to_question(content.asks)
        if not mine and not question:
            due = bool(waiting) or any(part.owed for part in head.held)
            return self._fetch(content.asks, "") if owed and due else None
        new = bool(question) and not (content.again and mine)
        if len(mine) == 1 and not _is_text(mine[0]) and not new:
            return labelled(mine[0].reply, self._mark)
        stuck = self._stuck() if owed and all(_is_text(part) for part in mine) else []
        if stuck:
            head.held = tuple([part for part in head.held if part not in stuck])
            return self._send([*parts_of(stuck), *mine, *question], follows=False)
        front = self._owed_texts() if owed else []
        for taken, parts, follows in self._ways(front, mine, question, waiting, new=new):
            if together([part.reply for part in parts], self._mark) is not None:
                head.held = tuple([part for part in head.held if part not in taken])
                left = brought and any(part.owed for part in head.held)
                return self._send(parts, follows=follows or left)
        rest = mine if not new else [*mine, *question]
        return self._send(rest, follows=bool(front or waiting))

    @staticmethod
    def _ways(
        front: Sequence[Held],
        mine: Sequence[Part],
        question: Sequence[Part],
        waiting: Sequence[Held],
        *,
        new: bool,
    ) -> list[tuple[Sequence[Held], list[Part], bool]]:
        """Return the possible contents of one reply, the best first: which held parts each takes,
        its parts, and whether more follows.
        """
        between = [part for part in waiting if part not in front]
        whole = [*parts_of(front), *mine, *question, *parts_of(between)]
        ways: list[tuple[Sequence[Held], list[Part], bool]] = []
        ways.append(([*front, *waiting], whole, False))
        if not new:
            ways.append((front, [*parts_of(front), *mine], bool(waiting)))
        # As many owed parts as there is room for.
        ways += [
            (front[:count], [*parts_of(front[:count]), *mine, *question], True)
            for count in range(len(front) - 1, 0, -1)
        ]
        ways.append(((), [*mine, *question], bool(front or waiting)))
        return ways

    def _take_in(self) -> bool:
        """Hold what is owed from turns that no message began: it comes with this answer, and what
        does not fit comes with the next, without being asked for.

        Returns:
            Whether anything was owed.
        """
        head = self.head
        owed = [Held(part.reply, part.until, True) for part in head.owed if part.until > self.now]
        head.held, head.owed = (*owed, *head.held), ()
        if owed and not head.more:
            head.more = self.rules.texts.more
        return bool(owed)

    def _send(self, parts: Sequence[Part], *, follows: bool) -> Reply | None:
        return self._sent(parts, self._pack(parts, follows=follows), self.head.held)

    def _stuck(self) -> list[Held]:
        """Return the owed parts if they begin with one that cannot be pushed, on an account that
        can push the current answer.
        """
        owed = [part for part in self.head.held if part.owed and not part.asks]
        if owed and self.rules.may_push and only_answers(parts_of(owed)[0].reply):
            return owed
        return []

    def _owed_texts(self) -> list[Held]:
        """Return the owed parts up to the first that is not a text."""
        owed: list[Held] = []
        for part in self.head.held:
            if part.owed and not part.asks:
                if not _is_text(parts_of([part])[0]):
                    break
                owed.append(part)
        return owed

    def _up_to_question(self, asks: str) -> list[Held]:
        """Return the held parts up to the pending question; none if the question is not held."""
        held = self.head.held
        last = max((n for n, part in enumerate(held) if asks and part.asks == asks), default=-1)
        return [
            part
            for part in held[: last + 1]
            if not part.asks or (part.asks == asks and not is_gone(part))
        ]

    def fetch(self, content: Content, note: str) -> Reply | None:
        """Deliver the next held part.

        Args:
            content: The question, if it has to be asked again.
            note: Said before the part, if there is room.
        """
        self._begin(content)
        if content.question:
            parts = [Part(reply, content.asks, True) for reply in content.question]
            return self._deliver(parts, self.head.held, note)
        return self._fetch(content.asks, note)

    def _fetch(self, asks: str, note: str) -> Reply | None:
        parts, aside = coming(self.head.held, asks)
        count = _group(parts, asks)
        return self._deliver(parts[:count], [*held_of(parts[count:]), *aside], note)

    def _deliver(self, parts: Sequence[Part], behind: Sequence[Held], note: str) -> Reply | None:
        parcel = self._pack(parts, fetched=True)
        starts_with_note = bool(parts) and parts[0].reply == replies.Text(note)
        if note and not starts_with_note and isinstance(parcel.reply, replies.Text):
            noted = [Part(replies.Text(note)), *parts]
            # The note alone would announce a part again and again, without ever delivering it.
            if (with_note := self._pack(noted, fetched=True)).rest != tuple(parts):
                parts, parcel = noted, with_note
        return self._sent(parts, parcel, behind)

    def _sent(self, parts: Sequence[Part], parcel: Parcel, behind: Sequence[Held]) -> Reply | None:
        """Hold what a reply has no room for, and note what it shows of the pending question."""
        self.shows = any(part.asks for part in parts) and not any(p.asks for p in parcel.rest)
        self._hold(parcel.rest, behind)
        if self.shows and self.head.held:
            self.head.question_at = question_at(parts, parcel.reply, self._mark)
        return parcel.reply

    def owe(self, content: Content) -> None:
        """Hold the whole answer for the user's next message, since no request listens for this
        one.
        """
        self._begin(content)
        mine = [Part(reply) for reply in content.parts if not _is_blank(reply)]
        # Whether or not it was seen: until the user is told of this turn, they cannot be answering
        # it.
        mine += [Part(reply, content.asks, True) for reply in content.question]
        held = self.head.held
        place = next(
            (
                number
                for number, part in enumerate(held)
                if not part.owed or (part.question and part.asks == content.asks)
            ),
            len(held),
        )
        self._hold(mine, held[place:], before=held[:place], owed=True)

    def owe_note(self, note: str) -> None:
        """Hold the text that was to precede a fetched part, since it was not delivered."""
        if note:
            self._hold([Part(replies.Text(note))], self.head.held, owed=True)

    def undo(self) -> None:
        """Undo `answer` or `fetch`: the reply was not delivered."""
        if self._before is not None:
            self.head.held, self.head.more, self.head.owed = self._before
            self._before = None

    # What stays -----------------------------------------------------------------------------------

    def _begin(self, content: Content) -> None:
        """Drop held questions that are answered or asked again."""
        head = self.head
        self._before = head.held, head.more, head.owed
        pending = {frame.id for frame in head.stack}
        untold = [asks for asks in dict.fromkeys(content.unasked) if asks in pending]
        lasting = pending.difference(untold, [content.asks] if content.question else ())
        remaining = [to_ask(asks, self._until) for asks in untold]
        for part in head.held:
            if not part.asks or part.asks in lasting:
                remaining.append(part)
            elif not part.question:
                remaining.append(Held(part.reply, part.until, part.owed))
        head.held = tuple(remaining)

    @property
    def _until(self) -> int:
        return self.now + int(self.rules.hold * 1000)

    def _hold(
        self,
        parts: Iterable[Part],
        behind: Sequence[Held],
        *,
        before: Sequence[Held] = (),
        owed: bool | None = None,
    ) -> None:
        """Hold parts of one answer before everything already held."""
        if owed is None:
            # What was to follow by itself, and cannot, comes with the next message.
            owed = self.rules.may_push
        until = self._until
        new = [msgspec.structs.replace(part, owed=owed, until=until) for part in parts]
        if new and not self.head.more:
            self.head.more = self.rules.texts.more
        self.head.held = (*before, *held_of(new), *behind)
        if new:
            self._keep_to_limits()
        elif not self.head.held:
            self.head.more = ""

    def _pack(
        self, parts: Sequence[Part], *, fetched: bool = False, follows: bool = False
    ) -> Parcel:
        if self.rules.may_push:
            return pack(parts, mark=self._mark)
        texts = self.rules.texts
        return pack(
            parts, texts.more, texts.more_before, fetched=fetched, follows=follows, mark=self._mark
        )

    @property
    def _mark(self) -> str:
        """The AI label at the end of a text; a passive reply has it inside the text."""
        return self.rules.texts.ai_generated

    def _keep_to_limits(self) -> None:
        """Drop what exceeds the limits: first the remains of old answers, then owed parts; a
        dropped question is asked again.
        """
        limits, held = self.rules.limits, self.head.held
        sizes = [len(bytes(part.reply)) for part in held]
        excess = sum(sizes) - limits.held_bytes
        count = len(held) - limits.held_parts
        if count <= 0 and excess <= 0:
            return
        dropped = lost = 0
        remaining: list[Held | None] = list(held)
        for number in self._least_needed_first():
            if count <= 0 and excess <= 0:
                break
            part, size = held[number], sizes[number]
            # The largest part is shortened; the remains of an older answer are dropped entirely.
            large = bool(part.asks) or 2 * size > limits.held_bytes
            short = shortened(part, excess) if count <= 0 and large else None
            if short is None and part.asks:
                short = to_ask(part.asks, part.until)
            left = 0 if short is None else len(bytes(short.reply))
            if left >= size:
                continue
            remaining[number] = short
            dropped += 1
            lost += size - left
            excess -= size - left
            count -= short is None
        self.head.held = tuple([part for part in remaining if part is not None])
        log.warning(
            "user %s: %d parts of answers (%d bytes) that were never fetched are dropped: "
            "Bot(limits=Limits(held_parts=%d, held_bytes=%d))",
            self.head.user, dropped, lost, limits.held_parts, limits.held_bytes,
        )  # fmt: skip

    def _least_needed_first(self) -> list[int]:
        """Return the positions of held parts, the oldest remains first, the pending question
        last.
        """
        held, stack = self.head.held, self.head.stack
        top = stack[-1].id if stack else ""

        def need(number: int) -> tuple[int, int]:
            part = held[number]
            if part.asks:
                return (3 if part.asks == top else 2), number
            return (1, number) if part.owed else (0, -number)

        return sorted(range(len(held)), key=need)


def _group(parts: Sequence[Part], asks: str) -> int:
    """Return how many parts are delivered at once if there is room: all owed ones, or the remains
    of one answer; nothing after the pending question.
    """
    last = max(
        (n for n, part in enumerate(parts) if asks and part.asks == asks), default=len(parts)
    )
    count = 0
    for part in parts[: last + 1]:
        first = parts[0]
        if part.owed != first.owed or (part.until != first.until and not first.owed):
            break
        count += 1
    return count


def _is_text(part: Part) -> bool:
    return isinstance(part.reply, replies.Text)


def _is_blank(reply: Reply) -> bool:
    return isinstance(reply, replies.Text) and not reply.content.strip()
