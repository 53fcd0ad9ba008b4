"""The store is told once that nobody took a reply: told again, it would take it from a copy."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.redis_server import wait_until
from wechat_dialog.core.store.values import Answered, Claim, Claimed, Commit, Write
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import StoreError
from wechat_dialog.runtime.performing import perform_all
from wechat_dialog.runtime.requests import Requests
from wechat_dialog.runtime.signals import wait_for
from wechat_dialog.runtime.untaken_replies import UntakenReplies
from wechat_dialog.runtime.wanted import TellUntaken, Wait
from wechat_dialog.stores.memory import MemoryStore

KEY = "1:1"
PATIENCE = 30.0


class Gated(MemoryStore):
    """A store that hears of one user's untaken reply only when `gate` is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.asked = threading.Event(), threading.Event()
        self.slow = ""
        self.told: list[str] = []

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        if user == self.slow:
            self.asked.set()
            assert self.gate.wait(PATIENCE)
        self.told.append(user)
        super().untaken(user, key, takes)

    def answer(self, user: str) -> None:
        """Have a message answered, and its reply given once, to nobody."""
        claim = self.claim(Claim(user, KEY, lease=3.0))
        assert isinstance(claim, Claimed)
        self.commit(Commit(user, KEY, Write(b"head"), reply=b"r", fence=claim.fence))
        self.take(user)

    def take(self, user: str) -> None:
        """Let a copy have the reply."""
        assert isinstance(self.claim(Claim(user, KEY, lease=3.0)), Answered)

    def left(self, user: str) -> tuple[bytes, ...]:
        """The replies that the user's next message is told of."""
        claim = self.claim(Claim(user, "2:2", lease=3.0))
        assert isinstance(claim, Claimed)
        return claim.untaken


@pytest.fixture
def store() -> Gated:
    return Gated()


@pytest.fixture
def untaken(store: Gated) -> UntakenReplies:
    return UntakenReplies(store)


@pytest.fixture
def requests(untaken: UntakenReplies) -> Requests:
    driver: Any = SimpleNamespace(turns=None, window=Window(), clock=None)
    return Requests(driver, untaken, cast("Any", None))


def perform(store: Gated) -> Any:
    def performed(wanted: Any, _wants: object) -> Any:
        if isinstance(wanted, Wait):
            return wait_for(wanted.when_over, wanted.seconds)
        return wanted.on(store)

    return performed


def test_a_copy_that_took_the_reply_since_keeps_it(
    store: Gated, untaken: UntakenReplies, requests: Requests
) -> None:
    store.slow = "ada"
    for user in ("ada", "bob"):
        store.answer(user)
    # Begun by hand, so that it finds both of them.
    thread = untaken._thread = threading.Thread(target=untaken._tell_all, daemon=True)
    for user in ("ada", "bob"):
        untaken.note(user, KEY, 1)
    thread.start()
    assert store.asked.wait(PATIENCE)
    perform_all(requests.tell_untaken("bob"), perform(store))
    store.take("bob")
    store.gate.set()
    wait_until(lambda: not untaken.users, "the store to be told of both")
    thread.join(PATIENCE)
    assert (store.left("ada"), store.left("bob")) == ((b"r",), ())
    assert sorted(store.told) == ["ada", "bob"]


def test_a_request_waits_for_who_is_telling_of_its_users_reply(
    store: Gated, untaken: UntakenReplies, requests: Requests
) -> None:
    store.slow = "ada"
    store.answer("ada")
    untaken.note("ada", KEY, 1)
    assert store.asked.wait(PATIENCE)
    request = requests.tell_untaken("ada")
    wanted = next(request)
    assert isinstance(wanted, Wait), "it is not told of a second time"
    store.gate.set()
    wait_for(wanted.when_over, PATIENCE)
    assert list(request) == []
    store.take("ada")
    assert store.left("ada") == ()
    assert store.told == ["ada"]


def test_a_request_that_fails_or_ends_in_the_middle_leaves_it_to_others(
    store: Gated, untaken: UntakenReplies, requests: Requests
) -> None:
    store.slow = "bob"  # keeps the thread busy
    store.answer("bob")
    untaken.note("bob", KEY, 1)
    assert store.asked.wait(PATIENCE)
    store.answer("ada")
    untaken.note("ada", KEY, 1)
    request = requests.tell_untaken("ada")
    assert isinstance(next(request), TellUntaken)
    with pytest.raises(StopIteration):
        request.throw(StoreError("away"))
    request = requests.tell_untaken("ada")
    assert isinstance(next(request), TellUntaken)
    request.close()  # its server has cancelled it
    store.gate.set()
    wait_until(lambda: not untaken.users, "the store to be told of both")
    assert store.left("ada") == (b"r",)
