"""How does a decision become true? Status first, fenced; then the route; then everything else. All of it idempotent."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from serin.api import names
from serin.api.promotion_record import PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.actions import mark_answered, write_answer
from serin.controller.acts import Act, Acts
from serin.controller.observe import Sight
from serin.errors import Conflict, Refused
from serin.evidence import Assessment
from serin.records import build
from serin.rollout.decision import Decision, Event, Finish, Plan, RecordPlan
from serin.rollout.observation import Part
from serin.schema.reasons import Outcome, Phase, Reason
from serin.schema.types import format_time
from serin.traffic.backend import Source
from serin.traffic.gateway.http_route import is_applied
from serin.traffic.owner import Owner


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pass adds to the record."""

    assessment: Assessment
    blocks: list[WindowBlock]


class Actor:
    """Carries out decisions about one look at the cluster: every act on its own, so that none stops another."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def write_status(self, sight: Sight, status: ModelDeploymentStatus) -> bool:
        """Writes the status if it differs; ``Conflict`` when the object changed since it was read."""
        wanted = status.to_api()
        if wanted == sight.status.to_api():
            return False
        await self._cluster.update_status(resources.MODEL_DEPLOYMENTS, {**sight.obj, "status": wanted})
        return True

    async def shift(self, sight: Sight, decision: Decision) -> Decision:
        """Makes the route show the plan's split: the first act of every pass, for it may be a rollback.

        The decision comes back with one more event if what was put right was somebody else's doing.
        """
        route = decision.plan.route
        if route is None or not sight.may_route:
            return decision
        wanted = sight.backend.route(sight.owner, sight.model_deployment.spec, route)
        actual = sight.route_obj
        if actual is not None:
            if is_applied(actual, wanted) and _own(actual) == _own(wanted):
                return decision
            wanted["metadata"]["resourceVersion"] = actual["metadata"]["resourceVersion"]
        await self._cluster.apply(resources.HTTP_ROUTES, wanted, manager=names.MANAGER)
        editor = sight.route.editor if sight.route is not None else ""
        if not editor or actual is None or _own(actual) != _own(wanted):
            return decision
        message = f"{editor} had changed the HTTPRoute; it shows again what was decided ({route.weight} %)"
        repaired = Event("Warning", Reason.ROUTE_REPAIRED.value, message)
        return replace(decision, events=(*decision.events, repaired))

    async def tell(self, sight: Sight, decision: Decision, acts: Acts, now: datetime) -> bool:
        """Answers actions and makes Events; whether every action has its answer. Nothing else waits for either."""
        done = True
        for answer in decision.plan.answers:
            obj = sight.said.objs.get(answer.action)
            done = (obj is None or await write_answer(self._cluster, obj, answer)) and done
        for obj in sight.said.unmarked:
            done = await mark_answered(self._cluster, obj["metadata"]) and done
        for event in decision.events:
            body = _event(sight, event, now)
            await acts.run(Act.EVENT, event.reason, self._cluster.create(resources.EVENTS, sight.owner.namespace, body))
        return done

    async def carry_out(self, sight: Sight, decision: Decision, acts: Acts) -> None:
        """Makes the arms what the plan says."""
        plan = decision.plan
        if Part.INFERENCE_SERVICES not in sight.unknown:
            for ref in plan.ensure:
                actual = sight.workloads.get(ref.revision)
                if actual is None:
                    await acts.run(Act.INFERENCE_SERVICE, ref.workload.name, self._create(sight, ref))
                else:
                    at_least = plan.at_least.get(ref.revision, 0)
                    await acts.run(Act.SCALING, ref.workload.name, self._scale(sight, ref, actual, at_least))
        for ref in plan.delete:
            await acts.run(
                Act.DELETION,
                ref.workload.name,
                self._cluster.delete(sight.backend.kind, sight.owner.namespace, ref.workload.name),
            )

    async def new_record(self, sight: Sight, plan: Plan, acts: Acts) -> None:
        """Creates the rollout's record, before anything that it has to witness."""
        if plan.record is not None:
            await acts.run(Act.RECORD, plan.record.name, self._new_record(sight, plan.record))

    async def _new_record(self, sight: Sight, record: RecordPlan) -> None:
        policy = (sight.policy_obj["metadata"]["name"], sight.policy_obj["spec"]) if sight.policy_obj else None
        owner = (sight.owner.namespace, sight.owner.name)
        body = build.new(record, owner=owner, sources=sight.sources, policy=policy)
        await self._cluster.create(resources.PROMOTION_RECORDS, owner[0], body)

    async def _scale(self, sight: Sight, ref: RevisionRef, actual: Object, at_least: int) -> None:
        """The arm is ours, and has the scaling that spec asks for; nothing else of it is ever written."""
        if "deletionTimestamp" in actual["metadata"]:
            return
        patch: Object = sight.backend.scaling_patch(actual, sight.obj["spec"]["predictor"], at_least) or {}
        if not _owned(actual, sight.owner):
            patch["metadata"] = {"ownerReferences": [sight.owner.reference()]}
        if patch:
            await self._cluster.merge(sight.backend.kind, sight.owner.namespace, ref.workload.name, patch)

    async def _create(self, sight: Sight, ref: RevisionRef) -> None:
        source = sight.sources.get(ref.revision) or await self._recorded(sight, ref)
        if source is None:
            if Part.RECORDS in sight.unknown:
                return  # its record has it, and cannot be read now: that is told already
            message = f"no record knows what was served as revision {ref.revision}"
            raise Refused(message)
        body = sight.backend.render(sight.owner, ref, Source(*source))
        with contextlib.suppress(Conflict):
            await self._cluster.create(sight.backend.kind, sight.owner.namespace, body)

    async def _recorded(self, sight: Sight, ref: RevisionRef) -> build.Source | None:
        """What was served as ``ref``, from the records of its own rollouts."""
        selector = f"{names.MODEL_DEPLOYMENT}={sight.owner.name},{names.REVISION}={ref.revision}"
        found = await self._cluster.list(resources.PROMOTION_RECORDS, sight.owner.namespace, selector)
        return build.sources_of(found).get(ref.revision)

    async def write_records(
        self, sight: Sight, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        """One write per record: outcome, timeline and sealed windows together; whether the rollout's own is written."""
        rollout = decision.status.rollout
        current = {rollout.record} if rollout else set()
        finishes = {finish.record: finish for finish in decision.plan.finish}
        done = True
        for name in sorted(current | finishes.keys()):
            obj = sight.record_objs.get(name)
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


def _event(sight: Sight, event: Event, now: datetime) -> Object:
    metadata = sight.obj["metadata"]
    at = format_time(now.replace(microsecond=0))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": sight.obj["apiVersion"],
            "kind": sight.obj["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:1024],
        "source": {"component": names.MANAGER},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
