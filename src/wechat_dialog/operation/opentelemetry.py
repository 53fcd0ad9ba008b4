"""Traces for OpenTelemetry, made of the reports of turns.

    from wechat_dialog.operation.opentelemetry import Traces

    bot = Bot(…, on_turn=Traces())

A turn is a span, and each of its steps a child of it. The span of the request that ran the turn is
its parent, where the web framework is instrumented. What fits is named as the conventions for
messaging say; the rest is `wechat_dialog.…`. Spans are made after the turn, of its report: what a
step itself traces is a sibling of the turn's span, not a child of the step's.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    get_tracer,
    set_span_in_context,
)

from wechat_dialog.core.turn.turn_report import StepReport, TurnReport

__all__ = ["Traces"]

Value = str | bool | int | float


class Traces:
    """Makes spans: give it to a bot as `on_turn`, or call it with each report."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, *, users: bool = True
    ) -> None:
        """Create it.

        Args:
            tracer_provider: Where the spans go; None: the one that is set for the process.
            users: Whether spans have the OpenID of their user.
        """
        self._tracer: Tracer = get_tracer("wechat_dialog", tracer_provider=tracer_provider)
        self._users = users

    def __call__(self, report: TurnReport) -> None:
        """Make the spans of a turn."""
        span = self._tracer.start_span(
            f"process {report.dialog or report.kind or report.cause}",
            kind=SpanKind.CONSUMER,
            attributes=self._attributes(report),
            start_time=_ns(report.arrived),
        )
        inside = set_span_in_context(span)
        for step in report.steps:
            self._step(report, step, inside)
        if report.outcome in ("parked", "failed"):
            _fails(span, report.error)
        span.end(_ns(report.arrived + report.seconds))

    def _step(self, report: TurnReport, step: StepReport, inside: Context) -> None:
        began = report.arrived + step.began
        span = self._tracer.start_span(
            f"step {step.name}",
            context=inside,
            attributes={
                "wechat_dialog.step": step.name,
                "wechat_dialog.step.attempts": step.attempts,
            },
            start_time=_ns(began),
        )
        if step.error:
            _fails(span, step.error)
        span.end(_ns(began + step.seconds))

    def _attributes(self, report: TurnReport) -> Mapping[str, Value]:
        known: dict[str, Value] = {
            "messaging.system": "wechat",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": report.account,
            "messaging.message.id": report.turn,
            "messaging.message.conversation_id": report.conversation,
            "enduser.pseudo.id": report.user if self._users else "",
            "wechat_dialog.dialog": report.dialog,
            "wechat_dialog.version": report.version,
            "wechat_dialog.cause": report.cause,
            "wechat_dialog.kind": report.kind,
            "wechat_dialog.outcome": report.outcome,
            "wechat_dialog.answered": report.answered,
            "wechat_dialog.question": "" if report.after is None else report.after.question,
            "wechat_dialog.recovered": report.recovered,
            "wechat_dialog.way": report.way,
            "wechat_dialog.restarts": report.restarts,
            "wechat_dialog.replayed": report.replayed,
            "wechat_dialog.store.calls": report.trips,
            "wechat_dialog.store.seconds": report.store_seconds,
            "wechat_dialog.waited": report.waited,
            "wechat_dialog.late": report.late,
            "wechat_dialog.delivery": report.delivery,
            "wechat_dialog.request": report.request,
            "wechat_dialog.pushes": report.pushes,
            "wechat_dialog.parked": report.parked,
        }
        return {name: value for name, value in known.items() if value}


def _fails(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(Status(StatusCode.ERROR))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
