"""The next write to the InferenceService: one function of what is there and what is wanted.

Each write leaves a state from which the same function goes on: after a death, a refusal or a slow KServe nothing has to
be remembered. The percent that KServe gives ``canaryTrafficPercent: N`` is the latest *ready* Knative revision's; the
rest is what KServe holds for stable. So a template changes only at 0, and gets a percent only when it is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from serin.api.status import RevisionRef
from serin.rollout.decision import Decision
from serin.traffic.knative.split import EVERYTHING, Split


class Move(Enum):
    """What a write is for."""

    CREATE = auto()
    LOWER = auto()
    RAISE = auto()
    BEGIN = auto()
    """The candidate's template."""
    RESTORE = auto()
    """Stable's template, in place of another one."""
    REPAIR = auto()
    """The same template again, in place of what somebody has made of it."""
    HEAL = auto()
    """The same, since KServe holds another revision for stable."""
    SETTLE = auto()
    """The template is stable's, and gets everything."""
    RESIZE = auto()
    """The scaling fields in spec have changed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the InferenceService must become."""

    stable: RevisionRef | None
    candidate: RevisionRef | None
    weight: int | None
    """Percent on the candidate; None: what it has."""
    exposed: bool = False
    """Whether the candidate has had requests: its template is then evidence, and is not written again."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write: a template (None: as it is) and a percent (None: no such field)."""

    move: Move
    template: RevisionRef | None
    percent: int | None


def target_of(decision: Decision) -> Target | None:
    """What the decision asks for; None if nothing may be written."""
    plan, stable, rollout = decision.plan, decision.status.stable, decision.status.rollout
    if plan.route is None and not plan.ensure:
        return None
    if stable is None:
        return Target(None, decision.status.candidate, None)
    other = next((ref for ref in plan.ensure if ref.revision != stable.revision), None)
    exposed = rollout is not None and rollout.exposed
    if plan.route is None:
        return Target(stable, other, None, exposed)
    return Target(stable, plan.route.candidate or other, plan.route.weight, exposed)


def next_write(split: Split | None, target: Target, *, resized: bool = False, edited: bool = False) -> Write | None:
    """The next write; None if nothing is to be written, or not before KServe has taken the last one.

    ``resized``: the scaling fields differ from those in spec. ``edited``: somebody has edited the template.
    """
    stable, candidate = target.stable, target.candidate
    if split is None:
        first = stable or candidate
        return Write(Move.CREATE, first, None) if first is not None else None
    if stable is None:
        return _first(split, candidate, edited=edited) if candidate is not None else None
    own = candidate is not None and split.revision == candidate.revision
    if own and target.weight is not None and target.weight < split.on_template:
        return Write(Move.LOWER, None, target.weight)
    if not split.rolled_out:
        return _without_memory(split, stable, edited=edited)
    again = (_again(split, target, stable) if edited else None) or _not_past(split, stable)
    if again is not None:
        return again
    if candidate is None:
        return _alone(split, stable, resized=resized)
    if _holds_another(split, stable):
        return _heal(split, stable)
    return _raised(split, stable, target.weight) if own else _begin(split, stable, candidate)


def _first(split: Split, candidate: RevisionRef, *, edited: bool) -> Write | None:
    """Nothing is stable yet: the template gets everything as soon as it is ready."""
    if split.revision != candidate.revision or edited:
        return Write(Move.REPAIR if edited else Move.BEGIN, candidate, None)
    return Write(Move.SETTLE, None, None) if split.percent is not None else None


def _without_memory(split: Split, stable: RevisionRef, *, edited: bool) -> Write | None:
    """KServe has lost its status, or was stopped: whatever its template is gets everything, so it is stable's."""
    if split.revision != stable.revision:
        return Write(Move.HEAL, stable, None)
    if edited:
        return Write(Move.REPAIR, stable, None)
    return Write(Move.SETTLE, None, None) if split.percent is not None else None


def passes_stable_by(split: Split, stable: RevisionRef) -> bool:
    """Whether a percent is asked for stable's template that its Knative revision cannot take yet.

    KServe gives it to the latest *ready* one, which is another revision's; the rest, with 0 everything, goes to stable.
    KServe's own way back by one revision needs the latest ready one to be what it holds for stable: here it is not.
    """
    template_waits = split.revision == stable.revision and not split.is_up and split.percent != 0
    latest = split.served.get(split.ready)
    return template_waits and bool(split.ready) and split.stable == stable.revision != latest


def _not_past(split: Split, stable: RevisionRef) -> Write | None:
    return Write(Move.LOWER, None, 0) if passes_stable_by(split, stable) else None


def _again(split: Split, target: Target, stable: RevisionRef) -> Write | None:
    """The template that somebody has edited; None where it is not put back: the evidence is of what is there."""
    if split.revision == stable.revision:
        return _restored(split, stable, Move.REPAIR)
    own = target.candidate is not None and split.revision == target.candidate.revision
    return Write(Move.REPAIR, target.candidate, 0) if own and not split.on_template and not target.exposed else None


def _alone(split: Split, stable: RevisionRef, *, resized: bool) -> Write | None:
    if split.revision != stable.revision:
        return _restored(split, stable, Move.RESTORE)
    if split.percent is not None:
        return Write(Move.SETTLE, None, None) if split.is_up else None
    # Without a percent Knative itself waits until the new Knative revision is ready; both are of one content.
    return Write(Move.RESIZE, None, None) if resized else None


def _restored(split: Split, stable: RevisionRef, move: Move) -> Write:
    """0 first, then stable's template with 0: until that is ready, KServe's stable has everything."""
    if split.percent:
        return Write(Move.LOWER, None, 0)
    return Write(move, stable, 0)


def _holds_another(split: Split, stable: RevisionRef) -> bool:
    """Whether the rest goes, or will go, to a revision that is not stable."""
    known = split.stable is not None and split.stable != stable.revision
    return known and split.on_template < EVERYTHING


def _heal(split: Split, stable: RevisionRef) -> Write | None:
    latest = split.latest
    if latest is not None and latest.percent != split.percent:
        return None  # KServe has not taken the last percent; it may go back to stable with it by itself
    if split.revision == stable.revision:
        return Write(Move.SETTLE, None, None) if split.is_up else None
    return _restored(split, stable, Move.HEAL)


def _begin(split: Split, stable: RevisionRef, candidate: RevisionRef) -> Write | None:
    """The candidate's template and 0 in one write: 0 alone would be KServe's order to go back by one revision."""
    if split.revision != stable.revision and split.percent:
        return Write(Move.LOWER, None, 0)
    if split.revision == stable.revision and split.serves_an_edit:
        # What serves for stable is what somebody made of it: a baseline only when it is Serin's again.
        return Write(Move.SETTLE, None, None) if split.percent is not None and split.is_up else None
    if split.stable != stable.revision:
        return None  # told by the route's view
    return Write(Move.BEGIN, candidate, 0)


def _raised(split: Split, stable: RevisionRef, weight: int | None) -> Write | None:
    if weight is None or weight == split.on_template or not split.is_up:
        return None
    # At 100 % there is no rest that could go to another revision than stable.
    whole = weight == EVERYTHING or split.stable == stable.revision
    return Write(Move.RAISE, None, weight) if whole else None
