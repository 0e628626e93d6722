"""``make bench-judge``: how the judge and its peers decide on the same drawn traffic, written to docs/benchmarks.md.

Every figure but the costs is reproducible: the draws are seeded. ``--scale`` multiplies the number of runs, ``--only``
measures some tables anew and leaves the others as they are.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from tests.simulation import bursts, ramp, tables
from tests.simulation.report import REPORT, write

T = TypeVar("T")
TABLES: dict[str, Callable[[tables.Each], str]] = {
    **tables.TABLES,
    **ramp.TABLES,
    **bursts.TABLES,
    "cost": tables.cost,
}


class Bench:
    """Runs cells on all cores and tells how far it is."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._pool = ProcessPoolExecutor(os.cpu_count())

    def each(self, what: str, count: int, one: Callable[[int], T]) -> list[T]:
        """``one(seed)`` for every seed, in order."""
        begun, seeds = time.monotonic(), range(1, max(4, round(count * self._scale)) + 1)
        found = list(self._pool.map(one, seeds, chunksize=max(1, len(seeds) // 32)))
        print(f"  {what}: {len(seeds)} runs in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        return found


def main() -> int:
    """Run the tables that are asked for and write each into the report as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of runs")
    parser.add_argument("--only", nargs="*", choices=list(TABLES), help="measure these tables anew")
    options = parser.parse_args()
    bench = Bench(options.scale)
    for name, table in TABLES.items():
        if not options.only or name in options.only:
            print(name, file=sys.stderr, flush=True)
            text = table(bench.each)
            if options.scale != 1:
                text += f"\nMeasured with {options.scale:g} of the runs that are named.\n"
            write({name: text}, list(TABLES))
    print(f"{REPORT} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
