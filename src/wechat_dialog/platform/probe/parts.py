"""Parts of the checklist's cases, and a registry of them.

A part makes its requests with a `Prober` and returns if the rule was kept; otherwise it raises
`Failed` or `Skipped`. It declares how many requests it makes at most, so that the number of all
requests can be printed before a run.
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
        modes: The encryption modes in which it can be checked; empty for all.
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
