"""Waiting on an event loop for one thing, for some time at most."""

from __future__ import annotations

import asyncio

import pytest

from wechat_dialog.runtime.signals import over_or_late


def test_a_wait_ends_with_its_future() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        loop.call_soon(future.set_result, 7)
        await over_or_late(future, 3600)
        assert future.result() == 7
        await over_or_late(future, 3600)

    asyncio.run(main())


def test_a_wait_that_is_late_leaves_its_future_alone() -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        await over_or_late(future, 0)
        assert not future.done()

    asyncio.run(main())


def test_a_wait_passes_no_exception_and_no_cancellation_of_its_future_on() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        failed, cancelled = loop.create_future(), loop.create_future()
        failed.set_exception(ValueError("its own"))
        cancelled.cancel()
        await over_or_late(failed, 3600)
        await over_or_late(cancelled, 3600)
        assert isinstance(failed.exception(), ValueError)

    asyncio.run(main())


def test_a_wait_that_is_cancelled_does_not_cancel_its_future() -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(over_or_late(future, 3600))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not future.done()

    asyncio.run(main())
