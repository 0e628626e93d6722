"""How does a decision become true? Status first, fenced; then the route; then everything else. All of it idempotent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from serin.api import names
from serin.api.promotion_record import PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.acts import Act, Acts
from serin.controller.reconciliation.observe import Snapshot
from serin.controller.reconciliation.pending_actions import mark_answered, write_answer
from serin.errors import Conflict, Refused
from serin.evidence import Assessment
from serin.notify import SINKS
from serin.notify.sink import Subject
from serin.records import build
from serin.rollout.decision import Decision, Finish, Plan, RecordPlan
from serin.rollout.observation import Part
from serin.rollout.report.announcements import announcement
from serin.schema.reasons import Outcome, Phase, Reason
from serin.traffic.backend import Source
from serin.traffic.gateway.http_route import is_applied
from serin.traffic.owner import Owner

SINK_TIMEOUT = 2.0
"""Seconds that a sink may take for one announcement."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pass adds to the record."""

    assessment: Assessment
    blocks: list[WindowBlock]


class Actor:
    """Carries out decisions about one look at the cluster: every act on its own, so that none stops another."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._sinks = cluster, [make(cluster) for make in SINKS]

    async def write_status(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> bool:
        """Writes the status if it differs; ``Conflict`` when the object changed since it was read."""
        wanted = status.to_api()
        if wanted == snapshot.status.to_api():
            return False
        await self._cluster.update_status(resources.MODEL_DEPLOYMENTS, {**snapshot.obj, "status": wanted})
        return True

    async def apply_route(self, snapshot: Snapshot, decision: Decision) -> Decision:
        """Makes the route show the plan's split: the first act of every pass, for it may be a rollback.

        The decision comes back with one more announcement if what was put right was somebody else's doing.
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
        await self._cluster.apply(resources.HTTP_ROUTES, wanted, manager=names.MANAGER)
        editor = snapshot.route.editor if snapshot.route is not None else ""
        if not editor or actual is None or _own(actual) != _own(wanted):
            return decision
        message = f"{editor} had changed the HTTPRoute; it shows again what was decided ({route.weight} %)"
        word = Reason.ROUTE_REPAIRED
        repaired = announcement(decision.status, word.value, message, reason=word, warning=True)
        return replace(decision, announcements=(*decision.announcements, repaired))

    async def publish(self, snapshot: Snapshot, decision: Decision, acts: Acts, now: datetime) -> bool:
        """Answers actions and tells the sinks; whether every action has its answer. Nothing else waits for either."""
        done = True
        for answer in decision.plan.answers:
            obj = snapshot.pending_actions.objs.get(answer.action)
            done = (obj is None or await write_answer(self._cluster, obj, answer)) and done
        for obj in snapshot.pending_actions.unmarked:
            done = await mark_answered(self._cluster, obj["metadata"]) and done
        subject = Subject(snapshot.obj, now)
        for news in decision.announcements:
            for sink in self._sinks:
                await acts.run(Act.EVENT, news.name, _in_time(sink.publish(subject, news)))
        return done

    async def apply_workloads(self, snapshot: Snapshot, decision: Decision, acts: Acts) -> None:
        """Makes the arms what the plan says."""
        plan = decision.plan
        if Part.INFERENCE_SERVICES not in snapshot.unknown:
            for ref in plan.ensure:
                actual = snapshot.workloads.get(ref.revision)
                if actual is None:
                    await acts.run(Act.INFERENCE_SERVICE, ref.workload.name, self._create(snapshot, ref))
                else:
                    at_least = plan.at_least.get(ref.revision, 0)
                    await acts.run(Act.SCALING, ref.workload.name, self._scale(snapshot, ref, actual, at_least))
        for ref in plan.delete:
            await acts.run(
                Act.DELETION,
                ref.workload.name,
                self._cluster.delete(snapshot.backend.kind, snapshot.owner.namespace, ref.workload.name),
            )

    async def delete_expired(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Deletes records that are no longer kept."""
        for name in plan.expired:
            delete = self._cluster.delete(resources.PROMOTION_RECORDS, snapshot.owner.namespace, name)
            await acts.run(Act.DELETION, name, delete)

    async def new_record(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Creates the rollout's record, before anything that it has to witness."""
        if plan.record is not None:
            await acts.run(Act.RECORD, plan.record.name, self._new_record(snapshot, plan.record))

    async def _new_record(self, snapshot: Snapshot, record: RecordPlan) -> None:
        policy = (snapshot.policy_obj["metadata"]["name"], snapshot.policy_obj["spec"]) if snapshot.policy_obj else None
        owner = (snapshot.owner.namespace, snapshot.owner.name)
        body = build.new(record, owner=owner, sources=snapshot.sources, policy=policy)
        await self._cluster.create(resources.PROMOTION_RECORDS, owner[0], body)

    async def _scale(self, snapshot: Snapshot, ref: RevisionRef, actual: Object, at_least: int) -> None:
        """The arm is ours, and has the scaling that spec asks for; nothing else of it is ever written."""
        if "deletionTimestamp" in actual["metadata"]:
            return
        patch: Object = snapshot.backend.scaling_patch(actual, snapshot.obj["spec"]["predictor"], at_least) or {}
        if not _owned(actual, snapshot.owner):
            patch["metadata"] = {"ownerReferences": [snapshot.owner.reference()]}
        if patch:
            await self._cluster.merge(snapshot.backend.kind, snapshot.owner.namespace, ref.workload.name, patch)

    async def _create(self, snapshot: Snapshot, ref: RevisionRef) -> None:
        source = snapshot.sources.get(ref.revision) or await self._recorded(snapshot, ref)
        if source is None:
            if Part.RECORDS in snapshot.unknown:
                return  # its record has it, and cannot be read now: that is told already
            message = f"no record knows what was served as revision {ref.revision}"
            raise Refused(message)
        body = snapshot.backend.render(snapshot.owner, ref, Source(*source))
        with contextlib.suppress(Conflict):
            await self._cluster.create(snapshot.backend.kind, snapshot.owner.namespace, body)

    async def _recorded(self, snapshot: Snapshot, ref: RevisionRef) -> build.Source | None:
        """What was served as ``ref``, from the records of its own rollouts."""
        selector = f"{names.MODEL_DEPLOYMENT}={snapshot.owner.name},{names.REVISION}={ref.revision}"
        found = await self._cluster.list(resources.PROMOTION_RECORDS, snapshot.owner.namespace, selector)
        return build.sources_of(found).get(ref.revision)

    async def write_records(
        self, snapshot: Snapshot, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        """One write per record: outcome, timeline and sealed windows together; whether the rollout's own is written."""
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
    status = build.sealed(build.noted(status, entry) or status, evidence.blocks)
    return build.finished(status, finish, now=now, assessment=evidence.assessment) if finish else status


def _own(obj: Mapping[str, Any]) -> dict[str, str]:
    """Our annotations; one that lingers would tell a wrong story after a lost status."""
    annotations = obj["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith("serin.dev/")}


def _owned(obj: Mapping[str, Any], owner: Owner) -> bool:
    return any(ref.get("uid") == owner.uid for ref in obj["metadata"].get("ownerReferences") or [])


async def _in_time(call: Awaitable[None]) -> None:
    """The call, for a moment only: no pass waits for those who are told."""
    async with asyncio.timeout(SINK_TIMEOUT):
        await call
