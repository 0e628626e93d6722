"""An operator that goes on running after the program that started it has ended, and that a later one ends."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from e2e.sandbox.state import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.deploy.process import OperatorProcess

ENDS_WITHIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class KeptOperator:
    """The one operator that was kept by whoever owns ``folder``."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where its identity is written down."""
        return self.folder / "operator.json"

    @property
    def pid(self) -> int | None:
        """The process that runs; None if there is none, also where another process has its number by now."""
        kept = self._identity()
        return kept.pid if kept is not None and kept.is_alive() else None

    def remember(self, operator: OperatorProcess) -> None:
        """Write down which process it is."""
        identity = Identity.of(operator.pid) if operator.pid is not None else None
        if identity is not None:
            self.path.write_text(json.dumps(asdict(identity)), "utf-8")

    def end(self) -> bool:
        """End it, politely first; whether one ran."""
        kept = self._identity()
        ran = kept is not None and kept.is_alive()
        if kept is not None and ran:
            os.kill(kept.pid, signal.SIGTERM)
            deadline = time.monotonic() + ENDS_WITHIN_SECONDS
            while kept.is_alive():
                if time.monotonic() > deadline:
                    os.kill(kept.pid, signal.SIGKILL)
                time.sleep(0.05)
        self.path.unlink(missing_ok=True)
        return ran

    def _identity(self) -> Identity | None:
        try:
            content: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
            return Identity(**content)
        except (OSError, ValueError, TypeError):
            return None
