"""A real Chromium, and what a developer does on the simulator's page with it.

Nothing here sleeps: what a page shows is waited for, as long as a slow machine may take.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

PATIENCE = 60_000
"""Milliseconds after which a page that does not show something is wrong."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """Where this machine's Chromium is; None if it has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """A browser for the length of a block."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), headless=True, args=FLAGS, timeout=PATIENCE
        )
        yield browser
        browser.close()


@dataclass
class Desk:
    """The simulator's page in a window of its own, with one user in front.

    Attributes:
        page: Playwright's page.
        url: The simulator's address.
        user: The OpenID of the user in front.
        complaints: Errors of the console and of scripts; there must be none.
    """

    page: Page
    url: str
    user: str = ""
    complaints: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location}")

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Ask the server for a command, past the page."""
        answer = self.page.request.post(f"{self.url}/do/{command}", data=values)
        assert answer.ok, answer.text()
        told: dict[str, Any] = answer.json()
        return told

    def open(self, name: str = "") -> None:
        """Open the page with a new user in front."""
        self.user = str(self.ask("new_user", **({"name": name} if name else {}))["id"])
        self.page.add_init_script(
            f"localStorage.getItem('wechat-dialog.user') ??"
            f" localStorage.setItem('wechat-dialog.user', '{self.user}')"
        )
        self.page.goto(self.url)
        answered = re.compile(r"dot (running|faulty)")
        expect(self.page.locator(".bot-chip .dot")).to_have_class(answered)

    # The phone. -------------------------------------------------------------------------

    @property
    def field(self) -> Locator:
        """The field that is written in."""
        return self.page.locator("#write")

    @property
    def said(self) -> Locator:
        """Every bubble and notice, oldest first."""
        return self.page.locator(".log > [data-bubble]")

    def say(self, text: str) -> None:
        """Type a message and send it."""
        self.field.fill(text)
        self.field.press("Enter")

    def shows(self, *texts: str) -> None:
        """Wait until the last things said are these."""
        count = len(texts)
        for place, text in enumerate(texts):
            expect(self.said.nth(place - count)).to_contain_text(text)

    # The developer's pane. --------------------------------------------------------------

    def tab(self, name: str) -> Locator:
        """Turn to a tab (requests, conversation, bot), and give its panel."""
        self.page.locator(f"#tab-{name}").click()
        return self.page.locator(f"#panel-{name}")

    @property
    def waiting(self) -> Locator:
        """The question that the conversation waits at."""
        return self.page.locator(".waiting p")

    @property
    def journal(self) -> Locator:
        """The titles of the journal's records."""
        return self.page.locator(".record-title")

    # Everybody's page. ------------------------------------------------------------------

    def barriers(self) -> list[str]:
        """What axe finds that keeps somebody out."""
        # What is still moving has not its own colours yet. (Waiting for it would need eval, which
        # the page's policy forbids.)
        self.page.evaluate(
            "document.getAnimations().filter((one) => one.effect.getTiming().iterations < 1e9)"
            ".forEach((one) => one.finish())"
        )
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node['html'][:120]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]
