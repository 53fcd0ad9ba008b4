"""A chat with a language model, at any address that speaks OpenAI's protocol.

What it writes is on a page while it comes; its one tool moves money, so the user is asked first.
Environment: `MODEL_URL`, `MODEL_KEY`, `MODEL`; `PAGES`, an address; `FORBIDDEN`, bad words.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx

from wechat_dialog import Bot, Chat, Dialog, Outgoing, Steps, TimedOut, replies, step

MODEL = httpx.Client(base_url=os.environ.get("MODEL_URL", "http://127.0.0.1:11434/v1"), timeout=30)
KEY = {"Authorization": f"Bearer {os.environ.get('MODEL_KEY', 'none')}"}
ORDER = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
TOOLS = [{"type": "function", "function": {"name": "refund", "parameters": ORDER}}]
KEPT, LONGEST = 10, 20_000  # questions of the past; characters of an answer: some never stop
FORBIDDEN = os.environ.get("FORBIDDEN", "").split()
Message = dict[str, Any]


def stream(messages: list[Message]) -> Iterator[Message]:
    """Yield what the model sends, piece by piece."""
    body = {"model": os.environ.get("MODEL"), "messages": messages, "stream": True, "tools": TOOLS}
    try:
        with MODEL.stream("POST", "chat/completions", json=body, headers=KEY) as answer:
            for line in answer.raise_for_status().iter_lines():
                if line.startswith("data: {"):
                    yield from (one["delta"] for one in json.loads(line[6:])["choices"])
                elif line == "data: [DONE]":
                    return
    except (httpx.HTTPError, ValueError, LookupError) as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    raise ConnectionError("it stopped in the middle")


@step(timeout=300, retries=2)
def think(steps: Steps, messages: list[Message]) -> Message:
    """Ask the model, and hand out each of its paragraphs once it is whole."""
    text, told, wish = "", 0, dict[str, Any]()
    for delta in stream(messages):
        for call in (one for one in delta.get("tool_calls") or () if not one.get("index")):
            wish = wish or {**call, "function": {**call["function"], "arguments": ""}}
            wish["function"]["arguments"] += call["function"].get("arguments") or ""
        text += delta.get("content") or ""
        end = text.rfind("\n\n", told)
        if end > told + 20 and text.count("```", told, end) % 2 == 0:  # code stays whole
            steps.say(replies.Markdown(text[told:end]))
            told = end + 2
        if len(text) > LONGEST:
            break
    if not (text.strip() or wish):
        raise ConnectionError("it said nothing")
    steps.say(replies.Markdown(text[told:]))
    return {"role": "assistant", "content": text, **({"tool_calls": [wish]} if wish else {})}


def refund(order: str, *, idempotency_key: str = "") -> str:
    return f"订单 {order} 的钱已退回"  # stands in for your shop


def look(going: Outgoing) -> replies.Sayable:
    return None if any(word in going.text for word in FORBIDDEN) else going.reply


bot = Bot(
    token=os.environ.get("TOKEN", "wechat-dialog"), timeout=1800, longest_turn=1000,
    pages=os.environ.get("PAGES"), ai_generated=True, review=look if FORBIDDEN else None,
)  # fmt: skip


@bot.text("聊天")
def assistant(chat: Chat, history: list[Message] | None = None) -> Dialog[Any]:
    said = yield from chat.ask("请说，“退出”结束。" if history is None else None)
    messages = [*(history := history or []), asked := {"role": "user", "content": said}]
    try:
        while "tool_calls" in (answer := (yield from chat.step(think, messages))):
            [wish] = answer["tool_calls"]
            order = json.loads(wish["function"]["arguments"])["order"]
            granted = yield from chat.confirm(f"给订单 {order} 退款吗？", key=wish["id"])
            done = (yield from chat.step(refund, order)) if granted else "用户不同意"
            messages += [answer, {"role": "tool", "tool_call_id": wish["id"], "content": done}]
        history = [*history, asked, answer][-2 * KEPT :]
    except (ConnectionError, TimedOut, ValueError, LookupError, TypeError):
        chat.say("……说到这儿断了，请再问一次。")
    return chat.continue_as(assistant, history=history)  # a fresh journal for every question
