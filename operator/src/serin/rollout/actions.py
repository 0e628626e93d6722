"""What does a PromotionAction do? One answer per action, written into status together with its effect.

The answer stands in status before the action's own status is written, so a crash between the two neither forgets an
action nor carries it out twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.status import AnsweredAction, Held, ModelDeploymentStatus, Retry, RolloutStatus
from serin.rollout.decision import Answer
from serin.rollout.observation import ActionView
from serin.rollout.takeback import take_back
from serin.rollout.turn import Move, Turn, changed, with_rollout
from serin.schema.reasons import Outcome, Phase, Reason

KEPT_ANSWERS = 20
MOST_UNWRITTEN = 15
"""Answers that may wait to be written before no further action is heard; an Abort has the rest of the places."""
LISTEN_AGAIN = timedelta(seconds=30)
"""When something outside keeps actions from being heard."""
UNVOUCHED = (
    "AdmissionPolicyMissing: nothing vouches for who asked; install the chart's admission policies "
    "(admissionPolicies: true) and create the action again. Hold and Abort are accepted without them"
)
Effect = ModelDeploymentStatus | Move | str
"""The status with the effect, a Move that ends the pass, or why the action is refused."""


def heard(turn: Turn, status: ModelDeploymentStatus) -> tuple[ModelDeploymentStatus, Move | None]:
    """The most urgent action without an answer gets one: the status with it, and the Move if the action is one."""
    action = next(iter(_hearable(turn, status)), None)
    if action is None:
        return status, None
    accepted = _answer(turn, action)
    effect: Effect = UNVOUCHED
    if turn.seen.vouched or not action.spec.action.forward:
        effect = EFFECTS[action.spec.action](turn, status, accepted, action)
    if isinstance(effect, str):
        refused = accepted.model_copy(update={"outcome": ActionOutcome.REFUSED, "message": effect})
        return changed(status, actions=remembered(turn, status.actions, refused)), None
    after = effect.status if isinstance(effect, Move) else effect
    after = changed(after, actions=remembered(turn, after.actions, accepted))
    if isinstance(effect, Move):
        return after, Move(after, effect.reason, effect.message, effect.wake_at, effect.stalled)
    return after, None


def _waiting(turn: Turn, status: ModelDeploymentStatus) -> list[ActionView]:
    """Actions without an answer in status: an Abort of this rollout before everything else, then the oldest."""
    known, record = {a.uid for a in status.actions}, status.rollout.record if status.rollout else None
    found = [a for a in turn.seen.actions if a.uid not in known]
    return sorted(found, key=lambda a: a.spec.action is not ActionKind.ABORT or a.spec.rollout != record)


def _hearable(turn: Turn, status: ModelDeploymentStatus) -> list[ActionView]:
    """Those that may be answered now: there is a place for the answer, and it is known whether somebody vouches."""
    unwritten = len({a.uid for a in status.actions} & {a.uid for a in turn.seen.actions})
    return [
        action
        for action in _waiting(turn, status)
        if unwritten < (KEPT_ANSWERS if action.spec.action is ActionKind.ABORT else MOST_UNWRITTEN)
        and (turn.seen.vouched is not None or not action.spec.action.forward)
    ]


def next_hearing(turn: Turn, status: ModelDeploymentStatus) -> datetime | None:
    """When to look again because of actions that wait."""
    if _hearable(turn, status):
        return turn.soon()
    return turn.now + LISTEN_AGAIN if _waiting(turn, status) else None


def remembered(turn: Turn, known: Sequence[AnsweredAction], answer: AnsweredAction) -> list[AnsweredAction]:
    """The answers with one more, newest first. One that is not yet written to its action goes last of all."""
    unwritten = {a.uid for a in turn.seen.actions}
    others = [a for a in known if a.uid != answer.uid]
    oldest = others[::-1]
    order = [a for a in oldest if a.uid not in unwritten] + [a for a in oldest if a.uid in unwritten]
    gone = {a.uid for a in order[: max(0, len(others) + 1 - KEPT_ANSWERS)]}
    return [answer, *(a for a in others if a.uid not in gone)]


def answers(turn: Turn, status: ModelDeploymentStatus) -> tuple[Answer, ...]:
    """What has still to be written to the actions themselves."""
    by_uid = {answered.uid: answered for answered in status.actions}
    return tuple(
        Answer(action.name, answered.outcome, answered.message, answered.at)
        for action in turn.seen.actions
        if (answered := by_uid.get(action.uid)) is not None
    )


def _answer(turn: Turn, action: ActionView) -> AnsweredAction:
    """Accepted, with who asked; without admission policies that is only who they say they are."""
    spec = action.spec
    return AnsweredAction(
        name=action.name,
        uid=action.uid,
        action=spec.action,
        rollout=spec.rollout,
        by=f"{spec.requested_by[:490]}{'' if turn.seen.vouched else ' (not verified)'}",
        reason=spec.reason,
        ticket=spec.ticket,
        outcome=ActionOutcome.ACCEPTED,
        message=DONE[spec.action],
        at=turn.now.replace(microsecond=0),
    )


def _under_way(status: ModelDeploymentStatus, asked: AnsweredAction) -> RolloutStatus | str:
    """The rollout that an action is about, or why it comes too late or names the wrong one."""
    rollout = status.rollout
    if rollout is None:
        return f"rollout {asked.rollout} is not under way, nor is any other"
    if rollout.record != asked.rollout:
        return f"rollout {asked.rollout} is not under way; {rollout.record} is"
    return rollout


def _undecided(status: ModelDeploymentStatus, asked: AnsweredAction, what: str) -> RolloutStatus | str:
    """The rollout that an action is about, if it may still go either way; otherwise why there is nothing to do."""
    rollout = _under_way(status, asked)
    if isinstance(rollout, str) or rollout.outcome is None:
        return rollout
    over = "promoted already" if rollout.outcome is Outcome.PROMOTED else "being taken back"
    return f"the rollout is {over}: there is nothing to {what}"


def _abort(turn: Turn, status: ModelDeploymentStatus, asked: AnsweredAction, _: ActionView) -> Effect:
    rollout = _under_way(status, asked)
    if isinstance(rollout, str):
        return rollout
    if rollout.outcome is Outcome.SUPERSEDED:
        return "the rollout is superseded: its candidate is going back already, and its revision is not refused"
    if rollout.outcome is Outcome.PROMOTED:
        return "the rollout is promoted already; put the earlier revision into spec to go back"
    if rollout.outcome is not None:
        return status  # it is being taken back: what was asked for is happening
    if status.stable is None:
        return "this is the first deployment: there is nothing to go back to; change spec instead"
    version = status.candidate.version if status.candidate else "?"
    message = f"aborted by {asked.by}{f': {asked.reason}' if asked.reason else ''}; version {version} is taken back"
    return take_back(turn, status, Reason.ABORTED_BY_ACTION, message)


def _hold(_: Turn, status: ModelDeploymentStatus, asked: AnsweredAction, __: ActionView) -> Effect:
    rollout = _undecided(status, asked, "hold")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it has no steps to hold"
    if rollout.held is not None:
        return status
    return with_rollout(status, held=Held(by=asked.by, at=asked.at, action=asked.name, reason=asked.reason))


def _release(_: Turn, status: ModelDeploymentStatus, asked: AnsweredAction, __: ActionView) -> Effect:
    rollout = _undecided(status, asked, "release")
    if isinstance(rollout, str):
        return rollout
    if rollout.held is None:
        return f"rollout {rollout.record} is not held by a PromotionAction"
    return with_rollout(status, held=None)


def _promote(_: Turn, status: ModelDeploymentStatus, asked: AnsweredAction, __: ActionView) -> Effect:
    """All traffic on somebody's word, as soon as the candidate can carry it; a Hold of before is over."""
    rollout = _undecided(status, asked, "promote")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it serves as soon as it is ready"
    word = Held(by=asked.by, at=asked.at, action=asked.name, reason=asked.reason)
    return with_rollout(status, promote=word, held=None)


def _retry(turn: Turn, status: ModelDeploymentStatus, asked: AnsweredAction, action: ActionView) -> Effect:
    wanted, stable, revision = turn.seen.wanted, status.stable, action.spec.revision or ""
    if status.candidate is not None:
        return f"a rollout of revision {status.candidate.revision} is under way; try again when it is over"
    if wanted is None or wanted.revision != revision:
        words = f"revision {wanted.revision}" if wanted else "nothing that can be used"
        return f"spec asks for {words}, not for revision {revision}; Retry is for the revision that spec asks for"
    noted = any(r.revision == revision for r in status.rejected)
    serves = stable is not None and stable.revision == revision and status.phase is Phase.STABLE
    if serves or not (noted or turn.seen.rejection(revision) or turn.seen.retry_at(revision)):
        return f"revision {revision} is not refused"
    return changed(status, retry=Retry(revision=revision, asked=asked))


EFFECTS: dict[ActionKind, Callable[[Turn, ModelDeploymentStatus, AnsweredAction, ActionView], Effect]] = {
    ActionKind.ABORT: _abort,
    ActionKind.HOLD: _hold,
    ActionKind.RELEASE: _release,
    ActionKind.RETRY: _retry,
    ActionKind.PROMOTE: _promote,
}
DONE = {
    ActionKind.ABORT: "the candidate is taken back",
    ActionKind.HOLD: "nothing moves forward until Release; the breach watch goes on",
    ActionKind.RELEASE: "the rollout goes on",
    ActionKind.RETRY: "the revision is tried again, as a new rollout",
    ActionKind.PROMOTE: "all traffic goes to the candidate as soon as it can carry it; the breach watch goes on",
}
