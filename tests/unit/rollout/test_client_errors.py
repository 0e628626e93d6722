"""Answers with a 4xx: who is taken back for them, and what is told where no SLO judges them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serin.api.conditions import Condition
from serin.judge.refusals import Refusals
from serin.rollout.gates.evidence.requests_refused import requests_refused
from serin.rollout.phases.rollback_rules import breached
from serin.rollout.report.client_errors import client_errors_of
from serin.schema.choices import Severity
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from tests.clock import START
from tests.scene import judged, scene
from tests.world import World, policy, serving

FAR = Refusals(refused=40, requests=40, stable_share=0.001, differ=True)
ALIKE = Refusals(refused=4, requests=40, stable_share=0.1, differ=False)
SOME = Refusals(refused=20, requests=40, stable_share=0.001, differ=True)
WORDS = "version 2 answered 40 of 40 requests with a 4xx (100.00%), stable 0.10%"
SOME_WORDS = "version 2 answered 20 of 40 requests with a 4xx (50.00%), stable 0.10%"
AVAILABILITY: dict[str, Any] = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
CLIENT_ERRORS: dict[str, Any] = {"name": "refused", "severity": "Required", "indicator": {"clientErrors": {}}}


@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING])
@pytest.mark.parametrize(
    ("severity", "serves_nobody", "back"),
    [
        (Severity.REQUIRED, True, True),
        (Severity.REQUIRED, False, False),
        (Severity.ADVISORY, True, False),
        (Severity.CRITICAL, False, True),
    ],
)
def test_a_candidate_that_serves_nobody_is_taken_back_at_required_too(
    phase: Phase, severity: Severity, *, serves_nobody: bool, back: bool
) -> None:
    here = scene(phase)
    judged(
        here,
        Verdict.FAIL,
        Reason.REQUESTS_REFUSED,
        severity=severity,
        serves_nobody=serves_nobody,
        breached_at=START,
    )
    transition = here.ask(breached)
    assert (transition is not None) is back
    if transition is not None:
        assert transition.reason is Reason.REQUESTS_REFUSED
        assert "words of the judge" in transition.message
        rollout = transition.status.rollout
        assert rollout is not None
        assert rollout.outcome is Outcome.ROLLED_BACK, "its own doing: it is refused from now on"


def progressing(**changes: Any) -> World:
    world = serving()
    world.policy = policy(**changes)
    world.want("2")
    world.until(Phase.PROGRESSING)
    return world


def told(world: World) -> Condition | None:
    return client_errors_of(world.status)


def announced(world: World) -> list[str]:
    found = [a for decision in world.decisions for a in decision.announcements]
    return [a.message for a in found if a.name == "ClientErrorsDiffer" and a.warning]


def test_a_share_far_from_stables_is_told_and_holds_nothing() -> None:
    world = progressing()
    world.refusals = SOME
    world.tick()
    condition = told(world)
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == ("False", "ClientErrorsDiffer", SOME_WORDS)
    assert world.status.message is not None
    assert f"; {SOME_WORDS}; no SLO of the policy judges that (indicator clientErrors)" in world.status.message
    world.until(Phase.STABLE)
    assert announced(world) == [SOME_WORDS], "once"


@pytest.mark.parametrize("phase", [Phase.SHADOWING, Phase.PROGRESSING, Phase.BAKING])
@pytest.mark.parametrize(
    ("refused", "stable_share", "differ", "slos", "holds"),
    [
        (40, 0.001, True, [AVAILABILITY], True),
        (21, 0.001, True, [AVAILABILITY], True),
        (20, 0.001, True, [AVAILABILITY], False),
        (40, 0.5, True, [AVAILABILITY], True),
        (40, 0.51, True, [AVAILABILITY], False),
        (40, 0.001, False, [AVAILABILITY], False),
        (40, 0.001, True, [AVAILABILITY, CLIENT_ERRORS], False),
    ],
)
def test_one_that_refuses_most_goes_no_further_where_no_slo_judges_it(
    phase: Phase, refused: int, stable_share: float, *, differ: bool, slos: list[dict[str, Any]], holds: bool
) -> None:
    here = scene(phase)
    here.policy(policy(slos=slos))
    here.observed = replace(here.observed, refusals=Refusals(refused, 40, stable_share, differ))
    transition = here.ask(requests_refused)
    assert (transition is not None) is holds
    if transition is not None:
        assert (transition.reason, transition.stalled) == (Reason.CLIENT_ERRORS_DIFFER, True)


def test_the_hold_says_what_ends_it_and_somebodys_word_or_other_answers_do() -> None:
    world = progressing()
    world.refusals = FAR
    weight = world.weights[-1]
    world.settle(60)
    assert (world.status.reason, world.weights[-1]) == (Reason.CLIENT_ERRORS_DIFFER, weight)
    message = world.status.message or ""
    assert message.count(WORDS) == 1
    assert message.endswith("an Abort ends it; an Advance lets it go on")
    [said] = announced(world)
    assert WORDS in said, "once, with the hold"
    world.ask("Advance")
    world.settle(20)
    assert world.weights[-1] > weight
    world.refusals = ALIKE
    world.until(Phase.STABLE)


def test_the_answer_stays_after_the_rollout_until_the_next_one() -> None:
    world = progressing()
    world.refusals = SOME
    world.tick()
    since = told(world)
    world.until(Phase.STABLE)
    world.refusals = None
    world.tick()
    assert told(world) == since
    before = world.status
    world.tick()
    assert world.status == before, "nothing is written for it"
    world.want("3")
    world.until(Phase.PREPARING)
    world.tick()
    assert told(world) is None


def test_shares_that_are_alike_are_said_to_be() -> None:
    world = progressing()
    world.refusals = ALIKE
    world.tick()
    condition = told(world)
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", "Alike")
    assert "4xx" not in (world.status.message or "")
    world.until(Phase.STABLE)
    world.refusals = None
    world.tick()
    assert told(world) is None
    assert not announced(world)


def test_where_an_slo_judges_them_the_message_is_that_slos() -> None:
    world = progressing(slos=[AVAILABILITY, CLIENT_ERRORS])
    world.refusals = FAR
    world.tick()
    assert told(world) is not None
    assert "no SLO of the policy judges that" not in (world.status.message or "")


def test_without_counts_that_tell_nothing_is_said() -> None:
    world = progressing()
    world.tick()
    assert told(world) is None


def test_a_share_that_is_alike_again_is_told_once_each_time() -> None:
    world = progressing(steps=[{"weight": 10, "for": "1m", "timeout": "10m"}])
    for found in (SOME, SOME, ALIKE, ALIKE, replace(SOME, requests=80)):
        world.refusals = found
        world.tick()
    assert len(announced(world)) == 2
