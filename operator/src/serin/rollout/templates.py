"""The pod templates of the arms: which ones the evidence is about, and when another one is told.

KServe renders an InferenceService again when its ServingRuntime is edited or KServe is upgraded: pods are replaced
although nobody asked for another revision (DESIGN, rule 12).
"""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.decision import Announcement
from serin.rollout.report.announcements import announcement
from serin.rollout.transition import with_fields
from serin.schema.reasons import Phase, Reason

WITH_REQUESTS = frozenset({Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING, Phase.ROLLING_BACK})
"""From the first request on the templates are what is being compared; before it they may still settle."""


def with_templates(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the arms' pod templates, as far as they are not what evidence was gathered on."""
    stable, candidate = _noted(context, status, status.stable), _noted(context, status, status.candidate)
    if stable is status.stable and candidate is status.candidate:
        return status
    return with_fields(status, stable=stable, candidate=candidate)


def _noted(context: DecisionContext, status: ModelDeploymentStatus, ref: RevisionRef | None) -> RevisionRef | None:
    arm = context.arm(ref)
    if ref is None or arm is None or not arm.template or arm.template == ref.template:
        return ref
    if ref.template is not None and status.phase in WITH_REQUESTS:
        return ref
    return ref.model_copy(update={"template": arm.template})


def drift_announcement(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Announcement, ...]:
    """Outside of rollouts a new template of stable is only announced."""
    old, new = before.stable, after.stable
    if old is None or new is None or old.revision != new.revision or old.template in {None, new.template}:
        return ()
    message = f"the pod template of stable ({new.workload.name}) was changed from outside; its pods are replaced"
    return (announcement(after, Reason.TEMPLATE_DRIFT.value, message, reason=Reason.TEMPLATE_DRIFT, warning=True),)
