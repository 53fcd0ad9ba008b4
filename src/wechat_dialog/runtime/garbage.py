"""Keeps full garbage collections short, however many dialogs are live.

A full collection of CPython walks every container that is alive, and one runs whenever a quarter
more of them have survived. A live dialog is some twenty containers, so ten thousand dialogs stop a
process for tens of milliseconds each time a few thousand are new. None of them is garbage that only
the collector finds: a dialog is freed by its reference counts.

So what has survived a full collection is frozen, and the next one walks only what is new. Other
code may leave cycles among frozen objects, so everything is walked once an hour.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["SurvivorsFrozen"]

WALKED = 3600.0
"""Seconds after which frozen objects are walked once more."""
FULL_AFTER = 1
"""Collections of the middle generation before a full one (CPython's default: 10). A full collection
then walks what these left: ten thousand objects, a few milliseconds.
"""


class SurvivorsFrozen:
    """A callback for `gc.callbacks` that freezes what survives a full collection.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._walk_at = clock() + WALKED
        self._thresholds = gc.get_threshold()

    def install(self) -> None:
        """Start: freeze what is alive now. This affects the whole process, so it is not for
        libraries.
        """
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*self._thresholds[:2], FULL_AFTER)
        gc.callbacks.append(self)
        gc.collect()
        # A full collection also waits until the new objects are a quarter of those that the last
        # one walked: keep that number low.
        gc.collect()

    def uninstall(self) -> None:
        """Stop, and let the collector walk everything again."""
        gc.callbacks.remove(self)
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Handle a collection."""
        if info["generation"] != 2:
            return
        if phase == "stop":
            gc.freeze()
        elif self._clock() >= self._walk_at:
            self._walk_at = self._clock() + WALKED
            gc.unfreeze()
