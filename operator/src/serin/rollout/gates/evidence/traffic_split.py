"""Gate: holds while the observed share of the requests differs from the weight."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.judge.split import Split
from serin.rollout.context import DecisionContext
from serin.rollout.steps.stage import describe_step, stage_evidence
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def traffic_split(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while the observed share of the requests differs significantly from the weight."""
    split = context.observed.split
    if split is None or split.agrees is not False:
        return None
    message = f"{describe_step(status)}: {describe_split(split)}; nothing moves forward on it"
    late = stage_evidence(context, status).late
    return Transition(status, Reason.TRAFFIC_SPLIT, message, stalled=late)


def describe_split(split: Split) -> str:
    """The observed share and likely causes, for messages."""
    return (
        f"the candidate got {split.percent:.1f} % of {split.total} requests since the step began, its weight is "
        f"{split.weight} % (chi-square {split.chi_square:.0f}); likely causes: clients that reach a revision past the "
        f"route, another route for the hostname, scrapes that miss an arm's pods"
    )
