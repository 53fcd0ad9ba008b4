"""The pytest plugin: the fixture `talk`, reports of failing tests made for the author of a bot
(with the conversation so far, and without the lines of this library), and a failure where a test
passes though what it planned is for no step of its bot.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wechat_dialog.bot import Bot

    from .talk import Talk

__all__ = ["pytest_runtest_call", "pytest_runtest_makereport", "talk"]


@pytest.fixture
def talk(request: pytest.FixtureRequest) -> Talk:
    """A talk with the bot that the project's own fixture `bot` returns."""
    from .talk import Talk

    bot: Bot = request.getfixturevalue("bot")
    return Talk(bot)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that passes, and has planned something for a step that its bot does not have: it
    proves nothing. Warn of a crash that never happened.
    """
    result = yield
    if plans := sys.modules.get("wechat_dialog.testing.plans"):
        if mistaken := plans.plans_for_no_step():
            pytest.fail("\n".join(mistaken), pytrace=False)
        for sentence in plans.crashes_that_never_happened():
            item.warn(UserWarning(sentence))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, Any, Any]:
    """Add the conversation so far to the report of a failing test, whose traceback shows the lines
    of the test and the bot only; all of them with pytest's `--full-trace`.
    """
    if call.excinfo is not None and not item.config.getoption("fulltrace", default=False):
        from wechat_dialog.core.blame import hide_library

        hide_library(call.excinfo.value)
    report = yield
    testing = sys.modules.get("wechat_dialog.testing.talk")
    if report.when == "call" and report.failed:
        for number, transcript in enumerate(testing.transcripts() if testing else [], 1):
            report.sections.append((f"conversation {number}", transcript))
    if report.when == "teardown" and testing:
        testing.forget()
    return report
