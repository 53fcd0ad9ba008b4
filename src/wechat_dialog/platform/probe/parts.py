"""Parts of the checklist's cases: what a table of them is made of.

A part makes its requests with the `Prober` it is given and returns if the rule was kept; `Failed`
and `Skipped` end it otherwise. It says how many requests it may make, so that a run can say before
it begins what it will send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wechat_dialog.platform.account import Mode

from .prober import Prober

__all__ = ["ENCRYPTED", "Part", "Parts"]

ENCRYPTED: tuple[Mode, ...] = ("compatible", "safe")

Ask = Callable[[Prober], object]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a case.

    Attributes:
        name: Its name; "" if it is the only part of its case.
        ask: Makes the requests and checks the answers.
        requests: The most requests that it makes.
        modes: The modes in which it can be checked; empty for all.
    """

    name: str
    ask: Ask
    requests: int = 1
    modes: tuple[Mode, ...] = ()


class Parts(dict[int, list[Part]]):
    """Parts by the number of their case."""

    def add(
        self, number: int, name: str = "", *, requests: int = 1, modes: tuple[Mode, ...] = ()
    ) -> Callable[[Ask], Ask]:
        """Decorate a function that is a part; see `Part`."""

        def added(ask: Ask) -> Ask:
            self.setdefault(number, []).append(Part(name, ask, requests, modes))
            return ask

        return added
