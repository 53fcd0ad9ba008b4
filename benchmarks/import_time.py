"""How long `from wechat_dialog import Bot` takes: at most one and a half times `import asyncio`.

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
MEASURED = ("import asyncio", "from wechat_dialog import Bot")


def seconds(statement: str) -> float:
    """Return how long one process took for an import."""
    code = f"from time import perf_counter as now; began = now(); {statement}; print(now() - began)"
    # Told to write no bytecode, Python would compile ours anew in every process, and asyncio never.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    return float(done.stdout)


def main(arguments: list[str]) -> int:
    """Print the medians and their ratio; returns 1 if it is over the budget."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    for statement in MEASURED:  # compiles what is not compiled yet
        seconds(statement)
    taken: dict[str, list[float]] = {statement: [] for statement in MEASURED}
    for _ in range(rounds):
        for statement in MEASURED:
            taken[statement].append(seconds(statement))
    asyncio, ours = (statistics.median(taken[statement]) for statement in MEASURED)
    for statement, median in zip(MEASURED, (asyncio, ours), strict=True):
        print(f"{statement:<30}{median * 1000:8.1f} ms")
    print(f"ratio {ours / asyncio:.2f}, at most {BUDGET}")
    return int(ours / asyncio > BUDGET)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
