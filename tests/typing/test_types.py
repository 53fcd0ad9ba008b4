"""mypy and pyright infer the result of every call in both styles, and refuse wrong code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INFERRED = HERE / "inferred.py"
WRONG = HERE / "wrong.txt"

Errors = dict[str, set[int]]


def run_mypy(files: list[Path], folder: Path) -> Errors:
    """Return the lines with errors, by file name."""
    (folder / "mypy.ini").write_text("[mypy]\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(folder / "mypy.ini"),
         "--python-version", "3.11", "--follow-imports", "silent", "--no-error-summary",
         "--cache-dir", str(folder / "cache"), *map(str, files)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert not done.stderr, done.stderr
    found: Errors = {}
    for name, line in re.findall(r"([^/\s:]+\.py):(\d+): error", done.stdout):
        found.setdefault(name, set()).add(int(line))
    return found


def run_pyright(files: list[Path], folder: Path) -> Errors:
    """Return the lines with errors, by file name."""
    settings = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(ROOT / "src")],
        "pythonVersion": "3.11",
    }
    # Only types are checked: what is unused or private in the code of users does not matter.
    unused = ("reportUnusedVariable", "reportUnusedFunction", "reportUnusedImport")
    settings |= dict.fromkeys(unused, "none")
    settings["include"] = [str(file) for file in files]
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable,
         "--project", str(folder)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )  # fmt: skip
    found: Errors = {}
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(files), done.stdout
    for one in report["generalDiagnostics"]:
        if one["severity"] == "error":
            line = one["range"]["start"]["line"] + 1
            found.setdefault(Path(one["file"]).name, set()).add(line)
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [run_mypy, run_pyright], ids=["mypy", "pyright"])
def test_every_call_is_inferred_and_wrong_code_is_refused(
    check: Callable[[list[Path], Path], Errors], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG.read_text("utf-8"), "utf-8")
    inferred = tmp_path / "inferred.py"
    inferred.write_text(INFERRED.read_text("utf-8"), "utf-8")
    expected = {
        number
        for number, line in enumerate(wrong.read_text("utf-8").splitlines(), 1)
        if line.endswith("# wrong")
    }
    found = check([inferred, wrong], tmp_path)
    assert found.get("inferred.py", set()) == set()
    assert found.get("wrong.py", set()) == expected
