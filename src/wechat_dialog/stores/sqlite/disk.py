"""Whether the file system of the database takes writes: SQLite itself notices that it does not only
when it writes, and an attempt that is rolled back writes nothing.
"""

from __future__ import annotations

import os

from wechat_dialog.errors import StoreError

__all__ = ["check_disk"]

LEAST = 65_536
"""Bytes of a small turn: some pages of the log, and its index of 32 KiB if it grows."""


def check_disk(path: str) -> None:
    """Check the file system of a file. A quota that it does not report is not noticed.

    Raises:
        StoreError: It is full, or mounted read-only.
    """
    if not hasattr(os, "statvfs"):  # Windows
        return
    try:
        system = os.statvfs(path)
    except OSError as error:
        raise StoreError(f"SQLite store {path}: {error.strerror}") from error
    if system.f_flag & os.ST_RDONLY:
        raise StoreError(f"SQLite store {path}: its file system is mounted read-only")
    blocks = system.f_bavail if os.geteuid() else system.f_bfree  # some are left for root
    if system.f_blocks and blocks * system.f_frsize < LEAST:  # 0: it does not say
        raise StoreError(f"SQLite store {path}: the disk is full: make room")
