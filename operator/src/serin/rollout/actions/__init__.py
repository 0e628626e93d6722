"""PromotionActions: one module per kind; each action is applied and answered in one transition.

The answer is written to the ModelDeployment's status before the action's own status, so a crash between the two neither
loses an action nor applies it twice.

To add an action, write a module with its ``ActionRule``, add a kind to ``ActionKind`` and a line to ``ACTIONS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.abort import ABORT
from serin.rollout.actions.advance import ADVANCE
from serin.rollout.actions.approve import APPROVE
from serin.rollout.actions.hold import HOLD
from serin.rollout.actions.promote import PROMOTE
from serin.rollout.actions.reject import REJECT
from serin.rollout.actions.release import RELEASE
from serin.rollout.actions.retry import RETRY
from serin.rollout.actions.rule import ActionRule, Effect, Request
from serin.rollout.context import DecisionContext
from serin.rollout.decision import Answer
from serin.rollout.observation import Part
from serin.rollout.transition import Transition, with_fields
from serin.rollout.views import ActionView
from serin.schema.words import is_known

ACTIONS: dict[ActionKind, ActionRule] = {
    ActionKind.ABORT: ABORT,
    ActionKind.HOLD: HOLD,
    ActionKind.RELEASE: RELEASE,
    ActionKind.RETRY: RETRY,
    ActionKind.ADVANCE: ADVANCE,
    ActionKind.PROMOTE: PROMOTE,
    ActionKind.APPROVE: APPROVE,
    ActionKind.REJECT: REJECT,
}
KEPT_ANSWERS = 20
"""Answers in status."""
MOST_UNWRITTEN = 15
"""Answers not yet written to their action beyond which only an Abort is applied."""
LIFETIME = timedelta(hours=1)
"""How long an action that lets traffic go forward may wait for its answer: what it was said of changes meanwhile."""
ACTION_RETRY = timedelta(seconds=30)
"""Delay before waiting actions are tried again, if they cannot be applied now."""
NOT_VERIFIED = (
    "AdmissionPolicyMissing: nothing vouches for who asked; install the chart's admission policies "
    "(admissionPolicies: true) and create the action again. Hold and Abort are accepted without them"
)
NOT_VOUCHED = (
    "NotVerified: this action was there before Serin, started or elected since, had seen the admission policies at "
    "work, so nothing vouches for who asked; create it again. Hold and Abort are accepted all the same"
)


def apply_next_action(
    context: DecisionContext, status: ModelDeploymentStatus
) -> tuple[ModelDeploymentStatus, Transition | None]:
    """Applies the most urgent unanswered action: the status with its answer, and a Transition if it ends the pass."""
    action = next(iter(_actionable(context, status)), None)
    if action is None:
        return status, None
    accepted = _answer(context, action)
    effect: Effect = NOT_VOUCHED if context.observed.requester_verified else NOT_VERIFIED
    if _expired(context, action):
        effect = "expired: it was created more than 1 h ago, and nobody could answer it until now; create it again"
    elif _verified(context, action) or not action.spec.action.forward:
        effect = ACTIONS[action.spec.action].apply(context, status, Request(accepted, action))
    if isinstance(effect, str):
        refused = accepted.model_copy(update={"outcome": ActionOutcome.REFUSED, "message": effect})
        return with_fields(status, actions=with_answer(context, status.actions, refused)), None
    after = effect.status if isinstance(effect, Transition) else effect
    after = with_fields(after, actions=with_answer(context, after.actions, accepted))
    if isinstance(effect, Transition):
        return after, Transition(after, effect.reason, effect.message, effect.wake_at, effect.stalled)
    return after, None


def _expired(context: DecisionContext, action: ActionView) -> bool:
    """Whether it would let traffic go forward on somebody's word of long ago. Hold, Abort and Reject never expire."""
    created = action.created_at
    return action.spec.action.forward and created is not None and context.now - created > LIFETIME


def _verified(context: DecisionContext, action: ActionView) -> bool:
    """Whether the API server has checked who asked."""
    return bool(context.observed.requester_verified) and action.vouched


def _waiting(context: DecisionContext, status: ModelDeploymentStatus) -> list[ActionView]:
    """Unanswered actions: an Abort of this rollout first, then by age."""
    known, record = {a.uid for a in status.actions}, status.rollout.record if status.rollout else None
    unanswered = [a for a in context.observed.actions if a.uid not in known]
    return sorted(unanswered, key=lambda a: a.spec.action is not ActionKind.ABORT or a.spec.rollout != record)


def _actionable(context: DecisionContext, status: ModelDeploymentStatus) -> list[ActionView]:
    """Waiting actions that can be applied now: status has room for the answer, and the requester check is known."""
    unwritten = len({a.uid for a in status.actions} & {a.uid for a in context.observed.actions})
    return [
        action
        for action in _waiting(context, status)
        if unwritten < (KEPT_ANSWERS if action.spec.action is ActionKind.ABORT else MOST_UNWRITTEN)
        and (not action.spec.action.forward or _forward_can_be_decided(context))
        and not ACTIONS[action.spec.action].waits(context, status, action)
    ]


def _forward_can_be_decided(context: DecisionContext) -> bool:
    """Whether the requester check is known and every action was read: a newer Hold may be among those that were not."""
    return context.observed.requester_verified is not None and Part.ACTIONS not in context.observed.unknown


def actions_due_at(context: DecisionContext, status: ModelDeploymentStatus) -> datetime | None:
    """When to decide again because of actions that wait, or that were not read; None without any."""
    unread = Part.ACTIONS in context.observed.unknown
    if _actionable(context, status) or (unread and status.rollout is not None):
        return context.poll_at()
    if unread:
        return context.now + ACTION_RETRY
    return context.now + ACTION_RETRY if _waiting(context, status) else None


def with_answer(
    context: DecisionContext, known: Sequence[AnsweredAction], answer: AnsweredAction
) -> list[AnsweredAction]:
    """The answers with ``answer`` added, newest first. Above the limit, written answers are dropped first.

    While not all actions are read, an answer whose action is not in sight may be unwritten, and one that was given away
    would be carried out again. That harms only where traffic goes forward by it.
    """
    unwritten = {a.uid for a in context.observed.actions}
    if Part.ACTIONS in context.observed.unknown:
        unwritten |= {a.uid for a in known if is_known(a.action) and a.action.forward}
    others = [a for a in known if a.uid != answer.uid]
    oldest_first = others[::-1]
    order = [a for a in oldest_first if a.uid not in unwritten] + [a for a in oldest_first if a.uid in unwritten]
    dropped = {a.uid for a in order[: max(0, len(others) + 1 - KEPT_ANSWERS)]}
    return [answer, *(a for a in others if a.uid not in dropped)]


def answers(context: DecisionContext, status: ModelDeploymentStatus) -> tuple[Answer, ...]:
    """The answers that are not yet written to their actions."""
    by_uid = {answered.uid: answered for answered in status.actions}
    return tuple(
        Answer(action.name, answered.outcome, answered.message, answered.at)
        for action in context.observed.actions
        if (answered := by_uid.get(action.uid)) is not None
    )


def _answer(context: DecisionContext, action: ActionView) -> AnsweredAction:
    """An accepting answer. A requester that no admission policy has checked is marked as not verified."""
    spec = action.spec
    return AnsweredAction(
        name=action.name,
        uid=action.uid,
        action=spec.action,
        rollout=spec.rollout,
        gate=spec.gate,
        by=f"{spec.requested_by[:490]}{'' if _verified(context, action) else ' (not verified)'}",
        reason=spec.reason,
        ticket=spec.ticket,
        outcome=ActionOutcome.ACCEPTED,
        message=ACTIONS[spec.action].accepted,
        at=context.now.replace(microsecond=0),
    )
