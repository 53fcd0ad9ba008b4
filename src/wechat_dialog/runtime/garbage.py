"""Full garbage collections that stay short, however many dialogs are live.

CPython's collector walks every container that is alive when it runs in full, and it runs in full
whenever a quarter more of them have survived. A live dialog is a score of containers, so ten
thousand of them stop a process for tens of milliseconds every time some thousands are new. None of
them is garbage that only the collector finds: what a dialog leaves is freed by its reference
counts.

So what has survived a full collection is frozen, and the next one walks what is new. Other code may
leave cycles among what was frozen: once an hour everything is walked.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["SurvivorsFrozen"]

WALKED = 3600.0
"""Seconds after which frozen objects are walked once more."""
FULL_AFTER = 1
"""Collections of the middle generation that a full one waits for (CPython's own: 10). What a full
one walks is what they left: ten thousand objects, some milliseconds.
"""


class SurvivorsFrozen:
    """A callback for `gc.callbacks` that freezes what survives a full collection.

    Args:
        clock: Tells the seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._walk_at = clock() + WALKED
        self._thresholds = gc.get_threshold()

    def install(self) -> None:
        """Begin: what is alive now is frozen. For a whole process, so not for libraries to do."""
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*self._thresholds[:2], FULL_AFTER)
        gc.callbacks.append(self)
        gc.collect()
        # A full collection also waits until a quarter as many objects are new as the last one
        # walked: let that be few.
        gc.collect()

    def uninstall(self) -> None:
        """End, and let the collector walk everything again."""
        gc.callbacks.remove(self)
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Be told of a collection."""
        if info["generation"] != 2:
            return
        if phase == "stop":
            gc.freeze()
        elif self._clock() >= self._walk_at:
            self._walk_at = self._clock() + WALKED
            gc.unfreeze()
