"""The workloads and pod templates of the arms: those that the evidence is about, and the announcement of a change.

KServe renders an InferenceService again when its ServingRuntime is edited or KServe is upgraded: the pods are replaced
although spec has not changed (DESIGN, rule 12).
"""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.decision import Announcement
from serin.rollout.report.announcements import announcement
from serin.rollout.transition import with_fields, with_rollout
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

WITH_REQUESTS = frozenset({Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING, Phase.ROLLING_BACK})
"""Phases in which the template hashes are fixed; before the first request they may still change."""


def with_templates(
    context: DecisionContext, status: ModelDeploymentStatus, before: Phase | None = None
) -> ModelDeploymentStatus:
    """The status with the arms' workloads and template hashes; those that evidence was collected on are kept.

    ``before``: the phase at the start of the pass. What is to get its first request in this pass had none yet.
    """
    fixed = {before or status.phase, status.phase} <= WITH_REQUESTS
    stable = _with_template(context, status.stable, fixed=fixed)
    candidate = _with_template(context, status.candidate, fixed=fixed)
    if stable is status.stable and candidate is status.candidate:
        return status
    old, prepares = status.candidate, status.phase is Phase.PREPARING and status.rollout is not None
    if prepares and old is not None and candidate is not None and old.template and old.workload != candidate.workload:
        status = with_rollout(status, routed_at=None)  # the gateway has to learn the endpoints of another workload
    return with_fields(status, stable=stable, candidate=candidate)


def _with_template(context: DecisionContext, ref: RevisionRef | None, *, fixed: bool) -> RevisionRef | None:
    arm = context.arm(ref)
    if ref is None or arm is None or not arm.template:
        return ref
    if ref.template is not None and fixed:
        return ref
    if (arm.template, arm.ref.workload) == (ref.template, ref.workload):
        return ref
    return ref.model_copy(update={"template": arm.template, "workload": arm.ref.workload})


def drift_announcement(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Announcement, ...]:
    """The announcement of a new template of stable; empty without one."""
    old, new = before.stable, after.stable
    if old is None or new is None or old.revision != new.revision or old.template in {None, new.template}:
        return ()
    if old.workload != new.workload:  # another object serves it: Serin had it made
        return ()
    message = f"the pod template of stable ({new.workload.name}) was changed from outside; its pods are replaced"
    return (announcement(after, Reason.TEMPLATE_DRIFT.value, message, reason=Reason.TEMPLATE_DRIFT, warning=True),)
