"""Compiles an application's own modules from their source, even if there is bytecode.

Python compares only the source's size and its time in whole seconds with the bytecode's. When a
file is saved twice within a second, the bytecode of the first version can pass for the second's,
and would run. Installed packages are imported as usual.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path

__all__ = ["find_sources", "is_installed"]

_OURS = str(Path(__file__).resolve().parent.parent)
_STDLIB = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_PACKAGES = {"site-packages", "dist-packages"}


def is_installed(path: str) -> bool:
    """Whether a file or folder belongs to Python, an installed package or this library, and so not
    to the application under development.
    """
    real = Path(os.path.realpath(path))
    return not _PACKAGES.isdisjoint(real.parts) or any(
        real.is_relative_to(folder) for folder in (*_STDLIB, _OURS)
    )


class _FromSource(SourceFileLoader):
    def path_stats(self, path: str) -> Mapping[str, object]:
        """Raise, so that bytecode is neither read nor written."""
        raise OSError(f"the bytecode of {path} is not asked for")


def _finder() -> Callable[[str], PathEntryFinder]:
    of_folders = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (_FromSource, SOURCE_SUFFIXES)
    )

    def find_in(path: str) -> PathEntryFinder:
        if is_installed(path):
            raise ImportError(f"{path} is left to Python")
        return of_folders(path)

    return find_in


_find_in = _finder()


def find_sources() -> None:
    """From now on, compile the application's modules from their source when they are imported."""
    if _find_in not in sys.path_hooks:
        sys.path_hooks.insert(0, _find_in)
    for path in [cached for cached in sys.path_importer_cache if not is_installed(cached)]:
        del sys.path_importer_cache[path]
