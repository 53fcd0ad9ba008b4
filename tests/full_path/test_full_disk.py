"""A full disk: turns fail, and nothing is lost or done twice; once there is room, all goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OWN_DISK = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
            'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"')  # fmt: skip
"""Runs a command with a small disk in a folder, where users may have namespaces of their own."""


@pytest.mark.parametrize("how", ["disk", "limit"])
def test_all_goes_on_once_there_is_room_again(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-m", "tests.full_path.full_disk", str(tmp_path), how]
    if how == "disk":
        command = [*OWN_DISK, str(tmp_path), *command]
        if not (shutil.which("unshare") and _runs([*OWN_DISK, str(tmp_path), "true"])):
            pytest.skip("needs a namespace with a disk of its own")
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
