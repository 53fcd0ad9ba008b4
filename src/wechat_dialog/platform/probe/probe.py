"""`wechat-dialog probe`: checks any server against the conformance checklist, one result per case.

A case has failed if one of its parts failed, is skipped if none of them can be checked at this
server, and has passed otherwise. The load is small: a bounded number of requests, one at a time
(two at once in one case), from one user (a second one in one case), who follows and unfollows. The
server cannot tell them from real users.

Proof: `tests/probe/`, against this project's own bot, against servers each of which breaks one
rule, and against servers written with other libraries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from . import door, messages
from .checklist import CHECKLIST, Entry
from .exchange import Exchange, Failed, Skipped, Unreachable
from .parts import Part
from .prober import Prober

__all__ = ["Outcome", "PartResult", "Result", "planned", "probe"]

Outcome = Literal["passed", "failed", "skipped"]

PARTS = {**door.PARTS, **messages.PARTS}

COMMON = 4
"""Requests made once for all cases: the first URL check, the first text, the test whether replies
repeat the user's text, and the final unsubscribe event.
"""


@dataclass(frozen=True, slots=True)
class PartResult:
    """The result of a part of a case.

    Attributes:
        name: Its name; "" if it is the only part of its case.
        outcome: Passed, failed or skipped.
        why: What was wrong, or why it cannot be checked; "" if it passed.
        rule: The section of the protocol reference that was broken; "" if none was.
        exchanges: What was sent and received, if it failed.
    """

    name: str
    outcome: Outcome
    why: str = ""
    rule: str = ""
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a case.

    Attributes:
        number: Its number in the checklist.
        entry: The case itself.
        parts: The results of its parts; at least one.
    """

    number: int
    entry: Entry
    parts: tuple[PartResult, ...]

    @property
    def outcome(self) -> Outcome:
        """Failed if a part failed, skipped if all parts were skipped, passed otherwise."""
        outcomes = {part.outcome for part in self.parts}
        if "failed" in outcomes:
            return "failed"
        return "passed" if "passed" in outcomes else "skipped"

    def of(self, outcome: Outcome) -> tuple[PartResult, ...]:
        """Return the parts with this outcome."""
        return tuple(part for part in self.parts if part.outcome == outcome)


def planned(prober: Prober, only: Collection[int] = ()) -> int:
    """Return the number of requests that a run makes at most."""
    parts = [part for number in PARTS if not only or number in only for part in PARTS[number]]
    checked = [part for part in parts if not _out_of_mode(prober, part)]
    return COMMON + sum(part.requests for part in checked)


def probe(prober: Prober, only: Collection[int] = ()) -> Iterator[Result]:
    """Check the cases in their order.

    Args:
        prober: Makes the requests.
        only: The numbers of the cases to check; empty for all.

    Raises:
        Unreachable: The first request could not connect.
    """
    for number, entry in CHECKLIST.items():
        if only and number not in only:
            continue
        parts = PARTS.get(number, [])
        results = tuple(_result_of(prober, part, entry) for part in parts)
        yield Result(number, entry, results or (PartResult("", "skipped", entry.unseen),))
    if any(
        "subscribe" in exchange.plain.decode("utf-8", "replace") for exchange in prober.exchanges
    ):
        _leave(prober)


def _result_of(prober: Prober, part: Part, entry: Entry) -> PartResult:
    if why := _out_of_mode(prober, part):
        return PartResult(part.name, "skipped", why)
    try:
        part.ask(prober)
    except Skipped as skipped:
        return PartResult(part.name, "skipped", str(skipped))
    except Failed as failed:
        rule = failed.rule or entry.rule
        return PartResult(part.name, "failed", failed.why, rule, failed.exchanges)
    except Unreachable:
        raise
    except Exception as error:  # noqa: BLE001 - the other cases are checked all the same
        why = f"the probe itself broke on it: {type(error).__name__}: {error}"
        return PartResult(part.name, "skipped", why)
    return PartResult(part.name, "passed")


def _out_of_mode(prober: Prober, part: Part) -> str:
    mode = prober.account.mode
    return "" if not part.modes or mode in part.modes else f"not in {mode} mode"


def _leave(prober: Prober) -> None:
    try:
        prober.push(prober.event("unsubscribe", EventKey=""))
    except Skipped:
        return
