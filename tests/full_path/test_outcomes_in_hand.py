"""A step that has ended does not run again, whatever the store does: it stalls beyond the lease, is
away, or loses what it was told. On threads and on an event loop, with real time and short leases.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, messages, replies
from wechat_dialog.core.store.values import Claim, Committed, Write
from wechat_dialog.errors import AskAgain, StoreError
from wechat_dialog.stores.memory import MemoryStore

LEASE = 0.2
USERS = 8


class Troubled(MemoryStore):
    """Fails each user's first record in one way, and what follows for a while."""

    def __init__(self, trouble: str) -> None:
        super().__init__()
        self.trouble = trouble
        self._began: dict[str, float] = {}
        self._seen = threading.Lock()

    def _away(self, user: str) -> bool:
        return time.monotonic() < self._began.get(user, 0.0) + LEASE * 2

    def record(self, user: str, fence: int, write: Write) -> Committed:
        with self._seen:
            first = user not in self._began
            self._began.setdefault(user, time.monotonic())
        if not first:
            return super().record(user, fence, write)
        if self.trouble == "stalls beyond the lease":
            time.sleep(LEASE * 2)
            return super().record(user, fence, write)
        if self.trouble == "is carried out, unheard":
            super().record(user, fence, write)
        raise StoreError("made up")

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        if any(self._away(user) for user, _ in claims):
            return [StoreError("made up")] * len(claims)
        return super().renew_all(claims, lease, within)

    def claim(self, claim: Claim) -> Any:
        if self.trouble == "is away beyond the lease" and self._away(claim.user):
            raise StoreError("made up")
        return super().claim(claim)


TROUBLES = [
    "stalls beyond the lease",
    "is away beyond the lease",
    "fails once",
    "is carried out, unheard",
]


class Till:
    """Takes money, and keeps the book."""

    def __init__(self, wait: float = 0.0) -> None:
        self.book: list[tuple[str, str]] = []
        self._wait = wait

    def pay(self, user: str, idempotency_key: str = "") -> int:
        self.book.append((user, idempotency_key))
        time.sleep(self._wait)
        return len(self.book)

    async def pay_async(self, user: str, idempotency_key: str = "") -> int:
        self.book.append((user, idempotency_key))
        await asyncio.sleep(self._wait)
        return len(self.book)


def bot_of(store: MemoryStore, pay: Callable[..., Any], *, gathers: bool) -> Bot:
    bot = Bot("t", store=store, lease=LEASE)

    @bot.text("付钱")
    def takes(chat: Chat) -> Any:
        if gathers:
            yield from chat.gather(chat.step(pay, f"{chat.user}a"), chat.step(pay, f"{chat.user}b"))
        else:
            yield from chat.step(pay, chat.user)
        return "收到"

    return bot


def said(user: str, number: int = 1) -> messages.Message:
    return messages.from_fields(
        {"ToUserName": "gh", "FromUserName": user, "CreateTime": "1700000000",
         "MsgType": "text", "Content": "付钱", "MsgId": str(number)}
    )  # fmt: skip


def asked_until_answered(bot: Bot, user: str) -> str:
    """Do as the platform does, which asks again; only more patiently."""
    for _ in range(200):
        try:
            reply = bot.respond(said(user), time.time()).reply
        except AskAgain:
            time.sleep(0.05)
        else:
            return reply.content if isinstance(reply, replies.Text) else ""
    raise AssertionError("never answered")


@pytest.mark.parametrize("driver", ["threads", "event loop"])
@pytest.mark.parametrize(
    ("trouble", "gathers"),
    [*((trouble, False) for trouble in TROUBLES), (TROUBLES[1], True), (TROUBLES[3], True)],
)
def test_eight_users_pay_eight_times_though_the_store(
    trouble: str, gathers: bool, driver: str
) -> None:
    till = Till()
    bot = bot_of(
        Troubled(trouble), till.pay_async if driver == "event loop" else till.pay, gathers=gathers
    )
    users = [f"u{number}" for number in range(USERS)]
    if driver == "threads":
        with ThreadPoolExecutor(USERS) as threads:
            answers = list(threads.map(lambda user: asked_until_answered(bot, user), users))
    else:

        async def all_at_once() -> list[str]:
            outcomes = await asyncio.gather(
                *(bot.respond_async(said(user), time.time()) for user in users)
            )
            return [one.reply.content for one in outcomes if isinstance(one.reply, replies.Text)]

        answers = asyncio.run(all_at_once())
    bot.close()
    assert answers == ["收到"] * USERS
    assert Counter(user for user, _ in till.book) == Counter(
        f"{user}{part}" for user in users for part in (("a", "b") if gathers else ("",))
    )


def test_another_message_takes_over_and_joins_the_call_that_is_under_way() -> None:
    """Its claim is lost in the middle of the step, and the process is not even stopped."""
    store, till = MemoryStore(), Till(LEASE * 4)
    store.renew_all = lambda claims, *_: [None] * len(claims)  # type: ignore[method-assign]
    bot = bot_of(store, till.pay, gathers=False)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(asked_until_answered, bot, "ada")
        while not till.book:
            time.sleep(0.01)
        time.sleep(LEASE * 1.5)
        second = bot.respond(said("ada", 2), time.time())
        first.result()
    bot.close()
    assert isinstance(second.reply, replies.Text)
    assert Counter(till.book).most_common(1)[0][1] == 1, "no key has run twice"
    assert len(till.book) == 2, "each message paid for itself"


def test_who_writes_the_same_again_finds_the_first_message_gone_on() -> None:
    """The store is away for longer than the platform asks: the kept message is not forgotten."""
    store, till = Troubled("is away beyond the lease"), Till()
    bot = Bot("t", store=store, lease=LEASE)

    @bot.text("付钱")
    def asks(chat: Chat) -> Any:
        yield from chat.ask("多少？")
        yield from chat.step(till.pay, chat.user)
        more = yield from chat.ask("还有？")
        return f"好{more}"

    def say(number: int, text: str) -> str:
        message = messages.from_fields({**said("ada", number).raw, "Content": text})
        reply = bot.respond(message, time.time()).reply
        assert isinstance(reply, replies.Text)
        return reply.content

    assert say(1, "付钱") == "多少？"
    with pytest.raises(AskAgain):
        say(2, "100")
    time.sleep(LEASE * 3)
    assert say(3, "100").endswith("还有？")
    assert len(till.book) == 1
    assert say(4, "100") == "好100"
    assert len(till.book) == 1
    bot.close()
