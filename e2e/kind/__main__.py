"""``python -m e2e.kind``."""

from __future__ import annotations

from e2e.kind.cli import main

main()
