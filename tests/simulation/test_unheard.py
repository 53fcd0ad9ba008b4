"""Which questions the judge counts as answered by who cannot have seen them."""

from __future__ import annotations

import pytest

from .unheard import Unheard

FIRST, SECOND = ("0cff65ebfd9e5099", ""), ("0cff65ebfd9e5099", "34")


@pytest.fixture
def doubted() -> Unheard:
    return Unheard(doubtful={FIRST})


def test_a_question_said_to_nobody_is_not_to_be_answered(doubted: Unheard) -> None:
    doubted.answered.add(FIRST)
    assert doubted.blind() == {FIRST}


def test_one_that_reached_the_platform_is(doubted: Unheard) -> None:
    doubted.shown.add(FIRST)
    doubted.answered.add(FIRST)
    assert not doubted.blind()


def test_so_is_one_that_was_said_again_to_who_seemed_to_wait(doubted: Unheard) -> None:
    doubted.said_again({FIRST})
    doubted.answered.add(FIRST)
    assert not doubted.blind()


def test_what_was_said_again_is_another_question(doubted: Unheard) -> None:
    doubted.said_again({SECOND})
    doubted.answered.add(FIRST)
    assert doubted.blind() == {FIRST}


def test_to_say_it_again_after_the_answer_is_too_late(doubted: Unheard) -> None:
    doubted.answered.add(FIRST)
    doubted.said_again({FIRST})
    assert doubted.blind() == {FIRST}


@pytest.mark.parametrize("early", [True, False])
def test_once_that_is_known_to_be_in_vain_it_is_doubtful_again(
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
def test_what_a_process_was_given_to_deliver_counts_as_seen_once_that_cannot_tell_any_more(
    doubted: Unheard, taker: int, *, tells: bool, known: bool
) -> None:
    doubted.takers["k"] = taker, {FIRST}
    if tells:
        del doubted.takers["k"]
    doubted.died(1)
    doubted.answered.add(FIRST)
    assert doubted.blind() == ({FIRST} if known else set())


def test_an_answer_is_no_older_than_the_message_whose_reply_showed_the_question_first() -> None:
    books = Unheard()
    books.asks("20:1", [FIRST])
    books.asks("30:2", [FIRST])
    assert not books.answers(FIRST, 19)
    books.asks("20:1", [FIRST])
    assert books.answers(FIRST, 20)


def test_a_reply_that_nobody_took_showed_nothing() -> None:
    books = Unheard()
    books.asks("20:1", [FIRST])
    books.said_in_vain("20:1", {FIRST})
    assert books.answers(FIRST, 19)
