"""`make release`: build the wheel and the sdist, and try both in clean environments.

    python .ci/release.py [FOLDER]

On every Python that is to be had here, each of the two is installed with [cli] and used as a
stranger would: the version, a bot of its own, its test, a talk in the terminal. What is built stays
in FOLDER, `dist`; to upload it is somebody else's decision.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pythons import VERSIONS, environment, found

ROOT = Path(__file__).resolve().parent.parent


def build(folder: Path) -> list[Path]:
    """Build both from the tree as it is; what lay there before is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return sorted(folder.iterdir())


def try_out(python: str, built: Path, version: str) -> None:
    """Install a distribution in an environment of its own and use it, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="wechat-dialog-release-") as name:
        own = environment(python, Path(name, "venv"), f"{built}[cli]", "pytest")
        command = [own, "-m", "wechat_dialog"]
        told = said([*command, "--version"], name)
        expect(told == f"wechat-dialog {version}\n", f"--version says {told!r}")
        said([*command, "new", "mine"], name)
        mine = str(Path(name, "mine"))
        said([own, "-m", "pytest", "-q"], mine)
        talk = said([*command, "demo", "--terminal"], name, "累加器\n1\n5\n")
        expect(talk.endswith("一共是 5。\n"), f"the adder of the demo says {talk!r}")


def expect(holds: bool, otherwise: str) -> None:
    """End the program unless it holds; `assert` would be silent under -O."""
    if not holds:
        sys.exit(otherwise)


def said(command: list[str], folder: str, given: str = "") -> str:
    """Run a command and return what it prints; what it complains of is told if it fails."""
    done = subprocess.run(
        command, cwd=folder, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main(folder: str = "dist") -> None:
    """Build and try; say what was tried where, and which Pythons are not here."""
    pythons = found()
    distributions = build(Path(folder).resolve())
    version = distributions[0].name.split("-")[1].removesuffix(".tar.gz")
    for number, python in pythons.items():
        for built in distributions:
            print(f"Python {number}: {built.name} …", flush=True)
            try_out(python, built, version)
            print(f"Python {number}: {built.name} is whole", flush=True)
    missing = [number for number in VERSIONS if number not in pythons]
    if missing:
        print(f"not tried, for there is no such Python here: {', '.join(missing)}")
    print(f"built: {', '.join(str(one) for one in distributions)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
