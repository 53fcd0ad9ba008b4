"""A conversation goes on in another process after the first was killed between two messages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.full_path.accumulator import TRANSCRIPT
from tests.full_path.doors import HttpDoor
from tests.full_path.people import Person, content
from tests.full_path.servers import worker


def say_all(person: Person, lines: Sequence[tuple[str, str]]) -> None:
    for text, answer in lines:
        assert person.say(text) == answer


@pytest.mark.parametrize(
    ("store_url", "first", "second"),
    [("SQLite", "gunicorn", "uvicorn"), ("Redis", "uvicorn", "gunicorn")],
    indirect=["store_url"],
)
def test_a_conversation_goes_on_in_another_process(store_url: str, first: str, second: str) -> None:
    with worker(first, STORE=store_url) as killed, worker(second, STORE=store_url) as other:
        person = Person(HttpDoor(killed.port))
        say_all(person, TRANSCRIPT[:4])
        killed.kill()
        person.door = HttpDoor(other.port)
        # What the dead process answered last is known to the next one, too.
        assert content(person.again()) == TRANSCRIPT[3][1]
        say_all(person, TRANSCRIPT[4:])
