"""The replay of a redacted journal: a run whose collaborators can handle withheld values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec

from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.question_ids import decode_answered, decode_thrown
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import SignalRival
from wechat_dialog.core.dialog.signals import SignalWait
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.dialog.timers import Sleep, limit
from wechat_dialog.core.replay.driver import Driver
from wechat_dialog.core.replay.outcomes import OutcomeReader, class_of
from wechat_dialog.core.replay.recorded_messages import arrival_of
from wechat_dialog.core.replay.records import (
    Failed,
    GatheredFailed,
    GatheredReturned,
    MessageRecord,
    Record,
    Returned,
    SignalRecord,
)
from wechat_dialog.core.replay.rewording import Rewording
from wechat_dialog.core.replay.run import Run, Way
from wechat_dialog.core.replay.standing import Raised, describe
from wechat_dialog.core.replay.traded_calls import TradedCalls
from wechat_dialog.core.replay.withheld import (
    WRITTEN,
    Hidden,
    HiddenData,
    HiddenGathered,
    HiddenReturned,
    HiddenSignal,
    Ledger,
    Withheld,
)
from wechat_dialog.errors import CannotTell, SecretMisused, SignalMisfit

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.requests import Request

__all__ = ["RedactedRun"]


class _RedactedRewording(Rewording):
    """If a question quotes an answer, its text depends on withheld values."""

    __slots__ = ()

    def is_same(self, wait: str, at: Wait[Any], position: int, *, pending: bool = False) -> bool:
        if super().is_same(wait, at, position, pending=pending):
            return True
        if wait[0] == at.kind and wait[1:2] != "=" and WRITTEN.search(f"{at.prompt}"):
            raise CannotTell("is quoted in a question", position, self.driver.where())
        return False


class _RedactedCalls(TradedCalls):
    """If a call's arguments are withheld, it has no digest to compare."""

    __slots__ = ("_recorded",)

    def __init__(self, driver: Driver, *, same_code: bool) -> None:
        super().__init__(driver, same_code=same_code)
        # Digests of the recorded calls of each step.
        self._recorded: dict[str, set[str]] = {}

    def compare(
        self,
        call: StepCall[Any],
        record: Returned | Failed | GatheredReturned | GatheredFailed,
        position: int,
        gather: Gather[Any] | None = None,
    ) -> None:
        if call.digest or not record.call:
            super().compare(call, record, position, gather)
            return
        # Whether calls of one step have traded places is unknown.
        recorded = self._recorded.setdefault(record.name, set())
        recorded.add(record.call)
        if len(recorded) > 1 and not self.same_code:
            raise CannotTell("is given to one of several steps", position, self.driver.where())


class _RedactedOutcomes(OutcomeReader):
    """The result of a step, and the arguments of its exception, may be withheld."""

    __slots__ = ("_ledger",)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def value(self, fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
        hidden = isinstance(record, (HiddenReturned, HiddenGathered))
        return self._ledger.withheld() if hidden else super().value(fn, record)

    def raised(self, record: Failed | GatheredFailed) -> Exception:
        cls = class_of(record.cls)
        if cls is None:
            return super().raised(record)
        error = cls.__new__(cls)
        error.args = (self._ledger.withheld(),)
        return error

    def data(self, rival: SignalRival, record: SignalRecord) -> Any:
        hidden = isinstance(record, HiddenSignal)
        return self._ledger.withheld() if hidden else super().data(rival, record)

    def misfit(self, record: SignalRecord) -> SignalMisfit:
        return SignalMisfit(record.name, self._ledger.withheld())


class _RedactedChat(Chat[Any]):
    """What a dialog waits for, and how long, may be withheld."""

    __slots__ = ()

    def sleep(self, how_long: Any) -> Any:
        """See `Chat.sleep`."""
        return Sleep(self, _known(how_long, 0.0))

    def wait_for(
        self, name: Any, type: Any = object, *, match: Any = "", within: Any = None
    ) -> Any:
        """See `Chat.wait_for`."""
        limits = limit(self, _known(within, 0.0), "chat.wait_for")
        wait: SignalWait[Any] = SignalWait(self, f"{name}", type, f"{match}", limits)
        return wait

    def _limit(self, within: Any, call: str) -> Any:
        return super()._limit(_known(within, 0.0), call)

    def start(self, *request: Any, **more: Any) -> None:
        """Only note the request: a replay carries out none."""
        self.requests = (*self.requests, cast("Request", (request, more)))
        self.called = True

    stop = remind = start


def _known(value: Any, instead: Any) -> Any:
    return instead if type(value) is Withheld else value


class RedactedRun(Run):
    """A run whose records may lack what was said."""

    __slots__ = ("_ledger",)

    chats: ClassVar[type[Chat]] = _RedactedChat
    call_comparison: ClassVar[type[TradedCalls]] = _RedactedCalls
    question_comparison: ClassVar[type[Rewording]] = _RedactedRewording

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See `Run`. An argument of the dialog that is None was withheld."""
        super().__init__(*args, **kwargs)
        self._ledger = ledger = Ledger()
        self.outcomes = _RedactedOutcomes(ledger)
        self.chat.user = ledger.withheld("user")
        self.args = {
            name: ledger.withheld("begun") if value is None else value
            for name, value in self.args.items()
        }

    def feed(self, record: Record, way: Way = None) -> None:
        """See `Run.feed`.

        Raises:
            ReplayMismatch: See `Run.feed`.
            CannotTell: What the dialog does depends on a withheld value.
        """
        self._ledger.position = self.position
        if isinstance(record, Hidden):
            self._hear_hidden(record)
            self.fed()
        elif isinstance(record, MessageRecord):
            self._begin(record)
            self.fed()
        elif isinstance(record, HiddenData):
            self.chat.data = self._ledger.withheld()
            self.fed()
        else:
            super().feed(record, way)
        self._check_use()

    def replay(self, records: Iterable[Record]) -> None:
        """See `Run.replay`; every record goes through `feed`."""
        self.chat.replaying = True
        try:
            for record in records:
                self.feed(record)
        finally:
            self.chat.replaying = False

    def _check_use(self) -> None:
        """Raise `CannotTell` if the dialog's control flow depends, or may depend, on a withheld
        value.
        """
        at, ledger = self.at, self._ledger
        if ledger.touched:
            raise CannotTell(ledger.touched, self.position, self.where())
        if isinstance(at, Raised) and not isinstance(at.error, SecretMisused):
            how = f"is there, and the dialog raises {type(at.error).__name__}"
            raise CannotTell(how, self.position, self.where())
        shown = "".join(map(str, [*self.chat.outbox, *self.chat.requests]))
        if isinstance(at, (Wait, Background)):
            shown += "".join(map(str, at.rivals))
        if isinstance(at, Wait):
            shown += f"{at.prompt}{getattr(at, 'labels', '')}"
        elif isinstance(at, (StepCall, Gather)):
            for call in at.calls if isinstance(at, Gather) else (at,):
                shown += f"{call.args}{call.kwargs}"
        if ledger.written - Counter(WRITTEN.findall(shown)):
            raise CannotTell("is written into a text that is not said", self.position, self.where())
        ledger.written.clear()

    def _begin(self, record: MessageRecord) -> None:
        """Start a conversation that no message began: nothing was said that could be withheld."""
        message = record.message("-", self.account)
        msgspec.structs.force_setattr(message, "user", self.chat.user)
        self.start(message, arrival_of(record))

    def _hear_hidden(self, record: Hidden) -> None:
        message, arrived = self._ledger.withheld(), arrival_of(record)
        if not record.wait:
            self.start(message, arrived)
            return
        thrown, wait, meant = "", "", ""
        if record.wait[0] == "!":
            thrown, wait = decode_thrown(record.wait)
        else:
            wait, meant = decode_answered(record.wait)
        at = self.at
        if thrown and (self.asks(wait) if wait else isinstance(at, Wait)):
            self.take_thrown(message, arrived, thrown)
            return
        if not isinstance(at, Wait) or not self.asks(wait):
            raise self.differs(f"an answer to {describe(wait, self.dialog.fn)}")
        self.chat.message, self.chat.arrived = message, arrived
        self.take(message, arrived, self._chosen(at, meant) if meant else self._ledger.withheld())

    def _chosen(self, at: Wait[Any], meant: str) -> Any:
        """Return the value of the option that was chosen.

        Args:
            at: The question.
            meant: The option's digest in the record.
        """
        assert at.reading.text is not None  # noqa: S101 - a question with options takes texts
        for text in at.candidates():
            try:
                value = at.reading.text(self.chat, text)
            except ValueError:
                continue
            if at.meant(value) == meant:
                return value
        if at.offers and not getattr(at, "many", False):
            raise self.differs("an answer that meant another of the options")
        return self._ledger.withheld()
