"""`docs/operation.md`, in both languages: its code runs, and its tables name all that there is."""

from __future__ import annotations

import json
import logging
import re
from types import ModuleType

import pytest

from tests.pages import Page, manual
from wechat_dialog import TurnReport
from wechat_dialog.core.turn.turn_report import CAUSES, DELIVERIES, OUTCOMES, WAYS
from wechat_dialog.testing import Talk

PAGES = manual("operation")


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_the_first_hook_writes_a_line_of_json_for_each_turn(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("documented_operation")
    exec(compile(page.blocks[0].in_place, page.name, "exec"), module.__dict__)
    talk = Talk(module.bot)
    with caplog.at_level(logging.INFO, "audit"):
        assert talk("数") == "几个？"
        assert talk("二") == "2 个"
    begun, counted = (json.loads(record.message) for record in caplog.records)
    assert (begun["outcome"], begun["after"]["question"]) == ("waits", "a=count")
    assert (counted["outcome"], counted["answered"]) == ("finished", "a=count")


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_the_tables_name_every_field_and_every_value(page: Page) -> None:
    rows = re.findall(r"^\| (`.*?) \|", page.prose, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {*TurnReport.__struct_fields__, *OUTCOMES} <= named
    code = set(re.findall(r"`(\w+)`", page.prose))
    assert {*CAUSES, *WAYS, *DELIVERIES} - {"none"} <= code
