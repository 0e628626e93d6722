"""Writes rules, dashboards and reference pages; with ``--check`` names each file that differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.monitoring.dashboards import rendered as dashboards
from tools.monitoring.render import alerts_page, metrics_page, rules

CHART = Path("charts/serin/files/monitoring")


def files() -> dict[Path, str]:
    """Every file that is made, by path."""
    return {
        Path("docs/reference/metrics.md"): metrics_page(),
        Path("docs/reference/alerts.md"): alerts_page(),
        CHART / "rules.yaml": rules(),
        **{CHART / "dashboards" / f"{name}.json": text for name, text in dashboards().items()},
    }


def main(argv: list[str] | None = None) -> int:
    """Writes the files, or with ``--check`` compares them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=Path, default=Path())
    args = parser.parse_args(argv)
    stale = []
    for name, text in files().items():
        path = args.root / name
        if args.check:
            stale += [] if path.exists() and path.read_text("utf-8") == text else [name]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"{name} differs from the code; run `make crds`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
