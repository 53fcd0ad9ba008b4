"""`wechat-dialog probe`: the conformance checklist, asked of any server, one result a case.

A case is passed if every part of it that can be seen was kept to, failed if one was not, and
skipped if none can be seen at this server. The probe is kind: one request at a time (two in a
single case), a bounded number of them, from one user of its own (a second one in a single case),
who follows and unfollows, and nothing that could do harm.

Proof: `tests/probe/`, against our own bot, against servers each of which breaks one rule, and
against servers written with other people's libraries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from wechat_dialog.platform import probe_door, probe_messages
from wechat_dialog.platform.checklist import CHECKLIST, Entry
from wechat_dialog.platform.probe_parts import Part
from wechat_dialog.platform.probing import Exchange, Failed, Prober, Skipped

__all__ = ["Outcome", "PartResult", "Result", "planned", "probe"]

Outcome = Literal["passed", "failed", "skipped"]

PARTS = {**probe_door.PARTS, **probe_messages.PARTS}

COMMON = 4
"""Requests made once for all cases: the first URL check, the first text, whether the reply repeats
what it was told, and the user's leaving.
"""


@dataclass(frozen=True, slots=True)
class PartResult:
    """What came of a part of a case.

    Attributes:
        name: Which; "" if the case has one part alone.
        outcome: What came of it.
        why: What was wrong, or why it cannot be seen; "" if it passed.
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
    """What came of a case.

    Attributes:
        number: Its number in the checklist.
        entry: What it is about.
        parts: What came of its parts; at least one.
    """

    number: int
    entry: Entry
    parts: tuple[PartResult, ...]

    @property
    def outcome(self) -> Outcome:
        """Failed if a part failed, skipped if all were, passed else."""
        outcomes = {part.outcome for part in self.parts}
        if "failed" in outcomes:
            return "failed"
        return "passed" if "passed" in outcomes else "skipped"

    def of(self, outcome: Outcome) -> tuple[PartResult, ...]:
        """Return the parts with this outcome."""
        return tuple(part for part in self.parts if part.outcome == outcome)


def planned(prober: Prober, only: Collection[int] = ()) -> int:
    """Return how many requests a run makes at most."""
    parts = [part for number in PARTS if not only or number in only for part in PARTS[number]]
    seen = [part for part in parts if not _out_of_mode(prober, part)]
    return COMMON + sum(part.requests for part in seen)


def probe(prober: Prober, only: Collection[int] = ()) -> Iterator[Result]:
    """Ask the cases in their order.

    Args:
        prober: Asks.
        only: Numbers of cases; all if empty.

    Raises:
        Unreachable: The very first request had no answer.
    """
    for number, entry in CHECKLIST.items():
        if only and number not in only:
            continue
        parts = PARTS.get(number, [])
        results = tuple(_asked(prober, part, entry) for part in parts)
        yield Result(number, entry, results or (PartResult("", "skipped", entry.unseen),))
    if any("subscribe" in made.plain.decode("utf-8", "replace") for made in prober.made):
        _leave(prober)


def _asked(prober: Prober, part: Part, entry: Entry) -> PartResult:
    if why := _out_of_mode(prober, part):
        return PartResult(part.name, "skipped", why)
    try:
        part.ask(prober)
    except Skipped as skipped:
        return PartResult(part.name, "skipped", str(skipped))
    except Failed as failed:
        rule = failed.rule or entry.rule
        return PartResult(part.name, "failed", failed.why, rule, failed.exchanges)
    return PartResult(part.name, "passed")


def _out_of_mode(prober: Prober, part: Part) -> str:
    mode = prober.account.mode
    return "" if not part.modes or mode in part.modes else f"not in {mode} mode"


def _leave(prober: Prober) -> None:
    try:
        prober.push(prober.event("unsubscribe", EventKey=""))
    except Skipped:
        return
