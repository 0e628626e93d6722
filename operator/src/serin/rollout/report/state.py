"""How a message begins and ends: the state and since when, who has which traffic, why, and what ends the state."""

from __future__ import annotations

import re
from datetime import datetime

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import NO_ROUTE
from serin.rollout.transition import Transition, weights_of
from serin.schema.phase import Phase
from serin.schema.printable import shortened
from serin.schema.reasons import Outcome, Reason

LONGEST_SUMMARY = 200
"""Characters of the sentence in ``kubectl get``."""
SHORTEST_WHY = 60
"""Characters that the why keeps in it, whatever stands around."""
PROGRESS = frozenset(
    {
        Reason.SERVING,
        Reason.FIRST_DEPLOYMENT,
        Reason.PREPARING_CANDIDATE,
        Reason.WAITING_FOR_ROUTE,
        Reason.COLLECTING_EVIDENCE,
        Reason.STEP_TIME,
        Reason.SHADOWING,
        Reason.PREVIEWING,
        Reason.PROMOTING,
        Reason.BAKING,
        Reason.RETURNING,
        Reason.STATE_REBUILT,
        Reason.PROMOTED_BY_ACTION,
    }
)
"""The ordinary course of a rollout. Every other reason is a hold."""
DOWN = frozenset({Reason.NO_RECEIVER, Reason.STABLE_NOT_READY})
"""Clients get errors, and Serin cannot help them."""
MENDED = "mend what is named"
UP = "goes on when its pods run"
ENDS: dict[Reason, str] = {
    Reason.FIRST_DEPLOYMENT: "serves when it is ready",
    Reason.PREPARING_CANDIDATE: "goes on when it is ready",
    Reason.WAITING_FOR_ROUTE: "goes on when the gateway has it",
    Reason.WAITING_FOR_CAPACITY: "goes on when they are ready",
    Reason.COLLECTING_EVIDENCE: "goes on when the evidence decides",
    Reason.STEP_TIME: "goes on when that time is over",
    Reason.STEP_TIMEOUT: "more requests, or a PromotionAction Advance or Abort, end it",
    Reason.WORSE_THAN_STABLE: "goes on when it is shown to be no worse",
    Reason.COMMON_CAUSE: "goes on when the objective is kept again",
    Reason.NO_DATA: "goes on with the first usable windows",
    Reason.METRICS_UNAVAILABLE: "goes on when Prometheus answers",
    Reason.WAITING_FOR_TURN: "starts when it is its turn",
    Reason.WAITING_FOR_UPSTREAM: "goes on when it has proven itself there",
    Reason.GATE_CLOSED: "goes on when the gate opens",
    Reason.STABLE_NOT_READY: "ends when an endpoint is ready: mend it, or put another revision into spec",
    Reason.POLICY_MISSING: "create it, or name another in spec.policyRef",
    Reason.POLICY_INVALID: "mend the policy",
    Reason.SPEC_INVALID: "mend spec",
    Reason.RENDER_REFUSED: "mend spec",
    Reason.HOSTNAME_TAKEN: "free the hostname, or take another",
    Reason.ADOPTION_REFUSED: MENDED,
    Reason.KSERVE_MISSING: "install KServe",
    Reason.TRAFFIC_SPLIT: "goes on when the shares agree",
    Reason.STATE_CONFLICT: "restore what is missing",
    Reason.OBSERVATION_INCOMPLETE: "goes on when it can be read",
    Reason.UNSCHEDULABLE: UP,
    Reason.DEPENDENCY_UNAVAILABLE: UP,
    Reason.EVICTED: UP,
    Reason.QUOTA_EXCEEDED: UP,
    Reason.PERMISSION_MISSING: "give the right: tried again by itself",
    Reason.WEBHOOK_REFUSED: "mend what refuses it: tried again by itself",
    Reason.WRITE_REFUSED: "mend what refuses it: tried again by itself",
    Reason.WRITE_UNAVAILABLE: "tried again by itself",
    Reason.CANDIDATE_CRASHED: "another revision in spec ends it",
    Reason.MODEL_LOAD_FAILED: "another revision in spec ends it",
    Reason.CLIENT_ERRORS_DIFFER: "an Abort ends it; an Advance lets it go on",
    Reason.SUPERSEDED: "the next rollout begins by itself",
    Reason.POLICY_EDITED: "the rollout begins anew by itself",
}
"""What ends a hold. It stands behind every message of the reason."""
SAID: dict[Reason, str] = {
    Reason.ANALYSIS_NOT_READY: "mend the policy, or a PromotionAction Promote",
    Reason.PAUSED: "spec.paused: false ends it",
    Reason.FROZEN: "goes on when the freeze ends",
    Reason.HELD: "a PromotionAction Release ends it",
    Reason.WAITING_FOR_APPROVAL: "a PromotionAction Approve or Reject ends it",
    Reason.OUTSIDE_WINDOW: "goes on by itself then",
    Reason.PREVIEWING: "goes on when that time is over",
    Reason.BAKING: "ends when the bake is over",
    Reason.CANDIDATE_NOT_READY: "gets its weight back when it is ready in time",
    Reason.NO_RECEIVER: "act now: mend stable, or put a revision that works into spec",
    Reason.STABLE_DOWN: "ends when stable is ready again",
    Reason.NAME_TAKEN: "delete it, or take another name",
    Reason.TEMPLATE_DRIFT: "an Abort, a Promote or another revision ends it",
    Reason.UNKNOWN_STATE: "the newer version of Serin, or a PromotionAction Abort",
    Reason.REVISION_REJECTED: "change spec, or a PromotionAction Retry",
    Reason.REJECTED_ELSEWHERE: "change spec.model, or a PromotionAction Retry",
}
"""The same, where the message says it in more words; for the summary."""
TAKING_BACK = "ends when the gateway has 0 %"
LAST_ANSWERS = "ends when the record has the candidate's last answers"
LAST_WINDOWS = "ends when the record is written"
_QUERY = re.compile(r"; query: [^;]*")


def state(
    status: ModelDeploymentStatus, transition: Transition, since: datetime, now: datetime, *, routed: bool = True
) -> str:
    """The state, since when it is so, and who has which traffic; empty where a plain "serves all traffic" says it.

    ``routed``: a route sends requests to stable.
    """
    reason, rollout = transition.reason, status.rollout
    idle = rollout is None
    at = _clock(since, None if idle else now)
    if reason is Reason.SERVING and idle and not transition.stalled:
        return ""
    if reason in DOWN:
        return f"DOWN since {at}"
    if reason is Reason.STABLE_DOWN:
        return f"STABLE DOWN since {_clock(status.stable_down_since or since, now)}, {_traffic(status, routed=routed)}"
    if rollout is not None and rollout.taken_back:
        left = weights_of(status).applied
        still = f"{left} % still" if left else "no traffic"
        word = "ROLLBACK STUCK" if left and transition.stalled else "ROLLING BACK"
        return f"{word} since {_clock(rollout.decided_at or since, now)}, {still} on version {_tried(status)}"
    if status.phase is Phase.ROLLED_BACK:
        return f"ROLLED BACK, {_serves(status, routed=routed)}"
    if transition.stalled or (reason not in PROGRESS and not (idle and reason.effect.outcome is Outcome.SUPERSEDED)):
        # Who serves is not known without a status.
        traffic = "traffic stays as it is" if transition.frozen else _traffic(status, routed=routed)
        return f"{'STALLED' if transition.stalled else 'HELD'} since {at}, {traffic}"
    return _course(status, at, routed=routed)


def _course(status: ModelDeploymentStatus, at: str, *, routed: bool) -> str:
    """The ordinary course, by the phase."""
    if status.rollout is None or status.phase is None:
        return f"WAITING since {at}, {_serves(status, routed=routed)}"
    if status.rollout.outcome is Outcome.PROMOTED:
        return f"PROMOTED, all requests go to version {_tried(status)}"
    weight = weights_of(status).desired
    return f"{status.phase.value.upper()} version {_tried(status)}{f', {weight} % on it' if weight else ''}"


def _traffic(status: ModelDeploymentStatus, *, routed: bool) -> str:
    if status.rollout is None or status.candidate is None:
        return _serves(status, routed=routed)
    weights, version = weights_of(status), _tried(status)
    if weights.applied and not weights.desired:  # the route could not be written yet
        return f"{weights.applied} % still on version {version}"
    return f"{weights.desired} % stay on version {version}" if weights.desired else f"no traffic on version {version}"


def _serves(status: ModelDeploymentStatus, *, routed: bool) -> str:
    if status.stable is None:
        return "nothing serves"
    if status.stable_down_since is not None:
        return f"version {status.stable.version} has no ready endpoint"
    return f"version {status.stable.version} {'serves' if routed else NO_ROUTE}"


def _tried(status: ModelDeploymentStatus) -> str:
    return status.candidate.version if status.candidate is not None else "?"


def _clock(at: datetime, now: datetime | None) -> str:
    """The time of today, or day and time; always the day where nothing may be written at midnight."""
    today = now is not None and at.date() == now.date()
    return at.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC")


def ending(status: ModelDeploymentStatus, transition: Transition) -> str:
    """What ends the state, in a few words; empty for a state that lasts."""
    rollout = status.rollout
    if status.phase is Phase.ROLLED_BACK:
        return SAID[Reason.REVISION_REJECTED]
    if rollout is not None and rollout.taken_back and transition.reason not in DOWN | {Reason.STABLE_DOWN}:
        return TAKING_BACK if weights_of(status).applied else LAST_ANSWERS
    if rollout is not None and rollout.outcome is Outcome.PROMOTED and transition.reason in PROGRESS:
        return LAST_WINDOWS
    return ENDS.get(transition.reason) or SAID.get(transition.reason) or ""


def says_its_end(status: ModelDeploymentStatus, transition: Transition) -> bool:
    """Whether the message has what ends the state in more words."""
    rollout, reason = status.rollout, transition.reason
    back = status.phase is Phase.ROLLED_BACK or (rollout is not None and rollout.taken_back)
    return reason in SAID and (not back or reason in {Reason.REVISION_REJECTED, Reason.NO_RECEIVER, Reason.STABLE_DOWN})


def told(head: str, why: str, end: str, *, said: bool, longest: int) -> str:
    """The whole message: state, why, what ends it, and PromQL last; the why gives way where it is too long."""
    queries = "".join(dict.fromkeys(_QUERY.findall(why)))
    plain = _unsaid(_QUERY.sub("", why) if queries else why, head)
    before, after = f"{head}: " if head else "", f"; {end}" if end and not said and end not in plain else ""
    room = longest - len(before) - len(after)
    if len(plain) > room:
        plain = f"{plain[: room - 1]}…"
    return f"{before}{plain}{after}{queries}"[:longest]


def _unsaid(why: str, head: str) -> str:
    """The why without what the head says in the same words, such as which version serves; never nothing at all."""
    said = head.split(", ")[1:]
    return "; ".join(part for part in why.split("; ") if part not in said) or why


def summary(head: str, why: str, end: str, *, said: bool) -> str:
    """The message in at most ``LONGEST_SUMMARY`` characters: as many of its parts as there is room for."""
    whole = told(head, _QUERY.sub("", why), end, said=said, longest=LONGEST_SUMMARY + 1)
    if len(whole) <= LONGEST_SUMMARY:
        return whole
    first, *others = _unsaid(_QUERY.sub("", why), head).split("; ")
    before, after = f"{head}: " if head else "", f"; {end}" if end and end not in first else ""
    room = LONGEST_SUMMARY - len(before) - len(after)
    lacking = min(len(first), SHORTEST_WHY) - room
    if lacking > 0 and head:  # versions may have 63 characters
        before = f"{shortened(head, len(head) - lacking)}: "
        room += lacking
    text = shortened(first, max(1, room))
    for other in others:
        if len(text) + len(other) + 2 > room or text.endswith("…"):
            break
        text = f"{text}; {other}"
    return f"{before}{text}{after}"[:LONGEST_SUMMARY]
