"""From what is typed to the bot it names; and whose mistake it is when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from wechat_dialog.application import load
from wechat_dialog.errors import ConfigurationError

BOT = "from wechat_dialog import Bot\nbot = Bot('t')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["{}:bot", "{}", "{}.py", "{}.py:bot"])
def test_a_bot_is_found_by(folder: Path, name: str, request: pytest.FixtureRequest) -> None:
    module = f"app_{abs(hash(request.node.name))}"
    (folder / f"{module}.py").write_text(BOT)
    assert load(name.format(module)).token == "t"


@pytest.mark.parametrize("name", ["nothing", "nothing.at.all", "nothing:bot", "nothing.py"])
def test_a_module_that_is_not_there_is_a_sentence(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no module"):
        load(name)


@pytest.mark.parametrize("name", ["lacking_one", "nosuchthings", "nosuchthing_x"])
def test_what_a_module_itself_lacks_is_not_called_its_own_absence(folder: Path, name: str) -> None:
    # `nosuchthings` begins with the name of what it lacks, and is there all the same.
    (folder / f"{name}.py").write_text("import nosuchthing\n")
    with pytest.raises(ModuleNotFoundError, match="'nosuchthing'"):
        load(name)
