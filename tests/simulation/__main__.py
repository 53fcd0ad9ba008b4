"""`python -m tests.simulation SEED [--keep 1,5,9] [--mutant NAME]`: one world, told line by line.

`python -m tests.simulation FIRST-LAST` runs many, and shortens the plan of the first that fails.
"""

from __future__ import annotations

import argparse
import logging
import sys

from .mutants import MUTANTS
from .plan import plan_of
from .search import Failed, kept, run_seeds
from .world import run


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", help="one seed, or FIRST-LAST")
    parser.add_argument("--keep", help="indices of the actions to keep, with commas")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this broken on purpose")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    first, _, last = arguments.seeds.partition("-")
    mutant = MUTANTS[arguments.mutant] if arguments.mutant else MUTANTS["none"]
    with mutant() as store:
        if last:
            try:
                print(run_seeds(range(int(first), int(last)), store), "turns, and all is well")
            except Failed as failed:
                print(failed)
                return 1
            return 0
        plan = plan_of(int(first))
        if arguments.keep is not None:
            plan = kept(plan, [int(index) for index in arguments.keep.split(",") if index])
        run(plan, store, print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
