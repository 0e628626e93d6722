"""The inputs of one decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.policy.exposure import Exposure
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.observation import Arm, Failure, Observation, Part, Problem
from serin.rollout.phases import is_watched
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.transition import weights_of
from serin.rollout.views import RecordView, with_pending
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

POLL_INTERVAL = timedelta(seconds=2)
"""How often a state that is about to change is read again, besides watch events."""
NO_ROUTE = "has no route"
"""What is said of a stable revision to which no route sends requests."""


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The inputs of one decision except the status, which rules pass on."""

    name: str
    spec: ModelDeploymentSpec
    observed: Observation
    now: datetime

    def arm(self, ref: RevisionRef | None) -> Arm | None:
        """The arm that serves ``ref``; None if its InferenceService does not exist or is being deleted."""
        arm = self.observed.arms.get(ref.revision) if ref else None
        return None if arm is None or arm.deleting else arm

    def failure(self, ref: RevisionRef | None, since: datetime | None) -> Failure | None:
        """What keeps ``ref`` from being ready, if that is more than is usual in the time since ``since``."""
        arm = self.arm(ref)
        failure = arm.failure if arm is not None else None
        lasting = max(self.now - (since or self.now), timedelta())
        usual = failure is not None and lasting < failure.usual_for
        return None if usual else failure

    def ready(self, ref: RevisionRef | None) -> int:
        """Number of ready endpoints of ``ref``; 0 if unknown."""
        arm = self.arm(ref)
        return arm.ready if arm else 0

    def transformers(self, ref: RevisionRef | None) -> int | None:
        """Number of ready endpoints of the transformer of ``ref``; None without one, or if that is not known."""
        arm = self.arm(ref)
        return arm.transformer.ready if arm is not None and arm.transformer is not None else None

    @property
    def endpoints_known(self) -> bool:
        """Whether the EndpointSlices could be read."""
        return Part.ENDPOINTS not in self.observed.unknown

    def is_down(self, ref: RevisionRef | None) -> bool:
        """Whether ``ref`` is known to have no ready endpoint; False if that cannot be read."""
        if ref is None or not self.endpoints_known or self.ready(ref):
            return False
        return ref.revision in self.observed.arms or Part.INFERENCE_SERVICES not in self.observed.unknown

    def share(self, ref: RevisionRef | None) -> int:
        """Percent of the requests that the route sends to ``ref``; 0 without a route.

        A route whose annotation somebody has removed sends them where it did before.
        """
        route = self.observed.route
        if route is None or ref is None:
            return 0
        if route.candidate == ref.revision:
            return route.weight
        return EVERYTHING - route.weight if route.stable in {None, ref.revision} else 0

    def reaches(self, ref: RevisionRef | None) -> bool:
        """Whether clients' requests reach a ready endpoint of ``ref``."""
        return self.share(ref) > 0 and self.ready(ref) > 0

    def serving(self, status: ModelDeploymentStatus) -> RevisionRef | None:
        """The revision that answers clients; while nothing is stable, the gateway must have accepted the route."""
        route = self.observed.route
        if status.stable is None and (route is None or not route.accepted):
            return None
        return next((ref for ref in (status.stable, status.candidate, *status.draining) if self.reaches(ref)), None)

    def record(self, status: ModelDeploymentStatus) -> RecordView | None:
        """The record of the rollout under way."""
        return self.observed.record(status.rollout.record) if status.rollout else None

    def policy(self, status: ModelDeploymentStatus) -> PromotionPolicySpec | None:
        """The policy that the rollout began with, from its record or from this process's memory.

        Without both it is the live policy, for the breach watch only: the gates hold a rollout without a record.
        """
        record = self.record(status)
        if record is not None and record.policy is not None:
            return record.policy
        if self.observed.snapshot is not None and status.rollout is not None:
            return self.observed.snapshot
        return self.observed.policy if isinstance(self.observed.policy, PromotionPolicySpec) else None

    def is_judged(self, status: ModelDeploymentStatus) -> bool:
        """Whether the breach watch runs and has a policy to judge by."""
        return is_watched(status) and self.policy(status) is not None

    @property
    def taken_name(self) -> str:
        """That a name of Serin's belongs to somebody else's object, as the end of a message; empty if none does."""
        problem = self.observed.problem
        return f"; {problem.message}" if problem is not None and problem.reason is Reason.NAME_TAKEN else ""

    def policy_edited(self, status: ModelDeploymentStatus) -> bool:
        """Whether the live policy differs from the one that the rollout began with."""
        live, record = self.observed.policy, self.record(status)
        if record is None or record.policy is None or not isinstance(live, PromotionPolicySpec):
            return False
        told_alike = live.model_copy(update={"notifications": record.policy.notifications})
        return told_alike != record.policy  # who is told is no part of how it is judged

    def policy_problem(self) -> Problem | None:
        """Why no rollout may start with the live policy; None if one may, or if the policy was not needed.

        A rollout that an earlier Serin started goes on with a policy that may start none any more.
        """
        policy = self.observed.policy
        if not isinstance(policy, PromotionPolicySpec):
            return policy
        problem = policy.start_problem
        if problem is None:
            return None
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {self.spec.policy_ref.name}: spec.{problem}")

    def retry_at(self, status: ModelDeploymentStatus, revision: str) -> tuple[RecordView, datetime] | None:
        """``Observation.retry_at``, with the outcomes in ``status`` that are not written to their records yet."""
        pending = {ended.record: ended for ended in status.pending_outcomes}
        records = tuple(with_pending(record, pending) for record in self.observed.records)
        return replace(self.observed, records=records).retry_at(revision)

    def is_rejected(self, status: ModelDeploymentStatus, revision: str) -> bool:
        """Whether the status or the records, where they are read, have rejected ``revision``."""
        known = any(rejection.revision == revision for rejection in status.rejected)
        return known or self.observed.rejection(revision) is not None

    def record_open(self, status: ModelDeploymentStatus) -> bool:
        """Whether the record of the rollout under way has no outcome yet, or cannot be read."""
        record = self.record(status)
        return not record.finished if record is not None else Part.RECORDS in self.observed.unknown

    def next_evaluation_at(self) -> datetime:
        """When the next window can be read; at the poll interval if that is not known."""
        due = self.observed.next_evidence_at
        return due if due is not None and due > self.now else self.poll_at()

    def poll_at(self) -> datetime:
        """When to read a state again that is about to change."""
        return self.now + POLL_INTERVAL


def exposure(context: DecisionContext, status: ModelDeploymentStatus) -> frozenset[Exposure]:
    """How the candidate must be reached besides its weight. Without the record's policy a mirror stays as it is."""
    if status.phase is not Phase.SHADOWING:
        return frozenset()
    record, route = context.record(status), context.observed.route
    if record is not None and record.policy is not None:
        return record.policy.exposure
    return route.meant_to_expose & {Exposure.MIRROR} if route is not None else frozenset()


def route_in_sync(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the gateway has accepted a route with the desired weight and exposure."""
    route = context.observed.route
    if route is None or not route.accepted or route.weight != weights_of(status).desired:
        return False
    return status.phase is not Phase.SHADOWING or route.exposes == exposure(context, status)
