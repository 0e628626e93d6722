"""Which phase may follow which, and groups of phases."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.schema.phase import Phase

PHASE_TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.PREPARING, Phase.STABLE, Phase.WAITING, Phase.ROLLED_BACK}),
    Phase.WAITING: frozenset({Phase.PREPARING, Phase.STABLE, Phase.ROLLED_BACK, Phase.ROLLING_BACK}),
    Phase.PREPARING: frozenset(
        {Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.STABLE, Phase.ROLLING_BACK, Phase.PENDING}
    ),
    Phase.SHADOWING: frozenset({Phase.PROGRESSING, Phase.PROMOTING, Phase.ROLLING_BACK}),
    Phase.PROGRESSING: frozenset({Phase.PROMOTING, Phase.ROLLING_BACK}),
    Phase.PROMOTING: frozenset({Phase.STABLE, Phase.BAKING, Phase.ROLLING_BACK}),
    Phase.BAKING: frozenset({Phase.STABLE, Phase.PROMOTING, Phase.ROLLING_BACK}),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLED_BACK, Phase.WAITING}),
    Phase.ROLLED_BACK: frozenset({Phase.PREPARING, Phase.STABLE, Phase.WAITING}),
    Phase.STABLE: frozenset({Phase.PREPARING, Phase.WAITING, Phase.ROLLED_BACK, Phase.PENDING}),
}


WATCHED = frozenset({Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING})
"""Phases in which the candidate gets requests and the breach watch runs."""
STEPPED = frozenset({Phase.SHADOWING, Phase.PROGRESSING})
"""Phases that end by evidence for a step, or by a PromotionAction Advance."""
AFTER_STEPS = frozenset({Phase.PROMOTING, Phase.BAKING})
"""Phases after the last step."""
ACTIVE = WATCHED | {Phase.PREPARING, Phase.ROLLING_BACK}
"""Phases with a rollout under way."""


def is_watched(status: ModelDeploymentStatus) -> bool:
    """Whether the breach watch runs: in the watched phases, and in a phase of a newer version of Serin."""
    return status.rollout is not None and (status.phase in WATCHED or status.phase not in PHASE_TRANSITIONS)
