"""The bot of the browser tests of code that hangs; copied into a folder."""

from wechat_dialog import Bot, Chat, Dialog

bot = Bot(timeout=60)


@bot.text("转")
def spins(chat: Chat) -> Dialog[str]:
    """Loop for ever after a question."""
    yield from chat.ask("转几圈？")
    while True:
        pass
