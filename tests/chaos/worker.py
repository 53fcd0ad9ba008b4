"""A worker of the chaos test: a real server with a bot whose steps write a ledger."""

from __future__ import annotations

import os

from tests.chaos.serving import LEASE, STORE, TOKEN, enter, serve, window
from wechat_dialog import Bot, Chat, Dialog

bot = Bot(
    TOKEN,
    store=STORE,
    timeout=3600,
    lease=LEASE,
    window=window(),
    live_dialogs=int(os.environ.get("CHAOS_LIVE", "1000")),
)


def append(user: str, place: int, number: int, idempotency_key: str = "") -> int:
    """Write one entry; every run is seen, a repeated one by its key."""
    enter(user, f"{place} {number} {idempotency_key}")
    return number


@bot.text("记账")
def accounts(chat: Chat) -> Dialog[str]:
    """Add numbers up, each entered in the ledger once."""
    count = yield from chat.ask("几个数？", int)
    total = 0
    for place in range(1, count + 1):
        number = yield from chat.ask(f"第 {place} 个数？", int)
        total += yield from chat.step(append, chat.user, place, number)
    return f"合计 {total}"


@bot.fallback
def anything(_: Chat) -> str:
    """Say that nothing is running."""
    return "没有在记账"


if __name__ == "__main__":
    serve(bot.asgi)
