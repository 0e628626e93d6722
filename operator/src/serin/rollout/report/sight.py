"""Whether anybody sees how the candidate does: what is told of its evidence, and whom to ask when there is none."""

from __future__ import annotations

from datetime import timedelta

from serin.api.conditions import Condition, ConditionType, condition
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.report.client_errors import UNSEEN
from serin.schema.reasons import Reason
from serin.schema.types import format_time

LONGEST = 2048
"""Characters of what preflight found: a policy has up to 32 SLOs."""
BLIND_STALLED_AFTER = timedelta(minutes=5)
"""How long nobody may see how a candidate with traffic does before a person is needed; the alert's time, too."""
SEEN = "every SLO that decides has had usable windows in this rollout"


def unseen_words(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """Until when the evidence was usable, and which server has to be asked."""
    unknown = context.observed.assessment.unknown
    until = unknown.known_until if unknown is not None else None
    since = status.rollout.unknown_since if status.rollout is not None else None
    told = "no usable window yet"
    if until is not None:
        told = f"last usable window until {format_time(until.replace(microsecond=0))}"
    elif since is not None:
        told = f"no usable window since {format_time(since.replace(microsecond=0))}"
    server = context.observed.server
    return f"{told}; ask whoever runs Prometheus {server}" if server else told


def analysis_condition(context: DecisionContext, status: ModelDeploymentStatus) -> list[Condition]:
    """What preflight found, until the rollout's own windows say more; the previous condition if it was not asked."""
    found, kind = context.observed.readiness, ConditionType.ANALYSIS_READY
    if status.rollout is None or status.stable is None or status.rollout.at_once:
        return []
    if found is not None and found.obstacles:
        words = "; ".join((*found.obstacles, *found.unknown, *found.warnings))
        return [_made(context, Reason.ANALYSIS_NOT_READY.value, words, holds=False)]
    kept = [c for c in status.conditions if c.type == kind.value]
    ready = (found is not None and found.ready and not found.unknown) or (found is None and _is_good(kept))
    if _was_seen(context) and (kept or found is not None) and (not ready or unseen_for_long(context, status)):
        return [_by_windows(context, status)]
    if found is None:
        return kept
    if found.unavailable:
        return [_made(context, Reason.METRICS_UNAVAILABLE.value, found.unavailable, holds=None)]
    if found.unknown:
        return [_made(context, Reason.NO_DATA.value, "; ".join((*found.unknown, *found.warnings)), holds=None)]
    return [_made(context, "Ready", "; ".join((found.summary, *found.warnings)), holds=True)]


def _was_seen(context: DecisionContext) -> bool:
    """Whether each SLO that decides has had a usable window: what preflight could not see has been answered."""
    acting = context.observed.assessment.acting
    return bool(acting) and all(slo.known_until is not None for slo in acting)


def _is_good(kept: list[Condition]) -> bool:
    return any(condition.status == "True" for condition in kept)


def unseen_for_long(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the evidence of the rollout has been missing for long enough to ask for a person."""
    since = status.rollout.unknown_since if status.rollout is not None else None
    return since is not None and context.now - since >= BLIND_STALLED_AFTER


def _by_windows(context: DecisionContext, status: ModelDeploymentStatus) -> Condition:
    found, unknown = context.observed.readiness, context.observed.assessment.unknown
    if unknown is not None and unseen_for_long(context, status):
        return _made(context, unknown.reason.value, unseen_words(context, status), holds=None)
    return _made(context, "Ready", "; ".join((SEEN, *(found.warnings if found is not None else ()))), holds=True)


def _made(context: DecisionContext, reason: str, message: str, *, holds: bool | None) -> Condition:
    kind = ConditionType.ANALYSIS_READY
    return condition(kind, holds=holds, reason=reason, message=message[:LONGEST], now=context.now, generation=UNSEEN)
