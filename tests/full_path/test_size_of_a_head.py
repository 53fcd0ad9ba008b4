"""How long a user's head is in Redis, which decides what a conversation takes of its memory."""

from __future__ import annotations

from contextlib import closing

import redis

from benchmarks.turns import QUERY, TOKEN, accumulator, lengthen
from wechat_dialog import Bot

QUICK = 7
"""Turns whose replies are all remembered."""
USER = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
LONGEST = 634
"""Bytes. A longer text takes 128 bytes more in Redis, whose sizes are 640 and 768; with its journal
the conversation is then above 1 400 bytes (see docs/performance.md).
"""


def test_the_head_of_seven_quick_turns_is_short(redis_url: str) -> None:
    with closing(Bot(TOKEN, store=redis_url, timeout=3600, timers=False)) as bot:
        bot.text("累加器")(accumulator)
        lengthen(lambda body: bot.answer(body, QUERY), USER, QUICK)
    with redis.Redis.from_url(redis_url) as client:
        (head,) = client.scan_iter(f"*{USER}*:h")
        assert client.strlen(head) <= LONGEST
