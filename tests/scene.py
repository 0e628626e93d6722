"""A rollout that stands in one phase with all well, for tests that change one input and ask one rule.

A story in ``tests.world`` shows that rules work together; a scene shows what one rule answers at a boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.evidence import Assessment, Counts, Interval, SloReport
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Arm, Observation
from serin.rollout.transition import Transition, with_rollout
from serin.schema.choices import Severity
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from tests.clock import START
from tests.world import NAME, SECOND, World, policy, ref, serving, spec

SOON = 2 * SECOND
NEXT_WINDOW = SECOND
LONG = {"for": "1h", "timeout": "2h"}
STAGES: dict[str, Any] = {
    "steps": [{"weight": 10} | LONG, {"weight": 50} | LONG],
    "shadow": LONG,
    "shadowSafe": True,
    "bake": LONG | {"holdback": 5},
}


@dataclass
class Scene:
    """A rollout in one phase, in which everything is well; a test changes one thing of what a gate sees."""

    status: ModelDeploymentStatus
    observed: Observation
    paused: bool = False
    edits: dict[str, Any] = field(default_factory=dict)
    """Further fields of spec."""

    @property
    def context(self) -> DecisionContext:
        return DecisionContext(NAME, spec("2", paused=self.paused, **self.edits), self.observed, START)

    def arm(self, version: str, **changes: Any) -> None:
        revision = ref(version).revision
        self.observed = replace(self.observed, arms=dict(self.observed.arms) | {revision: Arm(ref(version), **changes)})

    def route(self, **changes: Any) -> None:
        assert self.observed.route is not None
        self.observed = replace(self.observed, route=replace(self.observed.route, **changes))

    def rollout(self, **changes: Any) -> None:
        self.status = with_rollout(self.status, **changes)

    def policy(self, changed: PromotionPolicySpec | None) -> None:
        """The policy that the rollout began with."""
        self.observed = replace(self.observed, records=tuple(replace(r, policy=changed) for r in self.observed.records))

    def ask(self, rule: Callable[[DecisionContext, ModelDeploymentStatus], Transition | None]) -> Transition | None:
        """What one rule answers."""
        return rule(self.context, self.status)


SCENES: dict[Phase, Scene] = {}


def scene(phase: Phase) -> Scene:
    """Version 2 in ``phase``; a story is told once for all tests."""
    if phase not in SCENES:
        world = serving()
        world.policy = policy(**STAGES | ({} if phase is Phase.SHADOWING else {"shadow": None}))
        if phase in {Phase.PROMOTING, Phase.BAKING}:
            world.policy = policy(bake=LONG)
        if phase is not Phase.STABLE:
            world.want("2")
        world.until(phase)
        if phase is not Phase.PROMOTING:  # the next look leaves it
            world.tick()
        assert world.status.phase is phase
        SCENES[phase] = _seen(world)
    kept = SCENES[phase]
    return Scene(kept.status, kept.observed)


def _seen(world: World) -> Scene:
    return Scene(world.status, replace(world.observe(), next_evidence_at=START + NEXT_WINDOW))


def answer(transition: Transition | None) -> tuple[Reason, bool, timedelta | None]:
    """Why it holds, whether a person is asked, when the rule itself has to look again (else: with the next window)."""
    assert transition is not None
    return transition.reason, transition.stalled, transition.wake_at - START if transition.wake_at else None


def report(verdict: Verdict, reason: Reason, **changes: Any) -> SloReport:
    """Where the one SLO stands."""
    nothing = Counts(0, 0)
    base = SloReport(
        "availability", Severity.CRITICAL, verdict, reason, nothing, nothing, {}, 2.0, 2.0,
        None, None, timedelta(), Interval(START - SECOND, SECOND), None, "words of the judge",
    )  # fmt: skip
    return replace(base, **changes)


def judged(here: Scene, verdict: Verdict, reason: Reason, **changes: Any) -> None:
    """The one SLO stands so."""
    here.observed = replace(here.observed, assessment=Assessment((report(verdict, reason, **changes),)))
