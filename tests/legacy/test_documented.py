"""The module of docs/2017.md talks as it says there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.legacy.pushes import module_of, talker

PAGE = (Path(__file__).parents[2] / "docs" / "2017.md").read_text("utf-8")


def test_the_module_of_the_manual_talks_as_its_transcript() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (transcript,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    say = talker(module_of(source, REDIS_HOST=""))
    lines = transcript.splitlines()
    said: list[str] = []
    for line in lines:
        speaker, text = line.split("：", 1)
        if speaker == "用户":
            said += [line, f"公众号：{say(text)}"]
    assert said == lines
