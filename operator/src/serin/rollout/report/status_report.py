"""The fields of a status that people read: message, hold, weights, SLOs, conditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from serin.api.conditions import merge
from serin.api.model_deployment import OnNewRevision
from serin.api.status import ArmCounts, ModelDeploymentStatus, SloStatus
from serin.evidence import SloReport, Window
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.gates.gate import hold_limit
from serin.rollout.observation import NEEDED_TO_WRITE, Problem
from serin.rollout.report.client_errors import client_errors_note
from serin.rollout.report.conditions import conditions
from serin.rollout.report.sight import unseen_for_long, unseen_words
from serin.rollout.report.state import ending, says_its_end, state, summary, told
from serin.rollout.steps.schedule import Schedule
from serin.rollout.transition import Transition, failed_write, weight_on, weights_of, with_fields, with_rollout
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

LONGEST_MESSAGE = 1024
"""Limit of the CRD. Messages quote kubelets, gateways and webhooks, whose texts may be longer."""
STALLED_AFTER = timedelta(seconds=60)
"""How long reads or writes may fail, although the server may recover, before a person is needed."""
OUTAGE_REASONS = frozenset({Reason.OBSERVATION_INCOMPLETE, Reason.WRITE_UNAVAILABLE})
UNSEEN_REASONS = frozenset({Reason.NO_DATA, Reason.METRICS_UNAVAILABLE, Reason.STEP_TIMEOUT})
"""The holds of a step whose evidence is missing."""
KEPT_FAILURES = 16


def with_write_failures(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the writes that failed in the last pass; unchanged before the first pass of this process."""
    found = context.observed.write_failures
    if found is None or list(found)[:KEPT_FAILURES] == status.write_failures:
        return status
    return with_fields(status, write_failures=list(found)[:KEPT_FAILURES])


def with_report(
    context: DecisionContext, before: ModelDeploymentStatus, transition: Transition
) -> ModelDeploymentStatus:
    """The status with message, hold, weights, SLOs and conditions."""
    notes = (
        _queued_note(context, transition.status),
        _served_note(context, transition.status),
        _held_note(transition),
        _word_note(transition.status),
        _auto_update_note(context, transition),
        _doubt_note(context, transition),
        _unread_note(context, transition),
        _policy_note(context, transition),
        client_errors_note(context, transition),
        _outage_note(transition),
    )
    blind = _blind_for_long(context, transition)
    unseen = f"; {unseen_words(context, transition.status)}" if blind is not None else ""
    appended = f"{unseen}{''.join(notes)}{_failure_note(transition)}"
    if blind is not None:
        transition = replace(transition, reason=blind, stalled=True)
    since = before.since if before.reason is transition.reason and before.since else context.now.replace(microsecond=0)
    stalled = (
        transition.stalled
        or _write_stalled(context, transition)
        or (transition.reason in OUTAGE_REASONS and context.now - since >= STALLED_AFTER)
    )
    message = f"{_obstacle(transition)}{transition.message}{appended}"[:LONGEST_MESSAGE]
    transition = replace(transition, message=message, stalled=stalled)
    why, status = transition.message, with_fields(transition.status, reason=transition.reason, since=since)
    status = _weights(context, status)
    head = state(status, transition, since, context.now, routed=context.share(status.stable) > 0)
    end = ending(status, transition)
    said = says_its_end(status, transition)
    message = told(head, why, end, said=said, longest=LONGEST_MESSAGE)
    status = with_fields(status, message=message, summary=summary(head, why, end, said=said))
    transition = replace(transition, message=message)
    if status.rollout is not None:
        old, policy = before.rollout, context.policy(status)
        same = old is not None and old.reason is transition.reason and old.record == status.rollout.record
        status = with_rollout(
            status,
            reason=transition.reason,
            message=why,
            since=old.since if same and old is not None else context.now.replace(microsecond=0),
            wake_at=_deadline(context, status, transition.reason),
            steps=Schedule(policy).count if policy is not None else status.rollout.steps,
            verdict=context.observed.assessment.verdict,
            slos=[slo_status(report) for report in context.observed.assessment.slos],
        )
    status = with_fields(status, observed_generation=_observed_generation(context, before))
    return with_fields(status, conditions=merge(before.conditions, conditions(context, status, transition)))


def _observed_generation(context: DecisionContext, before: ModelDeploymentStatus) -> int | None:
    """The newest generation of spec for which everything has been written."""
    if context.observed.carried_out == context.observed.generation:
        return context.observed.generation
    return before.observed_generation


def _obstacle(transition: Transition) -> str:
    """Why the route of a rollback cannot be written: whoever reads it at night knows already that it is a rollback."""
    rollout, failure = transition.status.rollout, failed_write(transition.status, "HTTPRoute")
    if rollout is None or not rollout.taken_back or failure is None or failure.message in transition.message:
        return ""
    return f"{failure.message}; "


def _failure_note(transition: Transition) -> str:
    """Failed writes that the message does not name yet; at most two."""
    said = f"{_obstacle(transition)}{transition.message}"
    others = [
        f for f in transition.status.write_failures if f.reason is not transition.reason and f.message not in said
    ]
    return "".join(f"; {failure.message}" for failure in others[:2])


def _blind_for_long(context: DecisionContext, transition: Transition) -> Reason | None:
    """The reason of a step whose evidence has been missing for long; None without one, or without traffic."""
    status, unknown = transition.status, context.observed.assessment.unknown
    if transition.reason not in UNSEEN_REASONS or unknown is None or not weights_of(status).desired:
        return None
    if not unseen_for_long(context, status):
        return None
    return unknown.reason if transition.reason is Reason.STEP_TIMEOUT else transition.reason


def _write_stalled(context: DecisionContext, transition: Transition) -> bool:
    """Whether a failed write that holds the rollout needs a person."""
    return any(
        f.act in WRITES_THAT_HOLD
        and (f.reason is not Reason.WRITE_UNAVAILABLE or context.now - f.since >= STALLED_AFTER)
        for f in transition.status.write_failures
    )


def _policy_note(context: DecisionContext, transition: Transition) -> str:
    """That the live policy is unusable, or was edited since the rollout began."""
    status = transition.status
    live, rollout = context.observed.policy, status.rollout
    if isinstance(live, Problem):
        known = live.reason is transition.reason or status.stable is None or transition.reason is Reason.STABLE_DOWN
        if rollout is not None and context.policy(status) is None:
            goes_on = "the policy that this rollout began with is not known either: nothing is judged"
        else:
            goes_on = "this rollout goes on with the policy that it began with" if rollout else "no rollout can start"
        return "" if known else f"; {live.message}; {goes_on}"
    if rollout is not None and not rollout.taken_back and context.policy_edited(status):
        name = context.spec.policy_ref.name
        goes_on = "this rollout goes on with the one it began with, an Abort and a Retry begin with the new one"
        return f"; PromotionPolicy {name} was edited; {goes_on}"
    return ""


def _queued_note(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """The revision that waits for the end of this rollout."""
    wanted, rollout = context.observed.wanted, status.rollout
    if rollout is None or rollout.outcome is not None or status.candidate is None:
        return ""
    if wanted is None or wanted.revision == status.candidate.revision:
        return ""
    if status.stable is None:
        return f"; version {wanted.version} comes after it" if context.reaches(status.candidate) else ""
    queued = " (onNewRevision: Queue)" if context.spec.on_new_revision is OnNewRevision.QUEUE else ""
    return f"; version {wanted.version} waits for the end of this rollout{queued}"


def _served_note(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """Which revision answers clients until the first one that spec asks for now can."""
    serves = context.serving(status)
    if serves is None or status.stable is not None or status.candidate is None or serves.is_same(status.candidate):
        return ""
    return f"; version {serves.version} serves until then"


def _held_note(transition: Transition) -> str:
    """Who holds the rollout, if the message is about another gate."""
    rollout = transition.status.rollout
    if rollout is None or rollout.held is None or rollout.outcome is not None or transition.reason is Reason.HELD:
        return ""
    return f"; held by {rollout.held.by}"


def _word_note(status: ModelDeploymentStatus) -> str:
    """Which steps somebody's word ended, in place of the evidence."""
    rollout = status.rollout
    if rollout is None or not rollout.advances or rollout.taken_back:
        return ""
    steps = ", ".join(f"{advance.step or 'the shadow'} by {advance.by}" for advance in rollout.advances[-3:])
    return f"; ended without the evidence (Advance): step {steps}"


def _auto_update_note(context: DecisionContext, transition: Transition) -> str:
    """What KServe does not take of the arms, in the words of their back end; KServe itself does not report it."""
    status = transition.status
    arms = [arm for ref in (status.stable, status.candidate) if (arm := context.arm(ref)) is not None]
    words = dict.fromkeys(arm.unheeded for arm in arms if arm.unheeded and arm.unheeded not in transition.message)
    return "".join(f"; {text}" for text in words)


def _doubt_note(context: DecisionContext, transition: Transition) -> str:
    """That what serves as stable is not, or not certainly, what Serin made."""
    arm = context.arm(transition.status.stable)
    if arm is None or arm.doubt is None or arm.doubt.message in transition.message:
        return ""
    return f"; {arm.doubt.message}"


def _unread_note(context: DecisionContext, transition: Transition) -> str:
    """What cannot be read, where an edit of spec is not carried out for it, whatever else the message is about."""
    unknown = context.observed.unknown
    unread = [f"{part.value} cannot be read: {unknown[part].message}" for part in NEEDED_TO_WRITE if part in unknown]
    return "".join(f"; {words}" for words in unread if words not in transition.message)


def _outage_note(transition: Transition) -> str:
    """What keeps a dead stable's pods from being ready, where the message does not say it."""
    status = transition.status
    if status.stable_down_since is None or status.stable_down_why is None or not transition.stalled:
        return ""
    if transition.reason is Reason.STABLE_NOT_READY or status.stable_down_why in transition.message:
        return ""
    return f"; {status.stable_down_why}"


def _deadline(context: DecisionContext, status: ModelDeploymentStatus, reason: Reason) -> datetime | None:
    """When the current wait ends by itself: its deadline, not the next poll."""
    rollout, policy = status.rollout, context.policy(status)
    if rollout is None or policy is None or rollout.outcome is not None:
        return None
    if rollout.interruption is not None:
        if not context.is_down(status.candidate) or context.is_down(status.stable):
            return None
        return rollout.interruption.grace_begins_at.replace(microsecond=0) + policy.rollback.endpoint_grace
    if status.phase is Phase.WAITING:
        return min((gate.until for gate in rollout.gates if gate.until is not None), default=None)
    if status.phase is Phase.PREPARING:
        if reason in {Reason.ANALYSIS_NOT_READY, Reason.METRICS_UNAVAILABLE}:  # preflight: only the next look ends it
            return None
        return (rollout.blocked_since or rollout.started_at) + hold_limit(context, status)
    begun = rollout.step_started_at
    if begun is None or status.phase not in {Phase.SHADOWING, Phase.PROGRESSING}:
        return None
    stage = Schedule(policy).stage(status.phase, rollout.step)
    wait = stage.timeout if stage is not None else policy.preview.for_ if policy.preview is not None else None
    return begun.replace(microsecond=0) + wait if wait is not None else None


def _weights(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.weights is None:
        return status
    weights, route = weights_of(status), context.observed.route
    applied = weights.applied
    if route is not None and route.accepted:
        only_candidate = status.stable is None and weights.desired
        applied = 100 if only_candidate else weight_on(route, status.candidate) if status.candidate else route.weight
    shares = [
        100 * w.candidate.total / (w.candidate.total + w.stable.total)
        for w in (report.newest for report in context.observed.assessment.slos)
        if isinstance(w, Window) and w.accepted and w.candidate is not None and w.stable is not None
    ]
    if not applied or status.phase is Phase.SHADOWING:  # mirrored requests are not part of the split
        observed = None
    else:
        observed = f"{shares[0]:.1f}" if shares else weights.observed
    return with_fields(status, weights=weights.model_copy(update={"applied": applied, "observed": observed}))


def slo_status(report: SloReport) -> SloStatus:
    """The SLO report as it is written to the status."""
    return SloStatus(
        name=report.name,
        severity=report.severity,
        verdict=report.verdict,
        candidate=ArmCounts(bad=report.candidate.bad, total=report.candidate.total),
        stable=ArmCounts(bad=report.stable.bad, total=report.stable.total),
        evidence={name: f"{value:.6f}" for name, value in report.evidence.items()},
        threshold=f"{report.threshold:.6f}",
        pass_threshold=f"{report.pass_threshold:.6f}",
        message=report.message,
    )
