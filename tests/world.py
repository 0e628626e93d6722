"""A rollout without Kubernetes, for stories of several ticks through ``decide``: plans become true at once.

Time is a number; requests are drawn or given. What it does not model (the API server, KServe, Envoy) is tested on the
sandbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from serin.analysis.assessment import Judge
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.policy.exposure import Exposure
from serin.api.promotion_action import PromotionActionSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import REVISION_LENGTH, hash_of
from serin.api.status import ModelDeploymentStatus, RevisionRef, WriteFailure
from serin.evidence import Assessment, Counts, Window
from serin.judge.refusals import Refusals
from serin.policy_gates.answer import Fact
from serin.rollout.concurrency.turns import Turn
from serin.rollout.decide import decide
from serin.rollout.decision import Answer, Decision, Finish, RecordPlan, RoutePlan
from serin.rollout.observation import Arm, Observation, Part, Problem, RouteView, Unreadable
from serin.rollout.phases import WATCHED
from serin.rollout.readiness import Readiness
from serin.rollout.views import ActionView, FreezeView, RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.traffic.standard.service import workload_of
from tests import message_form
from tests.clock import START
from tests.moves import check_move

SECOND = timedelta(seconds=1)
NAME = "fraud"
CLEAN = (0, 100)
BAD = (10, 100)


def policy(**changes: Any) -> PromotionPolicySpec:
    """Two steps of three seconds, windows of one second, one Critical SLO of 99 %."""
    base: dict[str, Any] = {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "analysis": {"window": "1s"},
        "steps": [{"weight": 10, "for": "3s", "timeout": "10m"}, {"weight": 50, "for": "3s", "timeout": "10m"}],
        "prepareTimeout": "1m",
    }
    return PromotionPolicySpec.model_validate(base | changes)


def predictor(version: str) -> dict[str, Any]:
    """A predictor as a user writes it."""
    return {"model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "V", "value": version}]}, "minReplicas": 2}


def spec(version: str, **changes: Any) -> ModelDeploymentSpec:
    """The spec that asks for ``version``."""
    base: dict[str, Any] = {
        "model": {"version": version, "uri": f"s3://models/{version}"},
        "predictor": predictor(version),
        "route": {"hostnames": ["fraud.example.com"], "parentRef": {"name": "models"}, "timeout": "5s"},
        "policyRef": {"name": "careful"},
    }
    return ModelDeploymentSpec.model_validate(base | changes)


def ref(version: str) -> RevisionRef:
    """The revision of ``spec(version)``."""
    whole = hash_of({"version": version, "uri": f"s3://models/{version}"}, predictor(version))
    revision = whole[:REVISION_LENGTH]
    return RevisionRef(revision=revision, version=version, hash=whole, workload=workload_of("prod", NAME, revision))


def exposed(route: RoutePlan) -> frozenset[Exposure]:
    """How a route reaches the candidate besides its weight."""
    ways = {Exposure.MIRROR: route.mirror, Exposure.PREVIEW: route.preview is not None}
    return frozenset(way for way, wanted in ways.items() if wanted)


@dataclass
class World:
    """What exists, what time it is, and how each version behaves."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)
    now: datetime = START
    policy: PromotionPolicySpec | Problem | None = field(default_factory=policy)
    arms: dict[str, Arm] = field(default_factory=dict)
    route: RouteView | None = None
    records: list[RecordView] = field(default_factory=list)
    replicas: int = 2
    comes_up: bool = True
    candidate_window: tuple[int, int] | None = CLEAN
    stable_window: tuple[int, int] | None = (0, 900)
    refusals: Refusals | None = None
    """What the windows tell of answers with a 4xx."""
    judge: Judge | None = None
    judged_record: str = ""
    observed: Observation | None = None
    """What the last pass saw."""
    actions: list[ActionView] = field(default_factory=list)
    """PromotionActions that have no outcome yet."""
    answers: list[Answer] = field(default_factory=list)
    """Outcomes of those that have one, oldest first."""
    requester_verified: bool | None = True
    groups_verified: bool | None = True
    requested_by: str | None = None
    """Who asked for the revision, as the next record tells it."""
    gate_facts: dict[str, Fact] = field(default_factory=dict)
    """By gate of the policy, what is read for it."""
    vouched: bool = True
    """The admission policies were in force when the next actions are created."""
    problem: Problem | None = None
    """What is wrong with spec."""
    flooded: bool = False
    """Some PromotionActions were read, and not all of them: their part is unknown as well."""
    freezes: tuple[FreezeView, ...] = ()
    turn: Turn | Unreadable | None = None
    """Whether it is the rollout's turn to start; None: there is no limit."""
    unknown: dict[Part, Unreadable] = field(default_factory=dict)
    """Parts that cannot be read."""
    write_failures: list[WriteFailure] = field(default_factory=list)
    """What the last pass could not write."""
    refused: set[str] = field(default_factory=set)
    """Acts that the API server refuses: ``HTTPRoute``, ``PromotionRecord``, ``InferenceService``."""
    failing: bool = False
    """The last pass could not write something."""
    readiness: Readiness | None = field(default_factory=lambda: Readiness(START))
    server: str = ""
    """Where Prometheus is."""
    """What preflight found: nothing is in the way."""
    decisions: list[Decision] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    checks_messages: bool = True
    """The form of what is told is checked in every pass."""

    def want(self, version: str, **changes: Any) -> None:
        """The user edits spec."""
        self.spec = spec(version, **changes)

    def record_of(self, status: ModelDeploymentStatus) -> RecordView | None:
        """The record of the rollout under way."""
        return next((r for r in self.records if status.rollout and r.name == status.rollout.record), None)

    def snapshot(self, status: ModelDeploymentStatus) -> PromotionPolicySpec:
        """The policy that the rollout under way was begun with."""
        own = status.rollout.record if status.rollout else ""
        record = next((r for r in self.records if r.name == own), None)
        found = record.policy if record is not None and record.policy is not None else self.policy
        assert isinstance(found, PromotionPolicySpec)
        return found

    def observe(self) -> Observation:
        """What one pass sees. What cannot be read is not there, as in the operator's own reading."""
        unusable = self.problem is not None
        return Observation(
            generation=1,
            wanted=None if unusable else ref(self.spec.model.version),
            problem=self.problem,
            arms={revision: self._readable(arm) for revision, arm in self.arms.items()},
            route=self.route,
            policy=self.policy,
            records=() if Part.RECORDS in self.unknown else tuple(sorted(self.records, key=lambda r: r.attempt)),
            assessment=self._assess(),
            refusals=self.refusals,
            next_evidence_at=self.now + SECOND,
            actions=() if Part.ACTIONS in self.unknown and not self.flooded else tuple(self.actions),
            requester_verified=self.requester_verified,
            freezes=self.freezes,
            turn=self.turn,
            groups_verified=self.groups_verified,
            gate_facts=dict(self.gate_facts),
            unknown=dict(self.unknown),
            write_failures=tuple(self.write_failures),
            carried_out=1,
            readiness=self.readiness,
            server=self.server,
        )

    def _readable(self, arm: Arm) -> Arm:
        ready = 0 if Part.ENDPOINTS in self.unknown else arm.ready
        if Part.PODS in self.unknown:
            return replace(arm, ready=ready, failure=None, template="")
        return replace(arm, ready=ready)

    def ask(self, action: str, *, name: str = "", **fields: Any) -> ActionView:
        """Somebody creates a PromotionAction: on the rollout under way, unless ``fields`` say otherwise."""
        number = len(self.actions) + len(self.answers) + 1
        if action != "Retry" and self.status.rollout is not None:
            fields = {"rollout": self.status.rollout.record} | fields
        base = {"modelDeployment": NAME, "action": action, "requestedBy": "ana@example.com"}
        spec = PromotionActionSpec.model_validate(base | fields)
        view = ActionView(name or f"action-{number}", f"uid-{number}", spec, self.now, vouched=self.vouched)
        self.actions.append(view)
        return view

    def _assess(self) -> Assessment:
        rollout = self.status.rollout
        if rollout is None or self.status.phase not in WATCHED or not isinstance(self.policy, PromotionPolicySpec):
            return Assessment()
        if self.judge is None or self.judged_record != rollout.record:
            self.judge, self.judged_record = Judge(self.policy), rollout.record
        if self.route is not None and (self.route.weight or self.route.exposes):
            window = Window(
                self.now - SECOND,
                SECOND,
                Counts(*self.candidate_window) if self.candidate_window else None,
                Counts(*self.stable_window) if self.stable_window else None,
            )
            self.judge.add({slo.name: [window] for slo in self.policy.slos})
        return self.judge.assess(rollout.step_started_at)

    def tick(self, *, carry_out: bool = True) -> Decision:
        """One pass: decide, write the status, and (unless the process dies here) act."""
        self.seen = self.observe()
        before = self.status.phase
        decision = decide(NAME, self.spec, self.status, self.seen, self.now)
        self.status = decision.status
        check_move(before, self.status.phase)
        if self.checks_messages:
            message_form.check(self.status)
        self.decisions.append(decision)
        if carry_out:
            self.act(decision)
        self.weights.append(self.route.weight if self.route else 0)
        self.now += SECOND
        return decision

    def act(self, decision: Decision) -> None:
        """Everything in the plan becomes true at once, except for what is refused."""
        plan, failures = decision.plan, []
        if plan.route is not None:
            failures += self._refuse("HTTPRoute") or self._apply_route(plan.route)
        if plan.record is not None:
            failures += self._refuse("PromotionRecord") or self._create_record(plan.record)
        for wanted in plan.ensure:
            if wanted.revision not in self.arms:
                failures += self._refuse("InferenceService") or self._create_arm(wanted)
        if plan.finish:
            failures += self._refuse("PromotionRecord") or self._finish_records(plan.finish)
        for answer in plan.answers:
            self.answers.append(answer)
            self.actions = [a for a in self.actions if a.name != answer.action]
        for surplus in plan.delete:
            self.arms.pop(surplus.revision, None)
        if self.refused or self.failing:
            self.write_failures = failures
            self.failing = bool(failures)

    def _refuse(self, act: str) -> list[WriteFailure]:
        if act not in self.refused:
            return []
        known = next((f for f in self.write_failures if f.act == act), None)
        since = known.since if known is not None else self.now
        message = f"{act} cannot be written: forbidden"
        return [WriteFailure(act=act, name="fraud", reason=Reason.PERMISSION_MISSING, message=message, since=since)]

    def _apply_route(self, route: RoutePlan) -> list[WriteFailure]:
        self.route = RouteView(
            stable=route.stable.revision,
            candidate=route.candidate.revision if route.candidate else None,
            intended=route.weight,
            weight=route.weight,
            accepted=True,
            exposes=exposed(route),
            meant_to_expose=exposed(route),
            rollback=route.rollback,
        )
        return []

    def _create_record(self, plan: RecordPlan) -> list[WriteFailure]:
        live = self.policy if isinstance(self.policy, PromotionPolicySpec) and plan.stable else None
        record = RecordView(plan.name, plan.attempt, plan.candidate, plan.stable, live, plan.started_at)
        self.records.append(replace(record, requested_by=self.requested_by))
        return []

    def _create_arm(self, wanted: RevisionRef) -> list[WriteFailure]:
        self.arms[wanted.revision] = Arm(wanted, self.replicas if self.comes_up else 0)
        return []

    def _finish_records(self, finishes: Sequence[Finish]) -> list[WriteFailure]:
        for finish in finishes:
            self.records = [
                replace(r, outcome=finish.outcome, reason=finish.reason, decided_at=finish.decided_at)
                if r.name == finish.record
                else r
                for r in self.records
            ]
        return []

    def until(self, phase: Phase, limit: int = 200) -> None:
        """Ticks until the phase is reached; fails with the story so far."""
        for _ in range(limit):
            self.tick()
            if self.status.phase is phase:
                return
        story = [f"{d.status.phase} {d.status.message}" for d in self.decisions[-5:]]
        raise AssertionError(f"{phase} not reached: {story}")

    def settle(self, ticks: int = 15) -> None:
        """Some more ticks."""
        for _ in range(ticks):
            self.tick()


def serving(version: str = "1") -> World:
    """A world in which ``version`` is stable."""
    world = World(spec(version))
    world.until(Phase.STABLE)
    world.settle(3)
    return world
