"""The five things that keep turns apart, each broken on purpose: the simulation must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from wechat_dialog import messages
from wechat_dialog.stores.memory import MemoryStore

from . import world

__all__ = ["MUTANTS"]


class NoClaim(MemoryStore):
    """Grants every claim, whoever holds one."""

    def claim(self, user: str, key: str, **options: Any) -> Any:
        found = self._users.get(user)
        if found is not None:
            found.document.until = 0
            for seen in found.document.seen.values():
                seen.waits = False
        return super().claim(user, key, **options)


class NoFence(MemoryStore):
    """Takes every write under a claim, whether that claim is still its writer's or not."""

    def _believed(self, user: str, fence: int, write: Callable[[], Any]) -> Any:
        found = self._users.get(user)
        if found is None or not fence or found.document.fence == fence:
            return write()
        document = found.document
        was = document.fence, document.holder, document.until
        document.fence, document.until = fence, int(self._clock() * 1e6) + 1
        done = write()
        document.fence, document.holder, document.until = was
        return done

    def record(self, user: str, fence: int, write: Any) -> Any:
        return self._believed(user, fence, lambda: super(NoFence, self).record(user, fence, write))

    def commit(self, user: str, key: str, write: Any, **options: Any) -> Any:
        return self._believed(
            user, options["fence"], lambda: super(NoFence, self).commit(user, key, write, **options)
        )


class NoRevision(MemoryStore):
    """Takes a write of the fast path whatever has become of the document meanwhile."""

    def commit(self, user: str, key: str, write: Any, **options: Any) -> Any:
        found = self._users.get(user)
        if not options["fence"] and found is not None and found.document.revision:
            options["revision"] = found.document.revision
        return super().commit(user, key, write, **options)


class NotKept(MemoryStore):
    """Forgets what a claim was told of its message."""

    def claim(self, user: str, key: str, **options: Any) -> Any:
        return super().claim(user, key, **{**options, "message": b""})


def _second_only(message: messages.Message) -> str:
    return str(message.created)


@contextmanager
def _none() -> Iterator[type[MemoryStore]]:
    yield MemoryStore


@contextmanager
def _claim() -> Iterator[type[MemoryStore]]:
    yield NoClaim


@contextmanager
def _fence() -> Iterator[type[MemoryStore]]:
    yield NoFence


@contextmanager
def _revision() -> Iterator[type[MemoryStore]]:
    yield NoRevision


@contextmanager
def _kept() -> Iterator[type[MemoryStore]]:
    yield NotKept


@contextmanager
def _key() -> Iterator[type[MemoryStore]]:
    with patch.object(world, "message_key", _second_only):
        yield MemoryStore


MUTANTS: dict[str, Callable[[], AbstractContextManager[type[MemoryStore]]]] = {
    "none": _none,
    "claim": _claim,
    "fence": _fence,
    "revision": _revision,
    "key": _key,
    "kept": _kept,
}
"""By what is broken; each gives the store to run worlds on."""
