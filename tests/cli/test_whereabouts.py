"""Where the application's code is: what hangs on a thread, and what waits in a task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from wechat_dialog.cli.whereabouts import MOST, whereabouts


def is_own(file: str) -> bool:
    return file == __file__


def names(loop: asyncio.AbstractEventLoop | None = None) -> list[str]:
    return [place["name"] for place in whereabouts(is_own, loop)]


def hanging(name: str, count: int = 1) -> Callable[[], list[str]]:
    """Have threads of this name hang in a function here; returns the look at them."""
    begun, ends = threading.Barrier(count + 1), threading.Event()

    def hangs() -> None:
        begun.wait()
        ends.wait()

    threads = [threading.Thread(target=hangs, name=name) for _ in range(count)]

    def look() -> list[str]:
        for thread in threads:
            thread.start()
        begun.wait()
        try:
            return names()
        finally:
            ends.set()
            for thread in threads:
                thread.join()

    return look


def test_what_hangs_in_a_turn_s_thread_is_told_with_its_line() -> None:
    assert "hangs" in hanging("wechat-dialog-step")()
    (own, *_) = whereabouts(is_own)
    assert own["at"].startswith("tests/cli/test_whereabouts.py:")
    assert own["name"] == "test_what_hangs_in_a_turn_s_thread_is_told_with_its_line"
    assert own["code"] == "(own, *_) = whereabouts(is_own)"


def test_what_threads_of_the_application_s_own_do_is_not() -> None:
    assert "hangs" not in hanging("Thread-7")()


def test_one_place_is_told_once_and_few_in_all() -> None:
    found = hanging("wechat-dialog-step", count=MOST + 5)()
    assert len(found) <= MOST
    assert found.count("hangs") <= 2, "before the event, and at it"


def test_what_a_task_waits_for_is_told_unless_the_task_is_the_application_s_own() -> None:
    async def waits(over: asyncio.Event) -> None:
        await over.wait()

    async def own(over: asyncio.Event) -> None:
        await waits(over)

    async def look() -> list[str]:
        over = asyncio.Event()
        # As a server does it: the outermost coroutine is not the application's.
        tasks = [asyncio.ensure_future(asyncio.wait_for(waits(over), None))]
        await asyncio.sleep(0)
        found = await asyncio.to_thread(names, asyncio.get_running_loop())
        over.set()
        await asyncio.gather(*tasks)
        over = asyncio.Event()
        tasks = [asyncio.ensure_future(own(over))]
        await asyncio.sleep(0)
        assert "waits" not in await asyncio.to_thread(names, asyncio.get_running_loop())
        over.set()
        await asyncio.gather(*tasks)
        return found

    assert "waits" in asyncio.run(look())
