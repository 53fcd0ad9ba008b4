"""examples/agent.py: pydantic-ai's agents in a step, each request and each tool call a part."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialogs.test_examples import load
from wechat_dialog import AsyncSteps, Bot, Chat, Dialog
from wechat_dialog.testing import Talk

pydantic_ai: Any = pytest.importorskip("pydantic_ai", reason="pip install pydantic-ai-slim")


def test_a_tool_that_needs_consent_is_called_when_it_is_given() -> None:
    module = load("agent")
    talk = Talk(module.bot)
    assert talk("客服") == "您说。"
    asked = talk("取消订单")
    assert asked.startswith("可以吗：cancel")
    assert "a" not in module.ORDERS
    said = talk("是")
    assert "取消了" in said
    assert module.ORDERS["a"] == "已取消"
    assert talk("退出") == "已取消。"


@pytest.mark.parametrize("when", ["in", "after"])
def test_a_worker_that_dies_at_the_third_of_five_tools_has_the_others_called_once(
    when: str,
) -> None:
    module = load("agent")
    calls: list[str] = []
    agent = pydantic_ai.Agent("test", name="five", capabilities=[module.Parts()])
    for name in ("one", "two", "three", "four", "five"):

        def tool(name: str = name) -> str:
            calls.append(name)
            return name

        agent.tool_plain(tool, name=name, sequential=True)

    async def run(steps: AsyncSteps) -> str:
        module.STEPS.set(steps)
        return str((await agent.run("x")).output)

    bot = Bot(token="t")

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(run))

    talk = Talk(bot)
    talk.crashes("five__function_toolset__<agent>.call_tool:three", when)
    assert '"three":"three"' in talk("问")
    assert calls == ["one", "two", "three", *(["three"] if when == "in" else []), "four", "five"]
