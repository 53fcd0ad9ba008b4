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


def test_all_goes_on_once_there_is_room_again(tmp_path: Path) -> None:
    if not shutil.which("unshare") or on_own_disk(tmp_path, "true").returncode:
        pytest.skip("needs a namespace with a disk of its own")
    done = on_own_disk(tmp_path, sys.executable, "-m", "tests.full_path.full_disk", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]


def on_own_disk(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    own = [*OWN_DISK, str(folder), *command]
    return subprocess.run(own, capture_output=True, text=True, timeout=100, check=False)
