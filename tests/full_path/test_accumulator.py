"""The article's transcript, HTTP bytes in and HTTP bytes out, in each style, on each store."""

from __future__ import annotations

import pytest

from tests.full_path.accumulator import STYLES, TRANSCRIPT, make_bot
from tests.full_path.doors import OpenDoor
from tests.full_path.people import Person, content


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("live_dialogs", [100, 0], ids=["live", "replayed"])
def test_a_user_sees_the_transcript(
    open_door: OpenDoor, store_url: str, style: str, live_dialogs: int
) -> None:
    person = Person(open_door(make_bot(store_url, style, live_dialogs=live_dialogs)))
    seen = [(text, person.say(text)) for text, _ in TRANSCRIPT]
    assert seen == TRANSCRIPT


def test_a_repeated_push_gets_its_answer_again_and_is_heard_once(
    open_door: OpenDoor, store_url: str
) -> None:
    person = Person(open_door(make_bot(store_url)))
    for text, answer in TRANSCRIPT:
        assert person.say(text) == answer
        assert content(person.again()) == answer
