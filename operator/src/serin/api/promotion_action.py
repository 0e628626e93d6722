"""PromotionAction: what a person, a pipeline or an agent wants to say about one rollout, or about one rejection."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from serin.schema.types import ApiModel, Name, Text, Time, User, Word, validations
from serin.schema.words import Stored


class ActionKind(StrEnum):
    """What is wanted."""

    HOLD = "Hold"
    RELEASE = "Release"
    ABORT = "Abort"
    RETRY = "Retry"
    PROMOTE = "Promote"

    @property
    def forward(self) -> bool:
        """Whether it lets traffic go forward: such a one needs the admission policies that say who may ask for it."""
        return self in {ActionKind.RELEASE, ActionKind.RETRY, ActionKind.PROMOTE}


class ActionOutcome(StrEnum):
    """What Serin made of it."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"


class PromotionActionSpec(ApiModel):
    """What is wanted, of which attempt, by whom and why. Immutable: create another one to say something else."""

    model_deployment: Name
    action: ActionKind
    """Hold, Release, Abort and Promote name a rollout, Retry a revision."""
    rollout: Word | None = None
    """Name of the PromotionRecord: an action is bound to one attempt and cannot be replayed on another."""
    revision: Word | None = None
    """The revision that may be tried again: a rejected one, or one that waits for its next try."""
    reason: Annotated[str, Field(max_length=512)] | None = None
    ticket: Word | None = None
    """Of the change management, say."""
    requested_by: Annotated[User, Field(min_length=1)]
    """Whoever creates it, as the API server knows them; the admission policies of the chart see to it."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("self == oldSelf", "a PromotionAction cannot be changed; create another one"),
            (
                "(self.action == 'Retry') == has(self.revision) && (self.action == 'Retry') != has(self.rollout)",
                "Retry names a revision (status.rejected), every other action a rollout (status.rollout.record)",
            ),
        )
    }


class PromotionActionStatus(ApiModel):
    """What came of it."""

    outcome: Stored[ActionOutcome] | None = None
    message: Text | None = None
    at: Time | None = None


class PromotionAction(ApiModel):
    """Kind PromotionAction (``pact``)."""

    spec: PromotionActionSpec
    status: PromotionActionStatus = Field(default_factory=PromotionActionStatus)
