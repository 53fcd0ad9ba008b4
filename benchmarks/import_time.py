"""How long `import wechat_dialog` takes, as a multiple of `import asyncio`: at most one and a half.

Every import is a fresh interpreter's first, with compiled files in place, and the two are measured
in turns, so that a busy machine is as busy for one as for the other.

python -m benchmarks.import_time
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

BUDGET = 1.5
ROUNDS = 15
MEASURED = ("asyncio", "wechat_dialog")


def seconds(module: str) -> float:
    """Return how long one process took to import a module."""
    code = (
        "from time import perf_counter as now; began = now(); "
        f"import {module}; print(now() - began)"
    )
    # Told to write no bytecode, Python would compile ours anew in every process, and asyncio never.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    return float(done.stdout)


def main(arguments: list[str]) -> int:
    """Print the medians and their ratio; returns 1 if it is over the budget."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    for module in MEASURED:  # compiles what is not compiled yet
        seconds(module)
    taken: dict[str, list[float]] = {module: [] for module in MEASURED}
    for _ in range(rounds):
        for module in MEASURED:
            taken[module].append(seconds(module))
    median = {module: statistics.median(times) for module, times in taken.items()}
    ratio = median["wechat_dialog"] / median["asyncio"]
    for module in MEASURED:
        print(f"import {module:<16}{median[module] * 1000:8.1f} ms")
    print(f"ratio {ratio:.2f}, at most {BUDGET}")
    return int(ratio > BUDGET)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
