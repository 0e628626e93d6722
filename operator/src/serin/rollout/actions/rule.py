"""An action: what it does, what is said when it is accepted, and whether it lets traffic go forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serin.api.status import AnsweredAction, ModelDeploymentStatus, RolloutStatus
from serin.rollout.context import DecisionContext
from serin.rollout.observation import ActionView
from serin.rollout.transition import Transition
from serin.schema.reasons import Outcome

Effect = ModelDeploymentStatus | Transition | str
"""The status with the effect, a Transition that ends the pass, or why the action is refused."""


@dataclass(frozen=True, slots=True)
class Request:
    """An action that is to be carried out."""

    answer: AnsweredAction
    """The answer that is given if nothing speaks against it: who asked, when, about which rollout."""
    view: ActionView


@dataclass(frozen=True, slots=True)
class ActionRule:
    """One kind of action."""

    apply: Callable[[DecisionContext, ModelDeploymentStatus, Request], Effect]
    accepted: str
    """What is said when it is accepted."""


def rollout_of_action(status: ModelDeploymentStatus, asked: AnsweredAction) -> RolloutStatus | str:
    """The rollout that an action is about, or why it comes too late or names the wrong one."""
    rollout = status.rollout
    if rollout is None:
        return f"rollout {asked.rollout} is not under way, nor is any other"
    if rollout.record != asked.rollout:
        return f"rollout {asked.rollout} is not under way; {rollout.record} is"
    return rollout


def undecided_rollout_of_action(status: ModelDeploymentStatus, asked: AnsweredAction, what: str) -> RolloutStatus | str:
    """The rollout that an action is about, if it may still go either way; otherwise why there is nothing to do."""
    rollout = rollout_of_action(status, asked)
    if isinstance(rollout, str) or rollout.outcome is None:
        return rollout
    over = "promoted already" if rollout.outcome is Outcome.PROMOTED else "being taken back"
    return f"the rollout is {over}: there is nothing to {what}"
