"""A lab of which one call to the API server fails, in the way that a test says."""

from __future__ import annotations

from typing import Any

from serin.cluster import resources
from serin.cluster.client import Cluster
from tests.faulty_cluster import FaultyCluster
from tests.lab import POLICY, Lab, isvc


class FaultyLab(Lab):
    """A lab of which one call fails."""

    def __init__(self, policy: dict[str, Any] = POLICY) -> None:
        self.faulty: FaultyCluster | None = None
        super().__init__(policy)

    @property
    def seen_cluster(self) -> Cluster:
        if self.faulty is None:
            self.faulty = FaultyCluster(self.cluster)
        return self.faulty

    @property
    def fault(self) -> FaultyCluster:
        assert self.faulty is not None
        return self.faulty

    def weight(self) -> int:
        return self.backends().get(isvc("2"), 0)

    def accept(self, *, accepting: bool = True) -> None:
        """From now on the gateway tells that it has accepted the route, or does not."""
        self.cluster.accepting = accepting
        route = self.obj(resources.HTTP_ROUTES)
        for condition in route["status"]["parents"][0]["conditions"]:
            condition["observedGeneration"] = route["metadata"]["generation"] - (not accepting)

    def exposed(self) -> bool:
        """Whether any request reaches the candidate: by weight, or mirrored."""
        rules = self.obj(resources.HTTP_ROUTES)["spec"]["rules"]
        return self.weight() > 0 or any(rule.get("filters") for rule in rules)
