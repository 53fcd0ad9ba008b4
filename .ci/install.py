"""Make or refresh the virtual environment: `python3 .ci/install.py VENV EXTRAS`.

Runs on the bare Python that make found, so it imports the standard library only. Everything it
says goes to stderr, and it says little: `make -s demo` keeps stdout for the chat.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(python: Path) -> bool:
    """Whether this environment's Python still runs, is new enough and has pip.

    It may not: the Python it was made from was upgraded away, or the folder was moved.
    """
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([python, "-c", check], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def make(venv: Path) -> None:
    say(f"making {venv}/ with Python {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401 - Debian ships venv without it
        import venv as maker
    except ImportError:
        sys.exit("this Python cannot make virtual environments (Debian: apt install python3-venv)")
    maker.create(venv, with_pip=True, clear=venv.exists())


def install(python: Path, extras: str) -> int:
    """`pip install -e .[extras]`, a line for each thing fetched; its whole output if it fails."""
    say(f"installing wechat-dialog[{extras}] into {python.parent.parent} (minutes, the first time)")
    command = [python, "-m", "pip", "install", "--no-color", "--progress-bar=off"]
    command += ["--disable-pip-version-check", "--no-input", "--editable", f".[{extras}]"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    began, seen = time.monotonic(), list[str]()
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            seen.append(line)
            word, _, rest = line.strip().partition(" ")
            if word == "Downloading" and rest:
                say(f"  {rest.rsplit('/', 1)[-1]}")
            elif line.startswith("Installing collected packages"):
                say(f"  installing {line.count(',') + 1} packages")
    if pip.returncode:
        say("".join(seen))
        say("pip could not install what is needed; its words are above")
    else:
        say(f"installed in {time.monotonic() - began:.0f} s")
    return pip.returncode


def main() -> int:
    venv, extras = Path(sys.argv[1]), sys.argv[2]
    if not works(python_of(venv)):
        make(venv)
    return install(python_of(venv), extras)


if __name__ == "__main__":
    sys.exit(main())
