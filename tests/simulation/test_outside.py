"""Worlds of time: no seed breaks a rule, and each mutant is found by a short run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from wechat_dialog.core.store.values import Commit, Committed, Write
from wechat_dialog.core.turn import firing_turn
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.outside import fire
from wechat_dialog.core.turn.waking import next_wake
from wechat_dialog.stores.memory import MemoryStore

from .outside import run
from .outside_judge import Violation

SEEDS = [*range(40), 1444, 3_002_338, 3_007_009]
"""In the first of the last three, a worker dies right after it has pushed a question, and a message
comes that was written before that. The other two kill three workers by a message that came before
the question it was parked with.
"""
SHORT_RUN = range(300)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Workers that die and are stopped are what is wanted here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_breaks_a_rule(seed: int) -> None:
    assert run(seed).judge.turns


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(100))
def test_none_of_many_seeds_breaks_a_rule(chunk: int) -> None:
    for seed in range(1_000_000 + chunk * 300, 1_000_000 + (chunk + 1) * 300):
        run(seed)


def found(first: int = 0, **how: Any) -> str:
    """Return what the judge says of a mutant in a short run, in which `first` is tried first."""
    for seed in (first, *SHORT_RUN):
        try:
            run(seed, **how)
        except Violation as violation:
            return str(violation)
    pytest.fail("the short run finds nothing")


class TakesWithoutAFence(MemoryStore):
    """A store that removes a taken signal also if the claim was lost."""

    def commit(self, commit: Commit) -> Any:
        self._take(commit.user, commit.write)
        return super().commit(commit)

    def record(self, user: str, fence: int, write: Write) -> Committed:
        self._take(user, write)
        return super().record(user, fence, write)

    def _take(self, user: str, write: Write) -> None:
        known = self._users.get(user)
        if known is not None:
            for number in write.taken:
                known.mail.pop(number, None)


def test_a_signal_taken_without_the_claims_fence_is_found() -> None:
    what = found(153, store=TakesWithoutAFence)
    assert "signal" in what or "the mailbox had" in what


class IndexesLater(MemoryStore):
    """A store that writes the index after the commit, if its worker lives until then."""

    def commit(self, commit: Commit) -> Any:
        if commit.write.wake is None:
            return super().commit(commit)
        done = super().commit(
            msgspec.structs.replace(commit, write=msgspec.structs.replace(commit.write, wake=None))
        )
        if self._clock() * 1e3 % 10 < 9:  # unless the worker dies in between
            with self._lock:
                entry = self._users[commit.user].entry
                entry.wake, entry.account = commit.write.wake.at * 1000, commit.write.wake.account
        return done


def test_an_index_written_after_the_commit_is_found() -> None:
    what = found(store=IndexesLater)
    assert "due since" in what or "nobody" in what or "cut off" in what


def test_an_entry_removed_before_the_last_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    write = Document.write

    def forgets(self: Document, arrived: int, **how: Any) -> Write:
        made = write(self, arrived, **how)
        if how.get("fires") and how.get("unfinished"):
            wake = next_wake(self.head, self.beside, self.committed)
            due = wake is not None and wake.at > self.now
            made = msgspec.structs.replace(made, wake=wake if due else None)
        return made

    monkeypatch.setattr(Document, "write", forgets)
    assert "cut off" in found(57)


def test_a_push_that_is_noted_only_afterwards_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing_turn, "note_push", lambda _doc: None)
    assert "said 5 s before it asked" in found(1444)


def test_a_sweep_that_waits_in_the_queue_is_found() -> None:
    assert "waits behind a firing" in found(17, fires=partial(fire, waits=True))
