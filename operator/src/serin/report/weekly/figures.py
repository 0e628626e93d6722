"""The review of a period as values; it is also its JSON form, whose schema is published."""

from __future__ import annotations

from typing import Literal

from serin.report.facts.bundle import BUNDLE_VERSION, Missing, Told
from serin.schema.types import ApiModel, Time


class Ended(ApiModel):
    """How many rollouts ended how."""

    promoted: int = 0
    rolled_back: int = 0
    aborted: int = 0
    superseded: int = 0
    other: int = 0
    """Ended by a word of another version."""
    under_way: int = 0
    """Not decided by the end of the period."""

    @property
    def decided(self) -> int:
        """Rollouts that say something of a change: not those that made way for another."""
        return self.promoted + self.rolled_back + self.aborted


class Dora(ApiModel):
    """The four DORA figures; null where there is nothing to count. They are defined as the recording rules are."""

    deployments_per_day: float
    """Promotions in a day."""
    lead_seconds_mean: float | None
    """From the start of a rollout to its promotion."""
    lead_seconds_median: float | None
    change_failure_ratio: float | None
    """Rollouts that were taken back, of all that were decided and did not make way for another."""
    restore_seconds_mean: float | None
    """From a candidate's first request to the decision to take it back. The gateway's answer comes after that, and no
    record has it: the metric serin_rollback_duration_seconds does."""


class OfModel(ApiModel):
    """The rollouts of one ModelDeployment."""

    namespace: Told
    name: Told
    ended: Ended
    requests: int
    """Requests of candidates that were taken back."""
    bad: int
    excess_bad: int


class RolloutLine(ApiModel):
    """One rollout in one line."""

    namespace: Told
    model_deployment: Told
    record: Told
    version: Told
    started_at: Time
    decided_at: Time | None
    outcome: Told
    reason: Told | None
    seconds: float | None
    """From the start to the decision."""
    bad: int | None
    excess_bad: int | None


class HoldLine(ApiModel):
    """What held rollouts for one reason, within the period."""

    reason: Told
    meaning: Told
    holds: int
    times: int
    """How often one began: a hold that comes back within a minute is one hold."""
    rollouts: int
    seconds: float
    longest_seconds: float


class AlertLine(ApiModel):
    """An alert that holds, or ends, would have raised by the rules of the chart.

    Of news (severity info), on which nobody has to act, only ``times`` is counted.
    """

    alert: Told
    severity: Told
    times: int
    answered: int
    """A person acted on the rollout while it would have fired."""
    ended_by_itself: int
    """It was over, and nobody had acted on the rollout: noise, or a runbook that says to wait."""
    lasts: int
    """It was not over by the end of the period."""


class Review(ApiModel):
    """All rollouts that were under way or decided in a period."""

    api_version: Literal["cli.serin.dev/v1"] = BUNDLE_VERSION
    kind: Literal["RolloutReview"] = "RolloutReview"
    namespace: Told
    """Empty: of several."""
    since: Time
    until: Time
    ended: Ended
    dora: Dora
    models: list[OfModel]
    rollouts: list[RolloutLine]
    holds: list[HoldLine]
    alerts: list[AlertLine]
    missing: list[Missing]
    """What several records do not say, with how many of them."""
    unreadable: list[Told]
    """Records that this version cannot read."""
    omitted: list[Told]
