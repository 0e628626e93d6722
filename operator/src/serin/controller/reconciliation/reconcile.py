"""One pass over one ModelDeployment: observe, decide, act. Returns when to look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecord
from serin.api.status import ModelDeploymentStatus, WriteFailure
from serin.cluster.client import Cluster
from serin.cluster.hurried import HurriedCluster
from serin.cluster.permissions import Missing
from serin.controller.reconciliation.actor import Actor, Evidence
from serin.controller.reconciliation.acts import Act, Acts, lasting
from serin.controller.reconciliation.observe import Scope, Snapshot, observe
from serin.controller.reconciliation.pending_actions import refuse_orphans
from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.workqueue import Key
from serin.errors import ClusterError, NotLeader
from serin.evidence import Assessment
from serin.prometheus.metrics import Metrics
from serin.prometheus.server.address import same_place
from serin.prometheus.server.shared import NotAllowed
from serin.records.build import has_room, parse
from serin.rollout.actions import ACTION_RETRY
from serin.rollout.decide import decide
from serin.rollout.decision import Decision
from serin.rollout.observation import KEEP_ALL, Observation, Retention
from serin.rollout.phases import WATCHED, is_watched
from serin.schema.reasons import Phase, Proof

log = structlog.get_logger()
EVIDENCE_TIMEOUT = timedelta(minutes=2)
"""So long the outcome of a rollout waits for windows that were read before this process began."""
HURRY = 2.0
"""Seconds that a write may take while a candidate has traffic: the windows after it are looked at in the next pass."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What the newest pass over a ModelDeployment came to."""

    failures: tuple[WriteFailure, ...]
    generation: int | None
    """The generation of spec for which everything was carried out; None where something failed."""


class Reconciler:
    """Holds what outlives a pass: the ledgers, and what could not be written.

    Everything in them can be read or tried again, so losing them loses nothing.
    """

    def __init__(
        self,
        cluster: Cluster,
        metrics: Mapping[str, Metrics],
        clock: Callable[[], datetime],
        found: Callable[[Key, int | None], None] = lambda *_: None,
        namespaces: tuple[str, ...] = (),
        *,
        missing: Callable[[], Sequence[Missing]] = lambda: (),
        retention: Retention = KEEP_ALL,
    ) -> None:
        self._missing, self._retention = missing, retention
        self._cluster, self._metrics, self._clock, self._found = cluster, metrics, clock, found
        self._scope = Scope(tuple(metrics), namespaces)
        self._patient, self._hurried = Actor(cluster), Actor(HurriedCluster(cluster, HURRY))
        self._ledgers: dict[tuple[Key, str], WindowReader] = {}
        self._tried: dict[Key, Tried] = {}

    async def reconcile(self, key: Key) -> datetime | None:
        """One pass; when to look again, or None if only an event can change anything."""
        namespace, name = key
        snapshot = await observe(self._cluster, namespace, name, self._scope)
        self._found(key, snapshot.obj["metadata"].get("generation") if snapshot else None)
        if snapshot is None:
            self._forget(key, keep=None)
            self._tried.pop(key, None)
            await refuse_orphans(self._cluster, namespace, name, self._clock())
            return None
        ledger = self._ledger(key, snapshot)
        decision = self._decide(key, snapshot, ledger)
        if ledger is not None:
            _note_outage(ledger, decision.status, self._clock())
        if ledger is not None and is_watched(snapshot.status) and not _without_evidence(decision):
            bug = await _caught_up(ledger, self._source(ledger.policy), self._clock())
            decision = self._decide(key, snapshot, ledger)
            wake_at = await self._carry_out(key, snapshot, decision, ledger)
            if bug is not None:  # what the other SLOs know has been acted on first
                raise bug
            return wake_at
        return await self._carry_out(key, snapshot, decision, ledger)

    async def _carry_out(
        self, key: Key, snapshot: Snapshot, decision: Decision, ledger: WindowReader | None
    ) -> datetime | None:
        """Status first, fenced; then the route; then everything else, each on its own."""
        before = self._tried.get(key)
        failed = before.failures if before is not None else tuple(snapshot.status.write_failures)
        acts, actor = Acts(key, self._clock(), failed), self._hurried if _has_traffic(snapshot) else self._patient
        try:
            if await actor.write_status(snapshot, decision.status):
                self._log(key, snapshot.status, decision.status)
        except NotLeader:
            raise
        except ClusterError:
            await self._apply_route_without_status(actor, snapshot, decision, acts)
            raise
        decision = await self._apply_route(actor, snapshot, decision, acts)
        told = await actor.publish(snapshot, decision, acts, self._clock())
        await self._after_traffic(actor, snapshot, decision, ledger, acts)
        rollout = decision.status.rollout
        self._forget(key, keep=rollout.record if rollout else None)
        return self._next_look(key, snapshot, decision, acts, told=told)

    @staticmethod
    async def _apply_route(actor: Actor, snapshot: Snapshot, decision: Decision, acts: Acts) -> Decision:
        """The route as it was decided; one that cannot be written stops nothing that comes after it."""
        try:
            return await actor.apply_route(snapshot, decision)
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - records and arms do not depend on the route; it is told
            acts.note(Act.ROUTE, snapshot.owner.name, error)
            return decision

    async def _apply_route_without_status(
        self, actor: Actor, snapshot: Snapshot, decision: Decision, acts: Acts
    ) -> None:
        """The status could not be written: nothing goes forward, but a way back is gone all the same.

        It is decided again in the next pass, from the same windows, until the status can say so.
        """
        plan, route, rollout = decision.plan.route, snapshot.route, decision.status.rollout
        if plan is None or route is None or plan.stable.revision != route.stable:
            return
        if rollout is not None and rollout.taken_back and rollout.cause is not None:
            noted = replace(plan, rollback=f"{rollout.record} {rollout.cause}")
            decision = replace(decision, plan=replace(decision.plan, route=noted))
        if plan.weight < route.weight or (not plan.weight and route.exposes and not plan.mirror):
            await self._apply_route(actor, snapshot, decision, acts)

    async def _after_traffic(
        self, actor: Actor, snapshot: Snapshot, decision: Decision, ledger: WindowReader | None, acts: Acts
    ) -> None:
        """Everything after the traffic; what fails is tried again in the next pass."""
        now, over = self._clock(), bool(decision.plan.finish)
        if ledger and over:
            await _caught_up(ledger, self._source(ledger.policy), now)  # what led to the outcome belongs to the record
            decision = _with_evidence(decision, ledger, now)
            over = bool(decision.plan.finish)
        sealable = ledger is not None and _has_room(snapshot, decision) and (over or not ledger.preview_only)
        blocks = ledger.seal(everything=over) if ledger and sealable else []
        assessment = ledger.assess(_step_started(decision.status), now) if ledger else Assessment()
        await actor.new_record(snapshot, decision.plan, acts)
        written = await actor.write_records(snapshot, decision, Evidence(assessment, blocks), acts, now)
        if ledger and blocks and written:
            ledger.sealed(everything=over)
        await actor.apply_workloads(snapshot, decision, acts)
        await actor.delete_expired(snapshot, decision.plan, acts)

    def _next_look(
        self, key: Key, snapshot: Snapshot, decision: Decision, acts: Acts, *, told: bool
    ) -> datetime | None:
        """When to look again, and what the next decision has to know of this pass."""
        now, generation = self._clock(), snapshot.obj["metadata"].get("generation", 0)
        before, pause = self._tried.get(key), acts.pause
        done = self._tried[key] = Tried(tuple(acts.failures), generation if pause is None else None)
        due = [decision.wake_at, now + pause if pause is not None else None]
        news = done.generation not in {None, decision.status.observed_generation}
        if pause is None and (news or (before is not None and before.failures)):
            due.append(now)  # to say that everything is done
        if not told:
            due.append(now + ACTION_RETRY)
        return min(filter(None, due), default=None)

    def longest_backoff(self, key: Key) -> float | None:
        """Seconds that a failed pass may wait at most: a window's length, while a candidate has traffic."""
        lengths = [ledger.length.total_seconds() for (owner, _), ledger in self._ledgers.items() if owner == key]
        return max(1.0, min(lengths)) if lengths else None

    def _decide(self, key: Key, snapshot: Snapshot, ledger: WindowReader | None) -> Decision:
        now = self._clock()
        rights = tuple(str(right) for right in self._missing() if right.concerns(key[0]))
        seen = replace(
            _observation(snapshot, ledger, self._tried.get(key), now), missing_rights=rights, retention=self._retention
        )
        return decide(key[1], snapshot.model_deployment.spec, snapshot.status, seen, now)

    def _ledger(self, key: Key, snapshot: Snapshot) -> WindowReader | None:
        """The rollout's ledger, with the windows that were read so far."""
        rollout = snapshot.status.rollout
        if rollout is None:
            return None
        ledger = self._ledgers.get((key, rollout.record))
        if ledger is not None and ledger.preview_only and snapshot.status.phase in WATCHED - {Phase.SHADOWING}:
            ledger = None  # the steps have evidence of their own
        view = next((r for r in snapshot.records if r.name == rollout.record), None)
        if ledger is not None and not ledger.of_record and view is not None and view.policy is not None:
            ledger = None  # it was judged by the live policy while the record could not be read
        ledger = ledger or self._restored(snapshot)
        if ledger is None:
            return None
        self._ledgers[(key, rollout.record)] = ledger
        return ledger

    def _restored(self, snapshot: Snapshot) -> WindowReader | None:
        """A ledger from the record and the status; None before the first weight is in force."""
        status, rollout = snapshot.status, snapshot.status.rollout
        if rollout is None or status.candidate is None or status.stable is None or status.phase is Phase.PREPARING:
            return None
        obj = snapshot.record_objs.get(rollout.record)
        record = parse(obj) if obj else None
        view = next((r for r in snapshot.records if r.name == rollout.record), None)
        live = snapshot.policy if isinstance(snapshot.policy, PromotionPolicySpec) else None
        policy = view.policy if view and view.policy else live
        if policy is None:
            return None
        mirrored, shadowing = policy.shadow is not None, status.phase is Phase.SHADOWING
        begun = _first_request(record, shadow=mirrored or shadowing) or rollout.step_started_at
        if begun is None:
            return None
        identity = snapshot.backend.identity(snapshot.owner.namespace, status.candidate, status.stable)
        ledger = WindowReader.restore(policy, identity, begun, record.status if record else None)
        ledger.preview_only = shadowing and not mirrored
        ledger.of_record = view is not None and view.policy is not None
        return ledger

    def _source(self, policy: PromotionPolicySpec) -> Metrics:
        address = policy.prometheus.address if policy.prometheus else None
        if address is None:
            return next(iter(self._metrics.values()))
        return self._metrics.get(same_place(address)) or NotAllowed(address)

    def _forget(self, key: Key, keep: str | None) -> None:
        for stale in [k for k in self._ledgers if k[0] == key and k[1] != keep]:
            del self._ledgers[stale]

    def _log(self, key: Key, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
        ready = next((c for c in after.conditions if c.type == "Ready"), None)
        old = next((c for c in before.conditions if c.type == "Ready"), None)
        if before.phase is after.phase and ready and old and ready.reason == old.reason:
            return
        weight = after.weights.desired if after.weights else 0
        log.info(
            "decided",
            namespace=key[0],
            name=key[1],
            phase=after.phase and after.phase.value,
            weight=weight,
            reason=ready.reason if ready else None,
            message=after.message,
        )


async def _caught_up(ledger: WindowReader, source: Metrics, now: datetime) -> Exception | None:
    """Reads the windows that are due; a bug in one SLO comes back, to be raised when the pass has acted."""
    try:
        await ledger.catch_up(source, now)
    except Exception as error:  # noqa: BLE001 - raised by the caller
        return error
    return None


def _with_evidence(decision: Decision, ledger: WindowReader, now: datetime) -> Decision:
    """The decision without the rollout's own outcome as long as windows that led to it have not been read again.

    A process that ends right after it decided must not leave a record without its evidence; a Prometheus that is away
    for longer than ``EVIDENCE_TIMEOUT`` does not keep it open for ever.
    """
    rollout = decision.status.rollout
    if rollout is None or rollout.decided_at is None or now - rollout.decided_at >= EVIDENCE_TIMEOUT:
        return decision
    if not ledger.behind(rollout.decided_at):
        return decision
    others = tuple(finish for finish in decision.plan.finish if finish.record != rollout.record)
    return replace(decision, plan=replace(decision.plan, finish=others))


def _note_outage(ledger: WindowReader, status: ModelDeploymentStatus, now: datetime) -> None:
    rollout = status.rollout
    if rollout is not None and rollout.interruption is not None:
        ledger.note_outage(rollout.interruption.at, now)


def _has_traffic(snapshot: Snapshot) -> bool:
    """Whether a candidate gets requests: what comes next may be its way back, and must not wait."""
    return is_watched(snapshot.status) or (snapshot.route is not None and snapshot.route.weight > 0)


def _without_evidence(decision: Decision) -> bool:
    """Whether the candidate is taken back for what the cluster alone shows: a slow Prometheus must not delay that."""
    rollout = decision.status.rollout
    return (
        rollout is not None
        and rollout.taken_back
        and rollout.cause is not None
        and rollout.cause.effect.proof is Proof.NOT_WINDOWS
    )


def _observation(snapshot: Snapshot, ledger: WindowReader | None, tried: Tried | None, now: datetime) -> Observation:
    weights = snapshot.status.weights
    return Observation(
        generation=snapshot.obj["metadata"].get("generation", 0),
        wanted=snapshot.wanted,
        arms=snapshot.arms,
        route=snapshot.route,
        policy=snapshot.policy,
        records=snapshot.records,
        assessment=ledger.assess(_step_started(snapshot.status), now) if ledger else Assessment(),
        split=ledger.split(_step_started(snapshot.status), weights.desired) if ledger and weights else None,
        next_evidence_at=ledger.next_at if ledger else None,
        problem=snapshot.problem,
        actions=snapshot.pending_actions.actions,
        requester_verified=snapshot.pending_actions.requester_verified,
        unknown=snapshot.unknown,
        snapshot=ledger.policy if ledger is not None and ledger.of_record else None,
        write_failures=lasting(tried.failures, now) if tried is not None else None,
        carried_out=tried.generation if tried is not None else None,
    )


def _step_started(status: ModelDeploymentStatus) -> datetime | None:
    return status.rollout.step_started_at if status.rollout else None


def _first_request(record: PromotionRecord | None, *, shadow: bool) -> datetime | None:
    """When the candidate was first to be sent requests that count: by weight, or those of its ``shadow``."""
    timeline = record.status.timeline if record else []
    return next((entry.at for entry in timeline if entry.weight or (shadow and entry.shadow)), None)


def _has_room(snapshot: Snapshot, decision: Decision) -> bool:
    """Whether the rollout's record takes further windows."""
    rollout = decision.status.rollout or snapshot.status.rollout
    obj = snapshot.record_objs.get(rollout.record) if rollout else None
    record = parse(obj) if obj else None
    return record is not None and has_room(record.status)
