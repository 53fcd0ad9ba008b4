"""Servers that are not ours, as their libraries' manuals have them: what they fail is on record.

What `docs/probe.md` says of them is held here.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.platform.servers import wsgi
from tests.platform.test_other_libraries import of_wechatpy, of_werobot
from tests.probe.model import account
from tests.probe.test_mutants import failures
from wechat_dialog.platform.account import Mode
from wechat_dialog.platform.probe.probe import PARTS, probe
from wechat_dialog.platform.probe.prober import Prober

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Their tracebacks are theirs."""
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def failed(application: Any, mode: Mode = "plain") -> set[str]:
    with wsgi(application) as url, Prober(account(mode), url, "oProber") as prober:
        return set(failures(list(probe(prober))))


DOCUMENT = Path(__file__).parents[2] / "docs" / "probe.md"
REPLIES = {"22", "23", "24", "26 Content", "28"}
BODIES = {f"38 {part.name}" for part in PARTS[38]}
CIPHERTEXTS = {f"14 {part.name}" for part in PARTS[14]}
# It answers a check without echostr with nothing, which is a refusal.
CHECKS = {"2", *(f"4 {part.name}" for part in PARTS[4] if part.name != "without echostr")}


def documented(column: int) -> set[int]:
    """The cases that one column of the document says fail."""
    rows = re.findall(r"^\| (\d+): .*", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    cells = re.findall(r"^\| \d+: (.*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {
        int(number)
        for number, line in zip(rows, cells, strict=True)
        if line.split("|")[column].strip() == "fails"
    }


@pytest.mark.parametrize(
    ("application", "mode", "fails", "column"),
    [
        (of_werobot, "plain", CHECKS | REPLIES | {"32 two lists"} | BODIES, 1),
        (lambda: of_wechatpy("plain"), "plain", REPLIES | BODIES, 2),
        (lambda: of_wechatpy("safe"), "safe", REPLIES | BODIES | CIPHERTEXTS, 3),
    ],
    ids=["WeRoBot", "wechatpy plain", "wechatpy safe"],
)
def test_what_they_fail_is_what_the_document_says(
    application: Callable[[], Any], mode: Mode, fails: set[str], column: int
) -> None:
    found = failed(application(), mode)
    assert found == fails
    assert {int(name.split()[0]) for name in found} == documented(column)
