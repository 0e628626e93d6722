"""A notification that not all of its receivers have taken; it stands in status beside the decision that it tells of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serin.schema.notification_kinds import NotificationKind
from serin.schema.phase import Phase
from serin.schema.reasons import Reason, Verdict
from serin.schema.types import AnyName, ApiModel, Name, Time, User, Word
from serin.schema.words import OrOmitted, Stored

MOST_PENDING = 16
MOST_RECEIVERS = 16
MOST_FIGURES = 3
MOST_CHANGES = 12
LONGEST_MESSAGE = 1024


class SloFigures(ApiModel):
    """The figures of one SLO when it was decided."""

    name: Name
    """Name of the SLO in the policy."""
    verdict: Stored[Verdict]
    bad: int
    """Bad requests of the candidate."""
    total: int
    """All requests of the candidate."""
    stable_bad: int
    """Bad requests of stable meanwhile."""
    stable_total: int
    """All requests of stable meanwhile."""
    evidence: Annotated[dict[str, Word], Field(max_length=8)] = {}
    """log10 of the e-values, by test."""
    threshold: Word = ""
    """The candidate is rolled back when ``e1`` and ``e2`` are both at or above this."""


class Notification(ApiModel):
    """One fact that receivers are told, once each."""

    id: Annotated[str, Field(max_length=384)]
    """The same for the same fact, whoever sends it and however often."""
    kind: Stored[NotificationKind]
    at: Time
    """When it was decided."""
    to: Annotated[list[Name], Field(max_length=MOST_RECEIVERS)]
    """Receivers that have not taken it yet."""
    reason: Stored[Reason] | None = None
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] = ""
    """What receivers are told, in a sentence."""
    phase: Stored[Phase] | None = None
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of traffic on the candidate from then on."""
    before: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent that it had when it was decided to take it back."""
    stable: Word = ""
    """Version; empty where nothing is stable."""
    candidate: Word = ""
    """Version; empty outside of rollouts."""
    record: AnyName = ""
    """Name of the PromotionRecord of the rollout; empty outside of rollouts."""
    by: User | None = None
    """Who asked for it by a PromotionAction."""
    exposed_at: Time | None = None
    """When the candidate was first sent requests."""
    slos: Annotated[list[OrOmitted[SloFigures]], Field(max_length=MOST_FIGURES)] = []
    """The figures of the SLOs that matter most for it, at most three."""
    counted_until: Time | None = None
    """End of the newest window whose requests are in the first of ``slos``; later ones are in no number."""
    unknown_since: Time | None = None
    """Since when nobody has seen how the candidate does."""
    down_since: Time | None = None
    """Since when stable has had no ready endpoint."""
    last_rollout_at: Time | None = None
    """When the newest rollout ended, where none is under way."""
    contact: Annotated[str, Field(max_length=200)] = ""
    """Whom to ask, by the ModelDeployment's annotation; empty where there is none."""
    changed: Annotated[list[AnyName], Field(max_length=MOST_CHANGES)] = []
    """The fields in which the candidate differs from stable."""
