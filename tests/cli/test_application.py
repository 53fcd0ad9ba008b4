"""From what is typed to the bot it names; and whose mistake it is when there is none."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

import wechat_dialog
from tests.cli import command
from wechat_dialog.cli.load import load
from wechat_dialog.cli.source_finder import is_installed
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
    with pytest.raises(ConfigurationError, match=f"{name}.py.*\n.*\n.*'nosuchthing'"):
        load(name)


def test_the_source_is_run_and_no_bytecode_of_what_it_was(folder: Path) -> None:
    """Python takes bytecode for that of its source where size and second of the source are."""
    (folder / "saved_twice").mkdir()
    for name in ("__init__", "words"):
        path = folder / "saved_twice" / f"{name}.py"
        path.write_text("TOKEN = 'a'\n")
        os.utime(path, (1_700_000_000, 1_700_000_000.25))
        py_compile.compile(str(path), doraise=True)
        path.write_text("TOKEN = 'b'\n")
        os.utime(path, (1_700_000_000, 1_700_000_000.75))
    imports = "from saved_twice import TOKEN as one\nfrom saved_twice.words import TOKEN as two\n"
    (folder / "app_saved_twice.py").write_text(imports + BOT.replace("'t'", "one + two"))
    assert load("app_saved_twice").token == "bb"


@pytest.mark.parametrize(
    ("path", "installed"),
    [
        (os.__file__, True),
        (pytest.__file__, True),
        ("/srv/app/.venv/lib/python3.12/site-packages/flask/app.py", True),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", True),
        ("/srv/app/bot.py", False),
        ("", False),
    ],
)
def test_an_application_is_what_nobody_has_installed(path: str, *, installed: bool) -> None:
    assert is_installed(path) is installed


def test_what_is_ours_is_no_application() -> None:
    assert is_installed(wechat_dialog.__file__)


def test_the_package_that_a_2017_project_brought_along_is_named(tmp_path: Path) -> None:
    (tmp_path / "wechat").mkdir()
    (tmp_path / "wechat" / "__init__.py").touch()
    (tmp_path / "wechat" / "bot.py").write_text("class UnexpectAnswer(Exception):\n    pass\n")
    (tmp_path / "fruit.py").write_text("ROUTER = {'text': []}\n")
    refused = command.run(tmp_path, "check", "fruit")
    assert refused.returncode == 2
    assert f"{tmp_path / 'wechat'} " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "删掉" in command.run(tmp_path, "check", "fruit", chinese=True).stderr
