"""Carries out a decision: writes status, route, PromotionActions, records and arms. Every write is idempotent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from serin.api import names
from serin.api.promotion_record import PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.acts import Act, Acts
from serin.controller.snapshot.observe import Snapshot
from serin.controller.snapshot.pending_actions import mark_answered, write_answer
from serin.errors import ClusterError, Conflict, NameTaken, NotFound, NotLeader, Refused
from serin.evidence import Assessment
from serin.notify.sink import Sink, Subject
from serin.records import build
from serin.rollout.decision import Decision, Finish, Plan, RecordPlan
from serin.rollout.observation import Part
from serin.rollout.report.announcements import announcement
from serin.schema.reasons import Outcome, Phase, Reason
from serin.traffic.backend import Source
from serin.traffic.gateway.http_route import is_applied

SINK_TIMEOUT = 2.0
"""Seconds that a sink may take per announcement."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a pass adds to the PromotionRecord: the reports of the SLOs and the newly sealed windows."""

    assessment: Assessment
    blocks: list[WindowBlock]


class Actor:
    """Carries out decisions. A write that fails does not stop the others."""

    def __init__(self, cluster: Cluster, sinks: Sequence[Sink]) -> None:
        self._cluster, self._sinks = cluster, sinks

    async def write_status(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> bool:
        """Writes the status if it differs, and returns whether it did; ``Conflict`` if the object has changed since."""
        wanted = status.to_api()
        if wanted == snapshot.status.to_api():
            return False
        await self._cluster.update_status(resources.MODEL_DEPLOYMENTS, {**snapshot.obj, "status": wanted})
        return True

    async def apply_route(self, snapshot: Snapshot, decision: Decision) -> Decision:
        """Applies the plan's traffic split: the first write after the status, since it may be a rollback.

        Returns the decision, with one more announcement if the route had been changed by somebody else.
        """
        route = decision.plan.route
        if route is None or not snapshot.owns_route:
            return decision
        wanted = snapshot.backend.route(snapshot.owner, snapshot.model_deployment.spec, route)
        actual = snapshot.route_obj
        if actual is not None:
            if is_applied(actual, wanted) and _own(actual) == _own(wanted):
                return decision
            wanted["metadata"]["resourceVersion"] = actual["metadata"]["resourceVersion"]
            if not snapshot.owner.owns(actual) and await self._deleted_meanwhile(snapshot):
                return decision
        await self._cluster.apply(resources.HTTP_ROUTES, wanted, manager=names.MANAGER)
        seen = snapshot.route
        if seen is None or not seen.editor or actual is None or _own(actual) != _own(wanted):
            return decision
        message = f"{seen.edited_by} had changed the HTTPRoute; it shows again what was decided ({route.weight} %)"
        reason = Reason.ROUTE_REPAIRED
        repaired = announcement(decision.status, reason.value, message, reason=reason, warning=True)
        return replace(decision, announcements=(*decision.announcements, repaired))

    async def publish(self, snapshot: Snapshot, decision: Decision, acts: Acts, now: datetime) -> bool:
        """Answers PromotionActions and informs the sinks; returns whether every action has its answer."""
        done = True
        for answer in decision.plan.answers:
            obj = snapshot.pending_actions.objs.get(answer.action)
            done = (obj is None or await write_answer(self._cluster, obj, answer)) and done
        for obj in snapshot.pending_actions.unmarked:
            done = await mark_answered(self._cluster, obj["metadata"]) and done
        subject = Subject(snapshot.obj, now)
        for item in decision.announcements:
            for sink in self._sinks:
                await acts.run(Act.EVENT, item.name, _in_time(sink.publish(subject, item)))
        return done

    async def apply_workloads(self, snapshot: Snapshot, decision: Decision, acts: Acts) -> None:
        """Creates, scales and deletes arms according to the plan."""
        plan = decision.plan
        if Part.INFERENCE_SERVICES not in snapshot.unknown:
            for ref in (ref for ref in plan.ensure if ref.revision not in snapshot.foreign):
                actual = snapshot.workloads.get(ref.revision)
                if actual is None:
                    await acts.run(Act.INFERENCE_SERVICE, ref.workload.name, self._create(snapshot, ref))
                else:
                    at_least = plan.at_least.get(ref.revision, 0)
                    await acts.run(Act.SCALING, ref.workload.name, self._scale(snapshot, ref, actual, at_least))
        for ref in plan.delete:
            arm, name = snapshot.workloads.get(ref.revision, {}), ref.workload.name
            uid = arm.get("metadata", {}).get("uid", "")
            delete = self._cluster.delete(snapshot.backend.kind, snapshot.owner.namespace, name, uid=uid)
            await acts.run(Act.DELETION, name, delete)

    async def delete_expired(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Deletes records past their retention."""
        for name in plan.expired:
            uid = snapshot.record_uids.get(name, "")
            delete = self._cluster.delete(resources.PROMOTION_RECORDS, snapshot.owner.namespace, name, uid=uid)
            await acts.run(Act.DELETION, name, delete)

    async def new_record(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Creates the record of a rollout that starts."""
        if plan.record is not None:
            await acts.run(Act.RECORD, plan.record.name, self._new_record(snapshot, plan.record))

    async def _new_record(self, snapshot: Snapshot, record: RecordPlan) -> None:
        policy = (snapshot.policy_obj["metadata"]["name"], snapshot.policy_obj["spec"]) if snapshot.policy_obj else None
        owner = (snapshot.owner.namespace, snapshot.owner.name)
        asked = snapshot.wanted is not None and snapshot.wanted.revision == record.candidate.revision
        requested_by = build.requested_by(snapshot.obj) if asked else None

        def source_of(ref: RevisionRef) -> build.Source | None:
            return snapshot.source_of(ref) or snapshot.source_by_name(ref)

        body = build.new(record, owner=owner, source_of=source_of, policy=policy, requested_by=requested_by)
        try:
            await self._cluster.create(resources.PROMOTION_RECORDS, owner[0], body)
        except Conflict as error:
            existing = build.parse(await self._cluster.get(resources.PROMOTION_RECORDS, owner[0], record.name))
            ours = build.parse(body)
            if existing is None or ours is None or existing.spec != ours.spec:
                message = "a PromotionRecord of this name exists, and states other facts than Serin's"
                raise NameTaken(message) from error

    async def _scale(self, snapshot: Snapshot, ref: RevisionRef, actual: Object, at_least: int) -> None:
        """Patches the arm's owner and scaling where they differ from spec; no other field is ever written."""
        if "deletionTimestamp" in actual["metadata"]:
            return
        patch: Object = snapshot.backend.scaling_patch(actual, snapshot.obj["spec"]["predictor"], at_least) or {}
        if not snapshot.owner.owns(actual):
            if await self._deleted_meanwhile(snapshot):
                return
            patch["metadata"] = {"ownerReferences": [snapshot.owner.reference()]}
        if patch:
            await self._cluster.merge(snapshot.backend.kind, snapshot.owner.namespace, ref.workload.name, patch)

    async def _deleted_meanwhile(self, snapshot: Snapshot) -> bool:
        """Whether the ModelDeployment was deleted since it was read, as far as that can be read.

        Asked before an object gets its owner back. Who deletes a ModelDeployment and keeps its objects (with
        ``--cascade=orphan``) has their owner taken off: with one that is gone, the garbage collector would delete them.
        """
        try:
            obj = await self._cluster.get(resources.MODEL_DEPLOYMENTS, snapshot.owner.namespace, snapshot.owner.name)
        except NotFound:
            return True
        except NotLeader:
            raise
        except ClusterError:
            return False
        return "deletionTimestamp" in obj["metadata"] or obj["metadata"]["uid"] != snapshot.owner.uid

    async def _create(self, snapshot: Snapshot, ref: RevisionRef) -> None:
        found = snapshot.source_of(ref) or await self._recorded(snapshot, ref)
        source = found or snapshot.source_by_name(ref)
        if source is None:
            if Part.RECORDS in snapshot.unknown:
                return  # the source is in a record that cannot be read now; that is reported already
            message = f"no record knows what was served as revision {ref.revision}"
            raise Refused(message)
        body = snapshot.backend.render(snapshot.owner, ref, Source(*source))
        try:
            await self._cluster.create(snapshot.backend.kind, snapshot.owner.namespace, body)
        except Conflict as error:
            message = "one of this name exists that is not as Serin made it; it gets no traffic and is not changed"
            raise NameTaken(message) from error

    async def _recorded(self, snapshot: Snapshot, ref: RevisionRef) -> build.Source | None:
        """The source of ``ref``, from the records of the rollouts that it was in."""
        selector = f"{names.MODEL_DEPLOYMENT}={snapshot.owner.name},{names.REVISION}={ref.revision}"
        found = await self._cluster.list(resources.PROMOTION_RECORDS, snapshot.owner.namespace, selector)
        return build.source_of(ref.revision, ref.hash, build.sources_of(found))

    async def write_records(
        self, snapshot: Snapshot, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        """Writes outcome, timeline and sealed windows, one write per record.

        Returns whether the current rollout's record is up to date.
        """
        rollout = decision.status.rollout
        current = {rollout.record} if rollout else set()
        finishes = {finish.record: finish for finish in decision.plan.finish}
        done = True
        for name in sorted(current | finishes.keys()):
            obj = snapshot.record_objs.get(name)
            record = build.parse(obj) if obj else None
            if obj is None or record is None or record.status.finished_at is not None:
                done = done and name not in current
                continue
            status = build.with_actions(record.status, name, decision.status.actions)
            status = _next_status(status, decision, finishes.get(name), evidence, now)
            if status.to_api() == record.status.to_api():
                continue
            body = {**obj, "status": status.to_api()}
            write = self._cluster.update_status(resources.PROMOTION_RECORDS, body)
            done = await acts.run(Act.RECORD, name, write) and done
        return done


def _next_status(
    status: PromotionRecordStatus,
    decision: Decision,
    finish: Finish | None,
    evidence: Evidence,
    now: datetime,
) -> PromotionRecordStatus:
    rollout, weights = decision.status.rollout, decision.status.weights
    if finish is not None:
        weight = 100 if finish.outcome is Outcome.PROMOTED else 0
        entry = TimelineEntry(at=finish.decided_at, weight=weight, reason=finish.reason, message=finish.message)
    elif rollout is not None:
        desired, shadow = weights.desired if weights else 0, decision.status.phase is Phase.SHADOWING or None
        entry = TimelineEntry(at=now, weight=desired, reason=rollout.reason, message=rollout.message, shadow=shadow)
        last = status.timeline[-1] if status.timeline else None
        if last is not None and (last.weight, last.shadow) == (desired, shadow):
            entry = last
    else:
        return status
    status = build.with_blocks(build.with_entry(status, entry), evidence.blocks)
    return build.with_outcome(status, finish, now=now, assessment=evidence.assessment) if finish else status


def _own(obj: Mapping[str, Any]) -> dict[str, str]:
    """Serin's annotations. A stale one would mislead the operator when it rebuilds a lost status from the route."""
    annotations = obj["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith("serin.dev/")}


async def _in_time(call: Awaitable[None]) -> None:
    """Awaits ``call`` for at most ``SINK_TIMEOUT``: a slow sink must not delay the pass."""
    async with asyncio.timeout(SINK_TIMEOUT):
        await call
