"""How does a decision become true? Status first, fenced; then the route; then everything else. All of it idempotent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from serin.api import names
from serin.api.evidence import Assessment
from serin.api.promotion_record import PromotionRecordStatus, TimelineEntry, WindowBlock
from serin.api.reasons import Phase, Reason
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.types import format_time
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.actions import write_answer
from serin.controller.observe import Sight
from serin.errors import ClusterError, Conflict
from serin.records import build
from serin.rollout.decision import Decision, Event, Finish, Plan
from serin.traffic import standard

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pass adds to the record."""

    assessment: Assessment
    blocks: list[WindowBlock]


class Actor:
    """Carries out decisions about one look at the cluster."""

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
        wanted = standard.http_route(sight.owner, sight.model_deployment.spec, route)
        actual = sight.route_obj
        if actual is not None:
            if standard.shows(actual, wanted) and _own(actual) == _own(wanted):
                return decision
            wanted["metadata"]["resourceVersion"] = actual["metadata"]["resourceVersion"]
        await self._cluster.apply(resources.HTTP_ROUTES, wanted, manager=names.MANAGER)
        editor = sight.route.editor if sight.route is not None else ""
        if not editor or actual is None or _own(actual) != _own(wanted):
            return decision
        message = f"{editor} had changed the HTTPRoute; it shows again what was decided ({route.weight} %)"
        repaired = Event("Warning", Reason.ROUTE_REPAIRED.value, message)
        return replace(decision, events=(*decision.events, repaired))

    async def tell(self, sight: Sight, decision: Decision, now: datetime) -> bool:
        """Answers actions and makes Events; whether every action has its answer. Nothing else waits for either."""
        done = True
        for answer in decision.plan.answers:
            done = await write_answer(self._cluster, sight.said.objs[answer.action], answer) and done
        for event in decision.events:
            try:
                await self._cluster.create(resources.EVENTS, sight.owner.namespace, _event(sight, event, now))
            except ClusterError as error:
                log.warning("event not made", name=sight.owner.name, reason=event.reason, error=str(error)[:300])
        return done

    async def carry_out(self, sight: Sight, decision: Decision) -> None:
        """Makes the rest of the plan true, in the plan's order."""
        plan = decision.plan
        for ref in plan.ensure:
            await self._ensure(sight, ref, plan.at_least.get(ref.revision, 0))
        for ref in plan.delete:
            await self._cluster.delete(resources.INFERENCE_SERVICES, sight.owner.namespace, ref.inference_service)

    async def new_record(self, sight: Sight, plan: Plan) -> None:
        """Creates the rollout's record, before anything that it has to witness."""
        if plan.record is None:
            return
        policy = (sight.policy_obj["metadata"]["name"], sight.policy_obj["spec"]) if sight.policy_obj else None
        owner = (sight.owner.namespace, sight.owner.name)
        body = build.new(plan.record, owner=owner, sources=sight.sources, policy=policy)
        await self._cluster.create(resources.PROMOTION_RECORDS, owner[0], body)

    async def _ensure(self, sight: Sight, ref: RevisionRef, at_least: int) -> None:
        """The arm exists, is ours, and has the scaling that spec asks for; nothing else of it is ever written."""
        actual = sight.inference_services.get(ref.revision)
        if actual is None:
            await self._create(sight, ref)
            return
        if "deletionTimestamp" in actual["metadata"]:
            return
        patch: Object = standard.scaling_patch(actual, sight.obj["spec"]["predictor"], at_least) or {}
        if not _owned(actual, sight.owner):
            patch["metadata"] = {"ownerReferences": [sight.owner.reference()]}
        if patch:
            await self._cluster.merge(resources.INFERENCE_SERVICES, sight.owner.namespace, ref.inference_service, patch)

    async def _create(self, sight: Sight, ref: RevisionRef) -> None:
        source = sight.sources.get(ref.revision)
        if source is None:
            return
        body = standard.inference_service(sight.owner, ref, model=source[0], predictor=source[1])
        try:
            await self._cluster.create(resources.INFERENCE_SERVICES, sight.owner.namespace, body)
        except Conflict:
            return

    async def write_records(self, sight: Sight, decision: Decision, evidence: Evidence, now: datetime) -> None:
        """One write per record: outcome, timeline and sealed windows together."""
        rollout = decision.status.rollout
        current = {rollout.record} if rollout else set()
        finishes = {finish.record: finish for finish in decision.plan.finish}
        for name in sorted(current | finishes.keys()):
            obj = sight.record_objs.get(name)
            record = build.parse(obj) if obj else None
            if obj is None or record is None or record.status.finished_at is not None:
                continue
            status = build.with_actions(record.status, name, decision.status.actions)
            status = _next_status(status, decision, finishes.get(name), evidence, now)
            if status.to_api() != record.status.to_api():
                await self._cluster.update_status(resources.PROMOTION_RECORDS, {**obj, "status": status.to_api()})


def _next_status(
    status: PromotionRecordStatus,
    decision: Decision,
    finish: Finish | None,
    evidence: Evidence,
    now: datetime,
) -> PromotionRecordStatus:
    rollout, weights = decision.status.rollout, decision.status.weights
    if finish is not None:
        weight = 100 if finish.outcome.value == "Promoted" else 0
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


def _owned(obj: Mapping[str, Any], owner: standard.Owner) -> bool:
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
