"""Which Pythons of this machine are new enough: one of each version, on PATH or from pyenv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def found() -> dict[str, str]:
    """Return the paths by version; versions that are not to be had here are left out.

    There being none at all ends the program: nothing tried is no success.
    """
    pythons: dict[str, str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in VERSIONS:
        kept = sorted(pyenv.glob(f"{version}.*/bin/python")) if pyenv.is_dir() else []
        for path in (*map(str, reversed(kept)), shutil.which(f"python{version}")):
            if path and _is(path, version):
                pythons[version] = path
                break
    if not pythons:
        sys.exit(f"none of Python {', '.join(VERSIONS)} is on PATH or kept by pyenv, with venv")
    return pythons


def _is(path: str, version: str) -> bool:
    """Whether it runs (a pyenv shim may not), is that version and can make environments."""
    check = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", check], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


def environment(python: str, folder: Path, *packages: str) -> str:
    """Make an environment with these packages in it, and return its Python.

    That it cannot be made, which pip explains, ends the program.
    """
    own = str(folder / "bin" / "python")
    # -qq: errors are told, and not what pip warns of in a machine's own settings, once a package.
    install = [own, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages]
    for command in ([python, "-m", "venv", str(folder)], install):
        if status := subprocess.run(command, check=False).returncode:
            sys.exit(f"{' '.join(command)}: status {status}")
    return own
