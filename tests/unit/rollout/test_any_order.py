"""Whatever happens, in whatever order: the promises hold, and when the trouble is over the newest revision arrives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from serin.api.model_deployment import ModelDeploymentStatus
from serin.api.reasons import Phase, Reason
from serin.rollout.decision import Decision
from serin.rollout.observation import Arm, Failure, Observation, Problem
from serin.rollout.phases import ACTIVE
from tests.world import BAD, CLEAN, policy, ref, serving

VERSIONS = ("1", "2", "3", "4")
STEPS = [{"weight": 10, "for": "8s", "timeout": "10m"}, {"weight": 50, "for": "8s", "timeout": "10m"}]
PLAIN = policy(steps=STEPS)
BAKED = policy(steps=STEPS, bake={"for": "8s", "holdback": 5})


def desired(status: ModelDeploymentStatus) -> int:
    return status.weights.desired if status.weights else 0


class Rollouts(RuleBasedStateMachine):
    """A user, a cluster and a network that do as they like, and one operator that may die after any write."""

    def __init__(self) -> None:
        super().__init__()
        self.world = serving()
        self.last: Decision | None = None
        self.fresh = 10

    @initialize(baked=st.booleans())
    def begin(self, *, baked: bool) -> None:
        self.world.policy = BAKED if baked else PLAIN

    def _tick(self, *, carry_out: bool = True) -> None:
        before = self.world.status
        self.last = self.world.tick(carry_out=carry_out)
        assert self.world.seen is not None
        self._never_forward_without_proof(self.world.seen, before, self.last)

    def _never_forward_without_proof(self, seen: Observation, before: ModelDeploymentStatus, after: Decision) -> None:
        old, new = before.rollout, after.status.rollout
        if old is None or new is None or old.record != new.record or before.phase is None or before.stable is None:
            return
        if desired(after.status) <= desired(before):
            return
        assert not self.world.spec.paused, "forward although paused"
        candidate, stable = before.candidate, before.stable
        assert candidate is not None
        assert seen.arms[candidate.revision].ready > 0, "forward to where nobody answers"
        assert seen.arms[stable.revision].ready >= old.stable_replicas, "forward without a whole way back"
        if before.phase in {Phase.PROGRESSING, Phase.BAKING}:
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
        world = self.world
        world.candidate_window, world.stable_window = CLEAN, (0, 900)
        world.arms = {revision: Arm(arm.ref, 2) for revision, arm in world.arms.items()}
        world.want(version)
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

    @rule(weight=st.integers(0, 100))
    def somebody_edits_the_route(self, weight: int) -> None:
        if self.world.route is not None and self.world.route.candidate is not None:
            self.world.route = replace(self.world.route, weight=weight, editor="kubectl")

    @rule(accepted=st.booleans())
    def the_gateway_answers(self, *, accepted: bool) -> None:
        if self.world.route is not None:
            self.world.route = replace(self.world.route, accepted=accepted)

    @rule(kind=st.sampled_from([PLAIN, BAKED, Problem(Reason.POLICY_MISSING, "gone")]))
    def the_policy_changes(self, kind: object) -> None:
        self.world.policy = kind  # type: ignore[assignment]

    @rule(days=st.integers(1, 8))
    def days_pass(self, days: int) -> None:
        self.world.now += timedelta(days=days)

    @invariant()
    def weights_are_percent(self) -> None:
        route = self.world.route
        assert 0 <= desired(self.world.status) <= 100
        assert route is None or 0 <= route.weight <= 100

    @invariant()
    def whoever_is_on_the_way_is_looked_at_again(self) -> None:
        if self.last is not None and self.last.status.phase in ACTIVE:
            assert self.last.wake_at is not None, self.last.status

    def teardown(self) -> None:
        """The trouble is over: a revision that was never seen arrives, and nothing of before is in its way."""
        world, self.fresh = self.world, self.fresh + 1
        world.policy, world.candidate_window, world.stable_window = PLAIN, CLEAN, (0, 900)
        world.want(str(self.fresh))
        for _ in range(400):
            for revision, arm in world.arms.items():
                world.arms[revision] = Arm(arm.ref, 2)
            if world.route is not None and not world.route.accepted:
                world.route = replace(world.route, accepted=True)
            self._tick()
            stable = world.status.stable
            if world.status.phase is Phase.STABLE and stable is not None and stable.version == str(self.fresh):
                return
        story = [f"{d.status.phase} {d.status.message}" for d in world.decisions[-3:]]
        raise AssertionError(f"version {self.fresh} never arrives: {story}")


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
