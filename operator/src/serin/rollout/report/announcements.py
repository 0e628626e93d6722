"""The announcements of a decision, for the sinks."""

from __future__ import annotations

from serin.api.conditions import ConditionType
from serin.api.status import ModelDeploymentStatus
from serin.rollout.decision import Announcement
from serin.rollout.notifications.kinds import cause_became_known
from serin.rollout.report.client_errors import client_errors_of
from serin.rollout.report.status_report import OUTAGE_REASONS
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason

STEP_ADVANCED = "StepAdvanced"
"""Name of the announcement of a further weight."""


def announcements(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, transition: Transition
) -> tuple[Announcement, ...]:
    """The announcements for the change from ``before`` to ``after``; empty without a change."""
    return (
        *_transition(before, after, transition),
        *_policy_changes(before, after),
        *_client_errors(before, after),
        *_analysis_changes(before, after, transition),
    )


def _transition(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, transition: Transition
) -> tuple[Announcement, ...]:
    phase_changed = before.phase is not after.phase
    step_changed = (before.rollout.step if before.rollout else 0) < (after.rollout.step if after.rollout else 0)
    reason_changed = _old_reason(before) != transition.reason.value
    needs_person = _stalled(after) and not _stalled(before)
    cause_known = _stalled(after) and cause_became_known(before, after)
    if not (phase_changed or step_changed or reason_changed or needs_person or cause_known):
        return ()
    # A single failed read is not announced; an outage is, when it needs a person.
    if transition.reason in OUTAGE_REASONS and not (phase_changed or needs_person):
        return ()
    name = (
        after.phase.value
        if phase_changed and after.phase
        else STEP_ADVANCED
        if step_changed
        else transition.reason.value
    )
    message = after.message or transition.message
    warning = transition.reason.effect.warning or needs_person or cause_known
    return (announcement(after, name, message, reason=transition.reason, warning=warning),)


def announcement(
    status: ModelDeploymentStatus, name: str, message: str, *, reason: Reason | None = None, warning: bool = False
) -> Announcement:
    """An announcement with the current state of the rollout."""
    rollout = status.rollout
    advance = rollout.advances[-1] if rollout is not None and rollout.advances else None
    request = rollout.promote or rollout.held or advance if rollout is not None else None
    return Announcement(
        name=name,
        message=message,
        warning=warning,
        reason=reason,
        phase=status.phase,
        weight=status.weights.desired if status.weights is not None else 0,
        stable=status.stable.version if status.stable is not None else "",
        candidate=status.candidate.version if status.candidate is not None else "",
        counts={slo.name: (slo.candidate.bad, slo.candidate.total) for slo in rollout.slos}
        if rollout is not None
        else {},
        by=request.by if request is not None else "",
    )


def _stalled(status: ModelDeploymentStatus) -> bool:
    kind = ConditionType.STALLED.value
    return any(condition.type == kind and condition.status == "True" for condition in status.conditions)


def _old_reason(before: ModelDeploymentStatus) -> str | None:
    """The previous reason; a status of an earlier version of Serin has it in its conditions only."""
    if before.reason is not None:
        return before.reason.value
    return next((c.reason for c in before.conditions if c.type == ConditionType.STALLED.value), None)


def _policy_changes(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Announcement, ...]:
    """The announcement of a policy that became unusable or usable, or was edited during the rollout."""
    kind = ConditionType.POLICY_ACCEPTED.value
    old, new = (next((c for c in s.conditions if c.type == kind), None) for s in (before, after))
    if new is None or new.status == "Unknown" or (old is not None and old.reason == new.reason):
        return ()
    if new.status == "True" and (old is None or new.reason != Reason.POLICY_EDITED.value):
        return ()
    return (announcement(after, new.reason, new.message, warning=new.status != "True"),)


def _client_errors(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Announcement, ...]:
    """The announcement of a share of 4xx that is far from stable's, once."""
    old, new = client_errors_of(before), client_errors_of(after)
    if new is None or new.status != "False" or (old is not None and old.status == "False"):
        return ()
    if after.reason is Reason.CLIENT_ERRORS_DIFFER:  # the hold says so
        return ()
    return (announcement(after, new.reason, new.message, reason=Reason.CLIENT_ERRORS_DIFFER, warning=True),)


def _analysis_changes(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, transition: Transition
) -> tuple[Announcement, ...]:
    """The announcement of what preflight found where the policy only wants to be warned of it."""
    kind, reason = ConditionType.ANALYSIS_READY.value, Reason.ANALYSIS_NOT_READY
    old, new = (next((c.reason for c in s.conditions if c.type == kind), None) for s in (before, after))
    if new != reason.value or old == new or transition.reason is reason:
        return ()
    message = next(c.message for c in after.conditions if c.type == kind)
    return (announcement(after, reason.value, message, reason=reason, warning=True),)
