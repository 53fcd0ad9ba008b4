"""Concurrent calls, from threads and from tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
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
    Write,
)
from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores.asynchronous import for_async

from .asking import HEAD, LONG, ONE, THREE, TWO, StoreCase, begin, committed, granted, together

__all__ = ["Races"]


class Races(StoreCase):
    """Threads that stumble, and the asynchronous face."""

    def test_claims_at_once_grant_one(self, store: Store, other: Store) -> None:
        """Of claims at the same moment, one is granted, and the others are `Running`."""
        for turn in range(3):
            user = f"user {turn}"
            results = together(
                [
                    partial(s.claim, Claim(user, f"k{i}", lease=LONG))
                    for i, s in enumerate((store, other) * 4)
                ]
            )
            assert sorted(type(r).__name__ for r in results) == ["Claimed"] + ["Running"] * 7

    def test_fast_commits_at_once_accept_one(self, store: Store, other: Store) -> None:
        """Of commits without a fence at the same moment, one is done; the others are `Conflict`."""
        for turn in range(3):
            user = f"user {turn}"
            revision = begin(store, ONE, user=user).revision
            results = together(
                [
                    partial(
                        s.commit,
                        Commit(
                            user,
                            f"k{i}",
                            Write(HEAD, (b"%d" % i,)),
                            reply=b"",
                            revision=revision,
                        ),
                    )
                    for i, s in enumerate((store, other) * 4)
                ]
            )
            assert sorted(type(r).__name__ for r in results) == ["Committed"] + ["Conflict"] * 7
            winner = next(i for i, r in enumerate(results) if isinstance(r, Committed))
            shown = store.show(user)
            assert shown is not None
            assert shown.records == (ONE, b"%d" % winner)

    def test_fast_commits_of_copies_at_once_are_one_turn(self, store: Store, other: Store) -> None:
        """Of copies committed at the same moment, one is done; the others get its reply."""
        revision = begin(store, ONE).revision
        results = together(
            [
                partial(
                    s.commit,
                    Commit(
                        "ada",
                        "k",
                        Write(HEAD, (b"%d" % i,)),
                        reply=b"%d" % i,
                        revision=revision,
                    ),
                )
                for i, s in enumerate((store, other) * 4)
            ]
        )
        winner = next(i for i, r in enumerate(results) if isinstance(r, Committed))
        assert results.count(Answered(b"%d" % winner)) == 7

    def test_fast_commit_and_claim_at_once_agree_which_was_first(
        self, store: Store, other: Store
    ) -> None:
        """A claim returns the records of a commit at the same moment, or that is `Conflict`."""
        for turn in range(5):
            user = f"user {turn}"
            revision = begin(store, ONE, user=user).revision
            results: list[Any] = together(
                [
                    partial(store.claim, Claim(user, "slow", lease=LONG)),
                    partial(
                        other.commit,
                        Commit(
                            user,
                            "fast",
                            Write(HEAD, (TWO,)),
                            reply=b"",
                            revision=revision,
                        ),
                    ),
                ]
            )
            claim, commit = results
            assert isinstance(claim, Claimed)
            assert (claim.length == 2) == isinstance(commit, Committed)

    def test_commits_under_one_claim_at_once_accept_one(self, store: Store, other: Store) -> None:
        """Of commits under one claim at the same moment, one is done; others raise `ClaimLost`."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        results = together(
            [
                partial(
                    s.commit,
                    Commit("ada", f"k{i}", Write(HEAD, (b"%d" % i,)), reply=b"", fence=fence),
                )
                for i, s in enumerate((store, other) * 4)
            ]
        )
        assert sorted(type(r).__name__ for r in results) == ["ClaimLost"] * 7 + ["Committed"]
        shown = store.show("ada")
        assert shown is not None
        assert len(shown.records) == 1

    def test_turns_of_concurrent_workers_lose_no_record(self, store: Store, other: Store) -> None:
        """Of workers that each append the length that they read, none reads a stale one."""
        stuck = threading.Event()

        def turn(client: Store, key: str) -> None:
            while isinstance(claim := client.claim(Claim("ada", key, lease=LONG)), Running):
                assert not stuck.is_set()
                time.sleep(0.001)
            claim = granted(claim)
            write = Write(HEAD, (b"%d" % claim.length,))
            committed(client.commit(Commit("ada", key, write, reply=b"", fence=claim.fence)))

        def count(client: Store, name: str) -> int:
            try:
                for i in range(5):
                    turn(client, f"{name} {i}")
            except BaseException:
                stuck.set()
                raise
            return 5

        results = together(
            [partial(count, s, f"worker {i}") for i, s in enumerate((store, other) * 2)]
        )
        assert results == [5] * 4
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == tuple(b"%d" % i for i in range(20))

    def test_turns_work_through_the_async_store(self, store: Store) -> None:
        """An `AsyncStore` claims, records, defers, commits and refuses in the same way."""

        async def turns() -> None:
            face = for_async(store)
            try:
                claim = granted(await face.claim(Claim("ada", "k1", lease=LONG)))
                assert isinstance(await face.claim(Claim("ada", "k2", lease=LONG)), Running)
                await face.renew("ada", claim.fence, LONG)
                await face.record("ada", claim.fence, Write(HEAD, (ONE,)))
                assert await face.defer("ada", "k1", b"said") is None
                write = Write(HEAD, (TWO,))
                refused = await face.commit(
                    Commit("ada", "k1", write, reply=b"1", fence=claim.fence)
                )
                assert refused == Deferred()
                result = committed(
                    await face.commit(
                        Commit("ada", "k1", write, reply=b"1", fence=claim.fence, deferred=True)
                    )
                )
                assert await face.claim(Claim("ada", "k1", lease=LONG)) == Answered(b"1")
                assert await face.defer("ada", "k1") == Answered(b"1")
                with pytest.raises(ClaimLost):
                    await face.record("ada", claim.fence, Write(HEAD))
                claim = granted(await face.claim(Claim("ada", "k2", lease=LONG)))
                assert claim.records == (ONE, TWO)
                await face.release("ada", claim.fence)
                fast = await face.commit(
                    Commit("ada", "k3", Write(HEAD, (THREE,)), reply=b"3", revision=result.revision)
                )
                stale = await face.commit(
                    Commit("ada", "k4", Write(HEAD), reply=b"", revision=result.revision)
                )
                assert isinstance(fast, Committed)
                assert stale == Conflict()
                again = face.commit(Commit("ada", "k3", write, reply=b"", revision=result.revision))
                assert await again == Answered(b"3")
            finally:
                await face.close()

        asyncio.run(turns())
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO, THREE)

    def test_claims_of_tasks_at_once_grant_one(self, store: Store) -> None:
        """Of claims by tasks of one event loop at the same moment, one is granted."""

        async def race() -> list[str]:
            face = for_async(store)
            try:
                claims = [face.claim(Claim("ada", f"k{i}", lease=LONG)) for i in range(8)]
                return sorted(type(r).__name__ for r in await asyncio.gather(*claims))
            finally:
                await face.close()

        assert asyncio.run(race()) == ["Claimed"] + ["Running"] * 7
        store.end("ada")
        assert asyncio.run(race()) == ["Running"] * 8
