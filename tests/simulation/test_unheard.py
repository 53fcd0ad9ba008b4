"""Which questions the judge counts as answered by a user who cannot have seen them."""

from __future__ import annotations

import pytest

from .unheard import Unheard

FIRST, SECOND = ("0cff65ebfd9e5099", ""), ("0cff65ebfd9e5099", "34")


@pytest.fixture
def doubted() -> Unheard:
    return Unheard(doubtful={FIRST})


def test_an_answer_to_an_unseen_question_is_a_violation(doubted: Unheard) -> None:
    doubted.answered.add(FIRST)
    assert doubted.blind() == {FIRST}


def test_an_answer_to_a_shown_question_is_allowed(doubted: Unheard) -> None:
    doubted.shown.add(FIRST)
    doubted.answered.add(FIRST)
    assert not doubted.blind()


def test_an_answer_to_a_question_that_was_repeated_is_allowed(doubted: Unheard) -> None:
    doubted.said_again({FIRST})
    doubted.answered.add(FIRST)
    assert not doubted.blind()


def test_repeating_another_question_does_not_allow_the_answer(doubted: Unheard) -> None:
    doubted.said_again({SECOND})
    doubted.answered.add(FIRST)
    assert doubted.blind() == {FIRST}


def test_repeating_the_question_after_its_answer_is_too_late(doubted: Unheard) -> None:
    doubted.answered.add(FIRST)
    doubted.said_again({FIRST})
    assert doubted.blind() == {FIRST}


@pytest.mark.parametrize("early", [True, False])
def test_a_repetition_that_nobody_took_makes_the_question_unseen_again(
    doubted: Unheard, *, early: bool
) -> None:
    doubted.said_again({FIRST})
    if early:
        doubted.answered.add(FIRST)
    doubted.said_in_vain("1:1", {FIRST})
    doubted.answered.add(FIRST)
    assert doubted.blind() == (set() if early else {FIRST})


@pytest.mark.parametrize(
    ("taker", "tells", "known"),
    [
        pytest.param(1, False, False, id="it is dead"),
        pytest.param(1, True, True, id="it had told that nobody took it"),
        pytest.param(2, False, True, id="another is dead"),
    ],
)
def test_a_reply_given_to_a_process_counts_as_seen_once_the_process_is_dead(
    doubted: Unheard, taker: int, *, tells: bool, known: bool
) -> None:
    doubted.takers["k"] = taker, {FIRST}
    if tells:
        del doubted.takers["k"]
    doubted.died(1)
    doubted.answered.add(FIRST)
    assert doubted.blind() == ({FIRST} if known else set())


def test_an_answer_older_than_the_message_that_led_to_its_question_is_noticed() -> None:
    books = Unheard()
    books.asks("20:1", [FIRST])
    books.asks("30:2", [FIRST])
    assert not books.answers(FIRST, 19)
    books.asks("20:1", [FIRST])
    assert books.answers(FIRST, 20)


def test_a_reply_that_nobody_took_showed_no_question() -> None:
    books = Unheard()
    books.asks("20:1", [FIRST])
    books.said_in_vain("20:1", {FIRST})
    assert books.answers(FIRST, 19)
