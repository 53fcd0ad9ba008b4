"""A reader's phone: a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.answer_pages.test_streams import ID
from tests.simulator.chromium import PATIENCE, executable, launched

__all__ = ["Open"]

PHONE: ViewportSize = {"width": 360, "height": 640}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if executable() is None:
        pytest.skip("there is no Chromium here: .ci/browser installs it")
    with launched() as found:
        yield found


def elsewhere(url: str, origin: str) -> list[str]:
    return [] if url.startswith(origin) else [url]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page by its server's port and its id; it may ask nobody else, and not complain."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(port: int, *, id: str = ID, script: str = "", **options: Any) -> Page:
        context = browser.new_context(viewport=PHONE, locale="zh-CN", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("console", lambda one: complaints.append(one.text))
        origin = f"http://127.0.0.1:{port}/"
        page.on("request", lambda one: complaints.extend(elsewhere(one.url, origin)))
        if script:
            page.add_init_script(script)
        page.goto(f"{origin}wx/p/{id}")
        return page

    yield opened
    for context in contexts:
        context.close()
    # A connection that is cut, and a page that is gone, are told by the browser itself.
    known = re.compile(r"net::ERR|404 \(Not Found\)")
    assert [one for one in complaints if not known.search(one)] == []
