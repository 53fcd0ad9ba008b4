"""Redis goes away and comes back after the platform's last request: an apology, a line in the log,
and the conversation unharmed. Before that it is no answer at all: `test_lost_answers`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tests.full_path.accumulator import TRANSCRIPT, make_bot
from tests.full_path.doors import OpenDoor
from tests.full_path.people import OneRequest, Person, content
from tests.redis_server import RedisServer
from wechat_dialog import Texts
from wechat_dialog.stores.redis import RedisStore

APOLOGY = Texts().apology
Servers = Callable[..., RedisServer]


def impatient(server: RedisServer, options: str = "") -> RedisStore:
    """A store that waits for its server no longer than a test likes."""
    return RedisStore(server.url + options, patience=0.2)


@pytest.mark.parametrize("live_dialogs", [100, 0], ids=["live", "cold"])
def test_the_user_is_told_and_the_conversation_goes_on(
    open_door: OpenDoor,
    redis_server: Servers,
    caplog: pytest.LogCaptureFixture,
    live_dialogs: int,
) -> None:
    server = redis_server(aof=True)
    platform = OneRequest()
    person = Person(
        open_door(make_bot(impatient(server), live_dialogs=live_dialogs, window=platform))
    )
    for text, answer in TRANSCRIPT[:4]:
        assert person.say(text) == answer
    server.kill()
    with caplog.at_level(logging.ERROR, "wechat_dialog"), platform.in_a_hurry():
        response = person.send(Content="12")
    assert content(response) == APOLOGY
    assert b"Traceback" not in response.body
    assert b"127.0.0.1" not in response.body
    assert [record.levelname for record in caplog.records if person.name in record.message] == [
        "ERROR"
    ]
    server.start()
    # The number that met the apology was not heard; said again, it is.
    assert person.say("十二") == "一共是 15。"


def test_the_very_push_that_met_an_apology_is_heard_when_it_is_repeated(
    open_door: OpenDoor, redis_server: Servers
) -> None:
    server = redis_server(aof=True)
    platform = OneRequest()
    person = Person(open_door(make_bot(impatient(server), window=platform)))
    for text, answer in TRANSCRIPT[:4]:
        assert person.say(text) == answer
    server.kill()
    with platform.in_a_hurry():
        assert person.say("12") == APOLOGY
    server.start()
    assert content(person.again()) == "一共是 15。"
    assert content(person.again()) == "一共是 15。"


def test_a_bot_may_start_before_its_redis(open_door: OpenDoor, redis_server: Servers) -> None:
    server = redis_server(aof=True)
    server.stop()
    platform = OneRequest()
    person = Person(open_door(make_bot(impatient(server), window=platform)))
    with platform.in_a_hurry():
        assert person.say("累加器") == APOLOGY
    server.start()
    # The first one's turn may have been under way once more just then: it comes along, owed.
    assert person.say("累加器").endswith("要加几个数？")


def test_a_redis_that_answers_nothing_is_as_good_as_none(
    open_door: OpenDoor, redis_server: Servers
) -> None:
    server = redis_server(aof=True)
    platform = OneRequest()
    person = Person(open_door(make_bot(impatient(server, "?socket_timeout=0.2"), window=platform)))
    for text, answer in TRANSCRIPT[:4]:
        assert person.say(text) == answer
    with server.frozen(), platform.in_a_hurry():
        assert person.say("12") == APOLOGY
    # It thaws and finds what it was asked meanwhile in its sockets: the answer may count, once; and
    # that nobody waits for it.
    copy = content(person.again())
    seen = person.say("继续") if copy.startswith(Texts().waiting) else copy
    assert seen == "一共是 15。"
