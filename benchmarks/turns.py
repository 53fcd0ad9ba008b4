"""What a turn costs, beside its floor and beside WeRoBot, in one interleaved run.

    python -m benchmarks.turns [--rounds 15] [--turns 60]

Every contender answers the same thing: a signed text push as bytes, to the bytes of the reply, in a
conversation that adds up numbers, its state in Redis (or where its name says). A round runs each
contender's turns one after another; a ratio is taken within its round, and the median of the rounds
is printed, so that a machine whose speed drifts does not matter much.

The floor is what no bot can do without: the push verified and parsed, one script through redis-py
that compares a number and appends a record, the reply rendered. `live` is a worker that had the
user's last message, `cold` one that did not and replays; `reported` is live, and makes a report of
each turn for an `on_turn` that does nothing.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import redis

from tests.redis_server import redis_servers
from wechat_dialog import Bot, Chat, Dialog, TurnReport, replies
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.stores import open_store

TOKEN = "benchmark"
TIMESTAMP, NONCE = "1700000000", "42"
QUERY = f"signature={sign(TOKEN, TIMESTAMP, NONCE)}&timestamp={TIMESTAMP}&nonce={NONCE}"
LENGTHS = (2, 10, 20, 100, 1000)
"""Records; 2 is the shortest conversation that goes on."""

_ids = itertools.count(24_000_000_000_000_000)

Answer = Callable[[bytes], bytes]


def push(user: str, text: str) -> bytes:
    """Return a message nobody has sent yet."""
    fields = {
        "ToUserName": "gh_0123456789ab",
        "FromUserName": user,
        "CreateTime": int(time.time()),
        "MsgType": "text",
        "Content": text,
        "MsgId": next(_ids),
    }
    return xml.build(fields).encode()


def accumulator(chat: Chat) -> Dialog[str]:
    """The same dialog as WeRoBot's below."""
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


def ours(
    url: str, *, live: bool, kept: int = 1000, timers: bool = True, pages: str | None = None,
    on_turn: Callable[[TurnReport], object] | None = None,
) -> Answer:  # fmt: skip
    """Return a bot of ours on a store, which keeps so many dialogs live if it keeps any."""
    store = open_store(url)
    bot = Bot(
        TOKEN, store=store, live_dialogs=kept if live else 0, timeout=3600, timers=timers,
        pages=pages, on_turn=on_turn,
    )  # fmt: skip
    bot.text("累加器")(accumulator)
    return lambda body: bot.answer(body, QUERY)


def forget(_report: TurnReport) -> None:
    """Do nothing with a report."""


def behind(url: str, *, timers: bool = True) -> Answer:
    """Return two bots of ours on a store that take turns with each user, as two workers behind a
    load balancer may: each has the dialog live, and it is behind by the other's turn.
    """
    bots = [ours(url, live=True, timers=timers) for _ in range(2)]
    nexts: dict[bytes, int] = {}

    def answer(body: bytes) -> bytes:
        user = body[body.index(b"<FromUserName>") : body.index(b"</FromUserName>")]
        number = nexts[user] = nexts.get(user, 0) + 1
        return bots[number % 2](body)

    return answer


def floor(url: str) -> Answer:
    """Return the floor: the wire and one compare-and-append script."""
    client = redis.Redis.from_url(url)
    append = client.register_script(
        "if redis.call('HGET', KEYS[1], 'n') ~= ARGV[1] then return 0 end "
        "redis.call('HSET', KEYS[1], 'n', ARGV[2]) redis.call('PEXPIRE', KEYS[1], 60000) "
        "redis.call('RPUSH', KEYS[2], ARGV[3]) redis.call('PEXPIRE', KEYS[2], 60000) return 1"
    )
    client.hset("{floor}:h", "n", "0")
    codec, counter = Codec(TOKEN), itertools.count()

    def answer(body: bytes) -> bytes:
        got = codec.open(body, QUERY, now=0.0)
        n = next(counter)
        append(keys=["{floor}:h", "{floor}:j"], args=[n, n + 1, b'["a","x",1,2,3,"4"]'])
        return codec.seal(got, replies.Text("第 1 个数是？"), now=0, random16=bytes(16))

    return answer


def werobot_robot(url: str) -> Any:
    """Return WeRoBot with its Redis session, its accumulator as its users write one."""
    from werobot import WeRoBot
    from werobot.session.redisstorage import RedisStorage

    robot: Any = WeRoBot(
        token=TOKEN,
        enable_session=True,
        session_storage=RedisStorage(redis.Redis.from_url(url), "werobot:"),
    )

    def text(message: object, session: dict[str, int]) -> str:
        content = message.content  # type: ignore[attr-defined]
        if "left" not in session and content == "累加器":
            session["left"] = -1
            return "要加几个数？"
        if session.get("left") == -1:
            session["left"], session["total"], session["i"] = int(content), 0, 1
            return "第 1 个数是？（已有 0）"
        session["total"] += int(content)
        session["left"] -= 1
        session["i"] += 1
        return f"第 {session['i']} 个数是？（已有 {session['total']}）"

    robot.text(text)
    return robot


def werobot(url: str) -> Answer:
    """Return WeRoBot as `werobot_robot` makes it, without a server around it."""
    from werobot.parser import parse_user_msg

    robot = werobot_robot(url)

    def answer(body: bytes) -> bytes:
        if not robot.check_signature(TIMESTAMP, NONCE, sign(TOKEN, TIMESTAMP, NONCE)):
            raise AssertionError
        reply: str = robot.get_encrypted_reply(parse_user_msg(body))
        return reply.encode()

    return answer


def lengthen(answer: Answer, user: str, length: int) -> None:
    """Bring a conversation to a length."""
    for text in ["累加器", "1000000", *["1"] * (length - 2)]:
        answer(push(user, text))


def timed(answer: Answer, users: list[str], text: str = "1") -> float:
    """Return microseconds per turn; each user has one, so that conversations stay as long."""
    bodies = [push(user, text) for user in users]
    began = time.perf_counter()
    for body in bodies:
        answer(body)
    return (time.perf_counter() - began) / len(users) * 1e6


def users(name: str, length: int, count: int) -> list[str]:
    """Return users of one contender's own: two of them share a Redis."""
    return [f"{name}-{length}-{number}".replace(" ", "") for number in range(count)]


def measure(
    contenders: dict[str, Answer], length: int, rounds: int, turns: int
) -> dict[str, tuple[float, float]]:
    """Return by contender the median µs per turn and ratio to the floor of its round."""
    people = {name: users(name, length, turns) for name in contenders}
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        print(f"  length {length}, round {number + 1} of {rounds}", end="\r", flush=True)
        for name, answer in contenders.items():
            found[name].append(timed(answer, people[name]))
    ratios = {
        name: statistics.median(a / b for a, b in zip(times, found["floor"], strict=True))
        for name, times in found.items()
    }
    return {name: (statistics.median(times), ratios[name]) for name, times in found.items()}


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start:
        url = start().url
        print(f"{'':24}" + "".join(f"{length:>18}" for length in LENGTHS))
        rows: dict[str, list[str]] = {}
        for length in LENGTHS:
            contenders = {
                "floor": floor(url),
                "Redis, live": ours(url, live=True),
                "Redis, reported": ours(url, live=True, on_turn=forget),
                "Redis, cold": ours(url, live=False),
                "memory, live": ours("memory://", live=True),
                "SQLite, live": ours(f"sqlite:///{folder}/{length}.db", live=True),
                "SQLite, cold": ours(f"sqlite:///{folder}/{length}-cold.db", live=False),
                "WeRoBot, Redis": werobot(url),
            }
            redis.Redis.from_url(url).flushall()
            # A cold one's conversations are begun by a live one on the same store, in no time.
            beginners = {
                "Redis, cold": ours(url, live=True),
                "SQLite, cold": ours(f"sqlite:///{folder}/{length}-cold.db", live=True),
            }
            for name, answer in contenders.items():
                for one in users(name, length, options.turns) if name != "floor" else ():
                    lengthen(beginners.get(name, answer), one, length)
            for name, (micros, ratio) in measure(
                contenders, length, options.rounds, options.turns
            ).items():
                rows.setdefault(name, []).append(f"{micros:8.0f} µs {ratio:5.2f} x")
        for name, cells in rows.items():
            print(f"{name:24}" + "".join(f"{cell:>18}" for cell in cells))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
