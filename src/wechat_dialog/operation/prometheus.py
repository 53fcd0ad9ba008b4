"""Metrics for Prometheus, made of the reports of turns.

    from wechat_dialog.operation.prometheus import Metrics

    bot = Bot(…, on_turn=Metrics())

No label holds a user or a conversation: names of dialogs and steps, kinds of errors, and the few
words of `TurnReport`. See `docs/operation.md` for how they are served.
"""

from __future__ import annotations

import weakref
from threading import Lock

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from wechat_dialog.core.turn.turn_report import DELIVERIES, TurnReport

__all__ = ["Metrics"]

REPLY = (
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0, 7.5, 9.5, 12.0, 14.5, 15.0, 30.0, 60.0,
    300.0,
)  # fmt: skip
"""Seconds of a turn: close together before 5, 10 and 15, where the platform hangs up."""

CALL = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds of a step."""

STORE = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds of a turn that are spent in the store."""

LATE = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds after its time at which something due is done."""


class _Collectors:
    """The metrics of one registry."""

    def __init__(self, namespace: str, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, namespace=namespace, registry=registry)

        def histogram(name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(
                name, what, labels, namespace=namespace, registry=registry, buckets=buckets
            )

        self.turns = counter("turns", "Turns.", "dialog", "cause", "outcome")
        self.seconds = histogram(
            "turn_seconds", "Seconds from the arrival of a request to its turn's commit.", REPLY,
            "dialog",
        )  # fmt: skip
        self.waited = counter(
            "waited_seconds", "Seconds spent waiting for another turn of the user, or the store."
        )
        self.deliveries = counter("deliveries", "What became of what turns say.", "delivery")
        for delivery in DELIVERIES:  # from 0: `increase` does not see a counter's first value
            self.deliveries.labels(delivery)
        # without labels, so from 0 as well: most dialogs fail in one way, and once
        self.parked = counter("parked", "Conversations that were parked.")
        self.errors = counter(
            "errors", "Turns that were parked or failed.", "dialog", "outcome", "error"
        )
        self.steps = histogram(
            "step_seconds", "Seconds of steps, by whether they returned.", CALL, "step", "result"
        )
        self.store = histogram("store_seconds", "Seconds of a turn in the store.", STORE)
        self.trips = counter("store_calls", "Calls of the store.")
        self.ways = counter("ways", "How turns came to their commit.", "way")
        self.restarts = counter("restarts", "How often turns began anew.")
        self.replayed = counter("replayed_records", "Records that were replayed.")
        self.recovered = counter("recovered", "Turns that another process had begun.")
        self.late = histogram(
            "late_seconds", "Seconds after its time at which something due is done.", LATE, "cause"
        )


_made: weakref.WeakKeyDictionary[CollectorRegistry, dict[str, _Collectors]]
_made = weakref.WeakKeyDictionary()
_making = Lock()


class Metrics:
    """Counts turns: give it to a bot as `on_turn`, or call it with each report.

    Several of one registry and namespace count into the same metrics.
    """

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, *, namespace: str = "wechat_dialog"
    ) -> None:
        """Register the metrics, unless they are.

        Args:
            registry: Where they are registered.
            namespace: What their names begin with.
        """
        with _making:
            known = _made.setdefault(registry, {})
            if namespace not in known:
                known[namespace] = _Collectors(namespace, registry)
            self._metrics = known[namespace]

    def __call__(self, report: TurnReport) -> None:
        """Count a turn."""
        metrics, dialog = self._metrics, report.dialog
        metrics.turns.labels(dialog, report.cause, report.outcome).inc()
        metrics.seconds.labels(dialog).observe(report.seconds)
        metrics.deliveries.labels(report.delivery).inc()
        metrics.store.observe(report.store_seconds)
        metrics.trips.inc(report.trips)
        metrics.ways.labels(report.way).inc()
        if report.error:
            metrics.errors.labels(dialog, report.outcome, report.error).inc()
        if report.parked:
            metrics.parked.inc()
        if report.waited:
            metrics.waited.inc(report.waited)
        if report.restarts:
            metrics.restarts.inc(report.restarts)
        if report.replayed:
            metrics.replayed.inc(report.replayed)
        if report.recovered:
            metrics.recovered.inc()
        if report.cause in ("timer", "signal", "begin", "end"):
            metrics.late.labels(report.cause).observe(report.late)
        for step in report.steps:
            result = "raised" if step.error else "returned"
            metrics.steps.labels(step.name, result).observe(step.seconds)
