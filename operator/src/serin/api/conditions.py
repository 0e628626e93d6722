"""What is a condition, and when does its transition time move? (``metav1.Condition``, kstatus-compatible)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from serin.schema.types import ApiModel, Time

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """The conditions of a ModelDeployment."""

    AVAILABLE = "Available"
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    POLICY_ACCEPTED = "PolicyAccepted"
    ANALYSIS_READY = "AnalysisReady"
    TRAFFIC_SPLIT = "TrafficSplit"
    CLIENT_ERRORS = "ClientErrors"
    PERMITTED = "Permitted"
    ACTIONS_READ = "ActionsRead"
    NOTIFIED = "Notified"


class Condition(ApiModel):
    """One condition, exactly as ``metav1.Condition`` defines it."""

    type: Annotated[str, Field(max_length=316)]
    """What the condition is about, such as Ready or Stalled."""
    status: ConditionStatus
    """Whether it holds: True, False or Unknown."""
    observed_generation: int | None = None
    """The ``metadata.generation`` that it was found for."""
    last_transition_time: Time
    """When ``status`` changed last."""
    reason: Annotated[str, Field(max_length=1024, min_length=1)]
    """Why, in one word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in a sentence for people."""


def merge(old: Iterable[Condition], new: Iterable[Condition]) -> list[Condition]:
    """``new`` in its order, each with the transition time of ``old`` where the status is the same."""
    before = {condition.type: condition for condition in old}
    return [
        condition.model_copy(update={"last_transition_time": before[condition.type].last_transition_time})
        if condition.type in before and before[condition.type].status == condition.status
        else condition
        for condition in new
    ]


def condition(
    kind: ConditionType, *, holds: bool | None, reason: str, message: str, now: datetime, generation: int
) -> Condition:
    """A condition as of ``now``; ``holds=None`` means Unknown."""
    status: ConditionStatus = "Unknown" if holds is None else "True" if holds else "False"
    return Condition(
        type=kind.value,
        status=status,
        observed_generation=generation,
        last_transition_time=now.replace(microsecond=0),
        reason=reason,
        message=message,
    )
