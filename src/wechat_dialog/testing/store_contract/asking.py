"""What every part of the contract is made of: a store, its clock, and calls made at once."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)

__all__ = [
    "HEAD",
    "LONG",
    "ODD_TEXTS",
    "ONE",
    "THREE",
    "TWO",
    "StoreCase",
    "begin",
    "committed",
    "granted",
    "together",
]

LONG = 30.0
"""Seconds that never pass in a test."""

HEAD = b'{"dialog":"fruit"}'
ONE = b'{"answer":"one"}'
TWO = b'{"answer":"two"}'
THREE = b'{"answer":"three"}'

ODD_TEXTS = (
    pytest.param("}", id="closing brace"),
    pytest.param("{a}b{c", id="braces"),
    pytest.param("50%7D%25", id="percent signs"),
    pytest.param("two words\nand a line", id="blank and line break"),
    pytest.param("微信:oAbc_-😀", id="beyond ASCII"),
    pytest.param("*?[a]\\", id="glob"),
    pytest.param("u:a:k", id="looks like a key of the store"),
)

NO_STORE = """\
{0} does not say which store to test. Give it a fixture that returns an empty one:

    class {0}(StoreContract):
        @pytest.fixture
        def store(self):
            return MyStore()"""
"""How a test fails whose class has no fixture `store`. {0}: the class."""

_NOT_STUMBLING = sys.stdlib_module_names | {"redis", "hiredis", "pytest"}


def stumble(frame: FrameType, *_: object) -> Any:
    """Give every other thread a turn after each line of a store's Python.

    Drivers do not stumble: what they do between two lines is one call for the server.
    """
    if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _NOT_STUMBLING:
        return None
    time.sleep(5e-5)
    return stumble


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make the calls concurrently, in threads that stumble; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        sys.settrace(stumble)
        try:
            results[index] = call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error
        finally:
            sys.settrace(None)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def granted(result: Claimed | Unclaimed | Answered | Running) -> Claimed:
    """Return a claim that must have been granted."""
    assert isinstance(result, Claimed)
    return result


def committed(result: Committed | Answered | Conflict | Deferred) -> Committed:
    """Return a commit that must have been accepted."""
    assert isinstance(result, Committed)
    return result


def begin(
    store: Store, *records: bytes, ttl: float = LONG, user: str = "ada", key: str = "first"
) -> Committed:
    """Begin a conversation with `records`."""
    claim = granted(store.claim(Claim(user, key, lease=LONG)))
    write = Write(HEAD, records, ttl=ttl)
    return committed(store.commit(Commit(user, key, write, reply=b"hello", fence=claim.fence)))


class StoreCase:
    """A store under test; see `StoreContract` for what to override."""

    short: float = 0.3
    """Seconds that tests let pass; more where `advance` costs nothing."""

    @pytest.fixture
    def store(self) -> Store:
        """Return an empty store; to be overridden."""
        pytest.fail(NO_STORE.format(type(self).__name__), pytrace=False)

    @pytest.fixture
    def other(self, store: Store) -> Store:
        """Return another client on the data of `store`, if there can be one."""
        return store

    def advance(self, seconds: float) -> None:
        """Let time pass for the store."""
        time.sleep(seconds)
