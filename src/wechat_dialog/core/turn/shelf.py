"""What is held for one user, while a message is worked on: what goes out of it, and what stays.

What makes sure that nobody is trapped is in the design, section 7; `tests/dialogs/test_held.py`
walks through all of it.
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
        parts: The parts of its answer, but for the pending question.
        question: That question, if this turn asks it.
        asks: Id of the conversation on top; "" if there is none.
        again: Whether its user has seen that question before.
        unasked: Ids of conversations that wait at a question which nobody was told yet, and will
            not be now.
    """

    parts: Sequence[Reply]
    question: Sequence[Reply] = ()
    asks: str = ""
    again: bool = False
    unasked: Sequence[str] = ()


class Shelf:
    """What is held for one user, while a message is worked on.

    Attributes:
        rules: The bot's.
        head: The user's head; changed.
        now: When the request at hand came, ms since the epoch.
        shows: Whether the reply that was made last has the whole pending question.
    """

    __slots__ = ("_before", "head", "now", "rules", "shows")

    def __init__(self, rules: Rules, head: UserHead, now: int) -> None:
        self.rules = rules
        self.head = head
        self.now = now
        self.shows = False
        self._before: tuple[list[Held], str, list[OwedPart]] | None = None

    def has_next(self, asks: str) -> bool:
        """Whether there is anything that 继续 would fetch."""
        return any(not part.asks or part.asks == asks for part in self.head.held)

    def must_ask(self, asks: str) -> bool:
        """Whether the pending question comes next and has to be asked again, since what was held of
        it was dropped.
        """
        for part in self.head.held:
            if not part.asks or part.asks == asks:
                return is_gone(part)
        return False

    # What goes out --------------------------------------------------------------------------------

    def answer(self, content: Content, *, owed: bool) -> Reply | None:
        """Make one reply of what a turn says, and hold what does not fit.

        What the user asked for goes out in any case. Where one reply takes both, what is owed
        stands in front of it, and behind it a question that was seen, or is held and comes next.

        Args:
            content: What it says.
            owed: Whether it is an answer: then what is owed comes with it.
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
            head.held = [part for part in head.held if part not in stuck]
            return self._send([*parts_of(stuck), *mine, *question], follows=False)
        front = self._owed_texts() if owed else []
        for taken, parts, follows in self._ways(front, mine, question, waiting, new=new):
            if together([part.reply for part in parts], self._mark) is not None:
                head.held = [part for part in head.held if part not in taken]
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
        """Return the ways to make one reply, the best first: what each takes of what is held, its
        parts, and whether more follows.
        """
        between = [part for part in waiting if part not in front]
        whole = [*parts_of(front), *mine, *question, *parts_of(between)]
        ways: list[tuple[Sequence[Held], list[Part], bool]] = []
        ways.append(([*front, *waiting], whole, False))
        if not new:
            ways.append((front, [*parts_of(front), *mine], bool(waiting)))
        # As much of it as there is room for.
        ways += [
            (front[:count], [*parts_of(front[:count]), *mine, *question], True)
            for count in range(len(front) - 1, 0, -1)
        ]
        ways.append(((), [*mine, *question], bool(front or waiting)))
        return ways

    def _take_in(self) -> bool:
        """Hold what is owed from turns that no message began: it comes with this answer, and what
        there is no room for with the next, asked for or not.

        Returns:
            Whether there was any.
        """
        head = self.head
        owed = [Held(part.reply, part.until, True) for part in head.owed if part.until > self.now]
        head.held, head.owed = [*owed, *head.held], []
        if owed and not head.more:
            head.more = self.rules.texts.more
        return bool(owed)

    def _send(self, parts: Sequence[Part], *, follows: bool) -> Reply | None:
        parcel = self._pack(parts, follows=follows)
        self.shows = _has_question(parts, parcel)
        self._hold(parcel.rest, self.head.held)
        return parcel.reply

    def _stuck(self) -> list[Held]:
        """Return what is owed if it begins with what cannot be pushed, on an account that can push
        what is said now.
        """
        owed = [part for part in self.head.held if part.owed and not part.asks]
        if owed and self.rules.may_push and only_answers(parts_of(owed)[0].reply):
            return owed
        return []

    def _owed_texts(self) -> list[Held]:
        """Return what is owed, up to what is no text."""
        owed: list[Held] = []
        for part in self.head.held:
            if part.owed and not part.asks:
                if not _is_text(parts_of([part])[0]):
                    break
                owed.append(part)
        return owed

    def _up_to_question(self, asks: str) -> list[Held]:
        """Return what comes up to the pending question; nothing if that is not held."""
        held = self.head.held
        last = max((n for n, part in enumerate(held) if asks and part.asks == asks), default=-1)
        return [
            part
            for part in held[: last + 1]
            if not part.asks or (part.asks == asks and not is_gone(part))
        ]

    def fetch(self, content: Content, note: str) -> Reply | None:
        """Deliver the next part of what is held.

        Args:
            content: Its question, if that has to be asked again.
            note: Said before it, where there is room.
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
        said = bool(parts) and parts[0].reply == replies.Text(note)
        if note and not said and isinstance(parcel.reply, replies.Text):
            noted = self._pack([Part(replies.Text(note)), *parts], fetched=True)
            # By itself it would say that there is something, time and again, and deliver nothing.
            if noted.rest != tuple(parts):
                parcel = noted
        self.shows = _has_question(parts, parcel)
        self._hold(parcel.rest, behind)
        return parcel.reply

    def owe(self, content: Content) -> None:
        """Hold the whole answer for the user's next message: nobody is listening to this one's."""
        self._begin(content)
        mine = [Part(reply) for reply in content.parts if not _is_blank(reply)]
        # Seen or not: until its user has been told of this turn, what they write answers nothing.
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
        """Hold what was to be said before a part that was fetched, and was not after all."""
        if note:
            self._hold([Part(replies.Text(note))], self.head.held, owed=True)

    def undo(self) -> None:
        """Undo `answer` or `fetch`: nobody has had the reply."""
        if self._before is not None:
            self.head.held, self.head.more, self.head.owed = self._before
            self._before = None

    # What stays -----------------------------------------------------------------------------------

    def _begin(self, content: Content) -> None:
        """Forget the questions that are over, or asked anew."""
        head = self.head
        self._before = list(head.held), head.more, head.owed
        pending = {frame.id for frame in head.stack}
        untold = [asks for asks in dict.fromkeys(content.unasked) if asks in pending]
        lasting = pending.difference(untold, [content.asks] if content.question else ())
        kept = [to_ask(asks, self._until) for asks in untold]
        for part in head.held:
            if not part.asks or part.asks in lasting:
                kept.append(part)
            elif not part.question:
                kept.append(Held(part.reply, part.until, part.owed))
        head.held = kept

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
        """Hold parts of one answer in front of what is held already."""
        if owed is None:
            # What follows unasked, if it does not after all, comes with the next message.
            owed = self.rules.may_push
        until = self._until
        new = [msgspec.structs.replace(part, owed=owed, until=until) for part in parts]
        if new and not self.head.more:
            self.head.more = self.rules.texts.more
        self.head.held = [*before, *held_of(new), *behind]
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
        """The line behind what an AI made: a reply to a message has it in its text."""
        return self.rules.texts.ai_generated

    def _keep_to_limits(self) -> None:
        """Drop what is too much: first the rests of old answers, then what is owed; a question is
        asked again.
        """
        limits, held = self.rules.limits, self.head.held
        sizes = [len(bytes(part.reply)) for part in held]
        excess = sum(sizes) - limits.held_bytes
        count = len(held) - limits.held_parts
        if count <= 0 and excess <= 0:
            return
        dropped = lost = 0
        kept: list[Held | None] = list(held)
        for number in self._least_needed_first():
            if count <= 0 and excess <= 0:
                break
            part, size = held[number], sizes[number]
            # What is most of all there is loses its end; the rest of an older answer goes whole.
            large = bool(part.asks) or 2 * size > limits.held_bytes
            short = shortened(part, excess) if count <= 0 and large else None
            if short is None and part.asks:
                short = to_ask(part.asks, part.until)
            left = 0 if short is None else len(bytes(short.reply))
            if left >= size:
                continue
            kept[number] = short
            dropped += 1
            lost += size - left
            excess -= size - left
            count -= short is None
        self.head.held = [part for part in kept if part is not None]
        log.warning(
            "user %s: %d parts of answers (%d bytes) that were never fetched are dropped: "
            "Bot(limits=Limits(held_parts=%d, held_bytes=%d))",
            self.head.user, dropped, lost, limits.held_parts, limits.held_bytes,
        )  # fmt: skip

    def _least_needed_first(self) -> list[int]:
        """Return the places of what is held, the oldest rest first, the pending question last."""
        held, stack = self.head.held, self.head.stack
        top = stack[-1].id if stack else ""

        def need(number: int) -> tuple[int, int]:
            part = held[number]
            if part.asks:
                return (3 if part.asks == top else 2), number
            return (1, number) if part.owed else (0, -number)

        return sorted(range(len(held)), key=need)


def _has_question(parts: Sequence[Part], parcel: Parcel) -> bool:
    """Whether the reply made of these parts has the pending question, to its end."""
    return any(part.asks for part in parts) and not any(part.asks for part in parcel.rest)


def _group(parts: Sequence[Part], asks: str) -> int:
    """Return how many parts come at once, if there is room: all that is owed, or what is left of
    one answer; nothing behind the pending question.
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
