"""Spans as OpenTelemetry's own SDK records them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.full_path.people import ACCOUNT, TOKEN, push, signed
from tests.pages import Page, manual
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.operation.opentelemetry import Traces

USER = "oAda"


class Tracing:
    """A bot whose turns are traced, and what was exported."""

    def __init__(self, **settings: Any) -> None:
        self.exporter, self.provider = InMemorySpanExporter(), TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        traces = Traces(self.provider, **settings)
        self.bot = Bot(TOKEN, store="memory://", account=ACCOUNT, on_turn=traces)

        def pay() -> None:
            time.sleep(0)

        def refuse() -> None:
            raise PermissionError("a word of the user's")

        @self.bot.text("买")
        def buy(chat: Chat) -> Dialog[str]:
            yield from chat.ask("几个？", int, key="count")
            yield from chat.step(pay)
            yield from chat.step(refuse)
            return "好"

    def spans(self) -> Sequence[ReadableSpan]:
        """Close the bot, and return the spans."""
        self.bot.close()
        return self.exporter.get_finished_spans()


def of_turns(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    return [span for span in spans if span.kind is SpanKind.CONSUMER]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_turn_is_a_span_and_its_steps_are_children_of_it() -> None:
    tracing = Tracing()
    before = time.time_ns()
    for text in ("买", "三"):
        tracing.bot.answer(push(USER, Content=text), signed())
    spans = tracing.spans()
    begun, broken = of_turns(spans)
    assert [span.name for span in (begun, broken)] == ["process buy", "process buy"]
    assert begun.status.status_code is StatusCode.UNSET
    assert broken.status.status_code is StatusCode.ERROR
    named = attributes(broken)
    assert named["messaging.system"] == "wechat"
    assert named["messaging.operation.type"] == "process"
    assert named["messaging.destination.name"] == ACCOUNT
    assert named["enduser.pseudo.id"] == USER
    assert named["error.type"] == "PermissionError"
    assert named["wechat_dialog.outcome"] == "parked"
    assert named["wechat_dialog.answered"] == "a=count"
    assert named["messaging.message.conversation_id"] == named["wechat_dialog.parked"]
    assert attributes(begun)["wechat_dialog.question"] == "a=count"
    steps = [span for span in spans if span not in (begun, broken)]
    assert broken.context is not None
    assert broken.start_time is not None
    assert broken.end_time is not None
    for span in steps:
        assert span.parent is not None
        assert span.parent.span_id == broken.context.span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert broken.start_time <= span.start_time <= span.end_time <= broken.end_time
    assert [span.name.rpartition(".")[2] for span in steps] == ["pay", "refuse"]
    assert [span.status.status_code for span in steps] == [StatusCode.UNSET, StatusCode.ERROR]
    assert before - 10**9 < broken.start_time < broken.end_time < time.time_ns()


def test_the_span_of_the_request_is_the_parent_on_a_thread_and_on_an_event_loop() -> None:
    tracing = Tracing()
    tracer = tracing.provider.get_tracer("a web framework")
    with tracer.start_as_current_span("POST /wx"):
        tracing.bot.answer(push(USER, Content="买"), signed())

    async def on_a_loop() -> None:
        with tracer.start_as_current_span("POST /wx"):
            await tracing.bot.answer_async(push(USER, Content="三"), signed())
        await tracing.bot.close_async()

    asyncio.run(on_a_loop())
    spans = tracing.spans()
    requests = [span for span in spans if span.name == "POST /wx"]
    turns = of_turns(spans)
    assert len(requests) == len(turns) == 2
    for request, turn in zip(requests, turns, strict=True):
        assert request.context is not None
        assert turn.parent is not None
        assert turn.parent.span_id == request.context.span_id


def test_a_trace_may_leave_its_user_out_and_never_has_a_word_that_was_said() -> None:
    tracing = Tracing(users=False)
    for text in ("买", "很多词", "三"):
        tracing.bot.answer(push(USER, Content=text), signed())
    whole = "".join(span.to_json() for span in tracing.spans())
    for said in (USER, "词", "几个", "word"):
        assert said not in whole


@pytest.mark.parametrize("page", manual("operation"), ids=repr)
def test_the_code_of_the_manual_runs(page: Page) -> None:
    for block in page.blocks:
        if "on_turn" in block.text and not block.title:
            module: dict[str, Any] = {}
            exec(compile(block.in_place, page.name, "exec"), module)
            assert module["bot"].on_turn is not None


def test_a_process_without_a_provider_traces_nothing() -> None:
    bot = Bot(TOKEN, store="memory://", account=ACCOUNT, on_turn=Traces())
    assert b"success" in bot.answer(push(USER, Content="买"), signed())
    bot.close()
