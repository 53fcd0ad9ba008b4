"""What `make release` and `make matrix` would test: which Pythons, and which oldest packages."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

CI = Path(__file__).parent.parent / ".ci"


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CI))
    spec = importlib.util.spec_from_file_location("matrix_of_ci", CI / "matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_oldest_packages_are_those_that_the_project_takes(matrix: ModuleType) -> None:
    assert matrix.oldest("msgspec", "3.12") == "msgspec==0.18.6"
    assert matrix.oldest("msgspec", "3.13") == "msgspec==0.19.0"  # there is no older wheel of it
    assert matrix.oldest("redis", "3.11") == "redis[hiredis]==5.3"


def test_a_python_is_one_that_runs_and_is_what_its_name_says(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = "{}.{}".format(*sys.version_info)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    shim = tmp_path / f"python{here}"
    shim.write_text("#!/bin/sh\nexit 127\n")  # as a pyenv shim of a version that is not set
    shim.chmod(0o755)
    with pytest.raises(SystemExit, match="none of Python"):  # nothing tried is no success
        matrix.found()
    shim.unlink()
    shim.symlink_to(getattr(sys, "_base_executable", sys.executable))
    assert matrix.found() == {here: str(shim)}


def test_the_matrix_names_nothing_without_a_test_in_it(matrix: ModuleType) -> None:
    for one in matrix.TESTS:
        path = CI.parent / one
        assert path.is_file() or list(path.glob("**/test_*.py")), one
