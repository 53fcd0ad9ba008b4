"""Steps that change what they are handed, as payment libraries do that sign a request in place."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, messages
from wechat_dialog.errors import ArgumentsChanged
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk


class Bank:
    """Signs what it is handed, in place, and keeps the book."""

    def __init__(self) -> None:
        self.book: list[tuple[int, str]] = []

    def pay(self, order: dict[str, Any], idempotency_key: str = "") -> int:
        order["sign"] = "signed"
        self.book.append((order["amount"], idempotency_key))
        return len(self.book)

    async def pay_async(self, order: dict[str, Any], idempotency_key: str = "") -> int:
        return self.pay(order, idempotency_key)


def twice(pay: Callable[..., int]) -> Callable[[Chat], Any]:
    def buys(chat: Chat) -> Any:
        order = {"amount": 5}
        yield from chat.step(pay, order)  # HERE
        yield from chat.ask("再来一份？")
        yield from chat.step(pay, order)
        yield from chat.ask("还要？")
        count = yield from chat.step(pay, order)
        return f"付了{count}次"

    return buys


def twice_too(pay: Callable[..., int]) -> Callable[[Chat], Any]:
    async def buys(chat: Chat) -> str:
        order = {"amount": 5}
        await chat.step(pay, order)  # HERE
        await chat.ask("再来一份？")
        await chat.step(pay, order)
        await chat.ask("还要？")
        return f"付了{await chat.step(pay, order)}次"

    return buys


def at_once(pay: Callable[..., int]) -> Callable[[Chat], Any]:
    def buys(chat: Chat) -> Any:
        yield from chat.gather(chat.step(pay, {"amount": 5}), chat.step(str, 1))  # HERE
        return "好"

    return buys


def bot_of(dialog: Callable[[Chat], Any], **options: Any) -> Bot:
    bot = Bot("t", **options)
    bot.text("买")(dialog)
    return bot


@pytest.mark.parametrize("live", [0, 10], ids=["replayed", "live"])
@pytest.mark.parametrize("spelling", [twice, twice_too])
def test_a_step_called_again_with_what_it_changed_runs_once_for_each_call(
    spelling: Callable[..., Any], live: int
) -> None:
    bank = Bank()
    bot = bot_of(spelling(bank.pay), store=MemoryStore(), live_dialogs=live)
    seen = ""
    for number, text in enumerate(("买", "好", "好")):
        message = messages.from_fields(
            {"ToUserName": "gh", "FromUserName": "ada", "CreateTime": "1700000000",
             "MsgType": "text", "Content": text, "MsgId": str(number)}
        )  # fmt: skip
        reply = bot.respond(message, time.time()).reply
        seen = str(reply)
    assert "付了3次" in seen
    assert len({key for _, key in bank.book}) == len(bank.book) == 3


@pytest.mark.parametrize("spelling", [twice, twice_too, at_once])
@pytest.mark.parametrize("how", ["pay", "pay_async"])
def test_strict_mode_names_the_line_of_a_step_that_changes_what_it_is_handed(
    spelling: Callable[..., Any], how: str
) -> None:
    talk = Talk(bot_of(spelling(getattr(Bank(), how))))
    lines, start = inspect.getsourcelines(spelling)
    here = start + next(number for number, line in enumerate(lines) if "HERE" in line)
    with pytest.raises(ArgumentsChanged, match=f"Bank.{how}") as error:
        talk("买")
    assert error.value.where == f"{__file__}:{here}"


def test_strict_mode_says_nothing_of_what_the_dialog_changes_itself() -> None:
    def buys(chat: Chat) -> Any:
        order: dict[str, Any] = {"amount": 1}
        for _ in range(3):
            yield from chat.step(dict, order)
            order["amount"] += 1
        order["what"] = yield from chat.ask("什么？")
        return str(order)

    talk = Talk(bot_of(buys))
    assert talk("买") == "什么？"
    assert talk("书") == "{'amount': 4, 'what': '书'}"
