"""A step that takes much longer than a lease: its claim is renewed as long as its process can, and
where it cannot, another's answer is the one that counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.people import PATIENT, TOKEN, push, signed
from wechat_dialog import Bot, Chat
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore

PATIENCE = 20.0
LEASE = 0.3


class Renewing:
    """Says of each renewal whether it goes through, and counts them."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.fails = fails
        self.count = 0
        self.five = threading.Event()

    def __call__(self) -> None:
        self.count += 1
        if self.count >= 5:
            self.five.set()
        if self.fails(self.count):
            raise StoreError("no")


Made = Callable[[Renewing], Any]


@pytest.fixture(params=["SQLite", "Redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """Makes stores on the same data, each with a will of its own about renewals."""
    base: Any = SQLiteStore if request.param == "SQLite" else RedisStore
    place = (
        tmp_path / "bot.db" if request.param == "SQLite" else request.getfixturevalue("redis_url")
    )
    stores: list[Any] = []

    def made(renewing: Renewing) -> Any:
        class Store(base):  # type: ignore[misc]
            def renew(self, user: str, fence: int, lease: float) -> None:
                renewing()
                super().renew(user, fence, lease)

            def renew_all(self, claims: Any, lease: float, within: float) -> Any:
                if not claims:
                    return []
                try:
                    renewing()
                except StoreError as error:
                    return [error] * len(claims)
                return super().renew_all(claims, lease, within)

        stores.append(Store(place))
        return stores[-1]

    yield made
    for store in stores:
        store.close()


def bot_of(store: Any, pay: Callable[..., str]) -> Bot:
    bot = Bot(TOKEN, store=store, lease=LEASE, window=PATIENT)

    @bot.text("付")
    def pays(chat: Chat) -> Any:
        return (yield from chat.step(pay))

    return bot


@pytest.mark.parametrize(
    "fails", [lambda _: False, lambda count: count == 2], ids=["all go through", "one fails"]
)
def test_a_claim_lives_as_long_as_its_step(make: Made, fails: Callable[[int], bool]) -> None:
    renewing = Renewing(fails)

    def pay() -> str:
        assert renewing.five.wait(PATIENCE)
        return "付了"

    bot = bot_of(make(renewing), pay)
    body = push("oUser", Content="付")
    assert "付了" in bot.answer(body, signed()).decode()
    assert "付了" in bot.answer(body, signed()).decode()
    bot.close()


def test_where_no_renewal_goes_through_another_worker_s_answer_counts(make: Made) -> None:
    keys: list[str] = []
    began, done_elsewhere = threading.Event(), threading.Event()

    def pay_here(idempotency_key: str = "") -> str:
        keys.append(idempotency_key)
        began.set()
        assert done_elsewhere.wait(PATIENCE)
        return "付了，在这里"

    def pay_there(idempotency_key: str = "") -> str:
        keys.append(idempotency_key)
        return "付了，在那里"

    here = bot_of(make(Renewing(lambda _: True)), pay_here)
    there = bot_of(make(Renewing(lambda _: False)), pay_there)
    body = push("oUser", Content="付")
    answers: list[str] = []
    turn = threading.Thread(target=lambda: answers.append(here.answer(body, signed()).decode()))
    turn.start()
    assert began.wait(PATIENCE)
    # Waits until the claim has run out, and does then what is left: the step, under its own key.
    assert "付了，在那里" in there.answer(body, signed()).decode()
    done_elsewhere.set()
    turn.join(PATIENCE)
    assert "付了，在那里" in answers[0]
    assert "付了，在那里" in here.answer(body, signed()).decode()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    here.close()
    there.close()
