"""Every seed of the fuzzer, and every input that ever crashed a target, through that target."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

FUZZ = Path(__file__).parents[2] / "fuzz"
RUNS = [
    *((name, seed) for name in TARGETS for seed in sorted((FUZZ / "seeds").iterdir())),
    *((crash.parent.name, crash) for crash in sorted((FUZZ / "crashes").glob("*/*"))),
]


@pytest.mark.parametrize(
    ("name", "kept"), [pytest.param(*run, id=f"{run[0]}-{run[1].name}") for run in RUNS]
)
def test_what_the_fuzzer_keeps_crashes_nothing(name: str, kept: Path) -> None:
    TARGETS[name](kept.read_bytes())
