"""Carries out a decision: writes status, route, PromotionActions, records and arms. Every write is idempotent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from serin.api.contact import contact_of
from serin.api.revision import Replicas, Source
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.acts import Act, Acts
from serin.controller.reconciliation.part_writer import delete_parts
from serin.controller.reconciliation.record_writer import PATIENCE, Evidence, OnFinished, RecordWriter
from serin.controller.snapshot.actions.pending_actions import mark_answered, write_answer
from serin.controller.snapshot.freezes import tell_freezes
from serin.controller.snapshot.gate_facts.jobs.ending import end_trials, may_have_trials
from serin.controller.snapshot.observe import Snapshot
from serin.controller.snapshot.rollout_records import is_same_record, missing_attempts
from serin.controller.snapshot.sources import recorded_source
from serin.controller.telling.decisions import decided
from serin.errors import Conflict, NameTaken, Refused
from serin.notify.sink import Sink, Subject
from serin.records import build
from serin.rollout.context import POLL_INTERVAL
from serin.rollout.decision import Announcement, Decision, Plan, RecordPlan
from serin.rollout.observation import Part
from serin.rollout.report.announcements import announcement
from serin.schema.reasons import Reason
from serin.traffic.dropped_fields import dropped_fields
from serin.traffic.ownership import is_deleted_meanwhile

FIELDS_DROPPED = "FieldsDropped"
SINK_TIMEOUT = 2.0
"""Seconds that a sink may take per announcement."""


class Actor:
    """Carries out decisions. A write that fails does not stop the others."""

    def __init__(self, cluster: Cluster, sinks: Sequence[Sink], finished: OnFinished = lambda *_: None) -> None:
        """``finished`` gets each PromotionRecord once, when its outcome has been written."""
        self._cluster, self._sinks, self._records = cluster, sinks, RecordWriter(cluster, finished)

    async def write_status(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Writes the status if it differs, and logs it; ``Conflict`` if the object has changed since."""
        wanted = status.to_api()
        if wanted != snapshot.status.to_api():
            await self._cluster.update_status(resources.MODEL_DEPLOYMENTS, {**snapshot.obj, "status": wanted})
            decided(snapshot.obj, snapshot.status, status)

    async def apply_route(self, snapshot: Snapshot, decision: Decision, now: datetime) -> Decision:
        """Applies the plan's traffic split: the first write after the status, since it may be a rollback.

        Returns the decision, with announcements of what somebody else had changed, and of what the server dropped.
        """
        if not snapshot.owns_route:
            return decision

        async def source_of(ref: RevisionRef) -> Source | None:
            return await self._source(snapshot, ref)

        route = snapshot.route_to_write(source_of, now)
        applied = await snapshot.backend.apply_route(self._cluster, route, decision)
        soon = now + POLL_INTERVAL if applied.unfinished else None
        due = min(filter(None, (decision.wake_at, applied.again_at, soon)), default=None)
        told = list(decision.announcements)
        if applied.repaired:
            reason = Reason.ROUTE_REPAIRED
            told.append(announcement(decision.status, reason.value, applied.repaired, reason=reason, warning=True))
        if applied.dropped:
            told.append(_dropped(decision.status, applied.dropped, applied.version))
        return replace(decision, wake_at=due, announcements=tuple(told))

    async def publish(self, snapshot: Snapshot, decision: Decision, acts: Acts, now: datetime) -> bool:
        """Answers PromotionActions and informs the sinks; returns whether every action has its answer."""
        done = True
        for answer in decision.plan.answers:
            obj = snapshot.pending_actions.objs.get(answer.action)
            if obj is not None:
                done = await acts.run(Act.ACTION, answer.action, write_answer(self._cluster, obj, answer)) and done
        for obj in snapshot.pending_actions.unmarked:
            mark = mark_answered(self._cluster, obj["metadata"])
            done = await acts.run(Act.ACTION, obj["metadata"]["name"], mark) and done
        await self._announce(Subject(snapshot.obj, now), decision.announcements, acts)
        return done

    async def _announce(self, subject: Subject, announcements: Iterable[Announcement], acts: Acts) -> None:
        for item in announcements:
            for sink in self._sinks:
                await acts.run(Act.EVENT, item.name, _in_time(sink.publish(subject, item)))

    async def apply_workloads(self, snapshot: Snapshot, decision: Decision, acts: Acts, now: datetime) -> None:
        """Creates, scales and deletes arms according to the plan, where they do not follow from the route."""
        plan = decision.plan
        if not snapshot.backend.writes_workloads:
            return
        if Part.INFERENCE_SERVICES in snapshot.unknown:
            acts.untried = True
        else:
            for ref in (ref for ref in plan.ensure if ref.revision not in snapshot.foreign):
                actual = snapshot.workloads.get(ref.revision)
                if actual is None:
                    create = self._create(snapshot, decision, ref, acts, now)
                    await acts.run(Act.INFERENCE_SERVICE, ref.workload.name, create)
                else:
                    await acts.run(Act.SCALING, ref.workload.name, self._scale(snapshot, ref, actual, plan))
        for ref in plan.delete:
            arm, name = snapshot.workloads.get(ref.revision, {}), ref.workload.name
            uid = arm.get("metadata", {}).get("uid", "")
            delete = self._cluster.delete(snapshot.backend.kind, snapshot.owner.namespace, name, uid=uid)
            await acts.run(Act.DELETION, name, delete)

    async def end_trials(self, snapshot: Snapshot, decision: Decision, acts: Acts, now: datetime) -> Decision:
        """Ends the Jobs of rollouts that are over; the decision without an outcome that waits for that.

        An outcome waits as long as for its windows, so that it is done again by whoever comes after a process that dies
        here. A refusal will not go away by waiting.
        """
        ours = decision.status.rollout.record if decision.status.rollout is not None else None
        records, waiting = {record.name: record for record in snapshot.records}, set[str]()
        for finish in decision.plan.finish:
            if not may_have_trials(records.get(finish.record)):
                continue
            ended = await acts.run(Act.JOB, finish.record, end_trials(self._cluster, snapshot.owner, finish.record))
            refused = not ended and acts.failures[-1].reason is not Reason.WRITE_UNAVAILABLE
            if not ended and not refused and finish.record == ours and now - finish.decided_at < PATIENCE:
                waiting.add(finish.record)
        kept = tuple(finish for finish in decision.plan.finish if finish.record not in waiting)
        return replace(decision, plan=replace(decision.plan, finish=kept)) if waiting else decision

    async def delete_expired(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Deletes records past their retention."""
        for name in plan.expired:
            uid = snapshot.record_uids.get(name, "")
            parts = delete_parts(self._cluster, snapshot.owner.namespace, name)
            if not await acts.run(Act.DELETION, name, parts):
                continue  # the record names its parts: it goes last
            delete = self._cluster.delete(resources.PROMOTION_RECORDS, snapshot.owner.namespace, name, uid=uid)
            await acts.run(Act.DELETION, name, delete)

    async def tell_freezes(self, snapshot: Snapshot, decision: Decision, now: datetime) -> None:
        """Notes in the PromotionFreezes whether they hold the ModelDeployment up."""
        key = (snapshot.owner.namespace, snapshot.owner.name)
        await tell_freezes(self._cluster, snapshot.freezes, key, now, held=decision.status.reason is Reason.FROZEN)

    async def new_record(self, snapshot: Snapshot, plan: Plan, acts: Acts) -> None:
        """Creates the record of a rollout that starts."""
        if plan.record is not None:
            await acts.run(Act.RECORD, plan.record.name, self._new_record(snapshot, plan.record))

    async def _new_record(self, snapshot: Snapshot, record: RecordPlan) -> None:
        policy = (snapshot.policy_obj["metadata"]["name"], snapshot.policy_obj["spec"]) if snapshot.policy_obj else None
        owner = (snapshot.owner.namespace, snapshot.owner.name)
        asked = snapshot.wanted is not None and snapshot.wanted.revision == record.candidate.revision
        requested_by = build.requested_by(snapshot.obj) if asked else None

        def source_of(ref: RevisionRef) -> Source | None:
            return snapshot.source_of(ref) or snapshot.source_by_name(ref)

        body = build.new(
            record,
            owner=owner,
            source_of=source_of,
            policy=policy,
            requested_by=requested_by,
            contact=contact_of(snapshot.obj),
            missing=await missing_attempts(self._cluster, owner, record.attempt),
        )
        try:
            await self._cluster.create(resources.PROMOTION_RECORDS, owner[0], body)
        except Conflict as error:
            existing = build.parse(await self._cluster.get(resources.PROMOTION_RECORDS, owner[0], record.name))
            ours = build.parse(body)
            if existing is None or ours is None or not is_same_record(existing.spec, ours.spec):
                message = "a PromotionRecord of this name exists, and states other facts than Serin's"
                raise NameTaken(message) from error

    async def _scale(self, snapshot: Snapshot, ref: RevisionRef, actual: Object, plan: Plan) -> None:
        """Patches the arm's owner and scaling where they differ from spec; no other field is ever written."""
        if "deletionTimestamp" in actual["metadata"]:
            return
        at_least = Replicas(plan.at_least.get(ref.revision, 0), plan.transformers_at_least.get(ref.revision, 0))
        patch: Object = snapshot.backend.scaling_patch(actual, Source.of(snapshot.obj["spec"]), at_least) or {}
        if not snapshot.owner.owns(actual):
            if await is_deleted_meanwhile(self._cluster, snapshot.owner):
                return
            patch["metadata"] = {"ownerReferences": [snapshot.owner.reference()]}
        if patch:
            await self._cluster.merge(snapshot.backend.kind, snapshot.owner.namespace, ref.workload.name, patch)

    async def _create(
        self, snapshot: Snapshot, decision: Decision, ref: RevisionRef, acts: Acts, now: datetime
    ) -> None:
        """Creates an arm, and announces what KServe's definition does not have of it."""
        source = await self._source(snapshot, ref)
        if source is None:
            if Part.RECORDS in snapshot.unknown:
                acts.untried = True
                return  # the source is in a record that cannot be read now; that is reported already
            message = f"no record knows what was served as revision {ref.revision}"
            raise Refused(message)
        body = snapshot.backend.render(snapshot.owner, ref, source)
        try:
            stored = await self._cluster.create(snapshot.backend.kind, snapshot.owner.namespace, body)
        except Conflict as error:
            message = "one of this name exists that is not as Serin made it; it gets no traffic and is not changed"
            raise NameTaken(message) from error
        dropped = dropped_fields(body.get("spec"), stored.get("spec"))
        if dropped:
            item = _dropped(decision.status, dropped, ref.version)
            await self._announce(Subject(snapshot.obj, now), (item,), acts)

    async def _source(self, snapshot: Snapshot, ref: RevisionRef) -> Source | None:
        """What was written for ``ref``, from spec or the records; None if nobody knows it."""
        found = snapshot.source_of(ref) or await recorded_source(self._cluster, snapshot.obj, ref)
        return found or snapshot.source_by_name(ref)

    async def write_records(
        self, snapshot: Snapshot, decision: Decision, evidence: Evidence, acts: Acts, now: datetime
    ) -> bool:
        """Writes outcome, timeline, holds and sealed windows; whether the current rollout's record is up to date."""
        return await self._records.write(snapshot, decision, evidence, acts, now)


def _dropped(status: ModelDeploymentStatus, fields: Sequence[str], version: str) -> Announcement:
    message = f"KServe has no field {', '.join(fields)}: version {version} runs without; mend spec"
    return announcement(status, FIELDS_DROPPED, message, warning=True)


async def _in_time(call: Awaitable[None]) -> None:
    """Awaits ``call`` for at most ``SINK_TIMEOUT``: a slow sink must not delay the pass."""
    async with asyncio.timeout(SINK_TIMEOUT):
        await call
