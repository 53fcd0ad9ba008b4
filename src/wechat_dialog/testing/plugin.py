"""The pytest plugin: the fixture `talk`, reports of failing tests made for the author of a bot
(with the conversation so far, without the lines of this library, and in the terminal's language as
far as the library says something), and a failure where a test
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
        from wechat_dialog.platform.refusals import refusal

        if mistaken := plans.plans_for_no_step():
            pytest.fail("\n".join(map(refusal, mistaken)), pytrace=False)
        for sentence in plans.crashes_that_never_happened():
            item.warn(UserWarning(refusal(sentence)))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,  # noqa: ARG001 - the hook's
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Say in the terminal's language why a bot cannot be imported."""
    report = yield
    call: pytest.CallInfo[Any] | None = getattr(report, "call", None)
    if call is not None and call.excinfo is not None and "wechat_dialog" in sys.modules:
        _translate(report, call.excinfo.value)
    return report


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
    if call.excinfo is not None and "wechat_dialog" in sys.modules:
        _translate(report, call.excinfo.value)
    testing = sys.modules.get("wechat_dialog.testing.talk")
    if report.when == "call" and report.failed:
        for number, transcript in enumerate(testing.transcripts() if testing else [], 1):
            from wechat_dialog.platform.language import tr

            report.sections.append((tr("第 {0} 段对话", number), transcript))
    if report.when == "teardown" and testing:
        testing.forget()
    return report


def _translate(report: Any, error: BaseException) -> None:
    from .report_language import put_into_language

    put_into_language(report, error)
