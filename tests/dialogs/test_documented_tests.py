"""docs/testing.md: its files, written into a folder, are a test suite that passes.

`tests/test_manual.py` sees to it that the Chinese page has the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment
from tests.pages import manual


def test_the_tests_of_the_manual_pass(tmp_path: Path) -> None:
    page = manual("testing")[0]
    for block in page.blocks:
        assert block.title, "a block is a file"
        (tmp_path / block.title).write_text(block.text, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "utf-8")
    env = environment()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=env | {"PYTHONPATH": f"{env['PYTHONPATH']}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = sum(block.text.count("\ndef test_") for block in page.blocks)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > written > 10  # the store's contract comes on top
