"""How long one request listens, and what it says then: rows of what it knew."""

from __future__ import annotations

import pytest

from wechat_dialog import messages, replies
from wechat_dialog.conversation import Rules
from wechat_dialog.dispatch import encode_reply, waiting
from wechat_dialog.flights import Defer, Flight, Flights, Listen, Request, Seat, listen
from wechat_dialog.journal import decode_pending
from wechat_dialog.operations import Claim, Commit, RunStep, RunSteps
from wechat_dialog.router import Router
from wechat_dialog.stores.base import Answered, Claimed, Committed, Running, Write
from wechat_dialog.turn import Outcome
from wechat_dialog.window import Window

RULES = Rules(Router())
REPLY = Outcome(replies.Text("一共是 7。"))
PATIENT = Outcome(waiting(RULES.texts), late=True)
MARK = "gh:ada", "1:1"
SAID = messages.from_fields(
    {"ToUserName": "gh", "FromUserName": "ada", "CreateTime": "1", "MsgType": "text",
     "Content": "慢", "MsgId": "1"}
)  # fmt: skip
ASKED = Request(MARK[0], SAID, MARK[1], 1_000_000)
FIRST = Claim(*MARK, lease=3.0)
AGAIN = Claim(*MARK, lease=3.0, arrival=False)
TURN = Claimed(7, 0, 0, 0, b"", (), b"", 0.0, False, 10.0, 3)


def heard(seat: Seat, lands: float | None, stored: Answered | None = None) -> tuple[Outcome, float]:
    """Let a request listen; returns what it answers and when, if its turn lands at `lands`."""
    now = seat.arrived
    listening = listen(seat, ASKED, Window(), RULES, now)
    sent: Answered | float | None = None
    while True:
        try:
            wanted = listening.send(sent)
        except StopIteration as stop:
            return stop.value, round(now - seat.arrived, 3)
        if isinstance(wanted, Defer):
            sent = stored
            continue
        assert isinstance(wanted, Listen)
        until = now + wanted.seconds
        if lands is not None and lands <= until and not seat.flight.done.done():
            seat.flight.done.set_result(REPLY)
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
def test_a_request_listens_as_long_as_its_own_place_allows(
    number: int, elsewhere: int, began: float, lands: float | None, outcome: Outcome, after: float
) -> None:
    flight = Flight(began, copies=number, elsewhere=elsewhere, known=True)
    assert heard(Seat(flight, number, 100.0), lands) == (outcome, after)


def test_the_first_request_is_not_the_last_because_others_came_after_it() -> None:
    flights = Flights()
    first = flights.board(MARK, 100.0)
    first.flight.heard(FIRST, Running("0:0", 0.0, 1), 100.1, Window())
    first.flight.heard(AGAIN, Running("0:0", 10.2, 3), 110.2, Window())
    flights.board(MARK, 105.0)
    assert not first.is_last(Window())
    assert flights.board(MARK, 110.0).is_last(Window())


def test_what_the_store_tells_makes_a_request_the_last_one() -> None:
    seat = Flights().board(MARK, 110.0)
    assert not seat.is_last(Window())
    seat.flight.heard(FIRST, Running("0:0", 10.0, 3), 110.1, Window())
    assert seat.is_last(Window())


def test_what_the_store_tells_too_late_counts_copies_that_came_after() -> None:
    seat = Flights().board(MARK, 100.0)
    seat.flight.heard(FIRST, Running("0:0", 7.0, 3), 112.0, Window())
    assert not seat.is_last(Window())


def test_an_answer_that_is_there_when_patience_ends_is_given() -> None:
    flight = Flight(90.0, copies=3, known=True)
    stored = Answered(encode_reply(REPLY.reply))
    assert heard(Seat(flight, 3, 100.0), None, stored) == (REPLY, 4.6)


def test_a_message_is_put_off_whole_and_as_of_when_it_first_came() -> None:
    flight = Flight(90.0, copies=3, known=True)
    listening = listen(Seat(flight, 3, 100.0), ASKED, Window(), RULES, 100.0)
    next(listening)
    wanted = listening.send(104.7)
    assert isinstance(wanted, Defer)
    assert decode_pending(wanted.message) == (SAID, ASKED.arrived - 10_000)


def test_a_request_that_ran_the_turn_so_far_has_less_patience_left() -> None:
    seat = Seat(Flight(90.0, copies=3, known=True), 3, 100.0)
    wanted = next(listen(seat, ASKED, Window(), RULES, 101.6))
    assert isinstance(wanted, Listen)
    assert wanted.seconds == pytest.approx(3.0)


def test_a_flight_lands_once_and_the_next_request_begins_another() -> None:
    flights = Flights()
    seat = flights.board(MARK, 1.0)
    assert seat.runs
    assert not flights.board(MARK, 2.0).runs
    flights.land(MARK, seat.flight, REPLY)
    assert flights.board(MARK, 3.0).runs


@pytest.mark.parametrize(
    ("silence", "steps", "doubts"),
    [
        pytest.param(1.4, True, False, id="heard of it just now"),
        pytest.param(1.6, True, True, id="nothing heard for half a lease"),
        pytest.param(9.0, False, False, id="no step, no doubt"),
    ],
)
def test_a_claim_is_doubted_before_a_step_only(silence: float, steps: bool, doubts: bool) -> None:
    flight = Flight(0.0)
    flight.heard(FIRST, TURN, 99.0, Window())
    flight.heard(Commit(*MARK, Write(b"x"), b""), Committed(8, 8), 100.0, Window())
    step = RunStep(None, "k")  # type: ignore[arg-type]
    operation = RunSteps((step,)) if steps else RunSteps(())
    assert flight.doubts(operation, 100.0 + silence, 3.0) is doubts
    assert not Flight(0.0).doubts(step, 100.0, 3.0)
