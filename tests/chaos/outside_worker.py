"""A worker of the chaos test of time: its conversations have limits, wait for payments and go on by
themselves, and each of their steps writes a ledger.
"""

from __future__ import annotations

import json
import os
import re
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.chaos.serving import LEASE, STORE, TOKEN, enter, serve, window
from wechat_dialog import Bot, Chat, Dialog, NoAnswer
from wechat_dialog.errors import StoreError

__all__ = ["PAYMENTS"]

PAYMENTS = 3
"""What a subscription consists of."""

bot = Bot(TOKEN, store=STORE, account="gh_0123456789ab", lease=LEASE, window=window())
process = os.urandom(6).hex()
runs = count()


def write(user: str, number: str, what: str, idempotency_key: str = "") -> None:
    """Write what has happened; every run is seen, and in which process it was."""
    enter(user, f"{number} {what} {idempotency_key} {process} {next(runs)}")


def route(kind: str) -> re.Pattern[str]:
    return re.compile(rf"{kind} (?P<n>\d+) (?P<seconds>[\d.]+)")


@bot.text(route("占座"))
def seat(chat: Chat, n: str, seconds: str) -> Dialog[str]:
    """A limit."""
    yield from chat.step(write, chat.user, n, "begun")
    try:
        yield from chat.ask(f"第 {n} 座，几位？", int, within=float(seconds))
    except NoAnswer:
        yield from chat.step(write, chat.user, n, "released")
    else:
        yield from chat.step(write, chat.user, n, "seated")
    return f"完#{n}#"


@bot.text(route("买票"))
def ticket(chat: Chat, n: str, seconds: str) -> Dialog[str]:
    """A wait."""
    yield from chat.step(write, chat.user, n, "begun")
    chat.say(f"请付#{n}#")
    try:
        paid = yield from chat.wait_for("paid", int, match=n, within=float(seconds))
    except NoAnswer:
        yield from chat.step(write, chat.user, n, "unpaid")
    else:
        yield from chat.step(write, chat.user, n, f"bought={paid}")
    return f"完#{n}#"


@bot.text(route("订阅"))
def subscription(chat: Chat, n: str, seconds: str) -> Dialog[str]:
    """Several waits for one name, whose journal must have what each took."""
    yield from chat.step(write, chat.user, n, "begun")
    chat.say(f"请付#{n}#")
    paid: list[int] = []
    try:
        for _ in range(PAYMENTS):
            paid.append((yield from chat.wait_for("paid", int, match=n, within=float(seconds) * 2)))
            yield from chat.sleep(0.1)
    except NoAnswer:
        pass
    yield from chat.step(write, chat.user, n, "subscribed=" + ",".join(map(str, paid)))
    return f"完#{n}#"


@bot.text(route("赛"))
def race(chat: Chat, n: str, seconds: str) -> Dialog[str]:
    """Whatever comes first."""
    yield from chat.step(write, chat.user, n, "begun")
    first = yield from chat.race(
        chat.wait_for("paid", int, match=n),
        chat.ask(f"第 {n} 场，要退几张？", int),
        chat.sleep(float(seconds)),
    )
    yield from chat.step(write, chat.user, n, f"race{first[0]}={first[1]}")
    return f"完#{n}#"


@bot.text(route("提醒"))
def reminder(chat: Chat, n: str, seconds: str) -> Dialog[str]:
    """Two that go on by themselves: a text, and a conversation that asks."""
    chat.remind(float(seconds), f"记得#{n}#")
    chat.start(visit, {"n": n, "seconds": float(seconds)}, key=f"visit {n}")
    yield from chat.step(write, chat.user, n, "begun")
    return f"约好#{n}#"


@bot.dialog
def visit(chat: Chat, n: str, seconds: float) -> Dialog[str]:
    """Begun beside another, or from outside."""
    yield from chat.step(write, chat.user, n, "visit")
    yield from chat.sleep(seconds)
    yield from chat.step(write, chat.user, n, "slept")
    try:
        yield from chat.ask(f"第 {n} 座，还来吗，几位？", int, within=seconds)
    except NoAnswer:
        yield from chat.step(write, chat.user, n, "missed")
    else:
        yield from chat.step(write, chat.user, n, "comes")
    return f"完#{n}#"


@bot.fallback
def anything(_: Chat) -> str:
    """Say that nothing is running."""
    return "没事"


async def told(body: dict[str, Any]) -> str:
    """Somebody else's callback, repeated until it is answered with a 200, and then twice more."""
    user, id = body["user"], body["id"]
    if body["path"] == "begin":
        state = {"n": body["match"], "seconds": body["data"]}
        return await bot.begin_async(user, visit, state, id=id)
    return await bot.signal_async(user, "paid", body["data"], match=body["match"], id=id)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The bot's, with a callback beside it."""
    if scope["type"] != "http" or scope["path"] != "/told":
        await bot.asgi(scope, receive, send)
        return
    body = json.loads(await Request(scope, receive).body())
    try:
        answer: Response = JSONResponse({"outcome": await told(body)})
    except StoreError as error:
        answer = Response(str(error), 503)
    await answer(scope, receive, send)


if __name__ == "__main__":
    serve(app)
