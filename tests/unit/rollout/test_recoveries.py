"""What comes back in another shape than it went: smaller, later, for another cause, with another clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from serin.rollout.observation import Arm, Failure, Part, Problem, Unreadable
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from serin.schema.words import stored_word
from tests.world import CLEAN, World, policy, ref, serving, spec

V1, V2 = ref("1"), ref("2")
STEPS = [{"weight": 10, "for": "8s", "timeout": "10m"}, {"weight": 75, "for": "30s", "timeout": "10m"}]


def four(version: str) -> World:
    """Version 1 is stable with four replicas."""
    world = World(spec(version, predictor=sized()), replicas=4)
    world.until(Phase.STABLE)
    world.settle(3)
    return world


def sized() -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "V", "value": "1"}]}, "minReplicas": 4}


def want4(world: World, version: str) -> None:
    base = {"model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "V", "value": version}]}, "minReplicas": 4}
    world.want(version, predictor=base)


def serves(world: World, version: str) -> bool:
    """Whether ``version`` has all traffic, as candidate or as stable."""
    return world.weights[-1] == 100 or (world.status.stable is not None and world.status.stable.version == version)


def stalled(world: World) -> bool:
    return next(c.status for c in world.status.conditions if c.type == "Stalled") == "True"


def up(world: World, ref_: Any, count: int, failure: Failure | None = None) -> None:
    world.arms[ref_.revision] = Arm(ref_, count, failure)


def at75() -> World:
    world = four("1")
    world.policy = policy(steps=STEPS)
    want4(world, "2")
    world.until(Phase.PROGRESSING)
    for _ in range(60):
        world.tick()
        if world.weights[-1] == 75:
            break
    assert world.weights[-1] == 75
    world.settle(2)
    return world


# 1 --- refused cure ---------------------------------------------------------------------------------------------


def test_stable_dies_while_the_candidate_comes_back_with_fewer_replicas() -> None:
    world = at75()
    up(world, V2, 0)
    world.settle(3)
    assert world.weights[-1] == 0
    up(world, V2, 2)
    up(world, V1, 0)
    world.stable_window = None
    for _ in range(600):
        world.tick()
    assert serves(world, "2"), (world.status.reason, world.status.message, stalled(world))


def test_both_arms_lose_their_node_and_only_the_candidate_comes_back() -> None:
    world = at75()
    evicted = Failure(Reason.EVICTED, "node lost", own=False)
    up(world, V2, 0, evicted)
    up(world, V1, 0, evicted)
    world.stable_window = world.candidate_window = None
    world.settle(15)
    up(world, V2, 4)
    world.candidate_window = CLEAN
    world.settle(600)
    assert serves(world, "2"), (world.status.phase, world.status.reason, world.status.message)


def test_no_back_off_keeps_a_cure_from_a_dead_stable() -> None:
    world = serving()
    world.policy = policy(prepareTimeout="10s")
    world.comes_up = False
    world.want("2")
    for _ in range(2500):
        if V2.revision in world.arms:
            up(world, V2, 0, Failure(Reason.UNSCHEDULABLE, "no node", own=False))
        world.tick()
        if len([r for r in world.records if r.outcome is Outcome.ABORTED]) == 5:
            break
    world.settle(3)
    assert world.status.phase is Phase.WAITING
    world.comes_up = True
    up(world, V1, 0)
    for _ in range(300):
        world.tick()
        if world.weights[-1] == 100 or (world.status.stable and world.status.stable.version == "2"):
            return
    raise AssertionError((world.status.reason, world.status.message))


# 2 --- silent waits ----------------------------------------------------------------------------------------------


def test_half_of_the_candidate_comes_back_for_ever() -> None:
    world = at75()
    up(world, V2, 0)
    world.settle(3)
    up(world, V2, 2)
    for _ in range(200):
        world.tick()
        world.now += timedelta(seconds=60)
    assert stalled(world) or world.status.phase is not Phase.PROGRESSING, (world.status.reason, world.status.message)


def test_a_candidate_that_flaps_ends_or_asks_for_somebody() -> None:
    world = serving()
    world.policy = policy(
        steps=[{"weight": 10, "for": "30s", "timeout": "2m"}],
        analysis={"window": "1s", "onInconclusive": {"action": "Abort", "after": "1m"}},
    )
    world.want("2")
    world.until(Phase.PROGRESSING)
    seen = False
    for second in range(3600):
        up(world, V2, 0 if second % 20 < 5 else 2)
        world.candidate_window = None if second % 20 < 8 else (0, 3)
        world.tick()
        seen = seen or stalled(world) or world.status.phase is not Phase.PROGRESSING
    assert seen, (world.status.reason, world.status.message)


# 3 --- conclude --------------------------------------------------------------------------------------------------


def concluding() -> World:
    world = serving()
    world.want("2")
    world.until(Phase.PROMOTING)
    world.refused = {"PromotionRecord"}
    for _ in range(30):
        world.tick()
        if world.status.rollout and world.status.rollout.outcome is Outcome.PROMOTED:
            break
    world.tick()
    assert world.status.rollout is not None
    assert world.status.rollout.outcome is Outcome.PROMOTED
    return world


def test_a_candidate_without_endpoints_loses_its_weight_while_a_promotion_waits_for_its_record() -> None:
    world = concluding()
    up(world, V2, 0)
    world.settle(20)
    assert world.weights[-1] == 0, (world.status.phase, world.status.message)


def test_stable_applied_again_while_a_promotion_waits_for_its_record() -> None:
    world = concluding()
    world.want("1")
    world.settle(20)
    assert world.weights[-1] == 0, (world.status.phase, world.status.message)


# 4 --- innocent revisions rejected --------------------------------------------------------------------------------


def test_a_registry_that_does_not_answer_rejects_nothing_before_the_first_weight() -> None:
    world = serving()
    world.policy = policy(prepareTimeout="10s")
    world.comes_up = False
    world.want("2")
    world.settle(3)
    up(world, V2, 0, Failure(Reason.DEPENDENCY_UNAVAILABLE, "ErrImagePull: 503", own=False))
    for _ in range(40):
        world.tick()
        if world.records[-1].outcome is not None:
            break
    assert not world.status.rejected
    assert world.records[-1].outcome is Outcome.ABORTED, world.records[-1]


def test_a_registry_that_does_not_answer_rejects_nothing_after_a_drained_node() -> None:
    world = at75()
    up(world, V2, 0, Failure(Reason.DEPENDENCY_UNAVAILABLE, "ErrImagePull: 503", own=False))
    world.settle(20)
    assert not world.status.rejected
    assert world.records[-1].outcome is Outcome.ABORTED, world.records[-1]


def test_an_eviction_whose_pod_is_gone_when_the_grace_is_over_rejects_nothing() -> None:
    world = at75()
    up(world, V2, 0, Failure(Reason.EVICTED, "pod is ended: EvictionByEvictionAPI", own=False))
    world.settle(3)
    up(world, V2, 0)  # the evicted pod is gone; its replacement loads its model, nothing speaks against it
    world.settle(20)
    assert not world.status.rejected, world.status.rejected
    assert world.records[-1].outcome is Outcome.ABORTED, world.records[-1]


# 5 --- onNoData in Promoting ---------------------------------------------------------------------------------------


def quiet_policy() -> Any:
    return policy(analysis={"window": "1s", "onNoData": {"action": "Abort", "after": "1m"}})


def test_silence_ends_a_rollout_in_promoting_too() -> None:
    world = serving()
    world.policy = quiet_policy()
    world.want("2")
    world.until(Phase.PROMOTING)
    world.want("2", paused=True)
    world.candidate_window = None
    world.settle(300)
    assert world.status.phase is not Phase.PROMOTING, (world.status.reason, world.status.message)


def test_one_silent_window_after_a_promote_is_no_minute_of_silence() -> None:
    world = serving()
    world.policy = quiet_policy()
    world.want("2")
    world.until(Phase.PROGRESSING)
    world.settle(3)
    world.candidate_window = None
    world.settle(5)
    assert world.status.rollout is not None
    assert world.status.rollout.unknown_since is not None
    world.ask("Promote")
    world.until(Phase.PROMOTING)
    world.want("2", paused=True)
    world.candidate_window = CLEAN
    world.settle(100)
    assert world.status.phase is Phase.PROMOTING
    world.candidate_window = None
    world.settle(3)
    assert world.status.phase is Phase.PROMOTING, (world.status.reason, world.status.message)


# 6 --- records --------------------------------------------------------------------------------------------------


def test_a_rollout_that_ended_without_its_record_is_not_called_superseded_later() -> None:
    world = at75()
    world.refused = {"PromotionRecord"}
    up(world, V2, 0, Failure(Reason.EVICTED, "node lost", own=False))
    world.until(Phase.WAITING, limit=400)
    world.refused = set()
    record = world.records[-1].name
    world.settle(3)
    found = next(r for r in world.records if r.name == record)
    assert (found.outcome, found.reason) == (Outcome.ABORTED, Reason.EVICTED), found


# 7 --- a policy that could not be read once ---------------------------------------------------------------------


def test_a_policy_that_could_not_be_read_once_is_looked_at_again() -> None:
    world = serving()
    world.want("2")
    good = world.policy
    world.unknown = {Part.POLICY: Unreadable("no answer within 10 s")}
    world.policy = Problem(Reason.POLICY_INVALID, "PromotionPolicy careful cannot be read: no answer within 10 s")
    decision = world.tick()
    assert decision.wake_at is not None, (world.status.reason, stalled(world), world.status.message)
    world.policy = good


# 8 --- words of another version ----------------------------------------------------------------------------------


def test_an_unknown_cause_of_a_rollback_is_still_a_rejection() -> None:
    world = at75()
    world.candidate_window = (60, 100)
    world.until(Phase.ROLLING_BACK)
    assert world.status.rollout is not None
    newer = stored_word(Reason, "DriftBreached")
    world.status = world.status.model_copy(update={"rollout": world.status.rollout.model_copy(update={"cause": newer})})
    world.records = [replace(r, outcome=None) for r in world.records]
    world.tick()
    world.settle(3)
    assert [r.revision for r in world.status.rejected] == [V2.revision], (world.status.phase, world.records[-1])


def test_an_unknown_outcome_takes_nothing_back() -> None:
    world = at75()
    assert world.status.rollout is not None
    rollout = world.status.rollout.model_copy(
        update={"outcome": stored_word(Outcome, "Confirmed"), "cause": Reason.SERVING, "decided_at": world.now}
    )
    world.status = world.status.model_copy(update={"phase": stored_word(Phase, "Confirming"), "rollout": rollout})
    world.settle(5)
    assert world.weights[-1] == 75, (world.status.phase, world.status.message)


# 9 --- clocks ----------------------------------------------------------------------------------------------------


def test_a_clock_that_was_ahead_does_not_keep_the_cure() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.PROGRESSING)
    up(world, V1, 0)
    world.tick()
    world.status = world.status.model_copy(update={"stable_down_since": world.now + timedelta(minutes=30)})
    world.settle(90)
    assert serves(world, "2"), (world.status.reason, world.status.message)


def test_a_rollback_does_not_wait_for_a_clock_that_was_ahead() -> None:
    world = at75()
    up(world, V1, 1)
    world.candidate_window = (60, 100)
    world.until(Phase.ROLLING_BACK)
    assert world.status.rollout is not None
    ahead = world.status.rollout.model_copy(update={"decided_at": world.now + timedelta(minutes=30)})
    world.status = world.status.model_copy(update={"rollout": ahead})
    world.settle(120)
    assert world.weights[-1] == 0, (world.weights[-1], world.status.message)


# 10 --- the premise of a cure, and what is told of it --------------------------------------------------------------


def cured() -> World:
    world = serving()
    world.policy = policy(steps=[{"weight": 10, "for": "60s", "timeout": "10m"}])
    world.want("2")
    world.until(Phase.PROGRESSING)
    up(world, V1, 0)
    world.stable_window = None
    world.until(Phase.PROMOTING)
    return world


def test_while_the_candidate_serves_everything_something_is_available() -> None:
    world = cured()
    world.refused = {"PromotionRecord"}
    world.settle(10)
    assert world.weights[-1] == 100
    available = next(c for c in world.status.conditions if c.type == "Available")
    assert available.status == "True", (world.status.phase, available.message, world.status.message)


def test_a_cure_that_lost_its_traffic_to_a_recovered_stable_needs_evidence_again() -> None:
    world = cured()
    world.want("2", paused=True)
    world.settle(3)
    assert (world.status.phase, world.weights[-1]) == (Phase.PROMOTING, 100)
    up(world, V1, 2)
    world.stable_window = (0, 900)
    world.settle(60)
    up(world, V2, 0)
    world.settle(3)
    assert world.weights[-1] == 0, "stable serves"
    up(world, V2, 2)
    world.want("2")
    world.settle(10)
    stable = world.status.stable
    assert stable is not None
    assert (stable.version, max(world.weights[-10:]) <= 10) == ("1", True), (world.weights[-10:], world.status.message)
