"""A ticket that waits for its payment: the seat is held for 15 minutes, then given back."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask import Flask, json, request

from wechat_dialog import Bot, Chat, Dialog, NoAnswer, step
from wechat_dialog.web.flask import view

bot = Bot(token="wechat-dialog", timeout=600)
app = Flask(__name__)
app.add_url_rule("/wx", view_func=view(bot))
pay: Any = None  # pip install wechatpayv3: WeChatPay(WeChatPayType.NATIVE, mchid=…, …)


@dataclass
class Payment:
    fen: int


@step(retries=2, timeout=10)
def place_order(user: str, fen: int, *, idempotency_key: str = "") -> str:
    no = sha256(idempotency_key.encode()).hexdigest()[:32]  # by which a repeated call is known
    pay.pay(description="门票", out_trade_no=no, amount={"total": fen}, attach=user)
    return no


@step(retries=2, timeout=10)
def close_order(no: str) -> bool:
    """Let nobody pay it any more, and give the seat back; False if it was paid before that."""
    pay.close(no)  # refuses what is paid or closed already, so ask; any other state: try again
    trade = json.loads(pay.query(out_trade_no=no)[1])
    return {"CLOSED": True, "SUCCESS": False}[trade["trade_state"]]


@bot.text("买票")
def ticket(chat: Chat) -> Dialog[str]:
    no = yield from chat.step(place_order, chat.user, 9900)
    chat.say(f"座位保留 15 分钟，请付 99 元：https://example.com/pay/{no}")
    try:
        payment = yield from chat.wait_for("paid", Payment, match=no, within=900)
    except NoAnswer:
        if (yield from chat.step(close_order, no)):
            return "超时未付，座位已放回。"
        payment = yield from chat.wait_for("paid", Payment, match=no)
    return f"收到 {payment.fen / 100:.2f} 元，座位是您的了。"


@app.post("/paid")
def paid() -> tuple[dict[str, str], int]:
    told = pay.callback(request.headers, request.get_data())  # None: not signed by WeChat Pay
    if not told or told["event_type"] != "TRANSACTION.SUCCESS":
        return {"code": "FAIL"}, 400
    done = told["resource"]
    payment, no = Payment(done["amount"]["total"]), done["out_trade_no"]
    bot.signal(done["attach"], "paid", payment, match=no, id=done["transaction_id"])
    return {"code": "SUCCESS"}, 200
