"""An application's own modules are compiled from their source, whatever bytecode lies beside it.

Python tells whether a module's bytecode is of its source by the source's size and its time in whole
seconds. Who saves twice in one second, as people and their tools do, may leave bytecode of the
first behind, and that is what would run. Installed packages are imported as ever.
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
_HOUSES = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_PACKAGES = {"site-packages", "dist-packages"}


def is_installed(path: str) -> bool:
    """Whether a file or folder is Python's own, an installed package's or ours, and so no part of
    an application that somebody is at work on.
    """
    found = Path(os.path.realpath(path))
    return not _PACKAGES.isdisjoint(found.parts) or any(
        found.is_relative_to(house) for house in (*_HOUSES, _OURS)
    )


class _FromSource(SourceFileLoader):
    def path_stats(self, path: str) -> Mapping[str, object]:
        """Tell nothing of the source: then bytecode is neither read nor written."""
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
    """Have the application's modules, from now on imported, compiled from their source."""
    if _find_in not in sys.path_hooks:
        sys.path_hooks.insert(0, _find_in)
    for path in [one for one in sys.path_importer_cache if not is_installed(one)]:
        del sys.path_importer_cache[path]
