"""Bots, doors and stores for the tests of the full path, given back at their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.full_path.doors import DOORS, Door, OpenDoor
from wechat_dialog import Bot


@pytest.fixture(params=DOORS)
def open_door(request: pytest.FixtureRequest) -> Iterator[OpenDoor]:
    """Make a door into a bot, of each kind in turn; door and bot end with the test."""
    with ExitStack() as stack:

        def make(bot: Bot) -> Door:
            stack.callback(bot.close)
            door: Door = DOORS[request.param](bot)
            stack.callback(door.close)
            return door

        yield make


@pytest.fixture(params=["memory", "SQLite", "Redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, of each kind in turn."""
    if request.param == "memory":
        return "memory://"
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    url: str = request.getfixturevalue("redis_url")
    return url
