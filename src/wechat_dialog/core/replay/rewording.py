"""Questions whose text differs from the recorded one, but which are the same question.

A prompt may contain a clock or other data. If the journal was written by the same code, a question
that differs only in its text is therefore accepted, and the author is warned once. If the code has
changed, it may be another question, and counts as a difference.
"""

from __future__ import annotations

import logging
from typing import Any

from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.replay.driver import Driver
from wechat_dialog.core.replay.standing import describe, doing
from wechat_dialog.errors import ReplayMismatch

from .codes import code_of

__all__ = ["Rewording"]

log = logging.getLogger("wechat_dialog")


class Rewording:
    """The questions of one replay whose text differs from the journal's.

    Attributes:
        driver: Drives the dialog.
        same_code: Whether the journal was written by the same code, so that a question that differs
            only in its text is accepted.
    """

    __slots__ = ("_asked", "_recorded", "driver", "same_code")

    def __init__(self, driver: Driver, *, same_code: bool) -> None:
        self.driver = driver
        self.same_code = same_code
        # Position of the first record of each such question, by its id in the journal …
        self._recorded: dict[str, int] = {}
        # … and, for 2017 dialogs, by its present id.
        self._asked: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether there were any such questions."""
        return bool(self._recorded)

    def is_same(self, wait: str, at: Wait[Any], position: int, *, pending: bool = False) -> bool:
        """Whether a question can be the recorded one, although their ids differ. If so, it gets the
        recorded id.

        Args:
            wait: The recorded id.
            at: The question that is asked now.
            position: Number of records before its answer.
            pending: Whether it is the question at which the conversation waits, not answered yet.

        Raises:
            ReplayMismatch: Two questions have traded places.
        """
        if at.drifts:
            return self._has_drifted(wait, at, position, pending=pending)
        if at.kind == "A" and wait == f"a{at.id[1:]}":
            return True  # the question has become secret
        if not self.same_code or at.key is not None or wait[0] != at.kind or wait[1:2] == "=":
            return False
        if at.id in self._recorded:
            # Two that traded places are not a clock: the order of a set, or other data.
            raise self._moved(
                self._recorded[at.id],
                f"an answer to {describe(at.id, self.driver.dialog.fn)}",
                f"{doing(at)}, later",
            )
        self._recorded.setdefault(wait, position)
        _warn_once(self.driver.dialog, position, self.driver.where())
        at.id = wait  # from here on it has the journal's id
        return True

    def _has_drifted(self, wait: str, at: Wait[Any], position: int, *, pending: bool) -> bool:
        """Whether a question whose text may differ at every replay can be the recorded one.

        Same code: always. Changed code: no, if the question appears elsewhere in the journal, or
        the recorded one was asked elsewhere. The pending question must match exactly; asking it
        again loses no answer.
        """
        if not self.same_code and wait != at.formerly:
            moved = self._recorded.get(at.id, self._asked.get(wait))
            if moved is not None:
                raise self._moved(
                    moved,
                    "an answer to another question",
                    f"questions in another order, {doing(at)} among them",
                )
            if pending:
                return False
        self._recorded.setdefault(wait, position)
        self._asked.setdefault(at.id, position)
        at.id = wait
        return True

    def _moved(self, position: int, expected: str, actual: str) -> ReplayMismatch:
        driver = self.driver
        return ReplayMismatch(driver.dialog.name, position, expected, actual, driver.where())


_warned: set[tuple[str, str, str, int]] = set()


def _warn_once(dialog: RegisteredDialog, position: int, place: str) -> None:
    warning = (dialog.name, dialog.version, code_of(dialog), position)
    if warning not in _warned:
        _warned.add(warning)
        log.warning(
            "dialog %r asks in other words at every replay (record %d, %s): its prompt has a time "
            "or other data in it; give the question a key=, so that a change of the code can be "
            "distinguished from that",
            dialog.name,
            position,
            place,
        )
