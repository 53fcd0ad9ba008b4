"""The pytest plugin: the fixture `talk`, and in the report of a failing test the conversation so
far.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .bot import Bot
    from .testing import Talk

__all__ = ["pytest_runtest_makereport", "talk"]


@pytest.fixture
def talk(request: pytest.FixtureRequest) -> Talk:
    """A talk with the bot that the project's own fixture `bot` returns."""
    from .testing import Talk

    bot: Bot = request.getfixturevalue("bot")
    return Talk(bot)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Show what was said when a test fails."""
    report = yield
    testing = sys.modules.get("wechat_dialog.testing")
    if report.when == "call" and report.failed:
        for number, transcript in enumerate(testing.transcripts() if testing else [], 1):
            report.sections.append((f"conversation {number}", transcript))
    if report.when == "teardown" and testing:
        testing.forget()
    return report
