"""docs/pages.md: its bot does what its tests say, and its applications serve its pages."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.urls import path
from flask import Flask

from tests.pages import Page, manual
from wechat_dialog import Bot
from wechat_dialog.testing import Talk
from wechat_dialog.web.django import view as django_view
from wechat_dialog.web.flask import view as flask_view

PAGES = manual("pages")


def bot_of(page: Page) -> Bot:
    module = ModuleType("documented_pages")
    sys.modules[module.__name__] = module
    try:
        exec(compile(page.blocks[0].in_place, page.name, "exec"), module.__dict__)
        bot: Bot = module.bot
        return bot
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_its_tests_pass(page: Page) -> None:
    [block] = [block for block in page.blocks if block.title]
    names: dict[str, Any] = {}
    exec(compile(block.in_place, page.name, "exec"), names)
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test(Talk(bot_of(page)))


def test_its_views_are_of_the_path_of_its_pages() -> None:
    page = PAGES[0]
    flask, django = [block for block in page.blocks[1:] if block.language == "python"][:2]
    app, bot = Flask("shop"), bot_of(page)
    exec(flask.text, {"app": app, "view": flask_view, "bot": bot})
    assert {str(rule) for rule in app.url_map.iter_rules()} >= {"/wx", "/wx/p/<id>"}
    names: dict[str, Any] = {"path": path, "view": django_view, "bot": bot}
    exec(django.text, names)
    assert [str(one.pattern) for one in names["urlpatterns"]] == ["wx", "wx/p/<id>"]
    assert bot.pages is not None
    assert bot.pages.path == "/wx/p"
