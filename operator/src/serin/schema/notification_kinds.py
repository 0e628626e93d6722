"""What people and programs can be told of a ModelDeployment. Policies and the operator's settings use the words."""

from __future__ import annotations

from enum import StrEnum


class NotificationKind(StrEnum):
    """What a notification is about."""

    STARTED = "Started"
    """A rollout began; its candidate gets no traffic yet."""
    STEP_ADVANCED = "StepAdvanced"
    """The candidate gets more traffic."""
    WAITING_FOR_APPROVAL = "WaitingForApproval"
    """A gate waits for somebody's PromotionAction Approve."""
    WARNING = "Warning"
    """Something is not as it should be; it does not need a person yet."""
    NEEDS_PERSON = "NeedsPerson"
    """Nothing proceeds without a person; by day is soon enough."""
    NEEDS_PERSON_NOW = "NeedsPersonNow"
    """Clients are hurt, or nobody would see that they are: a person is needed at once."""
    RESUMED = "Resumed"
    """No person is needed any more."""
    ROLLING_BACK = "RollingBack"
    """It was decided to take the candidate back; its traffic goes now."""
    ROLLED_BACK = "RolledBack"
    """The candidate has no traffic any more, and its rollout is over."""
    SUPERSEDED = "Superseded"
    """The rollout ended because spec asks for something else."""
    PROMOTED = "Promoted"
    """The candidate is stable now."""


LASTING = frozenset({NotificationKind.NEEDS_PERSON, NotificationKind.NEEDS_PERSON_NOW})
"""They are so until ``Resumed`` says otherwise; it is not told while a candidate that is taken back has traffic."""
DEFAULT_KINDS = (
    NotificationKind.WAITING_FOR_APPROVAL,
    NotificationKind.NEEDS_PERSON,
    NotificationKind.NEEDS_PERSON_NOW,
    NotificationKind.RESUMED,
    NotificationKind.ROLLED_BACK,
    NotificationKind.PROMOTED,
)
"""What a receiver is told whose settings say nothing of it."""
