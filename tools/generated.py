"""Everything that is made from the code: ``python -m tools.generated`` writes it, ``--check`` names what differs.

One process for all of it: each of these programs imports the whole operator.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tools import cliref, crdgen, kindref, reasons, rolegen, values
from tools.monitoring import __main__ as monitoring

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKED: tuple[Callable[[list[str]], int], ...] = (
    crdgen.main,
    rolegen.main,
    monitoring.main,
    values.main,
    cliref.main,
    kindref.main,
)
"""Each by its own ``main``; the table of reasons is compared by a test."""


def main(argv: list[str] | None = None) -> int:
    """Writes everything, or with ``--check`` compares it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.generated")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(argv).check
    failed = [made for made in CHECKED if made(["--check"] if check else [])]
    if not check:
        reasons.main()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
