"""One pass over one ModelDeployment: observe, decide, act. Returns when the next pass is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from serin.api.status import ModelDeploymentStatus
from serin.cluster.client import Cluster
from serin.cluster.deadline import DeadlineCluster
from serin.cluster.permissions import Missing
from serin.controller.metrics.model_deployments import ModelDeploymentMetrics
from serin.controller.reconciliation.actor import Actor
from serin.controller.reconciliation.acts import Act, Acts
from serin.controller.reconciliation.last_windows import missing_windows, with_evidence
from serin.controller.reconciliation.observation import (
    PassResult,
    notifying_of,
    observation_of,
    sight_of,
    step_start,
)
from serin.controller.reconciliation.preflights import Preflights, survey_target
from serin.controller.reconciliation.record_writer import Evidence
from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.reconciliation.window_readers import WindowReaders
from serin.controller.snapshot.actions.action_list import ActionList
from serin.controller.snapshot.actions.pending_actions import ORPHANS, refuse_actions_on, refuse_orphans
from serin.controller.snapshot.actions.requesters import Requesters
from serin.controller.snapshot.gate_facts.facts import GateFacts
from serin.controller.snapshot.observe import Scope, Snapshot, observe
from serin.controller.snapshot.rollouts import Rollouts
from serin.controller.telling.decisions import under_way
from serin.controller.workqueue import GONE, Gone, Key
from serin.errors import ClusterError, NotLeader
from serin.evidence import Assessment
from serin.notify.outbox import Outbox
from serin.notify.sink import Sink
from serin.policy_gates.answer import Fact
from serin.prometheus.sharing.allow_list import AllowList, MetricsServer
from serin.prometheus.survey import survey
from serin.records.build import parse
from serin.rollout.actions import ACTION_RETRY
from serin.rollout.concurrency.turns import NO_LIMITS, Limits
from serin.rollout.context import POLL_INTERVAL
from serin.rollout.decide import decide
from serin.rollout.decision import Decision
from serin.rollout.observation import KEEP_ALL, Part, Retention
from serin.rollout.phases import is_watched
from serin.rollout.phases.interruption import answered_by_gateway_until
from serin.schema.reasons import Proof
from serin.tracing.recording import step, steps
from serin.traffic.gateway.features import GatewayFeatures

WRITE_TIMEOUT = 2.0
"""Seconds per write while the candidate gets requests: the next windows are judged in the next pass."""


class Reconciler:
    """Runs passes, and keeps between them the window readers and the result of each ModelDeployment's last pass.

    Both can be lost: the windows can be read again, and the writes are tried again.
    """

    def __init__(
        self,
        cluster: Cluster,
        servers: Mapping[str, MetricsServer],
        clock: Callable[[], datetime],
        live_read: Callable[[Key, int | None], None] = lambda *_: None,
        namespaces: tuple[str, ...] = (),
        *,
        sinks: Sequence[Sink] = (),
        missing: Callable[[], Sequence[Missing]] = lambda: (),
        retention: Retention = KEEP_ALL,
        refuses_literal_secrets: bool = True,
        freezes_of_all: str | None = None,
        metrics: ModelDeploymentMetrics | None = None,
        gateways: GatewayFeatures | None = None,
        limits: Limits = NO_LIMITS,
        outbox: Outbox | None = None,
    ) -> None:
        """``servers`` has the Prometheus servers of the allow-list by address; the first one is the default.

        ``live_read`` gets the generation of each ModelDeployment that is read; None if it does not exist.
        """
        self._missing, self._retention, self._metrics = missing, retention, metrics or ModelDeploymentMetrics()
        self._cluster, self._clock, self._live_read = cluster, clock, live_read
        self._scope = Scope(
            AllowList(servers),
            namespaces,
            refuses_literal_secrets,
            freezes_of_all,
            gateways or GatewayFeatures(),
        )
        self._actor = Actor(cluster, sinks, self._metrics.finished)
        self._deadline_actor = Actor(DeadlineCluster(cluster, WRITE_TIMEOUT), sinks, self._metrics.finished)
        self._readers, self._actions, self._facts = WindowReaders(), ActionList(), GateFacts(cluster)
        self._requesters, self._rollouts = Requesters(clock), Rollouts(cluster, limits, namespaces)
        self._preflights, self._last = Preflights(), dict[Key, PassResult]()
        self._outbox = outbox or Outbox(wall=clock)

    async def reconcile(self, key: Key) -> datetime | Gone | None:
        """One pass; the time of the next one, None if only an event can change anything, ``GONE`` without one."""
        namespace, name = key
        if name == ORPHANS:
            return await refuse_orphans(self._cluster, self._actions, namespace, self._clock()) or GONE
        last, now = self._last.get(key), self._clock()
        failures = last.failures if last else None
        snapshot = await observe(
            self._cluster,
            key,
            self._scope,
            actions=self._actions,
            requesters=self._requesters,
            now=now,
            failures=failures,
        )
        self._live_read(key, snapshot.obj["metadata"].get("generation") if snapshot else None)
        if snapshot is None:
            self._readers.forget(key, keep=None)
            self._preflights.forget(key)
            self._last.pop(key, None)
            self._metrics.forget(key)
            self._facts.forget(key)
            self._rollouts.forget(key)
            self._outbox.forget(key)
            return await refuse_actions_on(self._cluster, self._actions, key, self._clock()) or GONE
        under_way(snapshot.obj, snapshot.status)
        if snapshot.status.rollout is None and Part.RECORDS not in snapshot.unknown:
            self._metrics.chain(key, snapshot.records, retention=bool(self._retention.count))
        await self._rollouts.refresh(key, snapshot.status, now)
        reader = self._readers.of_rollout(key, snapshot)
        decision = self._decide(key, snapshot, reader)
        if decision.asks_preflight:
            await self._ask_preflight(key, snapshot)
            decision = self._decide(key, snapshot, reader)
        if reader is not None:
            _note_outage(reader, decision.status, self._clock())
        bug = None
        if reader is not None and is_watched(snapshot.status) and not _rolls_back_without_windows(decision):
            bug = await self._catch_up(key[0], reader)
            decision = self._decide(key, snapshot, reader)
        if not _is_taken_back(decision):  # a way back waits for no gate's number
            with step("gates"):
                facts = await self._facts.read(key, snapshot, self._scope.prometheus, now)
            decision = self._decide(key, snapshot, reader, facts) if facts else decision
        wake_at = await self._carry_out(key, snapshot, decision, reader)
        if bug is not None:  # raised last: the decision on the other SLOs is carried out first
            raise bug
        return wake_at

    @steps("act")
    async def _carry_out(
        self, key: Key, snapshot: Snapshot, decision: Decision, reader: WindowReader | None
    ) -> datetime | None:
        """Writes the status first, fenced; then the route; then everything else, each write on its own."""
        last = self._last.get(key)
        failed = last.failures if last is not None else tuple(snapshot.status.write_failures)
        acts, actor = Acts(key, self._clock(), failed), self._deadline_actor if _has_traffic(snapshot) else self._actor
        try:
            await actor.write_status(snapshot, decision.status)
        except NotLeader:
            raise
        except ClusterError:
            await self._apply_route_without_status(actor, snapshot, decision, acts)
            raise
        decision = await self._apply_route(actor, snapshot, decision, acts)
        self._outbox.offer(key, decision.status.notifications, decision.standing)  # they are sent elsewhere
        answered = await actor.publish(snapshot, decision, acts, self._clock())
        await self._after_traffic(actor, snapshot, decision, reader, acts)
        rollout = decision.status.rollout
        self._readers.forget(key, keep=rollout.record if rollout else None)
        self._preflights.forget(key, keep=rollout.record if rollout else None)
        due = self._next_pass(key, snapshot, decision, acts, answered=answered)
        self._metrics.seen(key, snapshot.status, sight_of(snapshot, decision, reader, self._clock()))
        return self._clock() if reader is not None and reader.stored is not None and rollout is not None else due

    @steps("preflight")
    async def _ask_preflight(self, key: Key, snapshot: Snapshot) -> None:
        """Tries the queries of the rollout under way; the answer is in the next observation."""
        target, now = survey_target(snapshot), self._clock()
        if target is None or snapshot.status.rollout is None:
            return
        look = survey(self._scope.prometheus.metrics(target.policy, key[0]), target, now)
        record = snapshot.status.rollout.record
        await self._preflights.ask(key, record, look, now, candidate_ready=target.candidate_ready)

    @staticmethod
    async def _apply_route(actor: Actor, snapshot: Snapshot, decision: Decision, acts: Acts) -> Decision:
        """Applies the route; a failure is noted and does not stop the writes after it."""
        if Part.HOSTNAMES in snapshot.unknown:  # it keeps those that it has, whatever spec asks for
            acts.untried = True
        try:
            return await actor.apply_route(snapshot, decision, acts.now)
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - records and arms do not depend on the route; it is reported
            acts.note(Act(snapshot.backend.route_kind.kind), snapshot.owner.name, error)
            return decision

    async def _apply_route_without_status(
        self, actor: Actor, snapshot: Snapshot, decision: Decision, acts: Acts
    ) -> None:
        """Applies the route after the status could not be written, if the candidate gets fewer requests by it.

        Nothing moves forward without a status; a rollback does not wait for it. The next passes decide it again, from
        the same windows, until the status can be written.
        """
        plan, route = decision.plan.route, snapshot.route
        if plan is None or route is None or plan.stable.revision != route.stable:
            return
        if plan.weight < route.weight or (not plan.weight and route.exposes and not plan.mirror):
            await self._apply_route(actor, snapshot, decision, acts)

    async def _after_traffic(
        self, actor: Actor, snapshot: Snapshot, decision: Decision, reader: WindowReader | None, acts: Acts
    ) -> None:
        """Writes records and arms; what fails is tried again in the next pass."""
        now = self._clock()
        decision = await actor.end_trials(snapshot, decision, acts, now)
        over = bool(decision.plan.finish)
        if reader and over:
            await self._catch_up(snapshot.owner.namespace, reader)  # the record needs the windows of the outcome
            decision = with_evidence(decision, reader, snapshot, now)
            over = bool(decision.plan.finish)
        sealable = reader is not None and _has_record(snapshot, decision) and (over or not reader.preview_only)
        blocks = reader.seal(everything=over) if reader and sealable else []
        assessment = reader.assess(step_start(decision.status), now) if reader else Assessment()
        await actor.new_record(snapshot, decision.plan, acts)
        missing = missing_windows(decision, reader) if over else ""
        evidence = Evidence(assessment, blocks, missing, reader.read_until if reader else None)
        written = await actor.write_records(snapshot, decision, evidence, acts, now)
        if reader and blocks and written:
            reader.confirm_sealed(everything=over)
        await actor.apply_workloads(snapshot, decision, acts, now)
        await actor.delete_expired(snapshot, decision.plan, acts)
        await actor.tell_freezes(snapshot, decision, now)

    def _next_pass(
        self, key: Key, snapshot: Snapshot, decision: Decision, acts: Acts, *, answered: bool
    ) -> datetime | None:
        """The time of the next pass. Keeps the result of this one for the next decision."""
        now, generation = self._clock(), snapshot.obj["metadata"].get("generation", 0)
        last, pause = self._last.get(key), acts.pause
        complete = pause is None and not acts.untried
        result = self._last[key] = PassResult(tuple(acts.failures), generation if complete else None)
        due = [decision.wake_at, now + pause if pause is not None else None]
        if acts.untried:
            due.append(now + POLL_INTERVAL)
        carried_out_anew = result.generation not in {None, decision.status.observed_generation}
        if pause is None and (carried_out_anew or (last is not None and last.failures != result.failures)):
            due.append(now)  # the status has to say that everything was written, or which answer was not
        if not answered:
            due.append(now + ACTION_RETRY)
        return min(filter(None, due), default=None)

    def longest_backoff(self, key: Key) -> float | None:
        """The longest wait after a failed pass, in seconds: a window, at least 1 s; None without a rollout."""
        window = self._readers.shortest_window(key)
        return max(1.0, window.total_seconds()) if window is not None else None

    @steps("windows")
    async def _catch_up(self, namespace: str, reader: WindowReader) -> Exception | None:
        """Reads the windows that are due; returns a bug in one SLO, which is raised at the end of the pass."""
        if reader.stored is not None:
            if not await reader.stored.learn(self._cluster, namespace, reader):
                return None
            reader.stored = None
        source = self._scope.prometheus.metrics(reader.policy, namespace)
        try:
            await reader.catch_up(source, self._clock())
        except Exception as error:  # noqa: BLE001 - raised by the caller
            return error
        return None

    @steps("decide")
    def _decide(
        self,
        key: Key,
        snapshot: Snapshot,
        reader: WindowReader | None,
        gate_facts: Mapping[str, Fact] | None = None,
    ) -> Decision:
        now = self._clock()
        rights = tuple(str(right) for right in self._missing() if right.concerns(key[0]))
        observation = observation_of(snapshot, reader, self._last.get(key), now, gate_facts)
        rollout = snapshot.status.rollout
        readiness = self._preflights.answer(key, rollout.record if rollout else None)
        observation = replace(observation, missing_rights=rights, retention=self._retention, readiness=readiness)
        server = self._scope.prometheus.place(reader.policy, key[0]) if reader is not None else ""
        observation = replace(observation, notifying=notifying_of(key, self._outbox, snapshot), server=server)
        observation = replace(observation, turn=self._rollouts.turn(key, snapshot.status, now))
        decision = decide(key[1], snapshot.model_deployment.spec, snapshot.status, observation, now)
        self._rollouts.note(key, decision.status, now)  # at once, so that nobody else takes the same turn
        return decision


def _note_outage(reader: WindowReader, status: ModelDeploymentStatus, now: datetime) -> None:
    interruption = status.rollout.interruption if status.rollout is not None else None
    if interruption is not None:
        reader.note_outage(interruption.at, answered_by_gateway_until(interruption, now))


def _has_traffic(snapshot: Snapshot) -> bool:
    """Whether a candidate gets requests: its rollback may be next, and must not wait for a slow write."""
    return is_watched(snapshot.status) or (snapshot.route is not None and snapshot.route.weight > 0)


def _is_taken_back(decision: Decision) -> bool:
    """Whether the candidate is taken back."""
    return decision.status.rollout is not None and decision.status.rollout.taken_back


def _rolls_back_without_windows(decision: Decision) -> bool:
    """Whether the candidate is rolled back for what the cluster shows: a slow Prometheus must not delay that."""
    rollout = decision.status.rollout
    cause = rollout.cause if rollout is not None and rollout.taken_back else None
    return cause is not None and cause.effect.proof is Proof.NOT_WINDOWS


def _has_record(snapshot: Snapshot, decision: Decision) -> bool:
    """Whether the rollout's record was read."""
    rollout = decision.status.rollout or snapshot.status.rollout
    return rollout is not None and parse(snapshot.record_objs.get(rollout.record) or {}) is not None
