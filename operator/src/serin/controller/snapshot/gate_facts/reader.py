"""The port of a reader of facts: what it is given, and what it has to give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from serin.api.promotion_policy import PromotionPolicySpec
from serin.cluster.client import Cluster
from serin.controller.snapshot.observe import Snapshot
from serin.policy_gates.answer import Before, Fact
from serin.policy_gates.kind import GateKind
from serin.prometheus.metrics import Metrics


@dataclass(frozen=True, slots=True)
class FactRequest:
    """A gate that waits, and what its facts can be read from."""

    name: str
    gate: GateKind
    before: Before
    step: int
    policy: PromotionPolicySpec
    """What the rollout began with."""
    snapshot: Snapshot
    cluster: Cluster
    metrics: Metrics
    """The Prometheus of the policy that the rollout began with, as its namespace sees it."""
    now: datetime


class FactReader(Protocol):
    """Reads the fact of one kind of gate."""

    async def __call__(self, request: FactRequest) -> Fact:
        """The fact, or ``Unknown`` with the reason; what it raises counts as unknown, too."""
        ...
