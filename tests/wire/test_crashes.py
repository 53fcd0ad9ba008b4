"""Every seed of the fuzzer, and every input that ever crashed a target, through that target."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

FUZZ = Path(__file__).parents[2] / "fuzz"
SEEDS = sorted(path for path in (FUZZ / "seeds").iterdir())
CRASHES = sorted(path for path in (FUZZ / "crashes").glob("*/*"))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_a_seed_crashes_nothing(name: str, seed: Path) -> None:
    TARGETS[name](seed.read_bytes())


@pytest.mark.parametrize("crash", CRASHES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_crashed_does_not_again(crash: Path) -> None:
    TARGETS[crash.parent.name](crash.read_bytes())
