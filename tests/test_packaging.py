"""What a user installs is complete, and the repository has nothing that belongs to one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy of what goes into it."""
    # Not in the tree itself: other tests read it at the same time.
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "LICENSE", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    src = ROOT / "src"
    sources = {
        path.relative_to(src).as_posix()
        for path in src.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    # Lua scripts, the pages of the simulator and py.typed are no Python, and easily forgotten.
    assert packed == sources
    assert {"wechat_dialog/py.typed", "wechat/py.typed"} <= packed


def test_the_sdist_holds_every_file_of_the_project(tmp_path: Path) -> None:
    """Whoever unpacks it can run `make test`, which needs more than the sources."""
    tree = tmp_path / "tree"
    files = {path.relative_to(ROOT) for path in tracked()}
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        packed = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    assert {file.as_posix() for file in files - packed} == set()


CORE = ("msgspec", "cryptography", "cffi", "_cffi_backend", "pycparser", "tzdata")
PYTEST = ("pytest", "_pytest", "py.py", "pluggy", "iniconfig", "packaging", "pygments")

Bare = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bare(wheel: Path, tmp_path: Path) -> Bare:
    """Runs code in a Python that has only the wheel, its core dependencies and the named packages,
    which are taken from this test's environment.
    """
    venv.create(tmp_path / "env", with_pip=False)
    site, needed = tmp_path / "site", tmp_path / "needed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    needed.mkdir()

    def run(code: str, *more: str) -> subprocess.CompletedProcess[str]:
        for name in (*CORE, *more):
            for found in _installed(name):
                (needed / found.name).symlink_to(found)
        path = f"import sys; sys.path[:0] = [{str(site)!r}, {str(needed)!r}]\n"
        command = [str(tmp_path / "env" / "bin" / "python"), "-I", "-c", path + code, str(site)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    return run


def test_the_wheel_installs_and_imports_where_nothing_else_of_ours_is(bare: Bare) -> None:
    done = bare(
        "import importlib.util as u\n"
        "import wechat_dialog\n"
        "assert wechat_dialog.__file__.startswith(sys.argv[1]), wechat_dialog.__file__\n"
        "assert u.find_spec('redis') is None and u.find_spec('httpx') is None\n"
    )
    assert done.returncode == 0, done.stderr


TESTS_OF_AN_AUTHOR = """
import pytest
from wechat_dialog import Bot

FRUITS = {"苹果", "梨"}

@pytest.fixture
def bot():
    bot = Bot()
    @bot.text("你好")
    def hello(chat):
        return "你好，" + (yield from chat.ask("叫什么？"))
    @bot.text("买")
    def buy(chat):
        for fruit in FRUITS:
            yield from chat.ask(fruit)
    return bot

def test_that_passes(talk):
    assert talk("你好") == "叫什么？"
    assert talk("小明") == "你好，小明"

def test_that_fails(talk):
    talk("你好")
    assert talk("小明") == "你好，小红"

def test_without_an_order(talk):
    talk("买")
"""


def test_the_fixture_and_the_transcript_come_with_the_core_alone(
    bare: Bare, tmp_path: Path
) -> None:
    (tmp_path / "test_bot.py").write_text(TESTS_OF_AN_AUTHOR, encoding="utf-8")
    options = "['-q', '-p', 'no:cacheprovider', 'test_bot.py']"
    done = bare(f"import pytest; sys.exit(pytest.main({options}))", *PYTEST)
    said = done.stdout
    assert "2 failed, 1 passed" in said, said + done.stderr
    assert "用户：你好\n公众号：叫什么？\n用户：小明\n公众号：你好，小明\n" in said
    # Of strict mode's findings, the author's own line and nothing of ours.
    assert re.search(r"^>       talk\(.买.\)$", said, re.MULTILINE)
    assert "test_bot.py:15); with that in another order" in said
    assert "wechat_dialog/core" not in said


def _installed(name: str) -> list[Path]:
    for entry in map(Path, sys.path):
        if found := [path for path in (entry / name, *entry.glob(f"{name}*.so")) if path.exists()]:
            return found
    return []


def test_the_command_is_declared_and_its_extra_brings_what_it_runs_on() -> None:
    assert PROJECT["scripts"] == {"wechat-dialog": "wechat_dialog.__main__:main"}
    brought = {_name(entry) for entry in PROJECT["optional-dependencies"]["cli"]}
    assert {"starlette", "uvicorn", "typer", "rich", "httpx", "watchfiles"} <= brought


def test_the_core_stays_small() -> None:
    assert {_name(entry) for entry in PROJECT["dependencies"]} == {
        "msgspec",
        "cryptography",
        "tzdata",
    }


def test_every_dependency_says_from_which_version_on() -> None:
    extras = PROJECT["optional-dependencies"].values()
    entries = [*PROJECT["dependencies"], *(entry for extra in extras for entry in extra)]
    assert not [entry for entry in entries if ">=" not in entry and "wechat-dialog[" not in entry]


def _name(entry: str) -> str:
    return re.split(r"[\[<>=; ]", entry, maxsplit=1)[0]


# Written in pieces, so that this file is not its own finding.
FORBIDDEN = {
    "a home folder": re.compile(r"/(?:home|Users)/(?!user\b|you\b|me\b)\w+|/" + r"root/"),
    "a work folder of one machine": re.compile(r"/" + r"work/(?:main|shared)|/" + r"tmp/brief"),
    "an unfinished place": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
    "a package index of one's own": re.compile(r"--" + r"(?:extra-)?index-url|find-" + r"links"),
}


def tracked() -> list[Path]:
    """Files that git knows or would add; in an unpacked sdist, everything."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        everything = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        seen = (path for path in everything if not path.parts[0].startswith("."))
        return [path for name in seen if (path := ROOT / name).is_file()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_tree_is_free_of(what: str) -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if FORBIDDEN[what].search(line)
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a home folder", "see /ho" + "me/ada/notes"),
        ("a home folder", "/ro" + "ot/.cache"),
        ("a work folder of one machine", "cd /wo" + "rk/main"),
        ("an unfinished place", "# TO" + "DO: later"),
        ("a package index of one's own", "pip --ind" + "ex-url=x"),
    ],
)
def test_a_forbidden_line_would_be_found(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)
