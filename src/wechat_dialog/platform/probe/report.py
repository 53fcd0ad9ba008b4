"""The results of a probe, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wechat_dialog.platform.dump import lines

from .in_chinese import translated
from .probe import Outcome, PartResult, Result

__all__ = ["as_data", "counts", "show"]

SHOWN = 600
"""Bytes of a body that are printed; the JSON report has all of them."""

_MARKS: Mapping[Outcome, tuple[str, str]] = {
    "passed": ("passed", "green"),
    "failed": ("FAILED", "bold red"),
    "skipped": ("skipped", "dim"),
}


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return the number of cases by outcome."""
    numbers = Counter(result.outcome for result in results)
    return {outcome: numbers[outcome] for outcome in _MARKS}


# For people. ---------------------------------------------------------------------------


def show(results: Sequence[Result], console: Console) -> None:
    """Print a table of all cases, then each failure with its rule and its requests."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    table.add_column("#", justify="right")
    # Chinese has no spaces to wrap at, and would be cut.
    table.add_column(translated("case"), overflow="fold")
    table.add_column(translated("result"), no_wrap=True)
    table.add_column("", overflow="fold")
    for result in results:
        mark, style = _MARKS[result.outcome]
        title = Text(
            translated(result.entry.title), style="dim" if result.outcome == "skipped" else ""
        )
        table.add_row(
            str(result.number), title, Text(translated(mark), style), Text(_note(result), "dim")
        )
    console.print(table)
    for result in results:
        for part in result.of("failed"):
            _explain(result, part, console)
    console.print()
    numbers = counts(results)
    console.print(
        Text(", ".join(f"{number} {translated(outcome)}" for outcome, number in numbers.items()))
    )
    if hint := _hint(results):
        console.print(Text(translated(hint)))


def _note(result: Result) -> str:
    """Return which parts failed and why or, if none did, which were skipped and why."""
    if result.outcome == "failed":
        return ", ".join(part.name for part in result.of("failed") if part.name)
    skipped = result.of("skipped")
    if result.outcome == "skipped":
        return "; ".join(dict.fromkeys(translated(part.why) for part in skipped))
    return "; ".join(f"{part.name}: {translated(part.why)}" for part in skipped)


def _explain(result: Result, part: PartResult, console: Console) -> None:
    name = f"{result.number} {part.name}".rstrip()
    console.print()
    console.print(Text(f"{name}: {translated(result.entry.title)}", "bold red"))
    # Such a reason already names its section of the reference.
    rule = "" if "(protocol reference" in part.why else f" (protocol reference {part.rule})"
    console.print(Text(f"  {translated(part.why + rule)}"))
    for exchange in part.exchanges:
        for line in lines(
            exchange.method,
            exchange.target,
            (exchange.sent, exchange.plain),
            # The table already has the reason.
            exchange.status
            or translated("nothing" if exchange.problem == part.why else exchange.problem),
            (exchange.received, exchange.opened),
            limit=SHOWN,
        ):
            console.print(Text(f"  {line}"), soft_wrap=True)


def _hint(results: Sequence[Result]) -> str:
    failed = {result.number for result in results if result.outcome == "failed"}
    refused = any(
        exchange.status in (400, 401, 403)
        for result in results
        if result.number in (1, 5, 8)
        for part in result.of("failed")
        for exchange in part.exchanges
    )
    if refused and failed & {1} and failed & {5, 8}:
        return "It refuses all that is signed: is --token the server's, and the URL whole?"
    return ""


# For programs. -------------------------------------------------------------------------


def as_data(results: Sequence[Result], url: str, user: str) -> dict[str, Any]:
    """Return the results as JSON data: the cases in their order, each with its parts.

    Args:
        results: The results of all cases that were checked.
        url: The server's URL.
        user: The OpenID of the probe's user.
    """
    return {
        "url": url,
        "user": user,
        **counts(results),
        "cases": [
            {
                "number": result.number,
                "title": result.entry.title,
                "outcome": result.outcome,
                "parts": [_part_data(part) for part in result.parts],
            }
            for result in results
        ],
    }


def _part_data(part: PartResult) -> dict[str, Any]:
    data: dict[str, Any] = {"name": part.name, "outcome": part.outcome}
    if part.why:
        data["why"] = part.why
    if part.rule:
        data["rule"] = part.rule
        data["exchanges"] = [
            {
                "method": exchange.method,
                "target": exchange.target,
                "sent": exchange.sent.decode("utf-8", "backslashreplace"),
                "plain": exchange.plain.decode("utf-8", "backslashreplace"),
                "status": exchange.status,
                "received": exchange.received.decode("utf-8", "backslashreplace"),
                "opened": exchange.opened.decode("utf-8", "backslashreplace"),
                "problem": exchange.problem,
            }
            for exchange in part.exchanges
        ]
    return data
