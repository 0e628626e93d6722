"""The rule of an action kind, and checks that several kinds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serin.api.people import AnsweredAction
from serin.api.status import ModelDeploymentStatus, RolloutStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition
from serin.rollout.views import ActionView
from serin.schema.reasons import Outcome

Effect = ModelDeploymentStatus | Transition | str
"""The changed status, a Transition that ends the pass, or the message of a refusal."""


@dataclass(frozen=True, slots=True)
class Request:
    """An action to apply."""

    answer: AnsweredAction
    """The answer if it is accepted: requester, time, rollout."""
    view: ActionView


@dataclass(frozen=True, slots=True)
class ActionRule:
    """One kind of action."""

    apply: Callable[[DecisionContext, ModelDeploymentStatus, Request], Effect]
    accepted: str
    """Message of the answer if it is accepted."""
    waits: Callable[[DecisionContext, ModelDeploymentStatus, ActionView], bool] = lambda *_: False
    """Whether an action keeps for now what would only be refused: what it needs comes by itself, and soon."""


def rollout_of_action(status: ModelDeploymentStatus, answer: AnsweredAction) -> RolloutStatus | str:
    """The rollout that an action names, or the message of a refusal if another one or none is under way."""
    rollout = status.rollout
    if rollout is None:
        return f"rollout {answer.rollout} is not under way, nor is any other"
    if rollout.record != answer.rollout:
        return f"rollout {answer.rollout} is not under way; {rollout.record} is"
    return rollout


def undecided_rollout_of_action(
    status: ModelDeploymentStatus, answer: AnsweredAction, verb: str
) -> RolloutStatus | str:
    """The rollout that an action names, if it has no outcome yet; otherwise the message of a refusal."""
    rollout = rollout_of_action(status, answer)
    if isinstance(rollout, str) or rollout.outcome is None:
        return rollout
    over = "promoted already" if rollout.outcome is Outcome.PROMOTED else "being taken back"
    return f"the rollout is {over}: there is nothing to {verb}"
