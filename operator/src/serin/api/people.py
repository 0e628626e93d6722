"""What people said about a rollout, and what its gates made of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.policy_gates.answer import Before, GateState
from serin.schema.types import AnyName, ApiModel, Name, Text, Time, User, Word
from serin.schema.words import OrOmitted, Stored

LONGEST_RESULT = 8192


class Held(ApiModel):
    """A PromotionAction that is in force on a rollout: a Hold or a Promote."""

    by: User
    """Who created the PromotionAction."""
    at: Time
    """When it was accepted."""
    action: AnyName
    """Name of the PromotionAction."""
    reason: Annotated[str, Field(max_length=512)] | None = None
    """Why, as they wrote it."""


class AdvancedStep(Held):
    """A PromotionAction Advance: somebody's word in place of the evidence and the time of one step."""

    step: Annotated[int, Field(ge=0, le=100)]
    """The step that it ended; 0 for the shadow."""


class Approval(ApiModel):
    """A PromotionAction Approve that counts."""

    by: User
    """Who approved."""
    at: Time
    """When the approval was accepted."""
    action: AnyName
    """Name of the PromotionAction."""
    group: Word | None = None
    """The group that made it count, where the gate asks for one."""
    ticket: Word | None = None
    """The ticket that the approval names."""


class GateStatus(ApiModel):
    """Where a gate of the policy stands."""

    name: Name
    """``windows`` for the policy's windows."""
    before: Stored[Before]
    kind: Word
    """What kind of gate it is, such as ``approval`` or ``metric``; ``windows`` for the policy's windows."""
    step: Annotated[int, Field(ge=0, le=100)] = 0
    """The step before whose end it is asked; 0 before the first weight."""
    state: Stored[GateState]
    since: Time
    """When it was first asked for this move."""
    until: Time | None = None
    """When something happens by itself: it opens, or its timeout is over."""
    at: Time | None = None
    """When it opened, or ended the rollout."""
    message: Annotated[str, Field(max_length=512)]
    """What it waits for, or why it is open."""
    by: Annotated[str, Field(max_length=1024)] | None = None
    """Who opened it."""
    approvals: Annotated[list[OrOmitted[Approval]], Field(max_length=5)] = []
    """The approvals that count so far, for a gate that asks for them."""
    met_since: Time | None = None
    """Since when what it asks for has been so without a break."""
    result: Annotated[str, Field(max_length=LONGEST_RESULT)] | None = None
    """What its answer rests on, as JSON: of a Job what it measured, on which data."""


class AnsweredAction(ApiModel):
    """A PromotionAction and how it was answered."""

    name: AnyName
    """Name of the PromotionAction."""
    uid: Word
    """``metadata.uid`` of the PromotionAction: it is answered once, whatever is created under its name later."""
    action: Stored[ActionKind]
    rollout: Word | None = None
    """The PromotionRecord of the rollout that the action named, or that a Retry started."""
    by: User
    """Who created it."""
    gate: Word | None = None
    """The gate that an Approve or a Reject named."""
    reason: Annotated[str, Field(max_length=512)] | None = None
    """Why, as they wrote it."""
    ticket: Word | None = None
    """The ticket that it names."""
    outcome: Stored[ActionOutcome]
    message: Text
    """What was done, or why it was refused."""
    at: Time
    """When it was answered."""
