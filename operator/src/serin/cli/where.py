"""Which cluster and namespace a command means: looked up only when a cluster is read at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """What the command line says, each None where it says nothing."""

    given: str | None = None
    context: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace that is given, or that of the kubeconfig's context; ``Refused``."""
        from serin.cluster.kubeconfig import access

        return self.given or access(self.context).namespace
