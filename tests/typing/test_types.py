"""mypy and pyright, both strict: they infer the result of every call in both styles, refuse wrong
code, and find nothing in the code that the manual has its readers write.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import Page, manual

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


def programs(name: str) -> dict[str, str]:
    """The modules of a page, by file name; blocks that are a file's content have its own."""
    page: Page = manual(name)[0]
    code = [block for block in page.blocks if block.language == "python"]
    shared = code.pop(0).text if name == "dialogs" else ""
    found: dict[str, str] = {}
    for block in code:
        if name in ("tutorial", "testing"):
            found[block.title] = block.text
        elif block.title in ("", "bot.py", "wechat-dialog"):
            module = f"{name}_line_{block.line}.py".replace("-", "_")
            found[module] = f"{shared}\n\n{block.text}" if shared else block.text
    return found


PAGES = (
    "dialogs", "parsers", "tutorial", "testing", "deploy",
    "from-werobot", "from-wechatpy", "from-nonebot2",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All that is checked, in one folder: the checkers read the library once for all of it."""
    folder = tmp_path_factory.mktemp("typed")
    texts = {"wrong.py": WRONG.read_text("utf-8"), "inferred.py": INFERRED.read_text("utf-8")}
    for page in PAGES:
        for name, text in programs(page).items():
            assert name not in texts
            texts[name] = text
    assert len(texts) > 47
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in texts]


@pytest.fixture(scope="module", params=[run_mypy, run_pyright], ids=["mypy", "pyright"])
def errors(request: pytest.FixtureRequest, files: list[Path]) -> Errors:
    found: Errors = request.param(files, files[0].parent)
    return found


@pytest.mark.timeout(300)
def test_every_call_is_inferred_and_wrong_code_is_refused(errors: Errors) -> None:
    lines = WRONG.read_text("utf-8").splitlines()
    expected = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert errors.get("inferred.py", set()) == set()
    assert errors.get("wrong.py", set()) == expected


@pytest.mark.timeout(300)
def test_the_manual_is_type_checked(errors: Errors) -> None:
    """Left out is what is no program of the reader's own: other libraries' code, and blocks that
    are cut down to the lines that matter and have no annotations (in replay.md and simulator.md).
    """
    assert errors.keys() <= {"inferred.py", "wrong.py"}
