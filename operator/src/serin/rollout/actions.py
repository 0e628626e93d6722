"""What does a PromotionAction do? One answer per action, written into status together with its effect.

The answer stands in status before the action's own status is written, so a crash between the two neither forgets an
action nor carries it out twice.
"""

from __future__ import annotations

from collections.abc import Callable

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.reasons import Phase, Reason
from serin.api.status import AnsweredAction, Held, ModelDeploymentStatus, Retry
from serin.rollout.decision import Answer
from serin.rollout.observation import ActionView
from serin.rollout.takeback import take_back
from serin.rollout.turn import Move, Turn, changed, with_rollout

KEPT_ANSWERS = 20
UNVOUCHED = (
    "AdmissionPolicyMissing: nothing vouches for who asked; install the chart's admission policies "
    "(admissionPolicies: true) and create the action again. Hold and Abort are accepted without them"
)
Effect = ModelDeploymentStatus | Move | str
"""The status with the effect, a Move that ends the pass, or why the action is refused."""


def heard(turn: Turn, status: ModelDeploymentStatus) -> tuple[ModelDeploymentStatus, Move | None]:
    """The oldest action without an answer gets one: the status with it, and the Move if the action is one."""
    known = {answered.uid for answered in status.actions}
    action = next((a for a in turn.seen.actions if a.uid not in known), None)
    if action is None or len(known & {a.uid for a in turn.seen.actions}) >= KEPT_ANSWERS:
        return status, None
    if action.spec.action.forward and not turn.seen.vouched:
        return _answered(turn, status, action, UNVOUCHED), None
    effect = EFFECTS[action.spec.action](turn, status, action)
    if isinstance(effect, Move):
        return status, Move(
            _answered(turn, effect.status, action, None), effect.reason, effect.message, effect.wake_at, effect.stalled
        )
    if isinstance(effect, str):
        return _answered(turn, status, action, effect), None
    return _answered(turn, effect, action, None), None


def answers(turn: Turn, status: ModelDeploymentStatus) -> tuple[Answer, ...]:
    """What has still to be written to the actions themselves."""
    by_uid = {answered.uid: answered for answered in status.actions}
    return tuple(
        Answer(action.name, answered.outcome, answered.message, answered.at)
        for action in turn.seen.actions
        if (answered := by_uid.get(action.uid)) is not None
    )


def by(turn: Turn, action: ActionView) -> str:
    """Who asked; without admission policies only who they say they are."""
    return f"{action.spec.requested_by}{'' if turn.seen.vouched else ' (not verified)'}"[:253]


def _answered(
    turn: Turn, status: ModelDeploymentStatus, action: ActionView, refusal: str | None
) -> ModelDeploymentStatus:
    answer = AnsweredAction(
        name=action.name,
        uid=action.uid,
        action=action.spec.action,
        rollout=action.spec.rollout,
        by=by(turn, action),
        reason=action.spec.reason,
        ticket=action.spec.ticket,
        outcome=ActionOutcome.REFUSED if refusal else ActionOutcome.ACCEPTED,
        message=refusal or DONE[action.spec.action],
        at=turn.now.replace(microsecond=0),
    )
    return changed(status, actions=[answer, *status.actions][:KEPT_ANSWERS])


def _not_under_way(status: ModelDeploymentStatus, action: ActionView) -> str | None:
    """Why an action on a rollout comes too late, or names the wrong one."""
    rollout = status.rollout
    if rollout is None:
        return f"rollout {action.spec.rollout} is not under way, nor is any other"
    if rollout.record != action.spec.rollout:
        return f"rollout {action.spec.rollout} is not under way; {rollout.record} is"
    return None


def _abort(turn: Turn, status: ModelDeploymentStatus, action: ActionView) -> Effect:
    refusal, rollout = _not_under_way(status, action), status.rollout
    if refusal or rollout is None:
        return refusal or ""
    if rollout.outcome is not None:
        return status  # it is being taken back: what was asked for is happening
    if status.stable is None:
        return "this is the first deployment: there is nothing to go back to; change spec instead"
    version, why = status.candidate.version if status.candidate else "?", action.spec.reason
    message = f"aborted by {by(turn, action)}{f': {why}' if why else ''}; version {version} is taken back"
    return take_back(turn, status, Reason.ABORTED_BY_ACTION, message)


def _hold(turn: Turn, status: ModelDeploymentStatus, action: ActionView) -> Effect:
    refusal, rollout = _not_under_way(status, action), status.rollout
    if refusal or rollout is None:
        return refusal or ""
    if rollout.outcome is not None:
        return "the rollout is being taken back: there is nothing to hold"
    if rollout.held is not None:
        return status
    at = turn.now.replace(microsecond=0)
    return with_rollout(status, held=Held(by=by(turn, action), at=at, action=action.name, reason=action.spec.reason))


def _release(_: Turn, status: ModelDeploymentStatus, action: ActionView) -> Effect:
    refusal, rollout = _not_under_way(status, action), status.rollout
    if refusal or rollout is None:
        return refusal or ""
    if rollout.held is None:
        return f"rollout {rollout.record} is not held by a PromotionAction"
    return with_rollout(status, held=None)


def _retry(turn: Turn, status: ModelDeploymentStatus, action: ActionView) -> Effect:
    wanted, revision = turn.seen.wanted, action.spec.revision or ""
    if status.candidate is not None:
        return f"a rollout of revision {status.candidate.revision} is under way; try again when it is over"
    if wanted is None or wanted.revision != revision:
        asked = f"revision {wanted.revision}" if wanted else "nothing that can be used"
        return f"spec asks for {asked}, not for revision {revision}; Retry is for the revision that spec asks for"
    noted = any(r.revision == revision for r in status.rejected)
    if status.phase is not Phase.ROLLED_BACK or not (noted or turn.seen.rejection(revision)):
        return f"revision {revision} is not refused"
    return changed(status, retry=Retry(revision=revision, action=action.name))


EFFECTS: dict[ActionKind, Callable[[Turn, ModelDeploymentStatus, ActionView], Effect]] = {
    ActionKind.ABORT: _abort,
    ActionKind.HOLD: _hold,
    ActionKind.RELEASE: _release,
    ActionKind.RETRY: _retry,
}
DONE = {
    ActionKind.ABORT: "the candidate is taken back",
    ActionKind.HOLD: "nothing moves forward until Release; the breach watch goes on",
    ActionKind.RELEASE: "the rollout goes on",
    ActionKind.RETRY: "the revision is tried again, as a new rollout",
}
