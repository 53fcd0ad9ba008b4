"""Ordering bubble tea: a form, a payment step, and a cancelled payment given back."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta

from wechat_dialog import Bot, Cancelled, Chat, Dialog, Field, step

bot = Bot(token="wechat-dialog", timeout=600)


class Tea(Enum):
    MILK = "珍珠奶茶"
    FRUIT = "满杯水果茶"
    PLAIN = "四季春"


PRICES = {Tea.MILK: Decimal(16), Tea.FRUIT: Decimal(19), Tea.PLAIN: Decimal(10)}


@dataclass
class Order:
    tea: Annotated[Tea, Field("茶")]
    count: Annotated[int, Field("杯数"), Meta(ge=1, le=20)] = 1
    sugar: Annotated[Literal["全糖", "半糖", "无糖"], Field("甜度")] = "半糖"
    note: Annotated[str | None, Field("备注"), Meta(max_length=50)] = None


@step(retries=2, timeout=10)
def pay(user: str, amount: str, *, idempotency_key: str = "") -> str:
    """Charge the user; whoever is called knows a repeated request by its key."""
    return f"T{sum(map(ord, user + amount)) % 10000:04}"


@step(retries=2)
def refund(receipt: str) -> None:
    """Give the money back."""


@bot.text("点单", "点餐")
def ordering(chat: Chat) -> Dialog[str]:
    order = yield from chat.form(Order)
    amount = PRICES[order.tea] * order.count
    if not (yield from chat.confirm(f"一共 {amount} 元，现在支付吗？")):
        return "好的，没有下单。"
    receipt = yield from chat.step(pay, chat.user, str(amount))
    try:
        place = yield from chat.choose("付好了！在哪儿取？", ["人民广场店", "静安寺店"])
    except Cancelled:
        yield from chat.step(refund, receipt)
        return f"已取消，{amount} 元已退回。"
    return f"{place}，{order.count} 杯{order.tea.value}（{order.sugar}）。取餐号 {receipt}。"
