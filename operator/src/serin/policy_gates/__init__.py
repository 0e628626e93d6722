"""The gates of a policy: a module for each kind, and a line for it in ``GATE_KINDS``."""

from __future__ import annotations

from serin.policy_gates.approval import Approval
from serin.policy_gates.job import Job
from serin.policy_gates.kind import GateKind
from serin.policy_gates.metric import Metric
from serin.policy_gates.upstream import Upstream

GATE_KINDS: tuple[type[GateKind], ...] = (
    Approval,
    Metric,
    Upstream,
    Job,
)
"""Every kind that a gate of a policy may have, in the order of the CRD."""
