"""The steps of a policy, defined for every step number.

Only this module indexes ``policy.steps``. A record made after an edit of the policy, or a status with more steps than
the record's policy, can neither skip a step nor run past the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from serin.api.policy.analysis import PassRule
from serin.api.policy.exposure import Shadow
from serin.api.promotion_policy import PromotionPolicySpec, Step
from serin.rollout.evidence_decision import StageLimits
from serin.schema.phase import Phase

EVERYTHING = 100
RAMP_POWER = 1.5
"""The power in ``(next weight / 100) ** RAMP_POWER``, the part of the evidence for passing before that weight.

Chosen by simulation: docs/adr/0016.
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of the policy that a rollout began with. Steps count from 1; 0 is before the first weight."""

    policy: PromotionPolicySpec

    @property
    def count(self) -> int:
        """Number of steps."""
        return len(self.policy.steps)

    def passed(self, step: int) -> bool:
        """Whether ``step`` is the last step or beyond it."""
        return step >= self.count

    def weight_after(self, step: int) -> int:
        """Percent on the candidate after ``step``."""
        return self.policy.last_weight if self.passed(step) else self.policy.steps[max(step, 0)].weight

    def share_after(self, step: int) -> int:
        """Percent of the requests that reach the candidate after ``step``: a mirror sends all of them."""
        return EVERYTHING if self.policy.shadow is not None and step <= 0 else self.weight_after(step)

    def pass_share(self, phase: Phase | None, step: int) -> float:
        """How much of the evidence for passing is needed to leave the stage, 0…1: all of it before all traffic."""
        ramp = self.policy.analysis.pass_ is PassRule.RAMP and phase in {Phase.SHADOWING, Phase.PROGRESSING}
        if not ramp or self.passed(step):
            return 1.0
        share: float = (self.weight_after(step) / EVERYTHING) ** RAMP_POWER
        return round(share, 3)

    def stage(self, phase: Phase | None, step: int) -> Step | Shadow | None:
        """The policy's shadow or step; None for a preview without shadow and in other phases."""
        if phase is Phase.SHADOWING:
            return self.policy.shadow
        if phase is not Phase.PROGRESSING:
            return None
        return self.policy.steps[min(max(step, 1), self.count) - 1]

    def limits(self, phase: Phase | None, step: int) -> StageLimits | None:
        """The limits of the shadow, the step or the bake; None in other phases."""
        bake, stage = self.policy.bake, self.stage(phase, step)
        if phase is Phase.BAKING and bake is not None:
            return StageLimits(bake.for_, bake.for_ + bake.timeout, baking=True)
        if stage is None:
            return None
        return StageLimits(stage.for_, stage.timeout, self.pass_share(phase, step))

    def step_at(self, weight: int) -> int:
        """The last step whose weight is not above ``weight``."""
        return sum(1 for step in self.policy.steps if step.weight <= weight)
