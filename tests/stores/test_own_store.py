"""What the author of a store sees of the contract: what to write, and names that state a rule."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.times import EndsLeases
from wechat_dialog.core.store.try_write import TriesWrites
from wechat_dialog.core.store.values import RenewsAll
from wechat_dialog.testing import StoreContract

OPERATIONS = {
    name
    for protocol in (Store, RenewsAll, EndsLeases, TriesWrites)
    for name, _ in inspect.getmembers(protocol, inspect.isfunction)
    if not name.startswith("_")
} | {
    "fast_commit", "firing", "first_commit", "first_look", "mailbox_and_index", "optimistic_claim",
    "pages", "turns", "write",
}  # fmt: skip
SUBJECT = re.compile(f"test_(?:{'|'.join(sorted(OPERATIONS, key=len, reverse=True))})s?_")


def test_the_contracts_tests_name_an_operation_and_state_a_rule() -> None:
    tests = {
        name: inspect.getdoc(function) or ""
        for name, function in inspect.getmembers(StoreContract, inspect.isfunction)
        if name.startswith("test_")
    }
    assert len(tests) > 200
    assert [name for name in tests if not SUBJECT.match(name)] == []
    assert [name for name, rule in tests.items() if not re.fullmatch(r"[^\n]+\.", rule)] == []


def test_a_contract_without_a_store_says_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(
        "from wechat_dialog.testing import StoreContract\n\n\n"
        "class TestMine(StoreContract):\n    pass\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", str(file)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "TestMine does not say which store to test." in run.stdout
    assert "            return MyStore()\n" in run.stdout
    assert "asking.py" not in run.stdout
    assert "NotImplementedError" not in run.stdout
