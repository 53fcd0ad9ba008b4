"""Each of these tests has a working directory of its own, where the embedded store is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import wechat.bot


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory; the bots made in it are closed with the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WECHAT_TOKEN", raising=False)
    for name in ("HOST", "PORT", "PASSWORD", "DB"):
        monkeypatch.delenv(f"REDIS_{name}", raising=False)
    yield tmp_path
    for _, bot in wechat.bot._bots.values():
        bot.close()
    wechat.bot._bots.clear()
