"""Throw bytes at the wire, guided by what they reach.

    python -m fuzz.run --seconds 60 [--target NAME] [--seed 1 --runs 20000]

Each target of `fuzz.targets` runs in a process of its own, for its share of the seconds, beginning
from `fuzz/seeds`. What crashes one is written to `fuzz/crashes/NAME/`: commit it with the fix, and
a test keeps it. With a seed and few runs the inputs are nearly the same each time: for a gate,
which must not fail by chance for a change that is not to blame. Needs atheris, a wheel for Linux
(`pip install wechat-dialog[fuzz]`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SLOWEST = 5  # seconds for one input; what takes longer is as bad as a crash


def one(name: str, seconds: int, found: str, *, seed: int, runs: int) -> None:
    """Fuzz one target in this process; ends it."""
    import atheris

    with atheris.instrument_imports(include=["wechat_dialog"], enable_loader_override=False):
        from fuzz.targets import TARGETS
    crashes = HERE / "crashes" / name
    crashes.mkdir(parents=True, exist_ok=True)
    flags = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-runs={runs}",
        f"-timeout={SLOWEST}",
        "-max_len=4096",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={crashes}/",
    ]
    atheris.Setup([sys.argv[0], *flags, found, str(HERE / "seeds")], TARGETS[name])
    atheris.Fuzz()


def main(arguments: list[str] | None = None) -> int:
    """Fuzz one target after the other; 1 if one crashed, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="altogether")
    parser.add_argument("--seed", type=int, default=0, help="what is thrown; 0: another each time")
    parser.add_argument("--runs", type=int, default=-1, help="a target, at most; -1: no limit")
    parser.add_argument("--target", help="one of fuzz.targets.TARGETS; all without it")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        one(options.target, options.seconds, options.here, seed=options.seed, runs=options.runs)
        return 0
    names = [options.target] if options.target else target_names()
    share = max(1, options.seconds // len(names))
    failed: list[str] = []
    for name in names:
        print(f"fuzzing {name} for {share} s", flush=True)
        with tempfile.TemporaryDirectory() as found:
            command = [sys.executable, "-m", "fuzz.run", "--target", name]
            command += ["--seconds", str(share), "--here", found]
            command += ["--seed", str(options.seed), "--runs", str(options.runs)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
    print(f"crashed: {', '.join(failed)}; see fuzz/crashes" if failed else "no crash")
    return 1 if failed else 0


def target_names() -> list[str]:
    """The targets, without importing what a fuzzer must instrument first in another process."""
    from fuzz.targets import TARGETS

    return list(TARGETS)


if __name__ == "__main__":
    sys.exit(main())
