"""Records replayed per second, decoding included, for journals of 1000 records; and what a turn
costs by length.

python -m benchmarks.replay
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.turns import accumulator
from wechat_dialog import Chat, Dialog, messages
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Record, decode_records, encode_record
from wechat_dialog.core.replay.run import Run

USER, ACCOUNT = "oBench", "gh_0123456789ab"
RECORDS = 1000


def bare(_: Chat) -> Dialog[str]:
    """Wait and say the same, for ever: what replay itself costs."""
    while True:
        yield "好"


async def coroutine(chat: Chat) -> str:
    """The accumulator as a coroutine."""
    count = await chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += await chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return str(total)


def said(number: int, text: str) -> messages.Message:
    """Return a text message."""
    return messages.from_fields(
        {
            "ToUserName": ACCOUNT,
            "FromUserName": USER,
            "CreateTime": "1700000000",
            "MsgType": "text",
            "Content": text,
            "MsgId": str(24_000_000_000_000_000 + number),
        }
    )


def fresh(fn: Callable[..., Any]) -> Run:
    """Return a run that has not begun."""
    return Run(
        RegisteredDialog("bench", fn),
        Chat(USER, said(0, "x"), account=ACCOUNT),
        {},
        account=ACCOUNT,
    )


def journal(fn: Callable[..., Any]) -> list[bytes]:
    """Return the journal of a conversation of 1000 records."""
    run = fresh(fn)
    records: list[Record] = []
    for number in range(RECORDS):
        wait = getattr(run.at, "id", "")
        text = "开始" if number == 0 else "100000" if number == 1 else "7"
        record = record_message(wait, said(number, text), 1_700_000_000_123)
        run.feed(record)
        records.append(record)
    run.close()
    return [encode_record(record) for record in records]


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the best of many, since nothing makes a computation faster than it is."""
    del arguments
    for name, fn in (
        ("bare yield", bare),
        ("generator, ask int", accumulator),
        ("coroutine, ask int", coroutine),
    ):
        stored = journal(fn)
        best = float("inf")
        for _ in range(60):
            run = fresh(fn)
            began = time.perf_counter()
            run.replay(decode_records(stored))
            best = min(best, time.perf_counter() - began)
            run.close()
        print(f"{name:24}{RECORDS / best:12,.0f} records/s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
