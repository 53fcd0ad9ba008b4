"""A test of the contract's tests: each store, with one line of what keeps turns apart left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stores.mutants import LUA, PYTHON

ROOT = Path(__file__).parents[2]


# Memory and SQLite have the same rules, and SQLite syncs its file.
FORGOTTEN = [
    *[("TestMemory", forgotten) for forgotten in PYTHON],
    *[("TestSQLite", forgotten) for forgotten in ("a claim that is held", "the fence")],
    *[("TestRedis", forgotten) for forgotten in LUA],
]


@pytest.mark.parametrize(("store", "forgotten"), FORGOTTEN)
def test_the_contract_notices_what_a_store_forgets(store: str, forgotten: str) -> None:
    # Without the project's plugins, which take longer to load than most mutants live.
    bare = ["-c", os.devnull, "--rootdir", str(ROOT), "--import-mode=importlib"]
    arguments = [*bare, "-x", "-q", "-p", "tests.stores.mutants", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, f"tests/stores/test_contract.py::{store}"],
        cwd=ROOT,
        env={
            **os.environ,
            "STORE_MUTANT": forgotten,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout


def test_all_stores_forget_the_same() -> None:
    assert PYTHON.keys() == LUA.keys()
