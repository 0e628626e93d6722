"""Whatever happens, in whatever order: the promises hold, and when the trouble is over the newest revision arrives."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_policy import PromotionPolicySpec, WhenStableIsDown
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import GateState, Number
from serin.rollout.capacity import needed
from serin.rollout.decision import Decision
from serin.rollout.observation import Arm, Failure, Observation, Part, Problem, Unreadable
from serin.rollout.phases import ACTIVE, STEPPED
from serin.rollout.phases.rollback import WITHOUT_A_BREACH
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import BAD, CLEAN, policy, ref, serving

VERSIONS = ("1", "2", "3", "4")
LADDER = (2, 5, 10, 25, 50, 75)


def steps(count: int) -> list[dict[str, Any]]:
    """The last ``count`` steps of the ladder."""
    return [{"weight": weight, "for": "8s", "timeout": "10m"} for weight in LADDER[-count:]]


PLAIN = policy(steps=steps(3)[:2])
BAKE = {"for": "8s", "holdback": 5, "timeout": "2m"}
SHADOW = {"for": "5s", "timeout": "10m"}
GATES = [
    {"name": "cab", "before": "Start", "approval": {"timeout": "2m"}},
    {"name": "each", "before": "Step", "approval": {"timeout": "2m", "onTimeout": "Abort"}},
]
BUDGET = [{"name": "budget", "before": "Promote", "metric": {"query": "budget", "min": "0.2", "timeout": "2m"}}]
POLICIES = (
    PLAIN,
    *(policy(steps=steps(count)) for count in (1, 3, 6)),
    policy(steps=steps(2), bake=BAKE),
    policy(steps=steps(5), bake=BAKE | {"holdback": 0}),
    policy(steps=steps(2), shadow=SHADOW, shadowSafe=True),
    policy(steps=steps(4), preview={"header": {"name": "x-preview", "value": "candidate"}, "for": "10s"}),
    policy(steps=steps(2), gates=GATES),
    policy(steps=steps(1), gates=BUDGET, windows={"deny": [{"cron": "*/10 * * * *", "for": "3m"}]}, bake=BAKE),
    policy(
        steps=steps(2),
        whenStableIsDown="Hold",
        analysis={
            "window": "1s",
            "onNoData": {"action": "Abort", "after": "1m"},
            "onInconclusive": {"action": "Abort", "after": "1m"},
        },
    ),
)
PERSONAL = {Reason.PAUSED, Reason.HELD}


def desired(status: ModelDeploymentStatus) -> int:
    return status.weights.desired if status.weights else 0


def let_go(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> bool:
    """Somebody's Release or Promote was accepted between the two."""
    known = {answered.uid for answered in before.actions}
    return any(
        answered.action in {ActionKind.RELEASE, ActionKind.PROMOTE} and answered.outcome is ActionOutcome.ACCEPTED
        for answered in after.actions
        if answered.uid not in known
    )


def may_serve_alone(status: ModelDeploymentStatus) -> bool:
    """No request of what is taken back was proven bad, nobody said so, or somebody wants it all the same."""
    rollout = status.rollout
    if rollout is None or rollout.cause is None or rollout.decided_at is None:
        return True
    asked = rollout.promote is not None and rollout.promote.at >= rollout.decided_at.replace(microsecond=0)
    return asked or not rollout.cause.effect.rejects or rollout.cause in WITHOUT_A_BREACH


class Rollouts(RuleBasedStateMachine):
    """A user, a cluster and a network that do as they like, and one operator that may die after any write."""

    def __init__(self) -> None:
        super().__init__()
        self.world = serving()
        self.world.checks_messages = False  # these stories ask for what is done, not for how it is told
        self.last: Decision | None = None
        self.fresh = 10

    @initialize(kind=st.sampled_from(POLICIES))
    def begin(self, kind: PromotionPolicySpec) -> None:
        self.world.policy = kind

    def _tick(self, *, carry_out: bool = True) -> None:
        before = self.world.status
        self.last = self.world.tick(carry_out=carry_out)
        assert self.world.seen is not None
        self._never_forward_without_proof(self.world.seen, before, self.last)

    def _never_final_against_a_word(self, before: ModelDeploymentStatus, after: Decision) -> None:
        """The old revision goes for good: neither while somebody holds nor while spec is paused."""
        decided = after.status.rollout is not None and after.status.rollout.outcome is Outcome.PROMOTED
        if decided and before.rollout is not None and before.rollout.outcome is None:
            assert not self.world.spec.paused, "promoted although paused"
            assert before.rollout.held is None or let_go(before, after.status), "promoted although held"

    def _never_past_a_closed_gate(
        self, seen: Observation, before: ModelDeploymentStatus, after: ModelDeploymentStatus
    ) -> None:
        """Nothing starts without its approval, and no further weight comes without one of its own."""
        old, new, stable = before.rollout, after.rollout, before.stable
        if old is None or new is None or old.record != new.record or stable is None or new.returning:
            return
        if new.stable_down or stable.revision not in seen.arms or not seen.arms[stable.revision].ready:
            return  # a cure
        began = before.phase is Phase.WAITING and after.phase is Phase.PREPARING
        began = began or (new.exposed and not old.exposed)
        further = before.phase is Phase.PROGRESSING and desired(after) > desired(before) and old.interruption is None
        names = {"cab"} if began else {"each"} if further else set()
        for gate in self.world.snapshot(before).gates if names else ():
            if gate.name in names:
                entry = new.gate(gate.name)
                assert entry is not None, f"{gate.name} was not asked"
                assert (entry.state, len(entry.approvals), entry.step) == (GateState.OPEN, 1, old.step), entry

    def _never_forward_without_proof(self, seen: Observation, before: ModelDeploymentStatus, after: Decision) -> None:
        old, new = before.rollout, after.status.rollout
        if old is None or before.phase is None or before.stable is None:
            return
        self._never_final_against_a_word(before, after)
        self._never_past_a_closed_gate(seen, before, after.status)
        if new is None or old.record != new.record:
            return
        mirrored = before.phase is Phase.PREPARING and after.status.phase is Phase.SHADOWING
        if old.held is not None and new.held is None:
            assert let_go(before, after.status), "a hold ended by itself"
        if new.taken_back:
            self._never_up_on_the_way_back(seen, after)
        if desired(after.status) <= desired(before) and not mirrored:
            return
        assert not self.world.spec.paused, "forward although paused"
        # One that is released now may go on in the same pass: evidence was gathered all the while.
        assert new.held is None, "forward although held"
        candidate, stable = before.candidate, before.stable
        assert candidate is not None
        assert not {Part.ENDPOINTS} & set(seen.unknown), "forward without knowing who can answer"
        serves_alone = after.status.phase is Phase.ROLLING_BACK  # no fault of its own, and nothing else can answer
        if serves_alone:
            assert may_serve_alone(after.status), "a breach, or somebody's word, gives no weight"
        if new.stable_down or serves_alone:
            assert seen.arms[candidate.revision].ready, "to nobody"
            assert stable.revision not in seen.arms or not seen.arms[stable.revision].ready, "stable is not down"
            assert seen.assessment.breach is None, "a breach is no cure"
            return
        assert not seen.unknown, "forward on what is unknown"
        share = 100 if after.plan.route is not None and after.plan.route.mirror else desired(after.status)
        if old.interruption is not None:
            assert desired(after.status) <= old.interruption.weight, "more than it had"
            assert seen.arms[candidate.revision].ready >= needed(share, 1)
            return
        size = min(old.stable_replicas, 2)
        assert seen.arms[candidate.revision].ready >= needed(share, size), "forward to too few"
        if new.promote is not None:  # somebody's word: a stable that is not whole may be why
            return
        assert seen.arms[stable.revision].ready >= size, "forward without a whole way back"
        self._never_forward_without_evidence(
            seen, before, by_word=before.phase in STEPPED and any(advance.step == old.step for advance in new.advances)
        )

    def _never_up_on_the_way_back(self, seen: Observation, after: Decision) -> None:
        """What was decided and never written does not reach the route once the candidate is taken back."""
        route, candidate, stable = after.plan.route, after.status.candidate, after.status.stable
        assert candidate is not None
        assert stable is not None
        ready = stable.revision in seen.arms and seen.arms[stable.revision].ready
        if route is None or not ready or {Part.ENDPOINTS} & set(seen.unknown):
            return
        on_route = seen.route.weight if seen.route is not None and seen.route.candidate == candidate.revision else 0
        assert route.weight <= on_route, "a rollback gives weight"

    def _never_forward_without_evidence(
        self, seen: Observation, before: ModelDeploymentStatus, *, by_word: bool
    ) -> None:
        judged = before.phase is Phase.SHADOWING and self.world.snapshot(before).shadow is not None
        if by_word:
            assert seen.assessment.breach is None, "forward although breached"
        elif judged or before.phase in {Phase.PROGRESSING, Phase.BAKING}:
            assert self.world.record_of(before) is not None, "forward without a record"
            assert seen.assessment.slos, "forward without a window"
            assert seen.assessment.blocking is None, f"forward although {seen.assessment.blocking}"
            assert seen.assessment.breach is None, "forward although breached"

    @rule(count=st.integers(1, 12))
    def time_passes(self, count: int) -> None:
        for _ in range(count):
            self._tick()

    @rule(count=st.integers(5, 25))
    def more_time_passes(self, count: int) -> None:
        self.time_passes(count)

    @rule(version=st.sampled_from(VERSIONS[1:]), count=st.integers(4, 12))
    def a_rollout_begins(self, version: str, count: int) -> None:
        """All is well and another version is wanted: without this most stories never get to a step."""
        self._all_is_well()
        self.world.want(version)
        self.time_passes(count)

    def _all_is_well(self) -> None:
        world = self.world
        world.candidate_window, world.stable_window = CLEAN, (0, 900)
        world.arms = {revision: Arm(arm.ref, 2) for revision, arm in world.arms.items()}
        if world.route is not None:
            world.route = replace(world.route, accepted=True)

    @rule(
        version=st.sampled_from(VERSIONS[1:]),
        before=st.integers(1, 25),
        wrong=st.sampled_from(["paused", "held", "stable", "candidate", "silence"]),
        count=st.integers(10, 20),
    )
    def one_thing_is_wrong(self, version: str, before: int, wrong: str, count: int) -> None:
        """Only one gate is shut, for so long that every other one has opened: without it the rollout would move on."""
        self.a_rollout_begins(version, before)
        world, status = self.world, self.world.status
        arm = {"stable": status.stable, "candidate": status.candidate}.get(wrong)
        if arm is not None and arm.revision in world.arms:
            world.arms[arm.revision] = Arm(arm, 1)
        if wrong == "paused":
            world.want(world.spec.model.version, paused=True)
        if wrong == "silence":
            world.candidate_window = world.stable_window = None
        if wrong == "held" and status.rollout is not None:
            world.ask("Hold", rollout=status.rollout.record)
        self.time_passes(count)

    @rule()
    def the_operator_dies_after_the_status(self) -> None:
        self._tick(carry_out=False)

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.status = ModelDeploymentStatus()

    @rule(version=st.sampled_from(VERSIONS), paused=st.booleans())
    def the_user_edits_spec(self, version: str, *, paused: bool) -> None:
        self.world.want(version, paused=paused)

    @rule(candidate=st.sampled_from([CLEAN, BAD, (100, 100), (0, 0), None]), outage=st.booleans())
    def requests_go(self, candidate: tuple[int, int] | None, *, outage: bool) -> None:
        self.world.candidate_window = candidate
        self.world.stable_window = (90, 900) if outage else (0, 900)

    @rule(count=st.integers(3, 15))
    def both_arms_fail_for_a_while(self, count: int) -> None:
        self.world.candidate_window, self.world.stable_window = BAD, (90, 900)
        self.time_passes(count)

    @rule(count=st.integers(1, 15))
    def nothing_is_measured_for_a_while(self, count: int) -> None:
        self.world.candidate_window = self.world.stable_window = None
        self.time_passes(count)

    @rule(version=st.sampled_from(VERSIONS), ready=st.integers(0, 3), crashes=st.booleans())
    def an_arm_changes(self, version: str, ready: int, *, crashes: bool) -> None:
        revision = ref(version).revision
        if revision in self.world.arms:
            failure = Failure(Reason.CANDIDATE_CRASHED, "boom", final=not ready) if crashes else None
            self.world.arms[revision] = Arm(ref(version), ready, failure)

    @rule(
        action=st.sampled_from(["Hold", "Release", "Abort", "Promote", "Advance"]),
        replayed=st.booleans(),
        requester_verified=st.booleans(),
    )
    def somebody_speaks(self, action: str, *, replayed: bool, requester_verified: bool) -> None:
        self.world.requester_verified = requester_verified
        rollout = self.world.status.rollout
        self.world.ask(action, rollout=rollout.record if rollout and not replayed else "fraud-00000000-1")

    @rule(
        action=st.sampled_from(["Approve", "Approve", "Reject"]),
        gate=st.sampled_from(["cab", "each", "budget", "none"]),
        count=st.integers(1, 12),
        requester_verified=st.booleans(),
    )
    def somebody_answers_a_gate(self, action: str, gate: str, count: int, *, requester_verified: bool) -> None:
        self.world.requester_verified = requester_verified
        if self.world.status.rollout is not None:
            self.world.ask(action, gate=gate)
        self.time_passes(count)

    @rule(count=st.integers(5, 25))
    def every_gate_is_answered(self, count: int) -> None:
        """As soon as it is asked: without this most stories wait at the first one."""
        self.world.requester_verified = True
        self.world.gate_facts["budget"] = Number(0.5)
        for _ in range(count):
            rollout = self.world.status.rollout
            waiting = [g.name for g in rollout.gates if g.state is GateState.WAITING] if rollout else []
            if waiting and not self.world.actions:
                self.world.ask("Approve", gate=waiting[0])
            self._tick()

    @rule(value=st.sampled_from([0.1, 0.5, None]))
    def a_number_is_read(self, value: float | None) -> None:
        self.world.gate_facts["budget"] = Number(value)

    @rule(version=st.sampled_from(VERSIONS), requester_verified=st.booleans())
    def somebody_wants_another_try(self, version: str, *, requester_verified: bool) -> None:
        self.world.requester_verified = requester_verified
        self.world.ask("Retry", revision=ref(version).revision)

    @rule()
    def somebody_takes_the_mirror_away(self) -> None:
        if self.world.route is not None:
            self.world.route = replace(self.world.route, exposes=frozenset(), editor="kubectl")

    @rule(weight=st.integers(0, 100))
    def somebody_edits_the_route(self, weight: int) -> None:
        if self.world.route is not None and self.world.route.candidate is not None:
            self.world.route = replace(self.world.route, weight=weight, editor="kubectl")

    @rule(accepted=st.booleans())
    def the_gateway_answers(self, *, accepted: bool) -> None:
        if self.world.route is not None:
            self.world.route = replace(self.world.route, accepted=accepted)

    @rule(kind=st.sampled_from([*POLICIES, Problem(Reason.POLICY_MISSING, "gone")]))
    def the_policy_changes(self, kind: object) -> None:
        self.world.policy = kind  # type: ignore[assignment]

    @rule()
    def the_record_is_lost(self) -> None:
        rollout = self.world.status.rollout
        if rollout is not None:
            self.world.records = [r for r in self.world.records if r.name != rollout.record]

    @rule(
        act=st.sampled_from(["HTTPRoute", "PromotionRecord", "InferenceService"]),
        count=st.integers(1, 20),
        mended=st.booleans(),
    )
    def the_server_refuses(self, act: str, count: int, *, mended: bool) -> None:
        self.world.refused = {act}
        self.time_passes(count)
        if mended:
            self.world.refused = set()

    @rule(part=st.sampled_from(list(Part)), count=st.integers(1, 20), mended=st.booleans())
    def a_part_cannot_be_read(self, part: Part, count: int, *, mended: bool) -> None:
        self.world.unknown = {part: Unreadable("forbidden", refused=mended)}
        self.time_passes(count)
        if mended:
            self.world.unknown = {}

    @rule(count=st.integers(1, 50))
    def stable_dies(self, count: int) -> None:
        stable = self.world.status.stable
        if stable is not None and stable.revision in self.world.arms:
            self.world.arms[stable.revision] = Arm(stable, 0, Failure(Reason.MODEL_LOAD_FAILED, "gone", final=True))
        self.world.stable_window = None
        self.time_passes(count)

    @rule(version=st.sampled_from(VERSIONS))
    def somebody_deletes_an_inference_service(self, version: str) -> None:
        self.world.arms.pop(ref(version).revision, None)

    @rule(count=st.integers(0, 40), crashes=st.booleans())
    def only_the_candidate_is_ready(self, count: int, *, crashes: bool) -> None:
        """Stable has died, and nothing else is wrong any more: whatever came before, the candidate serves (rule 14)."""
        self.stable_dies(max(count, 1))
        world, candidate, stable = self.world, self.world.status.candidate, self.world.status.stable
        if candidate is None or stable is None or world.status.phase in {None, Phase.WAITING}:
            return
        world.refused, world.unknown, world.write_failures = set(), {}, []
        world.policy, world.candidate_window, world.stable_window = PLAIN, CLEAN, None
        world.want(candidate.version)
        world.requester_verified = True
        if world.status.rollout is not None and world.status.rollout.held is not None:
            world.ask("Release")
        failure = Failure(Reason.CANDIDATE_CRASHED, "one pod of two", final=True) if crashes else None
        for _ in range(80):
            world.arms[stable.revision] = Arm(stable, 0)
            if candidate.revision in world.arms:
                world.arms[candidate.revision] = Arm(candidate, 2, failure)
            if world.route is not None and not world.route.accepted:
                world.route = replace(world.route, accepted=True)
            self._tick()
            if world.status.stable is None or world.status.stable.revision != stable.revision:
                return  # it has become stable
            if not may_serve_alone(world.status) or self._policy_of_the_rollout_says_hold():
                return
            if world.status.candidate is None or world.status.candidate.revision != candidate.revision:
                return  # the rollout has ended
        assert world.route is not None
        assert world.route.weight == 100, world.status.message

    def _policy_of_the_rollout_says_hold(self) -> bool:
        record = self.world.record_of(self.world.status)
        known = record.policy if record is not None else None
        return known is not None and known.when_stable_is_down is WhenStableIsDown.HOLD

    @rule(count=st.integers(5, 30))
    def stable_breaks_the_objective(self, count: int) -> None:
        self.world.stable_window = (27, 900)
        self.time_passes(count)

    @rule(days=st.integers(1, 8))
    def days_pass(self, days: int) -> None:
        self.world.now += timedelta(days=days)

    @invariant()
    def weights_are_percent(self) -> None:
        route = self.world.route
        assert 0 <= desired(self.world.status) <= 100
        assert route is None or 0 <= route.weight <= 100

    @invariant()
    def only_the_shadow_exposes_a_candidate_without_weight(self) -> None:
        plan = self.last.plan.route if self.last is not None else None
        if self.last is not None and plan is not None and (plan.mirror or plan.preview):
            assert self.last.status.phase is Phase.SHADOWING
            assert plan.weight == 0

    @invariant()
    def whoever_is_on_the_way_is_looked_at_again(self) -> None:
        if self.last is not None and self.last.status.phase in ACTIVE:
            assert self.last.wake_at is not None, self.last.status

    def _everything_ends_or_asks_for_somebody(self) -> None:
        """Whatever the trouble is, and though it stays: an hour later nothing waits in silence (rule 13)."""
        world = self.world
        for _ in range(60):
            self._tick()
            world.now += timedelta(seconds=60)
        # What stands there now may have begun a moment ago (a further try); one of the next looks is of a hold.
        for _ in range(60):
            status = world.status
            stalled = next(c.status for c in status.conditions if c.type == "Stalled")
            settled = status.phase is Phase.STABLE and status.reason is Reason.SERVING
            if settled or stalled == "True" or status.reason in PERSONAL:
                return
            self._tick()
            world.now += timedelta(seconds=24)
        story = [f"{d.status.phase} {d.status.reason} {d.status.message}" for d in world.decisions[-3:]]
        raise AssertionError(f"waits in silence: {story}")

    def teardown(self) -> None:
        """The trouble is over: a revision that was never seen arrives, and nothing of before is in its way."""
        self._everything_ends_or_asks_for_somebody()
        world, self.fresh = self.world, self.fresh + 1
        world.refused, world.unknown, world.write_failures = set(), {}, []
        self._tick()
        if world.status.phase is None and world.status.reason is Reason.STATE_CONFLICT:
            return  # status and record are lost while the route names a candidate: only a person can say what it was
        world.policy, world.candidate_window, world.stable_window = PLAIN, CLEAN, (0, 900)
        world.want(str(self.fresh))
        if world.status.rollout is not None and world.status.rollout.held is not None:
            world.requester_verified = True
            world.ask("Release")
        for _ in range(400):
            for revision, arm in world.arms.items():
                world.arms[revision] = Arm(arm.ref, 2)
            if world.route is not None and not world.route.accepted:
                world.route = replace(world.route, accepted=True)
            self._tick()
            stable = world.status.stable
            if world.status.phase is Phase.STABLE and stable is not None and stable.version == str(self.fresh):
                break
        else:
            story = [f"{d.status.phase} {d.status.message}" for d in world.decisions[-3:]]
            raise AssertionError(f"version {self.fresh} never arrives: {story}")
        world.settle(len(world.actions) + 1)
        assert not world.actions, "every action has got its answer"


# Five seconds on an idle core. Hypothesis takes the end of a time limit for a counterexample, and shrinks it.
TestRollouts = pytest.mark.fuzz(pytest.mark.timeout(600)(Rollouts.TestCase))
TestRollouts.settings = settings(
    max_examples=int(os.environ.get("SERIN_EXAMPLES", "30")),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
