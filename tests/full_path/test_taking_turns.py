"""Two processes, and a load balancer that hands a user's messages now to one, now to the other."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.full_path.doors import Door, OpenDoor
from tests.full_path.people import ACCOUNT, PATIENT, TOKEN, Person
from tests.full_path.test_round_trips import watched
from tests.proxy import Proxy
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.store.contract import Store
from wechat_dialog.stores.memory import MemoryStore

MANY = 40
LAST = 3 * MANY
"""The sum at which the endless dialog sets a note."""


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


class Adding:
    """A bot with an endless dialog, and how often the dialog was begun in its process; and one that
    waits for a minute.
    """

    def __init__(self, store: str | Store, **options: Any) -> None:
        self.begun = 0
        self.bot = Bot(TOKEN, store=store, window=PATIENT, **options)
        self.bot.text("加")(self.adding)
        self.bot.text("改", anytime=True)(self.changing)
        self.bot.text("看", anytime=True)(lambda chat: chat.data["note"])
        self.minute = self.bot.dialog(self.waiting)
        self.waited: list[str] = []

    def adding(self, chat: Chat) -> Dialog[None]:
        self.begun += 1
        total = 0
        while True:
            total += yield from chat.ask(f"{total}", int)
            if total == LAST:
                chat.data["note"] = "reached"

    def changing(self, chat: Chat) -> str:
        chat.data["note"] = "changed"
        return "好"

    def waiting(self, chat: Chat) -> Dialog[None]:
        yield from chat.sleep(60)
        self.waited.append(chat.user)


def met(open_door: OpenDoor, store: str | Store) -> tuple[Person, list[Door], list[Adding]]:
    """Two processes on a store, the doors into them, and a person in a conversation with one."""
    processes = [Adding(store), Adding(store)]
    doors: list[Door] = [open_door(process.bot) for process in processes]
    person = Person(doors[0])
    assert person.say("加") == "0"
    return person, doors, processes


def take_turns(person: Person, doors: list[Door], first: int, last: int) -> None:
    """Say 1, now to one door, now to the other."""
    for number in range(first, last):
        person.door = doors[number % len(doors)]
        assert person.say("1") == str(number)


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_a_process_reads_what_another_has_added_and_replays_nothing(
    open_door: OpenDoor, store_url: str
) -> None:
    person, doors, processes = met(open_door, store_url)
    take_turns(person, doors, 1, MANY)
    before = [process.begun for process in processes]  # while they found out about each other
    take_turns(person, doors, MANY, 2 * MANY)
    assert [process.begun for process in processes] == before


def test_a_process_does_not_store_again_what_another_has_stored(open_door: OpenDoor) -> None:
    person, doors, processes = met(open_door, MemoryStore())
    take_turns(person, doors, 1, LAST)
    before = [process.begun for process in processes]
    take_turns(person, doors, LAST, LAST + 1)  # which sets the note
    assert person.say("改").startswith("好")
    take_turns(person, doors, LAST + 1, LAST + 2)
    assert processes[1].begun == before[1], "it read what it lacked, and replayed nothing"
    assert person.say("看").startswith("changed")


def test_a_turn_behind_another_process_is_two_round_trips(
    open_door: OpenDoor, redis_url: str
) -> None:
    person, doors, _ = met(open_door, redis_url)
    take_turns(person, doors, 1, 2 * MANY)
    with watched(redis_url) as seen:
        take_turns(person, doors, 2 * MANY, 2 * MANY + 1)
    assert seen.commands == ["TIME", "MGET", "LRANGE", "EVALSHA"], "three in one go, and the commit"
    (lrange,) = [words for words in seen.asked if words[0] == "LRANGE"]
    assert lrange[2:] == [str(2 * MANY - 2), "-1"], "from the last record that it has"


def test_a_process_that_is_alone_again_runs_first(open_door: OpenDoor, redis_url: str) -> None:
    person, doors, _ = met(open_door, redis_url)
    take_turns(person, doors, 1, MANY)
    take_turns(person, doors[:1], MANY, 2 * MANY)
    with watched(redis_url) as seen:
        take_turns(person, doors[:1], 2 * MANY, 2 * MANY + 1)
    assert seen.commands == ["EVALSHA"]


def test_what_another_process_began_beside_is_not_lost(open_door: OpenDoor) -> None:
    now = [1_000_000.0]
    store = MemoryStore(clock=lambda: now[0])
    processes = [Adding(store, account=ACCOUNT, timers=False) for _ in range(2)]
    first, second = processes
    for _ in range(20):
        second.bot.settings.staleness.note(behind=True)
    # It begins the conversation under a claim, so it knows that there is nothing beside it.
    person = Person(open_door(second.bot))
    assert person.say("加") == "0"
    first.bot.begin(person.name, first.minute)
    assert person.say("1") == "1"
    now[0] += 90.0
    assert second.bot.run_due() == 1
    assert second.waited == [person.name]


def test_a_server_that_lacks_a_command_is_asked_by_script(
    open_door: OpenDoor, redis_url: str
) -> None:
    with Proxy(port_of(redis_url), unknown="TIME") as proxy:
        person, doors, _ = met(open_door, f"redis://127.0.0.1:{proxy.port}/0")
        take_turns(person, doors, 1, MANY)
        with watched(redis_url) as seen:
            take_turns(person, doors, MANY, MANY + 1)
    assert seen.commands == ["EVALSHA", "LRANGE", "EVALSHA"]


def test_a_look_whose_answer_is_lost_is_made_again(open_door: OpenDoor, redis_url: str) -> None:
    with Proxy(port_of(redis_url)) as proxy:
        person, doors, _ = met(open_door, f"redis://127.0.0.1:{proxy.port}/0")
        take_turns(person, doors, 1, MANY)
        proxy.lose_answer_to(b"\r\nTIME\r\n")

        def mend() -> None:
            proxy.lost.wait(30)
            proxy.restore()

        network = threading.Thread(target=mend)
        network.start()
        take_turns(person, doors, MANY, MANY + 2)
        network.join()
        assert proxy.lost.is_set()
