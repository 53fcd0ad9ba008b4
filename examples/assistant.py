"""A chat with a language model: slower than the platform waits, wordier than one reply, endless."""

import os
import time
from typing import Any

from wechat_dialog import Bot, Chat, Dialog, TimedOut, step

bot = Bot(token="wechat-dialog", timeout=1800)
DELAY = float(os.environ.get("MODEL_SECONDS", "8"))
KEPT = 10


@step(timeout=120)
def complete(history: list[str]) -> str:
    """Stand in for a model; replace it by a call of yours. It may take minutes."""
    time.sleep(DELAY)
    question = history[-1]
    if "长" in question:
        return "\n\n".join(f"第 {number} 段。" + "说来话长。" * 40 for number in range(1, 8))
    return f"关于“{question}”：这是第 {len(history) // 2 + 1} 次回答。"


@bot.text("聊天")
def begin(chat: Chat) -> Any:
    chat.say("请说，“再见”结束。")
    return chat.continue_as(assistant, history=[])


@bot.dialog
def assistant(chat: Chat, history: list[str]) -> Dialog[Any]:
    said = yield from chat.ask(None)
    if said in ("再见", "拜拜"):
        return "再见！"
    try:
        answer = yield from chat.step(complete, [*history, said])
    except TimedOut:
        chat.say("想得太久了，换个问题吧。")
        return chat.continue_as(assistant, history=history)
    chat.say(answer)
    # A fresh journal for every question, and only so much of the past.
    return chat.continue_as(assistant, history=[*history, said, answer][-2 * KEPT :])
