"""Objects of Serin's own kinds, as a decision sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from serin.api.people import AdvancedStep, Approval, GateStatus, Held
from serin.api.promotion_action import PromotionActionSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import PendingOutcome, RevisionRef
from serin.rollout.steps.schedule import EVERYTHING
from serin.schema.reasons import Outcome, Reason

KEPT_REJECTIONS = 20
"""Rejections in status."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A PromotionRecord of this ModelDeployment."""

    name: str
    attempt: int
    candidate: RevisionRef
    stable: RevisionRef | None
    policy: PromotionPolicySpec | None
    started_at: datetime
    unreadable: str = ""
    """Why this version of Serin cannot read its policy; empty if it can, or if there is none."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    decided_at: datetime | None = None
    held: Held | None = None
    """The Hold that nothing has ended."""
    promote: Held | None = None
    """The Promote that was accepted last."""
    advances: tuple[AdvancedStep, ...] = ()
    weight: int | None = None
    """Percent on the candidate by the newest decision that it tells; None if it tells none."""
    weight_reason: Reason | None = None
    """Why it got that."""
    hash: str | None = None
    """Of a finished record: the hash of its content; None if a Serin finished it that wrote none."""
    previous_hash: str | None = None
    """The hash of the record that was finished before it."""
    finished_at: datetime | None = None
    exported: bool = False
    """Whether somebody has marked this content as exported."""
    requested_by: str | None = None
    """Who asked for the candidate's revision; None if the record does not tell it."""
    gates: tuple[GateStatus, ...] = ()
    """The newest result of each gate of the policy."""
    approvals: Mapping[str, tuple[Approval, ...]] = field(default_factory=dict)
    """By gate, those that are in no result yet."""

    @property
    def finished(self) -> bool:
        """Whether the outcome is written."""
        return self.outcome is not None

    @property
    def took_over(self) -> bool:
        """Whether its candidate got everything because stable was dead."""
        return self.weight == EVERYTHING and self.weight_reason is Reason.STABLE_DOWN

    @property
    def lacks_promotion(self) -> bool:
        """Whether it does not tell of the move that gives everything; one without any decision tells nothing at all."""
        return self.weight not in {None, EVERYTHING}

    @property
    def decides(self) -> bool:
        """Whether its outcome is a decision on the revision itself."""
        if self.outcome not in {Outcome.PROMOTED, Outcome.ROLLED_BACK, Outcome.ABORTED}:
            return False  # open, superseded, or an outcome of a newer version of Serin
        return self.outcome is not Outcome.ABORTED or self.reason is None or self.reason.effect.rejects

    @property
    def rejects(self) -> bool:
        """Whether its outcome rejects the revision."""
        return self.decides and self.outcome is not Outcome.PROMOTED


def with_pending(record: RecordView, pending: Mapping[str, PendingOutcome]) -> RecordView:
    """The record, with the outcome that is not written to it yet; ``pending`` has those by record."""
    ended = pending.get(record.name)
    if record.finished or ended is None:
        return record
    return replace(record, outcome=ended.outcome, reason=ended.cause, decided_at=ended.decided_at)


@dataclass(frozen=True, slots=True)
class RejectionElsewhere:
    """A record of another ModelDeployment that rejects the model which spec asks for."""

    model_deployment: str
    record: RecordView
    digest: str
    """Of the model."""


@dataclass(frozen=True, slots=True)
class ActionView:
    """A PromotionAction for this ModelDeployment without an answer."""

    name: str
    uid: str
    spec: PromotionActionSpec
    created_at: datetime | None = None
    """In whole seconds of the API server's clock; None if it is not known."""
    vouched: bool = False
    """Whether the admission policies were proven to be in force when it was created."""


@dataclass(frozen=True, slots=True)
class FreezeView:
    """A PromotionFreeze that is about this ModelDeployment, and is in force or begins later."""

    name: str
    """``namespace/name``."""
    reason: str
    begins: datetime | None = None
    ends: datetime | None = None
    """None: when it is deleted."""

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at ``now``."""
        return (self.begins is None or self.begins <= now) and (self.ends is None or now < self.ends)
