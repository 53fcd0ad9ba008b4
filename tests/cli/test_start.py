"""What the command imports before it does anything: only what the called subcommand needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli import command
from wechat_dialog.cli.main import SUBCOMMANDS, command_line

# Runs the command, and prints at its end what has been imported.
LISTING = """
import atexit, sys
atexit.register(lambda: print("\\nIMPORTED", *sys.modules))
from wechat_dialog.__main__ import main
main()
"""


def imported(*words: str) -> set[str]:
    """The modules that the command has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", LISTING, *words], env=command.environment(), text=True,
        capture_output=True, timeout=command.PATIENCE, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    return {*ended.stdout.rpartition("\nIMPORTED ")[2].split()}


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def subcommands(modules: set[str]) -> set[str]:
    """The modules of subcommands among these, by the subcommands' table."""
    prefix = "wechat_dialog.cli."
    names = {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}
    return names & {module for module, _ in SUBCOMMANDS.values()}


SERVERS_AND_CLIENTS = {"uvicorn", "starlette", "httpx", "watchfiles", "redis"}


def test_the_version_is_printed_without_the_packages_that_the_command_is_built_on() -> None:
    modules = imported("--version")
    assert not packages(modules) & {"typer", "rich", "click", "msgspec", "asyncio"}
    ours = {name for name in modules if name.startswith("wechat_dialog.")}
    assert ours == {"wechat_dialog.__main__", "wechat_dialog.cli", "wechat_dialog.cli.version"}


@pytest.mark.parametrize("words", [[], ["--help"], ["chek"]], ids=str)
def test_without_a_subcommand_none_is_imported(words: list[str]) -> None:
    modules = imported(*words)
    assert subcommands(modules) == set()
    assert not packages(modules) & {*SERVERS_AND_CLIENTS, "msgspec", "asyncio"}
    assert not {"wechat_dialog.bot", "wechat_dialog.platform.emulator"} & modules


# Of each subcommand's module: the modules of other subcommands, and the servers and clients.
NEEDED = {
    "serve": ([], {"uvicorn", "watchfiles"}),
    "work": ([], set()),
    "check": ([], set()),
    "signal": (["conversations"], set()),  # both look for a store that exists
    "simulate": ([], SERVERS_AND_CLIENTS - {"redis"}),
    "chat": ([], {"httpx"}),
    "send": ([], {"httpx"}),
    "probe": ([], {"httpx"}),
    "new": ([], set()),
    "demo": (["chat", "simulate"], SERVERS_AND_CLIENTS - {"redis"}),
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_subcommand_imports_no_other_and_only_the_packages_it_is_built_on(name: str) -> None:
    modules = imported(name, "--help")
    others, needed = NEEDED[name]
    assert subcommands(modules) == {SUBCOMMANDS[name][0], *others}
    assert packages(modules) & SERVERS_AND_CLIENTS <= needed


def test_every_subcommands_module_is_looked_at() -> None:
    looked_at = {SUBCOMMANDS[name][0] for name in NEEDED}
    assert looked_at == {module for module, _ in SUBCOMMANDS.values()}


def test_the_help_says_of_each_subcommand_what_its_own_help_begins_with() -> None:
    whole, listed = command_line(), command_line(["--help"])
    assert [*listed.commands] == [*whole.commands] == [*SUBCOMMANDS]
    for name, subcommand in whole.commands.items():
        first = " ".join(subcommand.help.partition("\n\n")[0].split())
        assert listed.commands[name].help == first


def test_help_that_is_asked_for_before_a_subcommand_lists_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not command.within("--help", "serve", monkeypatch=monkeypatch)
    said = capsys.readouterr().out
    assert [name for name in SUBCOMMANDS if f" {name} " not in said] == []
