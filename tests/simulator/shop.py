"""The bot that the browser tests talk to; copied into a folder, where a test may change it."""

import pathlib
import time

from wechat_dialog import Bot, Chat, Dialog, messages, replies

bot = Bot(timeout=60)


@bot.text("累加器")
def accumulator(chat: Chat) -> Dialog[str]:
    """Add numbers up."""
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


@bot.text("点餐")
async def order(chat: Chat) -> str:
    """Choose from a menu whose lines can be tapped."""
    dish = await chat.choose("今天吃什么？", ["牛肉面", "炒饭", "饺子"])
    count = await chat.ask("几份？", int)
    return f"好的，{count} 份{dish}。"


def stew() -> str:
    """Take as long as the test wants."""
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return "炖好了"


@bot.text("慢")
def slow(chat: Chat) -> Dialog[str]:
    """Run a step that takes longer than the platform waits."""
    return (yield from chat.step(stew))


@bot.text("图文")
def news(_: Chat) -> replies.News:
    """Answer with an article."""
    return replies.News([replies.Article("好消息", "两行字", url="https://example.com/a")])


@bot.text("很多")
def much(_: Chat) -> str:
    """Say more than one reply takes."""
    return "头" + "很多的话。" * 200 + "尾"


@bot.text("忘")
async def forgetful(chat: Chat) -> str:
    """Make a question and never wait for it, which strict mode refuses."""
    chat.ask("几个？")
    return "好"


@bot.text("出错")
def broken(chat: Chat) -> Dialog[str]:
    """Break after a question."""
    yield from chat.ask("哪里？")
    raise ZeroDivisionError("不该除以零")


@bot.click("today")
def today(_: Chat) -> str:
    """Answer a tapped button."""
    return "今天有饺子。"


@bot.event("subscribe")
def welcome(_: Chat) -> str:
    """Greet."""
    return "欢迎关注 /::)"


@bot.scan("spring2024")
def spring(_: Chat) -> str:
    """Answer a scanned code."""
    return "春天的二维码"


@bot.message("image", "voice", "location", "link")
def anything(chat: Chat) -> str:
    """Say what came."""
    message = chat.message
    if isinstance(message, messages.Location):
        return f"收到位置 {message.label}"
    if isinstance(message, messages.Voice):
        return f"听到 {message.recognition}"
    return f"收到 {type(message).__name__}"


@bot.fallback
def explain(_: Chat) -> str:
    """Say what there is."""
    return "发送「累加器」试试。"
