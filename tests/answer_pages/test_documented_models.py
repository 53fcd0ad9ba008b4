"""docs/models.md: its bot does what its tests say."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from tests.pages import Page, manual
from wechat_dialog.testing import Talk


@pytest.mark.parametrize("page", manual("models"), ids=repr)
def test_its_tests_pass(page: Page) -> None:
    names: dict[str, Any] = {}
    [block] = [block for block in page.blocks if block.title]
    exec(compile(block.in_place, page.name, "exec"), names)
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        module = ModuleType("documented_models")
        sys.modules[module.__name__] = module
        exec(compile(page.blocks[0].in_place, page.name, "exec"), module.__dict__)
        test(Talk(module.bot))
        del sys.modules[module.__name__]
