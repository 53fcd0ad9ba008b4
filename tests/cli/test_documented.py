"""What the documentation and deploy/ have people type exists: every subcommand, every option."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.pages import DOCS, ROOT
from wechat_dialog.cli.main import command_line

FILES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").iterdir()])
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
# It ends with its code mark, its line, its comment or the next command.
SAID = re.compile(r"wechat-dialog (?=[a-z])([^`\n#&|;]*)")


def commands(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    code = "\n".join(CODE.findall(text)) if path.suffix == ".md" else text
    return SAID.findall(code.replace('", "', " "))  # a command may be a list


def unknown(said: str) -> list[str]:
    """What of a command line does not exist: its subcommand, or options."""
    here: Any = command_line()
    words = said.split()
    while hasattr(here, "commands") and words and words[0].isalpha():
        if words[0] not in here.commands:
            return words[:1]
        here = here.commands[words.pop(0)]
    known = {name for option in here.params for name in (*option.opts, *option.secondary_opts)}
    return [option for option in re.findall(r"--[a-z-]+", " ".join(words)) if option not in known]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_people_are_told_to_type_exists(path: Path) -> None:
    wrong = {said: missing for said in commands(path) if (missing := unknown(said))}
    assert wrong == {}


def test_commands_are_found() -> None:
    assert "serve bot:bot --host 0.0.0.0 --port 8000" in " ".join(
        commands(ROOT / "deploy" / "Dockerfile")
    )
    assert sum(len(commands(path)) for path in FILES) > 60


def test_a_command_that_is_none_is_seen() -> None:
    assert unknown("serve bot:bot --port 8000 --proxy x") == ["--proxy"]
    assert unknown("deploy bot:bot") == ["deploy"]
    assert unknown("conversations drop bot:bot") == ["drop"]
