"""Sixteen threads and sixteen users: everybody gets the answers to their own messages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.full_path.accumulator import make_bot
from tests.full_path.doors import PATIENCE, OpenDoor
from tests.full_path.people import ACCOUNT, Person
from wechat_dialog.core.replay.records import TextRecord, decode_records
from wechat_dialog.core.store.contract import Store
from wechat_dialog.stores import open_store

USERS = 16
NUMBERS = 4


def number(user: int, place: int) -> int:
    """A number that nobody else says."""
    return 100 * (user + 1) + place


def script(user: int) -> list[tuple[str, str]]:
    """What a user says, and what they must be answered."""
    said = [number(user, place) for place in range(NUMBERS)]
    asked = [f"第 {place + 1} 个数是？（已有 {sum(said[:place])}）" for place in range(NUMBERS)]
    answers = ["要加几个数？", *asked, f"一共是 {sum(said)}。"]
    return list(zip(["累加器", str(NUMBERS), *map(str, said)], answers, strict=True))


def words_in_journal(store: Store, person: Person) -> list[str]:
    """What a user has answered so far, as it is stored."""
    shown = store.show(f"{ACCOUNT}:{person.name}")
    assert shown is not None
    return [
        record.text for record in decode_records(shown.records) if isinstance(record, TextRecord)
    ]


def test_nobody_hears_what_another_said(open_door: OpenDoor, store_url: str) -> None:
    door = open_door(make_bot(store_url))
    together = threading.Barrier(USERS)

    def live(user: int) -> list[tuple[str, str]]:
        person = Person(door, f"oCrowd{user:022}")
        together.wait(PATIENCE)
        return [(text, person.say(text)) for text, _ in script(user)]

    with ThreadPoolExecutor(USERS) as threads:
        heard = list(threads.map(live, range(USERS)))
    assert heard == [script(user) for user in range(USERS)]


def test_no_journal_holds_what_another_said(open_door: OpenDoor, store_url: str) -> None:
    # Every message of a user comes on another thread, and by turns to one of two bots, each with
    # live dialogs of its own that the other one overtakes.
    store = open_store(store_url)
    doors = [open_door(make_bot(store)) for _ in range(2)]
    people = [Person(doors[0], f"oCrowd{user:022}") for user in range(USERS)]
    together = threading.Barrier(USERS)

    def work(thread: int) -> None:
        for line in range(NUMBERS + 1):
            together.wait(PATIENCE)
            user = (thread + line) % USERS
            text, answer = script(user)[line]
            people[user].door = doors[line % 2]
            assert people[user].say(text) == answer

    with ThreadPoolExecutor(USERS) as threads:
        list(threads.map(work, range(USERS)))
    assert [words_in_journal(store, person) for person in people] == [
        [text for text, _ in script(user)[:-1]] for user in range(USERS)
    ]
    store.close()
