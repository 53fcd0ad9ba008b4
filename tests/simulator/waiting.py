"""The bot of the browser tests of time and signals; copied into a folder."""

from dataclasses import dataclass

from wechat_dialog import Bot, Chat, Dialog, NoAnswer

bot = Bot(timeout=60)


@dataclass
class Payment:
    """What a payment tells."""

    fen: int


@bot.text("买票")
def ticket(chat: Chat) -> Dialog[str]:
    """Wait for a payment, and leave the user free."""
    chat.say("请付款。")
    try:
        payment = yield from chat.wait_for("paid", Payment, match="A1", within=900)
    except NoAnswer:
        return "超时未付。"
    return f"收到 {payment.fen / 100:.2f} 元。"


@bot.text("充值")
def top_up(chat: Chat) -> Dialog[str]:
    """Race a question with a signal and a time."""
    paid, said = chat.wait_for("paid", Payment, match="B7"), chat.ask("付好了吗？")
    match (yield from chat.race(paid, said, chat.sleep(600))):
        case 0, payment:
            return f"到账 {payment.fen / 100:.2f} 元。"
        case 1, text:
            return f"“{text}”，不充了。"
        case _:
            return "十分钟没等到。"


@bot.text("提醒")
def remind(chat: Chat) -> str:
    """Say something in half an hour."""
    chat.remind(1800, "该喝水了。", key="water")
    return "好。"


@bot.fallback
def echo(chat: Chat) -> str:
    """Say what was said."""
    return f"您说：{getattr(chat.message, 'text', '')}"
