"""PromotionAction: what a person, a pipeline or an agent wants to say about one rollout, or about one rejection."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from serin.schema.types import (
    DNS_LABEL,
    OBJECT_NAME,
    ApiModel,
    Line,
    Name,
    Text,
    Time,
    Word,
    declared,
    validations,
)
from serin.schema.words import Stored


class ActionKind(StrEnum):
    """What is asked for."""

    APPROVE = "Approve"
    REJECT = "Reject"
    HOLD = "Hold"
    RELEASE = "Release"
    ABORT = "Abort"
    RETRY = "Retry"
    ADVANCE = "Advance"
    PROMOTE = "Promote"

    @property
    def forward(self) -> bool:
        """Whether it lets traffic go forward: such a one needs the admission policies that say who may ask for it."""
        return self in {
            ActionKind.APPROVE,
            ActionKind.RELEASE,
            ActionKind.RETRY,
            ActionKind.ADVANCE,
            ActionKind.PROMOTE,
        }

    @property
    def answers_gate(self) -> bool:
        """Whether it answers a gate of the policy, which it names."""
        return self in {ActionKind.APPROVE, ActionKind.REJECT}


class ActionOutcome(StrEnum):
    """Whether Serin accepted the action."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"


class PromotionActionSpec(ApiModel):
    """What is asked for, on which rollout or revision, by whom and why. Immutable: create another action instead."""

    model_deployment: Annotated[Name, declared(OBJECT_NAME)]
    """Name of the ModelDeployment, in the same namespace."""
    action: ActionKind
    """What is asked for. Retry needs ``revision``, all others ``rollout``; Approve and Reject need ``gate``, too."""
    rollout: Annotated[Word, declared(OBJECT_NAME)] | None = None
    """Name of the PromotionRecord of the rollout; the action has no effect on any other attempt."""
    revision: Annotated[Word, declared(DNS_LABEL)] | None = None
    """The revision to try again: a rejected one, or one that waits for its next try."""
    gate: Annotated[Word, declared(DNS_LABEL)] | None = None
    """Name of the policy's gate that Approve or Reject answers (``status.rollout.gates``)."""
    groups: Annotated[list[Annotated[Line, Field(min_length=1, max_length=128)]], Field(max_length=16)] = []
    """Groups of the user who creates the action, for a gate that asks for some; the chart's admission policies check
    that the user is a member of each."""
    reason: Annotated[Line, Field(max_length=512)] | None = None
    """Why; it stands in the record of the rollout."""
    ticket: Annotated[Line, Field(max_length=128)] | None = None
    """Reference to a ticket, for example of the change management."""
    requested_by: Annotated[Line, Field(max_length=512, min_length=1)]
    """The user who creates the action, as the API server authenticated them; the chart's admission policies check
    it."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("self == oldSelf", "a PromotionAction cannot be changed; create another one"),
            (
                "(self.action == 'Retry') == has(self.revision) && (self.action == 'Retry') != has(self.rollout)",
                "Retry names a revision (status.rejected), every other action a rollout (status.rollout.record)",
            ),
            (
                "(self.action in ['Approve', 'Reject']) == has(self.gate)",
                "Approve and Reject name a gate (status.rollout.gates), and no other action does",
            ),
        )
    }


class PromotionActionStatus(ApiModel):
    """How the action was answered."""

    outcome: Stored[ActionOutcome] | None = None
    message: Text | None = None
    """What was done, or why it was refused."""
    at: Time | None = None
    """When it was answered."""


class PromotionAction(ApiModel):
    """Kind PromotionAction (``pact``)."""

    spec: PromotionActionSpec
    status: PromotionActionStatus = Field(default_factory=PromotionActionStatus)
