"""An agent of pydantic-ai in a step: each request to its model, each call of a tool, is a part.

A worker that dies repeats one of them at most. A tool that needs the user's consent ends the run;
the dialog asks, and the run goes on with the answer. `MODEL=openai:gpt-4o` for one that thinks.
"""

import os
from contextvars import ContextVar
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelMessagesTypeAdapter
from pydantic_ai import durable_exec as durable

from wechat_dialog import AsyncSteps, Bot, Chat, Dialog, step

STEPS: ContextVar[AsyncSteps] = ContextVar("steps")


class Backend(durable.JournalCallableOperationBackend[None]):
    async def execute(self, *, name: str, body: Any, **_: object) -> object:
        return await STEPS.get().run(name, body)


class Parts(durable.BaseDurabilityCapability[Any]):
    """Has whatever an agent does be parts of the step that it runs in."""

    engine_spec = durable.DurabilityEngineSpec(
        engine_name="wechat-dialog", durable_unit_noun="part", durable_container_noun="step",
        codec=durable.JSON_CODEC,
    )  # fmt: skip

    @property
    def in_durable_context(self) -> bool:
        return STEPS.get(None) is not None

    def get_durable_operation_backend(self) -> Backend:
        same = durable.RoleBasedOperationConfig(model=None, event=None, capability=None, tool=None)
        return Backend(agent_name=self.name or "agent", config=same)


agent = Agent(
    os.environ.get("MODEL", "test"), name="shop", capabilities=[Parts()],
    output_type=[str, DeferredToolRequests],
)  # fmt: skip
ORDERS = {"1": "待发货"}


@agent.tool_plain(requires_approval=True)
def cancel(order: str) -> str:
    """Cancel an order."""
    ORDERS[order] = "已取消"
    return "取消了"


@step(timeout=300)
async def run(steps: AsyncSteps, past: str, said: str | None, consent: dict[str, Any]) -> list[Any]:
    """Return what the agent says, the calls that it asks consent for, and its past."""
    STEPS.set(steps)
    history = ModelMessagesTypeAdapter.validate_json(past)
    results = DeferredToolResults(approvals=consent) if consent else None
    done = await agent.run(said, message_history=history, deferred_tool_results=results)
    asks = done.output.approvals if isinstance(done.output, DeferredToolRequests) else []
    wants = {call.tool_call_id: f"{call.tool_name} {call.args}" for call in asks}
    return ["" if asks else done.output, wants, done.all_messages_json().decode()]


bot = Bot(token="wechat-dialog", timeout=1800)


@bot.text("客服")
def serve(chat: Chat, past: str = "[]") -> Dialog[Any]:
    said = yield from chat.ask("您说。" if past == "[]" else None)
    says, wants, past = yield from chat.step(run, past, said, {})
    while wants:
        consent = {}
        for id, what in wants.items():
            consent[id] = yield from chat.confirm(f"可以吗：{what}？", key=id)
        says, wants, past = yield from chat.step(run, past, None, consent)
    chat.say(says)
    return chat.continue_as(serve, past=past)
