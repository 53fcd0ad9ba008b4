"""A guestbook: a few words and up to three pictures, kept in a file of one line each."""

import json
from pathlib import Path
from typing import Any

from wechat_dialog import Bot, Chat, Dialog, messages

bot = Bot(token="wechat-dialog", timeout=600)
BOOK = Path("guestbook.jsonl")


def keep(user: str, words: str, pictures: list[str], *, idempotency_key: str = "") -> int:
    """Write an entry down once, though the step may be repeated; returns how many there are."""
    entries = {entry["key"]: entry for entry in load()}
    entries[idempotency_key] = {
        "key": idempotency_key, "user": user, "words": words, "pictures": pictures,
    }  # fmt: skip
    lines = (json.dumps(entry, ensure_ascii=False) for entry in entries.values())
    BOOK.write_text("\n".join(lines), "utf-8")
    return len(entries)


def load() -> list[dict[str, Any]]:
    """Read all entries, oldest first."""
    return (
        [json.loads(line) for line in BOOK.read_text("utf-8").splitlines()] if BOOK.exists() else []
    )


@bot.text("留言")
def write(chat: Chat) -> Dialog[str]:
    words = yield from chat.ask("写点什么吧：")
    pictures: list[str] = []
    while len(pictures) < 3:
        message = yield from chat.ask("发张照片，或说“好了”：", messages.Message)
        if isinstance(message, messages.Image):
            pictures.append(message.media_id)
        elif isinstance(message, messages.Text) and message.text.strip() in ("好了", "没有"):
            break
        else:
            chat.say("只收照片哦。")
    number = yield from chat.step(keep, chat.user, words, pictures)
    return f"谢谢！您是第 {number} 位，收到 {len(pictures)} 张照片。"


@bot.text("看留言")
def read(chat: Chat) -> Dialog[str]:
    entries = yield from chat.step(load)
    return "\n".join(f"· {entry['words']}" for entry in entries) or "还没有人留言。"
