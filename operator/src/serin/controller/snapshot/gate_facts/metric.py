"""Reads the number of a gate ``metric`` from the policy's Prometheus."""

from __future__ import annotations

from serin.controller.snapshot.gate_facts.reader import FactRequest
from serin.errors import MetricsError
from serin.policy_gates.answer import Fact, Number, Unknown
from serin.policy_gates.metric import Metric
from serin.prometheus.reading import read_number


async def read_metric(request: FactRequest) -> Fact:
    """The number now; ``Unknown`` if Prometheus does not say it, or gives several."""
    gate, snapshot = request.gate, request.snapshot
    candidate, stable = snapshot.status.candidate, snapshot.status.stable
    if not isinstance(gate, Metric) or candidate is None or stable is None:
        return Unknown("there is no rollout to ask for")
    identity = snapshot.backend.identity(snapshot.owner.namespace, candidate, stable)
    try:
        found = await read_number(request.metrics, gate.query, gate.max_age, identity, request.now)
    except MetricsError as error:
        return Unknown(str(error)[:200])
    return Unknown(found.error[:200]) if found.error else Number(found.value)
