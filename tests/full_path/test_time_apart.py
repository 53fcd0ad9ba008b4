"""What is due for many users is done one after another, and nothing of one user reaches another."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress
from contextvars import ContextVar

import pytest

from tests.full_path.people import ACCOUNT
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.memory import MemoryStore

USERS = [f"oUser{number:023}" for number in range(12)]

tenant: ContextVar[str] = ContextVar("tenant")


class Later(MemoryStore):
    """A store whose clock a test puts forward, and which can fail to say what is due."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.failing = ""
        super().__init__(clock=lambda: self.now)

    def due(self, account: str, limit: int, lease: float):  # type: ignore[no-untyped-def]
        if account == self.failing:
            raise StoreError("gone")
        return super().due(account, limit, lease)


class Seen(list[tuple[str, str]]):
    """Whose tenant was found by whom; each then leaves their own there."""

    def note(self, user: str) -> None:
        self.append((user, tenant.get("nobody's")))
        tenant.set(user)


def test_nothing_that_a_firing_sets_is_found_by_the_next_on_threads() -> None:
    seen, in_steps, store = Seen(), Seen(), Later()
    with closing(Bot(store=store, account=ACCOUNT, timers=False)) as bot:

        @bot.dialog
        def nap(chat: Chat) -> Dialog[None]:
            yield from chat.sleep(1)
            yield from chat.step(in_steps.note, chat.user)
            seen.append((chat.user, tenant.get("nobody's")))

        @bot.dialog
        def sets(chat: Chat) -> Dialog[None]:
            yield from chat.sleep(1)
            seen.note(chat.user)

        for user in USERS:
            bot.begin(user, sets if int(user[-1]) % 2 else nap)
        store.now += 10
        tenant.set("the caller's")
        assert bot.run_due() == len(USERS)
    steps = [user for user in USERS if not int(user[-1]) % 2]
    assert sorted(in_steps) == [(user, "the caller's") for user in steps]
    assert {found for user, found in seen if user not in steps} == {"the caller's"}


def test_nothing_that_a_firing_sets_is_found_by_the_next_on_a_loop() -> None:
    seen, in_steps, store = Seen(), Seen(), Later()

    async def note(user: str) -> None:
        in_steps.note(user)

    async def fires() -> None:
        bot = Bot(store=store, account=ACCOUNT, timers=False)

        @bot.dialog
        async def nap(chat: Chat) -> None:
            await chat.sleep(1)
            seen.note(chat.user)
            await chat.step(note, chat.user)

        for user in USERS:
            await bot.begin_async(user, nap)
        store.now += 10
        tenant.set("the caller's")
        assert await bot.run_due_async() == len(USERS)
        await bot.close_async()

    asyncio.run(fires())
    assert sorted(seen) == [(user, "the caller's") for user in USERS]


def test_what_hangs_is_named_by_its_own_user(caplog: pytest.LogCaptureFixture) -> None:
    store, over, hangs = Later(), threading.Event(), threading.Event()
    with closing(Bot(store=store, account=ACCOUNT, timers=False)) as bot:

        def work(user: str) -> None:
            if user == USERS[-1]:
                hangs.set()
                over.wait(30)

        @bot.dialog
        def nap(chat: Chat) -> Dialog[None]:
            yield from chat.sleep(1)
            yield from chat.step(work, chat.user)

        for user in USERS:
            bot.begin(user, nap)
            store.now += 0.001
        store.now += 10
        firing = threading.Thread(target=bot.run_due)
        firing.start()
        assert hangs.wait(30)
        (turn,) = (one for one in bot._runner.turns.running() if one.user.endswith(USERS[-1]))
        while turn.give_up is None or not turn.give_up():
            pass
        firing.join(30)
        over.set()
    assert f"a turn of user {ACCOUNT}:{USERS[-1]} was given up and still runs" in caplog.text


def test_what_an_account_has_due_is_done_though_another_cannot_be_asked() -> None:
    store, done = Later(), list[str]()
    with closing(Bot(store=store, account=ACCOUNT, timers=False)) as bot:

        @bot.dialog
        def nap(chat: Chat) -> Dialog[None]:
            yield from chat.sleep(1)
            done.append(chat.user)

        for user in USERS:
            bot.begin(user, nap)
        store.now += 10
        bot._runner.outside.accounts.see("gh_2")
        store.failing = "gh_2"
        with suppress(StoreError):
            bot.run_due()
    assert sorted(done) == USERS
