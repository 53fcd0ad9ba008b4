"""What `make` does on a new machine: which Python it takes, and what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Stands for .ci/install.py: says which Python ran it, and makes an environment whose `demo`
# repeats its input and ends with a status of its own.
INSTALL = """
import pathlib, sys
bin = pathlib.Path(sys.argv[1], "bin")
bin.mkdir(parents=True, exist_ok=True)
print("installing", sys.argv[2], "with", sys.orig_argv[0])
demo = bin / "wechat-dialog"
demo.write_text('#!/bin/sh\\n[ "$1" = demo ] && cat && exit 7\\n')
demo.chmod(0o755)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A tree with the Makefile, and an empty folder `path` to be all of PATH but for /bin's."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "install.py").write_text(INSTALL)
    (tmp_path / "path").mkdir()
    for tool in ("sh", "echo", "sed", "expand", "touch", "cat", "make"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "path" / tool).symlink_to(found)
    return tmp_path


def python(clone: Path, name: str, script: str) -> None:
    """Put an executable called `name` on the clone's PATH."""
    path = clone / "path" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def make(clone: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run make there, with nothing else on PATH."""
    return subprocess.run(
        ["make", "-s", *words],
        cwd=clone,
        env={"PATH": str(clone / "path"), "HOME": str(clone)},
        executable=str(clone / "path" / "make"),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


WORKS = f'exec "{sys.executable}" "$@"'
SHIM = 'echo "pyenv: $0: command not found" >&2; exit 127'
OLD = "exit 1"


def test_a_shim_that_does_not_run_and_a_python_too_old_are_passed_over(clone: Path) -> None:
    python(clone, "python3.13", SHIM)
    python(clone, "python3.12", OLD)
    python(clone, "python3", WORKS)
    done = make(clone, "demo")
    assert "installing all" in done.stderr
    assert "pyenv" not in done.stderr


def test_without_a_python_it_says_so_and_what_to_do(clone: Path) -> None:
    python(clone, "python3", OLD)
    done = make(clone, "demo")
    assert done.returncode != 0
    assert "no Python >= 3.11 found" in done.stderr
    assert "PYTHON=" in done.stderr


def test_a_python_named_by_hand_is_taken_first(clone: Path) -> None:
    python(clone, "python3", OLD)
    python(clone, "mine", WORKS)
    assert "installing all" in make(clone, "demo", "PYTHON=mine").stderr


def test_the_demo_has_stdin_and_stdout_to_itself(clone: Path) -> None:
    python(clone, "python3", WORKS)
    done = make(clone, "demo", given="累加器\n2\n")
    assert done.stdout == "累加器\n2\n"
    assert "Error 7" in done.stderr


def test_the_second_time_nothing_is_installed_until_pyproject_changes(clone: Path) -> None:
    python(clone, "python3", WORKS)
    make(clone, "demo")
    assert "installing" not in make(clone, "demo").stderr
    later = (clone / ".venv" / ".installed-run").stat().st_mtime + 10
    os.utime(clone / "pyproject.toml", (later, later))
    assert "installing" in make(clone, "demo").stderr


def test_help_lists_every_target_that_a_person_would_call(clone: Path) -> None:
    done = make(clone, "help")
    assert done.stderr == ""
    listed = done.stdout
    for target in ("demo", "test", "lint", "chaos", "fuzz", "bench", "venv", "clean", "help"):
        assert f"\n  {target} " in listed
