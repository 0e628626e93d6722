"""The Service behind an arm, as backend of a route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serin.api.status import RevisionRef


@dataclass(frozen=True, slots=True)
class Service:
    """A Kubernetes Service and its port."""

    name: str
    port: int

    def reference(self) -> dict[str, Any]:
        """The ``backendRef`` of a route."""
        return {"name": self.name, "port": self.port}


ServiceOf = Callable[[RevisionRef], Service]
"""The Service that takes the requests of a revision."""
ServicesOf = Callable[[str], frozenset[str]]
"""The names of all Services of a workload, by the workload's name."""
