"""The bot of the browser tests of what a phone would not show; copied into a folder."""

from wechat_dialog import Bot, Chat, Dialog

bot = Bot(timeout=60)


@bot.text("静")
def quiet(chat: Chat) -> Dialog[None]:
    """End without a word."""
    yield from chat.ask("说点什么")


@bot.text("错")
def broken(chat: Chat) -> Dialog[str]:
    """Break after a question."""
    yield from chat.ask("哪里？")
    raise ZeroDivisionError("不该除以零")


def look() -> str:
    """Look something up."""
    return "有货"


@bot.text("买")
def buy(chat: Chat) -> Dialog[str]:
    """Run a step before a signal, and one after it."""
    chat.say("请付款。")
    yield from chat.step(look)
    yield from chat.wait_for("paid", int, match="A1")
    yield from chat.step(look)
    yield from chat.wait_for("sent", int, match="A1")
    return "寄了。"


@bot.fallback
def echo(chat: Chat) -> str:
    """Say what was said."""
    return f"您说：{getattr(chat.message, 'text', '')}"
