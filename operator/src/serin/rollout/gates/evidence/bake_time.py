"""Gate: holds until the bake has lasted long enough."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.evidence.step_time import short_of_time
from serin.rollout.steps.stage import stage_evidence
from serin.rollout.transition import Transition


def bake_time(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while the accepted windows are shorter than the bake."""
    return short_of_time(status, stage_evidence(context, status))
