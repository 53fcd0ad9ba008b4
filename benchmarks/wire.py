"""The wire against wechatpy: one text message verified, parsed, answered and rendered.

Both do the same work on the same bytes, in turns of a few milliseconds within one run, so that
whatever else the machine does meets both alike. What counts is the ratio; the budget is half of
wechatpy's time (design 11).

    python -m benchmarks.wire [--rounds N]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from tests.wire import vectors
from wechat_dialog import replies
from wechat_dialog.core.wire.codec import Codec

BUDGET = 0.5
QUERY = dict(pair.split("=") for pair in vectors.A.query.split("&"))


def ours_plain() -> Callable[[], object]:
    codec = Codec(vectors.TOKEN)

    def turn() -> bytes:
        push = codec.open(vectors.PLAIN_BODY, QUERY, now=0)
        return codec.seal(push, replies.Text("收到"), now=1700000002, random16=vectors.RANDOM_OUT)

    return turn


def ours_encrypted() -> Callable[[], object]:
    codec = Codec(vectors.TOKEN, app_id=vectors.APP_ID, aes_key=vectors.KEY, mode="safe")

    def turn() -> bytes:
        push = codec.open(vectors.A.body, QUERY, now=0)
        return codec.seal(push, replies.Text("收到"), now=1700000002, random16=vectors.RANDOM_OUT)

    return turn


def theirs_plain(wechatpy: Any) -> Callable[[], object]:
    check = importlib.import_module("wechatpy.utils").check_signature

    def turn() -> str:
        check(vectors.TOKEN, QUERY["signature"], QUERY["timestamp"], QUERY["nonce"])
        message = wechatpy.parse_message(vectors.PLAIN_BODY)
        return str(wechatpy.create_reply("收到", message).render())

    return turn


def theirs_encrypted(wechatpy: Any) -> Callable[[], object]:
    crypto = importlib.import_module("wechatpy.crypto").WeChatCrypto(
        vectors.TOKEN, vectors.KEY, vectors.APP_ID
    )

    def turn() -> str:
        inner = crypto.decrypt_message(
            vectors.A.body, QUERY["msg_signature"], QUERY["timestamp"], QUERY["nonce"]
        )
        reply = wechatpy.create_reply("收到", wechatpy.parse_message(inner)).render()
        return str(crypto.encrypt_message(reply, QUERY["nonce"], "1700000002"))

    return turn


def measure(turns: list[Callable[[], object]], rounds: int, calls: int = 200) -> list[float]:
    """Microseconds a call of each, the median over rounds in which they take turns."""
    spent: list[list[float]] = [[] for _ in turns]
    for _ in range(rounds):
        for turn, times in zip(turns, spent, strict=True):
            begun = time.perf_counter()
            for _ in range(calls):
                turn()
            times.append((time.perf_counter() - begun) / calls * 1e6)
    return [statistics.median(times) for times in spent]


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if a ratio is over the budget, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="rounds of 200 calls each")
    rounds = parser.parse_args(arguments).rounds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wechatpy's own, about the Python of its day
        wechatpy: Any = importlib.import_module("wechatpy")
        rows = {
            "plain": [ours_plain(), theirs_plain(wechatpy)],
            "encrypted": [ours_encrypted(), theirs_encrypted(wechatpy)],
        }
        within = True
        heads = f"{'wechat-dialog':>15}{'wechatpy':>12}{'ratio':>8}{'budget':>8}"
        print(f"{'one text message':<18}{heads}")
        for name, turns in rows.items():
            ours, theirs = measure(turns, rounds)
            ratio = ours / theirs
            within = within and ratio <= BUDGET
            print(f"{name:<18}{ours:>12.1f} µs{theirs:>9.1f} µs{ratio:>8.2f}{BUDGET:>8.2f}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
