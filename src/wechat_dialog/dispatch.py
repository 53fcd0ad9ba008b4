"""What a message means to a user's conversations, and what he gets for it.

One message may fetch what is held, be the answer to a pending question, cancel it or take the last
answer back, interrupt, change the subject, or begin a conversation. The order in which that is
decided is `handle`, from top to bottom. Nothing here performs anything; see `operations.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import Any
from zlib import crc32

import msgspec

from . import messages, replies
from .answers import text_of
from .conversation import Checkpoint, Conversation, Flow, Rules, dialog_of, view_of
from .delivery import Parcel, divide, link, pack
from .effects import TICKED, Wait
from .engine import Raised, Run
from .errors import ReplayMismatch, WorkerDied
from .head import Frame, Held, ParkedConversation
from .journal import (
    Answer,
    Killed,
    Message,
    Record,
    Rewind,
    arrival_of,
    decode_records,
    effective,
    message_of,
    record_message,
    unthrown,
)
from .operations import Operation
from .remembered import carry_out
from .replies import Reply, to_reply
from .router import Match
from .texts import Texts

__all__ = ["Turn", "decode_reply", "encode_reply", "too_late", "waiting"]

log = logging.getLogger("wechat_dialog")

_reply_decoder: msgspec.json.Decoder[Reply | None] = msgspec.json.Decoder(Reply | None)


def encode_reply(reply: Reply | None) -> bytes:
    """Encode a reply for a store to remember; `null` for none."""
    return msgspec.json.encode(reply)


def decode_reply(reply: bytes) -> Reply | None:
    """Decode what `encode_reply` made."""
    return _reply_decoder.decode(reply)


def _mark(match: Match) -> int:
    """Return a number that tells a route from the others, the same in every process."""
    route = match.route
    patterns = [one if isinstance(one, str) else one.pattern for one in route.patterns]
    return crc32(repr((route.kind, patterns, route.dialog.name)).encode("utf-8", "replace"))


def _wait_of(run: Run) -> Wait[Any]:
    if not isinstance(run.at, Wait):
        raise AssertionError("a conversation that is not waiting was not committed")
    return run.at


class Turn(Conversation):
    """One message worked on, from what it means to the reply it gets."""

    _takes_owed = False
    _held: list[Held] | None = None
    _unfetched: list[Held] | None = None

    # An interrupted turn --------------------------------------------------------------------------

    def finish(self, killer: WorkerDied | None = None) -> Flow:
        """Finish the turn that was cut off in the middle: the message at hand becomes that turn's
        own.

        Args:
            killer: The turn was tried often enough: its conversation is parked for this.
        """
        frame = self.doc.top
        if frame is None:
            raise AssertionError("an interrupted turn has a conversation that it interrupted")
        state = self.doc.state
        self.key, self.begun, self.unrouted = state.key, state.begun, set(state.tried)
        said = [decode_reply(bytes(part)) for part in state.said]
        self.parts = [part for part in said if part is not None]
        self._takes_owed = True
        if killer is not None:
            self._put_away()
            yield from self.park(frame, killer)
            return
        run = yield from self.wake(frame)
        if run is None:
            return
        self.message, self.arrived = run.chat.message, run.chat.arrived
        thrown = self._thrown_in_this_turn(frame)
        if thrown is None:
            yield from self.go_on(run, frame)
            yield from self._reroute()
            return
        # It was being ended, for an event or by the operator: that goes on, and then the event.
        yield from self.clean_up(run, frame)
        if isinstance(thrown, Killed):
            yield from self.kill()
        elif isinstance(self.message, messages.Event):
            yield from self._event(self.message)

    def _thrown_in_this_turn(self, frame: Frame) -> Record | None:
        """Return the record that an unfinished turn ended the conversation with, if it did."""
        for record in self.doc.records[frame.base + frame.length :]:
            if isinstance(record, Killed):
                return record
            if isinstance(record, (Answer, Message)) and unthrown(record.wait)[0] == "end":
                return record
        return None

    def lay_aside(self, killer: WorkerDied) -> Flow:
        """Park the message, which was tried often enough, with the conversation that it is for."""
        self._expire()
        self._put_away()
        frame = self.doc.top
        if frame is None or isinstance(self.message, messages.Event):
            match = self._match()
            if match is None:
                return
            frame, _ = self.open(match.route.dialog, match.args)
        else:
            self.doc.append(record_message(frame.wait, self.message, self.arrived))
        yield from self.park(frame, killer)

    def pause(self) -> None:
        """Put into the head what another worker would need to finish this turn, and no replay
        tells.
        """
        state = self.doc.state
        state.begun = self.begun
        state.said = [msgspec.Raw(encode_reply(part)) for part in self.parts]
        state.tried = sorted(self.unrouted)

    def owe(self) -> None:
        """Hold the whole answer for the user's next message: nobody is listening to this one's."""
        if self._unfetched is not None:
            # It was itself only fetched: then that did not happen.
            self.doc.state.held = self._unfetched
        else:
            self._hold(self.parts, owed=True)
        self.parts = []

    # A message ------------------------------------------------------------------------------------

    def handle(self) -> Flow:
        """Work the message out; `reply` has its answer then."""
        self._expire()
        if isinstance(self.message, messages.Event):
            yield from self._event(self.message)
            return
        state, texts = self.doc.state, self.rules.texts
        if state.held and self._asks_for_more():
            self._fetch()
            return
        if self.doc.unseen:
            # The pending question stands in what the user has not seen: this cannot be its answer.
            self._fetch(note=texts.not_taken)
            return
        self._takes_owed = True
        yield from self.dispatch()

    def dispatch(self) -> Flow:
        """Give the message to the conversation on top, or begin one."""
        frame = self.doc.top
        if frame is None:
            yield from self._begin()
        else:
            run = yield from self._wake_to_hear(frame)
            if run is None:
                return
            yield from self._in_conversation(run, frame)
        yield from self._reroute()

    def _wake_to_hear(self, frame: Frame) -> Generator[Operation | Checkpoint, Any, Run | None]:
        """Wake a conversation for the message at hand, which is kept if that has to be parked."""
        if self._is_awake(frame):
            return self.doc.run
        if not isinstance(self.message, messages.Event):
            self.unheard = record_message(frame.wait, self.message, self.arrived)
        run = yield from self.wake(frame)
        self.unheard = None
        return run

    def _reroute(self) -> Flow:
        while self.again:
            self.again = False
            frame = self.doc.top
            if frame is None:
                yield from self._begin()
            else:
                run = yield from self._wake_to_hear(frame)
                if run is not None:
                    yield from self._in_conversation(run, frame)

    def _begin(self) -> Flow:
        match = self._match()
        if match is None:
            if self.unrouted:
                log.warning(
                    "user %s: every dialog handed %r back, so there is no reply",
                    self.message.user,
                    self.message.kind,
                )
            return
        yield from self.begin(match.route.dialog, match.args)

    def _match(self) -> Match | None:
        match = next(self._candidates(), None)
        if match is not None:
            self.unrouted.add(_mark(match))
        return match

    def _candidates(self, *, anytime: bool = False) -> Iterator[Match]:
        """Yield the routes that take the message and have not handed it back; see
        `Routes.matches`.
        """
        for match in self.rules.routes.matches(self.message, anytime=anytime):
            if not self.unrouted or _mark(match) not in self.unrouted:
                yield match

    def _in_conversation(self, run: Run, frame: Frame) -> Flow:
        at = _wait_of(run)
        said = text_of(self.message)
        word = said.strip() if said is not None else None
        if word is not None and type(at) is not Wait:  # only a menu can be looked at in two ways
            view = view_of(frame)
            ticked = at.settled(word, view)
            if ticked is not None:
                # The record has to tell what was ticked, which no replay brings back.
                self.message = messages.from_fields({**self.message.raw, TICKED: ticked})
                yield from self._answer(run, frame, at)
                return
            turned = at.turned(word, view)
            if turned is not None:
                frame.page, frame.ticks = turned.page, list(turned.ticks)
                self.show(at, frame)
                return
        if word is not None and not (at.options.takes and at.options.takes(word)):
            if at.options.cancel and word in self.rules.cancel:
                yield from self.throw(run, frame, "cancel")
                return
            if at.options.back and word in self.rules.back:
                yield from self._back(run, frame)
                return
            match = self._interruption(frame)
            if match is not None:
                yield from self.begin(match.route.dialog, match.args)
                return
        yield from self._answer(run, frame, at)

    def _interruption(self, frame: Frame) -> Match | None:
        """Return the `anytime` route that takes the message, unless it is the one running or the
        stack is full.
        """
        if len(self.doc.state.stack) >= self.rules.depth:
            return None
        match = next(self._candidates(anytime=True), None)
        if match is None or match.route.dialog.name == frame.dialog:
            return None
        self.unrouted.add(_mark(match))
        return match

    def _answer(self, run: Run, frame: Frame, at: Wait[object]) -> Flow:
        chat = run.chat
        before = chat.message, chat.arrived
        chat.message, chat.arrived = self.message, self.arrived
        try:
            answer = at.reading.read(chat, self.message)
        except ValueError as error:
            chat.message, chat.arrived = before
            yield from self._misfit(run, frame, at, error)
            return
        except Exception as error:  # noqa: BLE001 - the author's parser is broken
            yield from self._break(run, frame, at, error)
            return
        yield from self.hear(run, frame, at, answer)

    def _break(self, run: Run, frame: Frame, at: Wait[object], error: Exception) -> Flow:
        """End a dialog whose parser or hint raised; the message is kept with the rest."""
        run.at = Raised(error)
        self.doc.append(record_message(at.id, self.message, self.arrived))
        yield from self.go_on(run, frame)

    def _misfit(self, run: Run, frame: Frame, at: Wait[object], error: ValueError) -> Flow:
        """Say what was wrong and ask again; nothing of it is journaled."""
        if text_of(self.message) is None and (match := self._interruption(frame)) is not None:
            yield from self.begin(match.route.dialog, match.args)
            return
        frame.misses += 1
        if at.options.attempts is not None and frame.misses >= at.options.attempts:
            yield from self.throw(run, frame, f"attempts:{frame.misses}")
            return
        hint = at.options.hint
        try:
            said = hint(text_of(self.message) or "") if callable(hint) else hint
            part = to_reply(str(error) if said is None else said)
        except Exception as broken:  # noqa: BLE001 - the author's hint is broken
            yield from self._break(run, frame, at, broken)
            return
        self.add(part)
        self.show(at, frame)

    def _back(self, run: Run, frame: Frame) -> Flow:
        """Take the last answer back, where no step lies between, and ask its question again."""
        records = effective(self.doc.records[frame.base :])
        last = len(records) - 1
        taken = records[last]
        if not isinstance(taken, (Answer, Message)) or not _is_answer(taken):
            at = _wait_of(run)
            self.add(replies.Text(self.rules.texts.no_way_back))
            self.show(at, frame)
            return
        run.close()
        self.doc.run = None
        self.doc.append(Rewind(last, "back"))
        again = self._run(run.dialog, frame)
        again.replay(records[:last])
        again.chat.outbox.clear()
        # What that answer left in the user's data is taken back with it.
        carry_out(again.chat.undone(run.chat.kept()), self.doc.data)
        yield from self.go_on(again, frame)

    # Events ---------------------------------------------------------------------------------------

    def _event(self, event: messages.Event) -> Flow:
        if event.event.lower() == "unsubscribe":
            yield from self._end_all()
            self.doc.state.held = []
            yield from self.dispatch()
            self.parts = []
            return
        while (frame := self.doc.top) is not None:
            run = yield from self.wake(frame)
            if run is None:
                match = next(self._candidates(), None)
                if match is None or match.route.kind == "fallback":
                    return
                if frame in self.doc.state.stack:
                    # Its question follows the answer to the event, if the event leaves it one.
                    self.parts = []
                continue
            at = run.at
            wanted = at.reading.event if isinstance(at, Wait) else None
            if isinstance(at, Wait) and wanted is not None and isinstance(event, wanted):
                yield from self._answer(run, frame, at)
            else:
                match = next(self._candidates(), None)
                if match is None or match.route.kind == "fallback":
                    return
                if not match.route.anytime:
                    yield from self._end_all()
                    break
                if len(self.doc.state.stack) >= self.rules.depth:
                    return
                self.unrouted.add(_mark(match))
                yield from self.begin(match.route.dialog, match.args)
            if not self.again:
                return
            # Handed back: it is for the next route, or for nobody, but no answer to what is asked.
            self.again = False
        self._takes_owed = True
        yield from self.dispatch()

    def _end_all(self) -> Flow:
        while self.doc.top is not None:
            yield from self.end(self.doc.top)
        self.parts = []

    # Time -----------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Forget the conversations whose time is up, and the parts held for too long."""
        state = self.doc.state
        if state.held:
            state.held = [held for held in state.held if held.until > self.arrived]
        gone = False
        while (frame := self.doc.top) is not None and _over(self.doc.limit, self.doc.age):
            if self.doc.run is not None:
                self.doc.run.close()
            self._pop(frame)
            gone = True
        if gone and self.rules.texts.expired:
            self.add(replies.Text(self.rules.texts.expired))

    # What is held ---------------------------------------------------------------------------------

    def _asks_for_more(self) -> bool:
        said = text_of(self.message)
        return said is not None and said.strip() == self.rules.texts.more

    def _fetch(self, *, note: str = "") -> None:
        """Deliver the next part of what is held."""
        state = self.doc.state
        held, state.held = state.held, []
        asks = held[-1].asks
        unsaid = [Held(msgspec.Raw(encode_reply(replies.Text(note))), held[-1].until, True)]
        self._unfetched = [*(unsaid if note else []), *held]
        parts = [decode_reply(bytes(one.reply)) for one in held]
        said = [replies.Text(note), *parts] if note else parts
        parcel = self._pack([part for part in said if part is not None], fetched=True)
        self.parts = [] if parcel.reply is None else [parcel.reply]
        self._hold(parcel.rest, owed=self.rules.pushes.allowed, asks=asks)

    def _take_owed(self) -> list[Reply]:
        """Return the parts of which the user knows nothing yet; they are held no longer."""
        state = self.doc.state
        if not state.held:
            return []
        owed = [decode_reply(bytes(held.reply)) for held in state.held if held.owed]
        state.held = [held for held in state.held if not held.owed]
        return [part for part in owed if part is not None]

    def _hold(self, parts: Sequence[Reply], *, owed: bool, asks: str | None = None) -> None:
        """Hold parts behind those held already; the last of them ends with the pending question."""
        if not parts:
            return
        until = self.now + int(self.rules.hold * 1000)
        pending = (self.doc.top.id if self.doc.top else "") if asks is None else asks
        for number, part in enumerate(parts, 1):
            raw = msgspec.Raw(encode_reply(part))
            self.doc.state.held.append(
                Held(raw, until, owed, pending if number == len(parts) else "")
            )

    # The reply ------------------------------------------------------------------------------------

    def reply(self) -> Reply | None:
        """Make one reply of the parts, and hold what does not fit into it. Called once, at the
        end.
        """
        # What is owed leaves the head only here: a turn that is cut off before still owes it.
        self._held = list(self.doc.state.held)
        owed = self._take_owed() if self._takes_owed else []
        parcel = self._pack([*owed, *self.parts])
        # What follows unasked, if it does not after all, comes with the next message.
        self._hold(parcel.rest, owed=self.rules.pushes.allowed)
        return parcel.reply

    def _pack(self, parts: Sequence[Reply], *, fetched: bool = False) -> Parcel:
        if self.rules.pushes.allowed:
            return divide(parts)
        return pack(parts, self.rules.texts.more, self.rules.texts.more_before, fetched=fetched)

    def unpack(self) -> None:
        """Undo `reply`: its parts are whole again in `parts`, and nothing of them is held."""
        if self._held is not None:
            self.doc.state.held, self._held = self._held, None

    def kill(self) -> Flow:
        """End all of the user's conversations, by an operator's hand: clean-up steps run, nothing
        is said.
        """
        while self.doc.top is not None:
            yield from self.end(self.doc.top, killed=True)

    # The operator ---------------------------------------------------------------------------------

    def resume(self, parked: ParkedConversation) -> Flow:
        """Take a parked conversation up again, on top of whatever runs, with the message that broke
        it.

        Its answer is owed: the user gets it with his next message.
        """
        doc = self.doc
        self._put_away()
        frame = msgspec.structs.replace(parked.frame, base=len(doc.records))
        records = decode_records([bytes(raw) for raw in parked.records])
        heard: Record | None = None
        if parked.unheard:
            # It found the code changed, and is an answer where it has been changed back.
            [heard] = decode_records([bytes(raw) for raw in parked.unheard])
        else:
            records += self._without_clean_up(frame, parked, records)
            if records and isinstance(records[-1], (Answer, Message)) and _is_answer(records[-1]):
                heard = records.pop()
        self.unheard = heard
        for record in records:
            doc.append(record)
        doc.state.stack.append(frame)
        doc.unpark = frame.id
        run = yield from self.wake(frame)
        self.unheard = None
        if run is None:
            return
        if not isinstance(heard, (Answer, Message)) or not isinstance(run.at, Wait):
            self.message, self.arrived = run.chat.message, run.chat.arrived
            if sum(isinstance(record, (Answer, Message)) for record in records) == 1:
                # It began the conversation: handed back, it is for the routes behind this one.
                took = (m for m in self._candidates() if m.route.dialog.name == frame.dialog)
                self.unrouted.update(_mark(match) for match in list(took)[:1])
            yield from self.go_on(run, frame)
        else:
            # Read afresh: what broke may have been the parser, or the hint to what does not fit.
            self.message = message_of(heard, doc.state.user, doc.state.account)
            self.arrived = arrival_of(heard)
            yield from self._answer(run, frame, run.at)
        yield from self._reroute()

    def _without_clean_up(
        self, frame: Frame, parked: ParkedConversation, records: list[Record]
    ) -> list[Record]:
        """Return a rewind that takes back steps a dialog ran on its way out, where the mended code
        is on no way out and does something else; empty if all fits, or other steps do not.
        """
        dialog = dialog_of(self.rules.routes, frame)
        if parked.broke < 0 or dialog is None:
            return []
        run = self._run(dialog, frame, code=frame.code)
        try:
            run.replay(effective(records))
        except ReplayMismatch as mismatch:
            fits = mismatch.position
            return [Rewind(fits, "resume")] if fits >= parked.broke else []
        finally:
            run.close()
        return []


def _is_answer(record: Answer | Message) -> bool:
    """Whether a message answered a question, and did neither begin a conversation nor end one."""
    return bool(record.wait) and not record.wait.startswith("!")


def _over(limit: float | None, age: float) -> bool:
    return limit is not None and age > limit


def too_late(rules: Rules) -> Reply | None:
    """Return what a request is answered whose turn takes longer than the platform waits.

    None, which ends the platform's repetitions, where the answer is pushed when it is there.
    """
    return None if rules.pushes.allowed else waiting(rules.texts)


def waiting(texts: Texts) -> Reply:
    """Return the waiting text with the tappable word that fetches the answer."""
    return replies.Text(f"{texts.waiting}\n{link(texts.more)}")
