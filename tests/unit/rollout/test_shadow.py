"""Before the first step: requests that are mirrored or carry a header, judged, and answered to nobody by weight."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.policy.exposure import Exposure
from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Arm, Failure
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.world import BAD, World, policy, ref, serving

MIRROR = {"shadow": {"for": "3s", "timeout": "1m"}, "shadowSafe": True}
PREVIEW = {"preview": {"header": {"name": "x-preview", "value": "candidate"}, "for": "30s"}}


def reason(world: World) -> str:
    return next(c.reason for c in world.status.conditions if c.type == "Ready")


def shadowing(**changes: Any) -> World:
    """Version 2 in its shadow, the gateway's word included."""
    world = serving()
    world.policy = policy(**(changes or MIRROR))
    world.want("2")
    world.until(Phase.SHADOWING)
    world.tick()
    return world


def test_a_mirror_comes_before_the_first_step_and_goes_with_it() -> None:
    world = shadowing()
    assert world.route is not None
    assert (world.route.weight, world.route.exposes) == (0, frozenset({Exposure.MIRROR}))
    assert reason(world) in {Reason.NO_DATA, Reason.STEP_TIME, Reason.COLLECTING_EVIDENCE}
    begun = world.now
    world.until(Phase.PROGRESSING)
    assert world.now - begun >= timedelta(seconds=3)
    assert (world.route.weight, world.route.exposes) == (10, frozenset())
    world.until(Phase.STABLE)
    assert [w for i, w in enumerate(world.weights) if i == 0 or world.weights[i - 1] != w] == [0, 10, 50, 100, 0]


def test_a_breach_in_the_shadow_is_taken_back_before_any_client_gets_an_answer() -> None:
    world = shadowing()
    world.candidate_window, world.stable_window = (100, 1000), (0, 1000)
    world.until(Phase.ROLLED_BACK)
    assert max(world.weights) == 0
    assert world.records[-1].outcome is Outcome.ROLLED_BACK
    assert world.records[-1].reason is Reason.SLO_BREACHED
    assert any("mirrored and preview requests only" in (d.status.message or "") for d in world.decisions)
    assert world.route is not None
    assert not world.route.exposes


def test_the_shadow_waits_for_a_pass() -> None:
    world = shadowing()
    world.candidate_window = None
    world.settle(30)
    assert (world.status.phase, reason(world)) == (Phase.SHADOWING, Reason.NO_DATA)
    world.settle(60)
    assert reason(world) == Reason.STEP_TIMEOUT


def test_the_shadow_needs_a_candidate_that_can_answer_every_request() -> None:
    world = serving()
    world.policy, world.replicas = policy(**MIRROR), 1
    world.want("2")
    world.settle(20)
    assert world.status.phase is Phase.PREPARING
    assert "1 ready of the 2 that 100 % need" in (world.status.message or "")
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.SHADOWING)


def test_a_shadow_may_last_longer_than_preparing_may_take() -> None:
    world = shadowing(shadow={"for": "2m", "timeout": "5m"}, shadowSafe=True)
    world.settle(90)
    assert world.status.phase is Phase.SHADOWING
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.settle(60)
    assert (world.status.phase, reason(world)) == (Phase.SHADOWING, Reason.WAITING_FOR_CAPACITY)


@pytest.mark.parametrize(
    ("arm", "cause"),
    [
        pytest.param(Arm(ref("2"), 0), Reason.CANDIDATE_NOT_READY, id="no endpoint"),
        pytest.param(
            Arm(ref("2"), 2, Failure(Reason.CANDIDATE_CRASHED, "boom")), Reason.CANDIDATE_CRASHED, id="crashes"
        ),
    ],
)
def test_a_candidate_that_falls_over_in_the_shadow_is_taken_back(arm: Arm, cause: Reason) -> None:
    world = shadowing()
    world.arms[ref("2").revision] = arm
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is cause


def test_a_mirror_that_somebody_takes_off_the_route_is_an_abort() -> None:
    world = shadowing()
    assert world.route is not None
    world.route = replace(world.route, exposes=frozenset(), editor="kubectl-edit")
    world.until(Phase.ROLLED_BACK)
    assert (world.records[-1].outcome, world.records[-1].reason) == (Outcome.ABORTED, Reason.ABORTED_BY_HAND)
    assert any(
        "field manager kubectl-edit took the mirror off the route" in (d.status.message or "") for d in world.decisions
    )


def test_paused_the_shadow_stays_and_stays_watched() -> None:
    world = shadowing()
    world.want("2", paused=True)
    world.settle(20)
    assert (world.status.phase, reason(world)) == (Phase.SHADOWING, Reason.PAUSED)
    world.candidate_window = (100, 1000)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.SLO_BREACHED


def test_status_lost_in_the_shadow_is_rebuilt_and_the_rollout_goes_on() -> None:
    world = shadowing()
    world.status = ModelDeploymentStatus()
    world.until(Phase.SHADOWING)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
    assert len(world.records) == 2, "no second attempt"


def test_the_weight_of_the_shadow_is_no_share_and_never_a_split() -> None:
    world = shadowing()
    world.settle(2)
    assert world.status.weights is not None
    assert (world.status.weights.desired, world.status.weights.observed) == (0, None)


def test_a_preview_lasts_its_time_and_needs_no_requests() -> None:
    world = shadowing(**PREVIEW)
    assert world.route is not None
    assert world.route.exposes == {Exposure.PREVIEW}
    world.candidate_window = None
    begun = world.now
    world.settle(10)
    assert reason(world) == Reason.PREVIEWING
    assert "preview: requests with x-preview: candidate reach version 2" in (world.status.message or "")
    world.until(Phase.PROGRESSING)
    assert world.now - begun >= timedelta(seconds=28)


def test_previews_that_all_fail_are_taken_back() -> None:
    world = shadowing(**PREVIEW)
    world.candidate_window = (6, 6)
    world.until(Phase.ROLLED_BACK)
    assert world.records[-1].reason is Reason.ALL_REQUESTS_BAD


def test_silence_in_a_preview_is_no_reason_to_give_up() -> None:
    given_up = {"window": "1s", "onNoData": {"action": "Abort", "after": "30s"}}
    preview = {"header": {"name": "x-preview", "value": "candidate"}, "for": "1m"}
    world = shadowing(preview=preview, analysis=given_up)
    world.candidate_window = None
    world.until(Phase.PROGRESSING)
    world.settle(5)
    assert world.status.phase is Phase.PROGRESSING, "the silence of the preview does not count later either"


def test_the_way_back_to_the_previous_revision_needs_no_shadow() -> None:
    world = shadowing()
    world.until(Phase.STABLE)
    world.want("1")
    world.until(Phase.STABLE)
    assert Phase.SHADOWING not in {d.status.phase for d in world.decisions[-8:]}


def test_a_bad_version_is_taken_back_from_all_traffic_with_time_for_its_requests() -> None:
    """The way back has no steps: its requests must have their time to end all the same."""
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.want("1")
    world.until(Phase.PROMOTING)
    world.candidate_window, world.stable_window = BAD, None
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.until(Phase.ROLLED_BACK)
    drain = next(r for r in world.status.draining if r.revision == ref("1").revision)
    assert drain.until is not None
    assert drain.until - world.now >= timedelta(seconds=3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shadow": {"for": "1m"}}, "set shadowSafe to true"),
        ({"shadow": {"for": "1m"}, "shadowSafe": False}, "set shadowSafe to true"),
        ({"shadow": {"for": "1m", "percent": 50}, "shadowSafe": True}, "greater than or equal to 100"),
        ({"shadow": {"for": "1h", "timeout": "1h"}, "shadowSafe": True}, "timeout must be longer than for"),
        ({"preview": {"header": {"name": "x y", "value": "1"}, "for": "1m"}}, "match pattern"),
        ({"preview": {"header": {"name": "Accept", "value": "*/*"}, "for": "1m"}}, "match pattern"),
        ({"preview": {"header": {"name": "x-p", "value": "a\nb"}, "for": "1m"}}, "match pattern"),
        ({"preview": {"header": {"name": "x-p", "value": "1"}, "for": "9s"}}, "a preview lasts at least 10s"),
        (MIRROR | PREVIEW, "give shadow or preview, not both"),
    ],
)
def test_what_a_policy_may_not_ask_for(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        policy(**changes)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "X-Forwarded-Proto",
            "https-https",
            "spec.preview.header.name: X-Forwarded-Proto: a gateway, proxy or browser",
        ),
        ("x-preview", "1", "spec.preview.header.value: the value has at least 8 characters"),
    ],
)
def test_no_rollout_starts_with_a_header_that_clients_send(name: str, value: str, words: str) -> None:
    """A policy of before the rule: admission took it then."""
    world = serving()
    world.policy = policy(preview={"header": {"name": name, "value": value}, "for": "30s"})
    world.want("2")
    world.settle(5)
    assert (world.status.phase, reason(world)) == (Phase.WAITING, Reason.POLICY_INVALID)
    assert words in (world.status.message or "")
    accepted = next(c for c in world.status.conditions if c.type == "PolicyAccepted")
    assert (accepted.status, words in accepted.message) == ("False", True)
    assert world.route is not None
    assert not world.route.exposes
    world.policy = policy(**PREVIEW)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"


def test_a_rollout_of_before_the_rule_goes_on_and_is_taken_back_as_ever() -> None:
    world = shadowing(**PREVIEW)
    old = policy(preview={"header": {"name": "x-preview", "value": "1"}, "for": "30s"})
    world.policy = old
    world.records[-1] = replace(world.records[-1], policy=old)
    world.settle(5)
    assert world.status.phase is Phase.SHADOWING
    accepted = next(c for c in world.status.conditions if c.type == "PolicyAccepted")
    assert accepted.status == "True"
    world.until(Phase.PROGRESSING)
    world.candidate_window = BAD
    world.until(Phase.ROLLED_BACK)


def test_the_way_back_to_the_previous_revision_has_no_preview_and_waits_for_no_header() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.policy = policy(preview={"header": {"name": "x-preview", "value": "1"}, "for": "30s"})
    world.want("1")
    world.settle(3)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "1"
    assert Phase.WAITING not in {d.status.phase for d in world.decisions[-8:]}


# --- what a fresh pair of eyes found ----------------------------------------------------------------------------------


def test_pods_that_change_in_the_shadow_are_drift() -> None:
    world = shadowing(shadow={"for": "30s", "timeout": "1m"}, shadowSafe=True)
    arm = world.arms[ref("2").revision]
    world.arms[ref("2").revision] = replace(arm, template="a")
    world.settle(2)
    world.arms[ref("2").revision] = replace(arm, template="b")
    world.settle(50)
    assert (world.status.phase, reason(world)) == (Phase.SHADOWING, Reason.TEMPLATE_DRIFT)


def test_status_lost_in_a_long_shadow_is_no_reason_to_be_late() -> None:
    world = shadowing(shadow={"for": "3m", "timeout": "5m"}, shadowSafe=True)
    world.settle(90)
    world.status = ModelDeploymentStatus()
    world.arms[ref("2").revision] = Arm(ref("2"), 1)
    world.settle(5)
    assert world.status.phase is Phase.SHADOWING, "mirrored all the time, and nobody is late"
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.until(Phase.STABLE)


def test_a_candidate_that_was_up_while_somebody_paused_is_not_late() -> None:
    world = serving()
    world.want("2", paused=False)
    world.until(Phase.PREPARING)
    world.settle(2)
    world.want("2", paused=True)
    world.settle(90)
    world.arms[ref("2").revision] = Arm(ref("2"), 0)
    world.settle(3)
    assert world.status.phase is Phase.PREPARING
    world.arms[ref("2").revision] = Arm(ref("2"), 2)
    world.want("2")
    world.until(Phase.STABLE)


def test_without_its_record_the_mirror_stays_as_it_is() -> None:
    world = shadowing()
    world.records, world.policy = [], policy()
    world.settle(5)
    assert world.route is not None
    assert world.route.exposes == {Exposure.MIRROR}
    assert (world.status.phase, reason(world)) == (Phase.SHADOWING, Reason.STATE_CONFLICT)


def test_a_way_back_that_an_earlier_serin_began_has_its_time_to_drain() -> None:
    world = serving()
    world.want("2")
    world.until(Phase.STABLE)
    world.want("1")
    world.until(Phase.PROMOTING)
    assert world.status.rollout is not None
    older = world.status.rollout.model_copy(update={"exposed_at": None})
    world.status = world.status.model_copy(update={"rollout": older})
    world.arms[ref("1").revision] = Arm(ref("1"), 0)
    world.until(Phase.ROLLED_BACK)
    drain = next(r for r in world.status.draining if r.revision == ref("1").revision)
    assert drain.until is not None
    assert drain.until - world.now >= timedelta(seconds=3)


def test_a_rollback_from_the_shadow_waits_until_the_mirror_is_off() -> None:
    world = shadowing()
    world.candidate_window, world.stable_window = (100, 1000), (0, 1000)
    world.until(Phase.ROLLING_BACK)
    assert world.route is not None
    world.route = replace(world.route, exposes=frozenset({Exposure.MIRROR}))
    world.tick()
    assert world.status.phase is Phase.ROLLING_BACK
    world.until(Phase.ROLLED_BACK)
