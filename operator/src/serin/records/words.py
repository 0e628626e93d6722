"""What people said about a rollout, as its record tells it to a status that is rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serin.api.people import AdvancedStep, AnsweredAction, Held
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import TimelineEntry
from serin.rollout.steps.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Words:
    """The accepted actions that are in force."""

    held: Held | None = None
    """The Hold that has been ended neither by a Release nor by a Promote."""
    promote: Held | None = None
    advances: tuple[AdvancedStep, ...] = ()


def words_of(
    actions: Sequence[AnsweredAction], timeline: Sequence[TimelineEntry], policy: PromotionPolicySpec | None
) -> Words:
    """The words in force; ``actions`` are oldest first."""
    accepted = [action for action in actions if action.outcome is ActionOutcome.ACCEPTED]
    promotes = [_said(action) for action in accepted if action.action is ActionKind.PROMOTE]
    advances = (action for action in accepted if action.action is ActionKind.ADVANCE)
    return Words(
        held=_held(accepted),
        promote=promotes[-1] if promotes else None,
        advances=tuple(_advance(action, timeline, policy) for action in advances) if policy is not None else (),
    )


def _held(accepted: Iterable[AnsweredAction]) -> Held | None:
    held = None
    for action in accepted:
        if action.action is ActionKind.HOLD:
            held = held or _said(action)
        elif action.action in {ActionKind.RELEASE, ActionKind.PROMOTE}:
            held = None
    return held


def _said(action: AnsweredAction) -> Held:
    return Held(by=action.by, at=action.at, action=action.name, reason=action.reason)


def _advance(action: AnsweredAction, timeline: Sequence[TimelineEntry], policy: PromotionPolicySpec) -> AdvancedStep:
    """The Advance with the step of the weight that was in force before its second.

    Answers are in whole seconds: what was decided in the same second may be its effect. A step too low asks for the
    evidence of the next one; a step too high would let it go without.
    """
    before = [entry for entry in timeline if entry.at < action.at]
    step = Schedule(policy).step_at(before[-1].weight) if before else 0
    said = _said(action)
    return AdvancedStep(by=said.by, at=said.at, action=said.action, reason=said.reason, step=step)
