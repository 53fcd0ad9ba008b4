"""All benchmarks, one after another: `make bench`, or `make bench ARGS="turns memory"` for some."""

from __future__ import annotations

import importlib
import sys

ALL = (
    "import_time", "wire", "replay", "check", "stores", "turns", "profile", "peers", "sqlite",
    "memory", "http", "timers", "pages", "instructions",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run benchmarks by name; returns 1 if one of them is over its budget."""
    over = 0
    for name in names or ALL:
        if name not in ALL:
            print(f"no benchmark {name!r}; there are {', '.join(ALL)}", file=sys.stderr)
            return 2
        print(f"\n{name}\n{'=' * len(name)}", flush=True)
        over |= importlib.import_module(f"benchmarks.{name}").main([]) or 0
    return over


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
