"""The Service behind an arm, as backend of a route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Service:
    """A Kubernetes Service and its port."""

    name: str
    port: int

    def reference(self) -> dict[str, Any]:
        """The ``backendRef`` of a route."""
        return {"name": self.name, "port": self.port}


ServiceOf = Callable[[str], Service]
"""The Service of a workload, by the workload's name."""
