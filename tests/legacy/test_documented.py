"""The modules of docs/2017.md talk as it says there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.legacy.pushes import module_of, talker

PAGE = (Path(__file__).parents[2] / "docs" / "2017.md").read_text("utf-8")
SOURCES, TRANSCRIPTS = (
    re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("python", "text")
)


@pytest.mark.parametrize(
    ("source", "transcript"),
    list(zip(SOURCES, TRANSCRIPTS, strict=True)),
    ids=["a module", "what is new"],
)
def test_the_modules_of_the_manual_talk_as_their_transcripts(source: str, transcript: str) -> None:
    say = talker(module_of(source, REDIS_HOST=""))
    told = ""
    for user in re.findall(r"^用户：(.*)\n", transcript, re.MULTILINE):
        told += f"用户：{user}\n公众号：{say(user)}\n"
    assert told == transcript
