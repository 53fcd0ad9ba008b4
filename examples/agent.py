"""An agent of pydantic-ai in a step: each request to its model, and each call of a tool, is a part.

A worker that dies repeats one of them at most. A tool that needs the user's consent ends the run;
the dialog asks, and the run goes on with the answer. `pip install pydantic-ai-slim`, then
`MODEL=openai:gpt-4o`, or whatever pydantic-ai knows; without it a model that makes things up.
"""

import os
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypedDict

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelMessagesTypeAdapter
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    DurableOperationBackend,
    JournalCallableOperationBackend,
    RoleBasedOperationConfig,
)

from wechat_dialog import AsyncSteps, Bot, Chat, Dialog, step

STEPS: ContextVar[AsyncSteps | None] = ContextVar("steps", default=None)


class Parts(BaseDurabilityCapability[Any]):
    """Has whatever an agent does be parts of the step that it runs in."""

    engine_spec = DurabilityEngineSpec(
        engine_name="wechat-dialog", durable_unit_noun="part", durable_container_noun="step",
        codec=JSON_CODEC,
    )  # fmt: skip

    @property
    def in_durable_context(self) -> bool:
        return STEPS.get() is not None

    def get_durable_operation_backend(self) -> DurableOperationBackend[None]:
        config = RoleBasedOperationConfig[None](model=None, event=None, capability=None, tool=None)
        return Backend(agent_name=self.name or "agent", config=config)


class Backend(JournalCallableOperationBackend[None]):
    async def execute(
        self, *, name: str, body: Callable[[], Awaitable[object]], **_: object
    ) -> object:
        steps = STEPS.get()
        assert steps is not None
        return await steps.run(name, body)


agent = Agent(
    os.environ.get("MODEL", "test"), name="shop", output_type=[str, DeferredToolRequests],
    capabilities=[Parts()],
)  # fmt: skip
ORDERS = {"1": "已发货", "2": "待发货"}


@agent.tool_plain
def look_up(order: str) -> str:
    """Say how an order is getting on."""
    return ORDERS.get(order, "没有这个订单")


@agent.tool_plain(requires_approval=True)
def cancel(order: str) -> str:
    """Cancel an order."""
    ORDERS[order] = "已取消"
    return "取消了"


class Run(TypedDict):
    says: str
    asks: dict[str, str]
    history: str


@step(timeout=300)
async def run(steps: AsyncSteps, said: str, history: str, consent: dict[str, bool]) -> Run:
    token = STEPS.set(steps)
    try:
        done = await agent.run(
            said or None,
            message_history=ModelMessagesTypeAdapter.validate_json(history),
            deferred_tool_results=DeferredToolResults(approvals=dict(consent)) if consent else None,
        )
    finally:
        STEPS.reset(token)
    asks = {}
    if isinstance(done.output, DeferredToolRequests):
        asks = {one.tool_call_id: f"{one.tool_name} {one.args}" for one in done.output.approvals}
    return Run(
        says="" if asks else str(done.output), asks=asks, history=done.all_messages_json().decode()
    )


bot = Bot(token="wechat-dialog", timeout=1800)


@bot.text("客服")
def serve(chat: Chat, history: str = "[]") -> Dialog[Any]:
    said = yield from chat.ask("您说。" if history == "[]" else None)
    if said == "再见":
        return "再见！"
    done = yield from chat.step(run, said, history, {})
    while done["asks"]:
        consent: dict[str, bool] = {}
        for id, what in done["asks"].items():
            consent[id] = yield from chat.confirm(f"可以吗：{what}？", key=id)
        done = yield from chat.step(run, "", done["history"], consent)
    chat.say(done["says"])
    return chat.continue_as(serve, history=done["history"])
