"""The conditions of a ModelDeployment."""

from __future__ import annotations

from serin.api.conditions import Condition, ConditionType, condition
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.evidence.traffic_split import describe_split
from serin.rollout.notifications.pending import notified_condition
from serin.rollout.observation import Part, Problem
from serin.rollout.phases import ACTIVE
from serin.rollout.report.client_errors import UNSEEN, client_errors_condition
from serin.rollout.report.sight import analysis_condition
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def conditions(context: DecisionContext, status: ModelDeploymentStatus, transition: Transition) -> list[Condition]:
    """Available, Ready, Reconciling and Stalled; those of split, policy and permissions where they apply."""
    wanted, stable = context.observed.wanted, status.stable
    settled = status.phase is Phase.STABLE and stable is not None and wanted is not None
    settled = settled and transition.reason is Reason.SERVING and not transition.stalled
    ready = settled and wanted is not None and stable is not None and wanted.revision == stable.revision
    moving = status.phase in ACTIVE or (status.phase is Phase.WAITING and not transition.stalled)
    serves = context.serving(status)
    unseen = {Part.ENDPOINTS, Part.INFERENCE_SERVICES} & context.observed.unknown.keys()
    # A frozen status is empty: the route names what nobody knows.
    doubtful = context.observed.route is not None and ((stable is not None and bool(unseen)) or transition.frozen)
    available = serves is not None or (None if doubtful else False)
    serving = "whether anything serves is not known" if available is None else "nothing serves"
    serving = f"version {serves.version} serves" if serves is not None else serving
    why = transition.reason.value
    out = [
        _make(context, ConditionType.AVAILABLE, Reason.SERVING.value if available else why, serving, holds=available),
        _make(context, ConditionType.READY, why, transition.message, holds=ready),
        _make(context, ConditionType.RECONCILING, why, transition.message, holds=moving),
        _make(context, ConditionType.STALLED, why, transition.message, holds=transition.stalled),
    ]
    split = context.observed.split
    if split is not None and split.agrees is not None and status.rollout is not None:
        words = (
            describe_split(split) if not split.agrees else f"{split.percent:.1f} % of {split.total} requests observed"
        )
        reason = "Agrees" if split.agrees else Reason.TRAFFIC_SPLIT.value
        out.append(_make(context, ConditionType.TRAFFIC_SPLIT, reason, words, holds=split.agrees))
    out.extend(client_errors_condition(context, status))
    generation = status.observed_generation if status.observed_generation is not None else UNSEEN
    out.extend(_policy_condition(context, status))
    unread = context.observed.unknown.get(Part.ACTIONS)
    if unread is not None:
        why, read = Reason.OBSERVATION_INCOMPLETE.value, False if unread.refused else None
        out.append(_make(context, ConditionType.ACTIONS_READ, why, unread.message, holds=read))
    out.extend(analysis_condition(context, status))
    out.extend(notified_condition(context, status, UNSEEN))
    if context.observed.missing_rights:
        message = (
            f"Serin's service account may not: {'; '.join(context.observed.missing_rights)}; apply the chart's rules"
        )
        out.append(_make(context, ConditionType.PERMITTED, Reason.PERMISSION_MISSING.value, message, holds=False))
    return [condition.model_copy(update={"observed_generation": generation}) for condition in out]


def _make(context: DecisionContext, kind: ConditionType, reason: str, message: str, *, holds: bool | None) -> Condition:
    return condition(kind, holds=holds, reason=reason, message=message, now=context.now, generation=UNSEEN)


def _policy_condition(context: DecisionContext, status: ModelDeploymentStatus) -> list[Condition]:
    """Whether the live policy is usable; the previous condition if the policy was not needed in this pass."""
    live, name = context.observed.policy, context.spec.policy_ref.name
    if Part.POLICY in context.observed.unknown:
        message = context.observed.unknown[Part.POLICY].message
        reason = Reason.OBSERVATION_INCOMPLETE.value
        return [_make(context, ConditionType.POLICY_ACCEPTED, reason, f"cannot be read: {message}", holds=None)]
    problem = live if isinstance(live, Problem) or status.rollout is not None else context.policy_problem()
    if isinstance(problem, Problem):
        return [_make(context, ConditionType.POLICY_ACCEPTED, problem.reason.value, problem.message, holds=False)]
    if not isinstance(live, PromotionPolicySpec):
        return [c for c in status.conditions if c.type == ConditionType.POLICY_ACCEPTED.value]
    if status.rollout is not None and context.policy_edited(status):
        message = f"PromotionPolicy {name} is usable; it was edited, and the rollout goes on with the one it began with"
        return [_make(context, ConditionType.POLICY_ACCEPTED, Reason.POLICY_EDITED.value, message, holds=True)]
    message = f"PromotionPolicy {name} is usable"
    return [_make(context, ConditionType.POLICY_ACCEPTED, "Accepted", message, holds=True)]
