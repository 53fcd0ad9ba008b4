"""The outcomes of the current gathering's steps, until all of them have ended."""

from __future__ import annotations

from typing import Any

from wechat_dialog.core.dialog.steps import Gather, StepCall

from .records import GatheredFailed, GatheredReturned
from .standing import At

__all__ = ["Slots"]


class Slots:
    """The outcomes of one gathering, by slot."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        # An exception, or a tuple of one value.
        self._given: dict[int, Any] = {}

    def call(
        self, at: At | None, record: GatheredReturned | GatheredFailed
    ) -> tuple[Gather[Any], StepCall[Any]] | None:
        """Return the gathering that a record belongs to and the call in it; None if the dialog does
        not stand at such a call, or has its outcome already.
        """
        if not isinstance(at, Gather) or record.slot >= len(at.calls):
            return None
        call: StepCall[Any] = at.calls[record.slot]
        if call.name != record.name or record.slot in self._given:
            return None
        return at, call

    def note(
        self, at: Gather[Any], slot: int, outcome: Exception | tuple[Any]
    ) -> Exception | tuple[Any, ...] | None:
        """Note how a step ended: an exception, or a tuple of its result.

        Returns:
            The gathering's result, which is then forgotten: the tuple of results, or the exception
            of the first slot that has one; None if some steps have not ended.
        """
        self._given[slot] = outcome
        if len(self._given) < len(at.calls):
            return None
        outcomes = [self._given[slot] for slot in range(len(at.calls))]
        self._given = {}
        failed = next((each for each in outcomes if isinstance(each, Exception)), None)
        return tuple(each[0] for each in outcomes) if failed is None else failed

    def open(self, at: At | None) -> list[int]:
        """Return the slots that have not ended yet; empty if the dialog stands at no gathering."""
        calls: tuple[StepCall[Any], ...] = at.calls if isinstance(at, Gather) else ()
        return [slot for slot in range(len(calls)) if slot not in self._given]
