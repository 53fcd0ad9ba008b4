"""How long one request waits for its answer, and what it then answers, given what it knows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from tests.redis_server import wait_until
from wechat_dialog import messages, replies
from wechat_dialog.core.dialog.router import Router
from wechat_dialog.core.store.values import Answered, Claimed, Committed, Conflict, Running, Write
from wechat_dialog.core.turn.listening import Deferral, Listen, listen
from wechat_dialog.core.turn.operations import Claim, Commit, Defer, Pause, RunStep, RunSteps
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.pending import decode_pending
from wechat_dialog.core.turn.running_turn import Listener, Request, RunningTurn
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.waiting_text import waiting
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import AskAgain, Closing, StoreError
from wechat_dialog.replies.stored import encode_reply
from wechat_dialog.runtime.running_turns import Completed, RunningTurns
from wechat_dialog.runtime.untaken_replies import UntakenReplies
from wechat_dialog.stores.memory import MemoryStore

RULES = Rules(Router())
REPLY = Outcome(replies.Text("一共是 7。"))
PATIENT = Outcome(waiting(RULES.texts), late=True)
ID = "gh:ada", "1:1"
SAID = messages.from_fields(
    {"ToUserName": "gh", "FromUserName": "ada", "CreateTime": "1", "MsgType": "text",
     "Content": "慢", "MsgId": "1"}
)  # fmt: skip
ASKED = Request(ID[0], SAID, ID[1], 1_000_000)
FIRST = Claim(*ID, lease=3.0)
AGAIN = Claim(*ID, lease=3.0, arrival=False)
TURN = Claimed(7, 0, 0, 0, b"", (), b"", 0.0, False, 10.0, 3)


def heard(
    listener: Listener,
    lands: float | None,
    stored: Answered | StoreError | None = None,
    rules: Rules = RULES,
    stopped: float = 0.0,
    window: Window = Window(),  # noqa: B008 - frozen
) -> tuple[Outcome | type[Exception], float]:
    """Let a request listen; returns what it answers and when, if its turn lands at `lands`.
    Whenever it waits, its process is `stopped` for so many seconds more.
    """
    now = listener.arrived
    listening = listen(listener, ASKED, window, rules, now)
    sent: Any = None
    while True:
        try:
            failed = isinstance(sent, StoreError)
            wanted = listening.throw(sent) if failed else listening.send(sent)
        except StopIteration as stop:
            return stop.value, round(now - listener.arrived, 3)
        except (AskAgain, StoreError) as error:
            return type(error), round(now - listener.arrived, 3)
        if isinstance(wanted, Deferral):
            sent = stored
            continue
        until = now + wanted.seconds + stopped
        if lands is not None and lands <= until and not listener.turn.completion.done():
            listener.turn.completion.set_result(REPLY)
            until = max(now, lands)
        sent = now = until


@pytest.mark.parametrize(
    ("number", "elsewhere", "began", "lands", "outcome", "after"),
    [
        pytest.param(1, 0, 100.0, 103.0, REPLY, 3.0, id="the first, answered in its window"),
        pytest.param(1, 0, 100.0, None, Outcome(None), 5.5, id="the first is over at 5.5 s"),
        pytest.param(2, 0, 95.0, None, Outcome(None), 5.5, id="the second says nothing"),
        pytest.param(3, 0, 90.0, 102.0, REPLY, 2.0, id="the third gets a turn of 12 s"),
        pytest.param(3, 0, 90.0, None, PATIENT, 4.6, id="the third asks for patience"),
        pytest.param(1, 2, 90.0, None, PATIENT, 4.6, id="the third, the first of its process"),
        pytest.param(2, 1, 99.0, None, PATIENT, 4.6, id="the third by count, retried at once"),
        pytest.param(2, 0, 90.4, None, PATIENT, 4.6, id="the third by time: one copy was lost"),
    ],
)
def test_a_request_waits_as_long_as_its_place_among_the_copies_allows(
    number: int, elsewhere: int, began: float, lands: float | None, outcome: Outcome, after: float
) -> None:
    turn = RunningTurn(
        ID, began, Completed(), copies=number, copies_elsewhere=elsewhere, counted=True
    )
    assert heard(Listener(turn, number, 100.0), lands) == (outcome, after)


@pytest.mark.parametrize(("stopped", "outcome"), [(20.0, PATIENT), (40.0, Outcome(None))])
def test_a_request_whose_process_was_stopped_for_long_has_nothing_kept(
    stopped: float, outcome: Outcome
) -> None:
    """Its message may have been answered meanwhile, and that be forgotten."""
    turn = RunningTurn(ID, 90.0, Completed(), copies=3, counted=True)
    assert heard(Listener(turn, 3, 100.0), None, stopped=stopped) == (outcome, 4.6 + stopped)


@pytest.mark.parametrize(("stopped", "outcome"), [(2.0, PATIENT), (11.0, Outcome(None))])
def test_a_platform_that_waits_long_gets_the_waiting_text_if_nothing_was_stopped(
    stopped: float, outcome: Outcome
) -> None:
    turn = RunningTurn(ID, 100.0, Completed(), copies=1, counted=True)
    window = Window(seconds=100.0, requests=1, patience=90.0)
    answered = heard(Listener(turn, 1, 100.0), None, stopped=stopped, window=window)
    assert answered == (outcome, 90.0 + stopped)


AWAY = StoreError("away")
PUSHES = Rules(Router(), may_push=True)


@pytest.mark.parametrize(
    ("number", "failing", "stored", "rules", "outcome", "after"),
    [
        pytest.param(1, True, None, RULES, AskAgain, 5.5, id="the first, its turn failing"),
        pytest.param(3, True, None, RULES, PATIENT, 4.6, id="the last, and the store is back"),
        pytest.param(3, True, AWAY, RULES, StoreError, 4.6, id="the last, told of the failure"),
        pytest.param(3, False, AWAY, RULES, StoreError, 4.6, id="the last, in a step of its turn"),
        pytest.param(1, False, None, PUSHES, Outcome(None, late=True), 4.6, id="pushed later"),
        pytest.param(1, True, AWAY, PUSHES, AskAgain, 5.5, id="pushed, but the store is away"),
        pytest.param(1, False, AWAY, PUSHES, Outcome(None), 5.5, id="away, and no turn failed yet"),
        pytest.param(3, True, AWAY, PUSHES, StoreError, 4.6, id="pushed, the last, still away"),
    ],
)
def test_while_the_store_fails_only_the_last_request_gets_its_error(
    number: int,
    failing: bool,
    stored: StoreError | None,
    rules: Rules,
    outcome: Outcome | type[Exception],
    after: float,
) -> None:
    turn = RunningTurn(ID, 90.0, Completed(), copies=number, counted=True, failing=failing)
    listener = Listener(turn, number, 90.0 + 5.0 * (number - 1))
    assert heard(listener, None, stored, rules) == (outcome, after)


def test_requests_whose_turn_failed_are_counted_for_later_ones() -> None:
    turns = RunningTurns()
    listeners: list[Listener] = []
    for now in (100.0, 100.1, 100.2):
        listeners.append(turns.join(ID, now))
        assert listeners[-1].runs
        turns.finish(listeners[-1].turn, AWAY, now)
    assert [listener.is_last(Window()) for listener in listeners] == [False, False, True]
    again = msgspec.structs.replace(turns.join(ID, 101.0), arrived=listeners[-1].arrived)
    assert again.is_last(Window())
    turns.finish(again.turn, REPLY)
    assert not turns.join(ID, 102.0).is_last(Window())


def test_a_request_a_minute_after_a_failure_counts_as_the_first() -> None:
    turns = RunningTurns()
    for _ in range(2):
        turns.finish(turns.join(ID, 100.0).turn, AWAY, 100.0)
    for number in range(3):
        other = ID[0], f"{number}"
        turns.finish(turns.join(other, 170.0).turn, AWAY, 170.0)
    listener = turns.join(ID, 170.0)
    assert not listener.is_last(Window())


def test_the_first_request_is_not_the_last_because_others_came_after_it() -> None:
    turns = RunningTurns()
    first = turns.join(ID, 100.0)
    first.turn.learn(FIRST, Running("0:0", 0.0, 1), 100.1, 100.1, Window())
    first.turn.learn(AGAIN, Running("0:0", 10.2, 3), 110.2, 110.2, Window())
    turns.join(ID, 105.0)
    assert not first.is_last(Window())
    assert turns.join(ID, 110.0).is_last(Window())


def test_the_stores_count_can_make_a_request_the_last_one() -> None:
    listener = RunningTurns().join(ID, 110.0)
    assert not listener.is_last(Window())
    listener.turn.learn(FIRST, Running("0:0", 10.0, 3), 110.1, 110.1, Window())
    assert listener.is_last(Window())


def test_a_late_count_of_the_store_includes_copies_that_came_after() -> None:
    listener = RunningTurns().join(ID, 100.0)
    listener.turn.learn(FIRST, Running("0:0", 7.0, 3), 112.0, 112.0, Window())
    assert not listener.is_last(Window())


def test_an_answer_that_is_ready_when_patience_ends_is_given() -> None:
    turn = RunningTurn(ID, 90.0, Completed(), copies=3, counted=True)
    stored = Answered(encode_reply(REPLY.reply))
    assert heard(Listener(turn, 3, 100.0), None, stored) == (REPLY, 4.6)


def test_a_message_is_deferred_whole_with_the_time_of_its_first_request() -> None:
    turn = RunningTurn(ID, 90.0, Completed(), copies=3, counted=True)
    listening = listen(Listener(turn, 3, 100.0), ASKED, Window(), RULES, 100.0)
    next(listening)
    wanted = listening.send(104.7)
    assert isinstance(wanted, Deferral)
    assert isinstance(wanted.defer, Defer)
    message = wanted.defer.message
    assert "慢".encode() not in message, "it may be a secret"
    kept = RULES.seal.open(message)
    assert decode_pending(kept) == (SAID, ASKED.arrived - 10_000)


def test_a_request_that_ran_the_turn_so_far_has_less_patience_left() -> None:
    listener = Listener(RunningTurn(ID, 90.0, Completed(), copies=3, counted=True), 3, 100.0)
    wanted = next(listen(listener, ASKED, Window(), RULES, 101.6))
    assert isinstance(wanted, Listen)
    assert wanted.seconds == pytest.approx(3.0)


def test_a_turn_ends_once_and_the_next_request_begins_another() -> None:
    turns = RunningTurns()
    listener = turns.join(ID, 1.0)
    assert listener.runs
    assert not turns.join(ID, 2.0).runs
    turns.finish(listener.turn, REPLY)
    assert turns.join(ID, 3.0).runs


@pytest.mark.parametrize(
    ("silence", "steps", "doubts"),
    [
        pytest.param(1.4, True, False, id="heard of it just now"),
        pytest.param(1.6, True, True, id="nothing heard for half a lease"),
        pytest.param(9.0, False, False, id="no step, no doubt"),
    ],
)
def test_a_claim_is_renewed_before_a_step_after_half_a_lease_of_silence(
    silence: float, steps: bool, doubts: bool
) -> None:
    turn = RunningTurn(ID, 0.0, Completed())
    turn.learn(FIRST, TURN, 99.0, 99.0, Window())
    turn.learn(Commit(*ID, Write(b"x"), b""), Committed(8, 8), 100.0, 100.0, Window())
    step = RunStep(None, "k")  # type: ignore[arg-type]
    operation = RunSteps((step,)) if steps else RunSteps(())
    assert turn.needs_renewal(operation, 100.0 + silence, 3.0) is doubts
    assert not RunningTurn(ID, 0.0, Completed()).needs_renewal(step, 100.0, 3.0)


# Who is there to take the reply ------------------------------------------------------------------

COMMIT = Commit(*ID, Write(b"head"), b'"reply"')


@pytest.mark.parametrize(
    ("departed", "now", "taken"),
    [
        pytest.param(0, 100.0, True, id="its only request waits"),
        pytest.param(0, 105.1, False, id="the platform has hung up"),
        pytest.param(1, 101.0, False, id="its connection was closed"),
    ],
)
def test_a_commit_says_whether_a_request_waits_for_its_reply(
    departed: int, now: float, taken: bool
) -> None:
    turns = RunningTurns()
    turn = turns.join(ID, 100.0).turn
    turn.departed = departed
    assert turn.addressed(COMMIT, now, Window()).taken == taken
    assert turn.untaken != taken
    # A copy that comes before the commit has to be made again is there to take it.
    turns.join(ID, now)
    assert turn.addressed(COMMIT, now, Window()) is COMMIT
    assert not turn.untaken


@pytest.mark.parametrize(
    "commit",
    [
        pytest.param(msgspec.structs.replace(COMMIT, reply=b"null"), id="there is none"),
        pytest.param(msgspec.structs.replace(COMMIT, deferred=True), id="it is held already"),
    ],
)
def test_a_commit_without_a_reply_is_not_marked_untaken(commit: Commit) -> None:
    assert RunningTurn(ID, 100.0, Completed()).addressed(commit, 200.0, Window()) is commit


def landed(listener: Listener, stored: Answered | StoreError | None) -> tuple[Any, float]:
    listener.turn.untaken = True
    listener.turn.completion.set_result(REPLY)
    return heard(listener, None, stored)


@pytest.mark.parametrize(
    ("stored", "outcome"),
    [
        pytest.param(Answered(encode_reply(REPLY.reply)), REPLY, id="it has it from the store"),
        pytest.param(Answered(b""), Outcome(None), id="it went with another message's answer"),
        pytest.param(StoreError("away"), AskAgain, id="the store is away"),
    ],
)
def test_a_request_that_came_after_the_commit_asks_the_store_for_the_reply(
    stored: Answered | StoreError, outcome: Outcome | type[Exception]
) -> None:
    assert landed(
        Listener(RunningTurn(ID, 90.0, Completed(), copies=2, counted=True), 2, 95.0), stored
    ) == (
        outcome,
        0.0,
    )


class Fails(MemoryStore):
    """A store that fails the next so many times."""

    fails = 0

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        self.fails -= 1
        if self.fails >= 0:
            raise StoreError("away")
        super().untaken(user, key, takes)


def test_an_untaken_reply_is_reported_as_soon_as_the_store_is_back() -> None:
    store = Fails()
    claim = store.claim(Claim(*ID, lease=3.0))
    assert isinstance(claim, Claimed)
    store.commit(Commit(*ID, Write(b"head"), reply=b"r", fence=claim.fence))
    store.fails = 3
    untaken = UntakenReplies(store)
    untaken.note(*ID, 0)
    wait_until(lambda: not untaken.users, "the store to be told")
    after = store.claim(Claim(ID[0], "2:2", lease=3.0))
    assert isinstance(after, Claimed)
    assert after.untaken == (b"r",)
    untaken.stop()


def untaken_of(store: MemoryStore, turn: RunningTurn) -> tuple[bytes, ...]:
    """Report to the store that nobody took the reply; return what the next claim is given."""
    store.untaken(*ID, turn.takes)
    after = store.claim(Claim(ID[0], "2:2", lease=3.0))
    assert isinstance(after, Claimed)
    return after.untaken


def left_reply() -> MemoryStore:
    """Return a store with an untaken reply."""
    store = MemoryStore()
    claim = store.claim(Claim(*ID, lease=3.0))
    assert isinstance(claim, Claimed)
    store.commit(Commit(*ID, Write(b"head"), reply=b"r", fence=claim.fence, taken=False))
    return store


@pytest.mark.parametrize("operation", [FIRST, Defer(*ID, b"kept")], ids=["asks on", "leaves"])
def test_a_turn_without_requests_does_not_take_the_reply(
    operation: Claim | Defer,
) -> None:
    store, turn = left_reply(), RunningTurn(ID, 100.0, Completed(), copies=1, departed=1)
    turn.learn(operation, operation.on(store), 100.1, 100.1, Window())
    assert untaken_of(store, turn) == (b"r",)


@pytest.mark.parametrize(
    ("lands", "notes"),
    [
        pytest.param(None, 0, id="it is not over"),
        pytest.param("taken", 0, id="another request waits for the outcome"),
        pytest.param("left", 1, id="nobody does"),
        pytest.param("failed", 1, id="its turn fails"),
    ],
)
def test_a_request_that_has_left_does_not_take_the_reply(lands: str | None, notes: int) -> None:
    store, turn, noted = (
        left_reply(),
        RunningTurn(ID, 90.0, Completed(), copies=2, departed=1, counted=True),
        [],
    )
    turn.learn_late(Defer(*ID, b"kept").on(store), lambda: noted.append(1))
    assert noted == []
    if lands == "taken":
        assert heard(Listener(turn, 2, 95.0), 96.0) == (REPLY, 1.0)
    elif lands == "left":
        turn.untaken = True
        turn.completion.set_result(REPLY)
    elif lands == "failed":
        turn.completion.set_exception(AWAY)
    assert len(noted) == notes
    assert untaken_of(store, turn) == (b"r",)


def test_a_request_that_must_leave_gets_the_waiting_text_at_once_and_is_deferred() -> None:
    turn = RunningTurn(ID, 100.0, Completed(), copies=1, counted=True, leave_at_once=True)
    assert heard(Listener(turn, 1, 100.0), None) == (PATIENT, 0.0)
    assert turn.deferred


@pytest.mark.parametrize("number", [1, 3])
def test_a_turn_that_has_not_begun_when_the_bot_closes_is_refused_or_deferred(number: int) -> None:
    turn = RunningTurn(ID, 100.0 if number == 1 else 90.0, Completed(), copies=number, counted=True)
    turn.completion.set_exception(Closing())
    listener = Listener(turn, number, 100.0)
    if number == 1:
        with pytest.raises(Closing):
            heard(listener, None)
        assert not turn.deferred
    else:
        assert heard(listener, None) == (PATIENT, 0.0)
        assert turn.deferred


WAITS = Pause(0.25, 1, 0.0, ID[0], ID[1], "another")


@pytest.mark.parametrize(
    ("deferred", "departed", "now", "pushes", "later", "leaves"),
    [
        pytest.param(True, 0, 101.0, False, False, False, id="somebody listens"),
        pytest.param(True, 1, 101.0, False, False, True, id="nobody does, and it is kept"),
        pytest.param(False, 1, 106.0, False, False, False, id="a copy may come elsewhere"),
        pytest.param(False, 1, 116.0, False, False, True, id="none will"),
        pytest.param(True, 1, 101.0, True, False, False, id="it will be pushed"),
        pytest.param(True, 1, 101.0, True, True, True, id="a later one takes it along"),
    ],
)
def test_a_turn_stops_waiting_for_its_claim_when_nobody_listens(
    deferred: bool, departed: int, now: float, pushes: bool, later: bool, leaves: bool
) -> None:
    turns, turn = (
        RunningTurns(),
        RunningTurn(ID, 100.0, Completed(), copies=1, deferred=deferred, departed=departed),
    )
    with ExitStack() as stack:
        stack.enter_context(turns.waiting(WAITS, turn.began))
        if later:
            behind = Pause(0.25, 1, 0.0, ID[0], "2:2", "another")
            stack.enter_context(turns.waiting(behind, 100.5))
        assert turns.stops_waiting(WAITS, turn, now, Window(), pushes=pushes) is leaves


def test_a_request_that_joins_after_a_commit_was_refused_asks_for_patience() -> None:
    turn = RunningTurn(ID, 85.0, Completed(), copies=1, departed=1, counted=True)
    commit = Commit(*ID, Write(b"head"), reply=b'"?"', revision=5)
    assert not turn.addressed(commit, 100.0, Window()).taken, "nobody waits for it"
    turn.learn(commit, Conflict(), 100.0, 100.0, Window())
    turn.copies = 2
    turn.completion.set_result(PATIENT)  # it has left, for the user is in another turn
    assert heard(Listener(turn, 3, 100.0), None) == (PATIENT, 0.0)
