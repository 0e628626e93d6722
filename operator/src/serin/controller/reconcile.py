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
from serin.controller.act import Actor, Evidence
from serin.controller.actions import refuse_orphans
from serin.controller.acts import Act, Acts, lasting
from serin.controller.evidence import Ledger
from serin.controller.observe import Scope, Sight, observe
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
from serin.rollout.observation import Observation
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
    ) -> None:
        self._missing = missing
        self._cluster, self._metrics, self._clock, self._found = cluster, metrics, clock, found
        self._scope = Scope(tuple(metrics), namespaces)
        self._patient, self._hurried = Actor(cluster), Actor(HurriedCluster(cluster, HURRY))
        self._ledgers: dict[tuple[Key, str], Ledger] = {}
        self._tried: dict[Key, Tried] = {}

    async def reconcile(self, key: Key) -> datetime | None:
        """One pass; when to look again, or None if only an event can change anything."""
        namespace, name = key
        sight = await observe(self._cluster, namespace, name, self._scope)
        self._found(key, sight.obj["metadata"].get("generation") if sight else None)
        if sight is None:
            self._forget(key, keep=None)
            self._tried.pop(key, None)
            await refuse_orphans(self._cluster, namespace, name, self._clock())
            return None
        ledger = self._ledger(key, sight)
        decision = self._decide(key, sight, ledger)
        if ledger is not None:
            _note_outage(ledger, decision.status, self._clock())
        if ledger is not None and is_watched(sight.status) and not _without_evidence(decision):
            bug = await _caught_up(ledger, self._source(ledger.policy), self._clock())
            decision = self._decide(key, sight, ledger)
            wake_at = await self._carry_out(key, sight, decision, ledger)
            if bug is not None:  # what the other SLOs know has been acted on first
                raise bug
            return wake_at
        return await self._carry_out(key, sight, decision, ledger)

    async def _carry_out(self, key: Key, sight: Sight, decision: Decision, ledger: Ledger | None) -> datetime | None:
        """Status first, fenced; then the route; then everything else, each on its own."""
        before = self._tried.get(key)
        failed = before.failures if before is not None else tuple(sight.status.write_failures)
        acts, actor = Acts(key, self._clock(), failed), self._hurried if _has_traffic(sight) else self._patient
        try:
            if await actor.write_status(sight, decision.status):
                self._log(key, sight.status, decision.status)
        except NotLeader:
            raise
        except ClusterError:
            await self._shift_without_status(actor, sight, decision, acts)
            raise
        decision = await self._shift(actor, sight, decision, acts)
        told = await actor.tell(sight, decision, acts, self._clock())
        await self._rest(actor, sight, decision, ledger, acts)
        rollout = decision.status.rollout
        self._forget(key, keep=rollout.record if rollout else None)
        return self._next_look(key, sight, decision, acts, told=told)

    @staticmethod
    async def _shift(actor: Actor, sight: Sight, decision: Decision, acts: Acts) -> Decision:
        """The route as it was decided; one that cannot be written stops nothing that comes after it."""
        try:
            return await actor.shift(sight, decision)
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - records and arms do not depend on the route; it is told
            acts.note(Act.ROUTE, sight.owner.name, error)
            return decision

    async def _shift_without_status(self, actor: Actor, sight: Sight, decision: Decision, acts: Acts) -> None:
        """The status could not be written: nothing goes forward, but a way back is gone all the same.

        It is decided again in the next pass, from the same windows, until the status can say so.
        """
        plan, route, rollout = decision.plan.route, sight.route, decision.status.rollout
        if plan is None or route is None or plan.stable.revision != route.stable:
            return
        if rollout is not None and rollout.taken_back and rollout.cause is not None:
            noted = replace(plan, rollback=f"{rollout.record} {rollout.cause}")
            decision = replace(decision, plan=replace(decision.plan, route=noted))
        if plan.weight < route.weight or (not plan.weight and route.exposes and not plan.mirror):
            await self._shift(actor, sight, decision, acts)

    async def _rest(self, actor: Actor, sight: Sight, decision: Decision, ledger: Ledger | None, acts: Acts) -> None:
        """Everything after the traffic; what fails is tried again in the next pass."""
        now, over = self._clock(), bool(decision.plan.finish)
        if ledger and over:
            await _caught_up(ledger, self._source(ledger.policy), now)  # what led to the outcome belongs to the record
            decision = _with_evidence(decision, ledger, now)
            over = bool(decision.plan.finish)
        sealable = ledger is not None and _has_room(sight, decision) and (over or not ledger.rehearsal)
        blocks = ledger.seal(everything=over) if ledger and sealable else []
        assessment = ledger.assess(_step_started(decision.status), now) if ledger else Assessment()
        await actor.new_record(sight, decision.plan, acts)
        written = await actor.write_records(sight, decision, Evidence(assessment, blocks), acts, now)
        if ledger and blocks and written:
            ledger.sealed(everything=over)
        await actor.carry_out(sight, decision, acts)

    def _next_look(self, key: Key, sight: Sight, decision: Decision, acts: Acts, *, told: bool) -> datetime | None:
        """When to look again, and what the next decision has to know of this pass."""
        now, generation = self._clock(), sight.obj["metadata"].get("generation", 0)
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

    def _decide(self, key: Key, sight: Sight, ledger: Ledger | None) -> Decision:
        now = self._clock()
        rights = tuple(str(right) for right in self._missing() if right.concerns(key[0]))
        seen = replace(_observation(sight, ledger, self._tried.get(key), now), missing_rights=rights)
        return decide(key[1], sight.model_deployment.spec, sight.status, seen, now)

    def _ledger(self, key: Key, sight: Sight) -> Ledger | None:
        """The rollout's ledger, with the windows that were read so far."""
        rollout = sight.status.rollout
        if rollout is None:
            return None
        ledger = self._ledgers.get((key, rollout.record))
        if ledger is not None and ledger.rehearsal and sight.status.phase in WATCHED - {Phase.SHADOWING}:
            ledger = None  # the steps have evidence of their own
        view = next((r for r in sight.records if r.name == rollout.record), None)
        if ledger is not None and not ledger.of_record and view is not None and view.policy is not None:
            ledger = None  # it was judged by the live policy while the record could not be read
        ledger = ledger or self._restored(sight)
        if ledger is None:
            return None
        self._ledgers[(key, rollout.record)] = ledger
        return ledger

    def _restored(self, sight: Sight) -> Ledger | None:
        """A ledger from the record and the status; None before the first weight is in force."""
        status, rollout = sight.status, sight.status.rollout
        if rollout is None or status.candidate is None or status.stable is None or status.phase is Phase.PREPARING:
            return None
        obj = sight.record_objs.get(rollout.record)
        record = parse(obj) if obj else None
        view = next((r for r in sight.records if r.name == rollout.record), None)
        live = sight.policy if isinstance(sight.policy, PromotionPolicySpec) else None
        policy = view.policy if view and view.policy else live
        if policy is None:
            return None
        mirrored, shadowing = policy.shadow is not None, status.phase is Phase.SHADOWING
        begun = _first_request(record, shadow=mirrored or shadowing) or rollout.step_started_at
        if begun is None:
            return None
        identity = sight.backend.identity(sight.owner.namespace, status.candidate, status.stable)
        ledger = Ledger.restore(policy, identity, begun, record.status if record else None)
        ledger.rehearsal = shadowing and not mirrored
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


async def _caught_up(ledger: Ledger, source: Metrics, now: datetime) -> Exception | None:
    """Reads the windows that are due; a bug in one SLO comes back, to be raised when the pass has acted."""
    try:
        await ledger.catch_up(source, now)
    except Exception as error:  # noqa: BLE001 - raised by the caller
        return error
    return None


def _with_evidence(decision: Decision, ledger: Ledger, now: datetime) -> Decision:
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


def _note_outage(ledger: Ledger, status: ModelDeploymentStatus, now: datetime) -> None:
    rollout = status.rollout
    if rollout is not None and rollout.interruption is not None:
        ledger.note_outage(rollout.interruption.at, now)


def _has_traffic(sight: Sight) -> bool:
    """Whether a candidate gets requests: what comes next may be its way back, and must not wait."""
    return is_watched(sight.status) or (sight.route is not None and sight.route.weight > 0)


def _without_evidence(decision: Decision) -> bool:
    """Whether the candidate is taken back for what the cluster alone shows: a slow Prometheus must not delay that."""
    rollout = decision.status.rollout
    return (
        rollout is not None
        and rollout.taken_back
        and rollout.cause is not None
        and rollout.cause.effect.proof is Proof.NOT_WINDOWS
    )


def _observation(sight: Sight, ledger: Ledger | None, tried: Tried | None, now: datetime) -> Observation:
    weights = sight.status.weights
    return Observation(
        generation=sight.obj["metadata"].get("generation", 0),
        wanted=sight.wanted,
        arms=sight.arms,
        route=sight.route,
        policy=sight.policy,
        records=sight.records,
        assessment=ledger.assess(_step_started(sight.status), now) if ledger else Assessment(),
        split=ledger.split(_step_started(sight.status), weights.desired) if ledger and weights else None,
        next_evidence_at=ledger.next_at if ledger else None,
        problem=sight.problem,
        actions=sight.said.actions,
        requester_verified=sight.said.requester_verified,
        unknown=sight.unknown,
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


def _has_room(sight: Sight, decision: Decision) -> bool:
    """Whether the rollout's record takes further windows."""
    rollout = decision.status.rollout or sight.status.rollout
    obj = sight.record_objs.get(rollout.record) if rollout else None
    record = parse(obj) if obj else None
    return record is not None and has_room(record.status)
