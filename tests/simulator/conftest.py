"""A browser, a simulator with a bot, and windows on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.platform.pages import simulating
from tests.simulator.chromium import Desk, executable, launched

BOT = Path(__file__).with_name("shop.py")

Opener = Callable[..., Desk]
Starter = Callable[..., str]


def folder_with(factory: pytest.TempPathFactory, bot: Path) -> Path:
    """Return a new folder with a copy of one of the bots here."""
    folder = factory.mktemp(bot.stem)
    (folder / bot.name).write_text(bot.read_text("utf-8"), "utf-8")
    return folder


# A module's, not a session's: while Playwright runs, no other test of this process could run an
# event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; the test is skipped where there is none."""
    if executable() is None:
        pytest.skip("there is no Chromium here: .ci/browser installs it")
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the bot."""
    return folder_with(tmp_path_factory, BOT)


@pytest.fixture(scope="module")
def url(shop: Path) -> Iterator[str]:
    """The address of a simulator of that bot. Its platform waits two seconds, not five."""
    with simulating(shop, "simulate", "shop:bot", "--window", "2") as (_, address):
        yield address


@pytest.fixture
def starter() -> Iterator[Starter]:
    """Starts simulators: `starter(folder, "simulate", "shop:bot")` returns the address."""
    with ExitStack() as running:
        yield lambda folder, *words: running.enter_context(simulating(folder, *words))[1]


# After `starter`, so that windows are closed before their simulators end, also where a test fails:
# a window without its server complains, which would be told beside what is really wrong.
@pytest.fixture
def opener(browser: Browser, starter: Starter) -> Iterator[Opener]:
    """Opens windows: `opener(url, "name", **context options)`; none may complain in its console."""
    opened: list[Desk] = []

    def open_window(url: str, name: str = "", **options: Any) -> Desk:
        given: dict[str, Any] = {
            "locale": "zh-CN",
            "viewport": {"width": 1440, "height": 900},
            "reduced_motion": "reduce",
            **options,
        }
        desk = Desk(browser.new_context(**given).new_page(), url)
        opened.append(desk)
        desk.open(name)
        return desk

    yield open_window
    for desk in opened:
        desk.page.context.close()
    assert [one for desk in opened for one in desk.complaints] == []


@pytest.fixture
def desk(opener: Opener, url: str) -> Desk:
    """A desktop window on the shared simulator, with a user of its own in front."""
    return opener(url)
