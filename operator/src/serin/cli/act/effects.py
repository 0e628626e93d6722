"""What an action will do to this ModelDeployment as it is now, in sentences, before anything is asked for."""

from __future__ import annotations

from collections.abc import Callable

from serin.cli.live.views import Details
from serin.cli.shell.telling import serin
from serin.errors import InvalidInput
from serin.schema.phase import Phase

Sentence = Callable[[Details], str]


def _stable(found: Details) -> str:
    return f"version {found.stable.version}" if found.stable else "no revision"


def _candidate(found: Details) -> str:
    return f"version {found.candidate.version}" if found.candidate else "the candidate"


def _weight(found: Details) -> int:
    return found.candidate.weight if found.candidate else 0


def _after(found: Details) -> str:
    return ", when it has been taken back" if found.row.phase == Phase.ROLLING_BACK else ""


EFFECTS: dict[str, Sentence] = {
    "Hold": lambda d: (
        f"{_candidate(d)} stays at {_weight(d)} %: nothing moves forward until Release; a breach still takes it back"
    ),
    "Release": lambda d: f"the Hold ends: {_candidate(d)} goes on from {_weight(d)} % when nothing else holds it",
    "Abort": lambda d: (
        f"{_candidate(d)} is taken back from {_weight(d)} % to 0 %, {_stable(d)} takes all traffic, and the revision "
        "is refused until a Retry"
    ),
    "Advance": lambda d: (
        f"step {d.step} of {d.steps} waits for no more evidence and time: {_candidate(d)} gets the next weight after "
        f"{_weight(d)} %; gates, capacity and the breach watch stay"
    ),
    "Promote": lambda d: (
        f"{_candidate(d)} gets all traffic ({_weight(d)} % now) as soon as it can carry it, without the rest of the "
        "evidence; a breach still takes it back"
    ),
    "Approve": lambda d: f"your approval counts for this rollout of {_candidate(d)}; it cannot be used for another one",
    "Reject": lambda d: (
        f"the rollout of {_candidate(d)} ends, {_stable(d)} takes all traffic, and the revision is refused until a "
        "Retry"
    ),
    "Retry": lambda d: f"version {d.wanted} is tried again from the beginning, as a new rollout{_after(d)}",
}
"""By action; ``ActionKind`` has the words."""


def effect_of(action: str, found: Details) -> str:
    """What the action does."""
    return EFFECTS[action](found)


def record_for(found: Details, action: str) -> str:
    """The record of the rollout that an action is about; ``InvalidInput`` if there is no rollout."""
    if found.record is None:
        raise InvalidInput(
            f"{found.row.name}: no rollout is under way ({found.row.phase}), so there is nothing to {action.lower()}: "
            f"{serin('get', found.row.name, found.row.namespace)}"
        )
    return found.record


def gate_for(found: Details, gate: str | None) -> str:
    """The gate that an answer is about, by default the one that waits for an approval; ``InvalidInput``."""
    waiting = [each.name for each in found.gates if each.kind == "approval" and each.state == "Waiting"]
    known = [each.name for each in found.gates]
    if gate is not None:
        if gate not in known:
            asked = f"asked so far: {', '.join(known)}" if known else "none has been asked yet"
            raise InvalidInput(f"{found.row.name}: no gate {gate} was asked in this rollout ({asked})")
        return gate
    if len(waiting) != 1:
        see = serin("get", found.row.name, found.row.namespace)
        told = f"give --gate, one of {', '.join(waiting)}" if waiting else f"{see} says why it waits"
        raise InvalidInput(f"{found.row.name}: {len(waiting)} gates wait for an approval: {told}")
    return waiting[0]


def revision_for(found: Details, revision: str | None, wanted: str) -> str:
    """The revision to try again, by default the one that spec asks for; ``InvalidInput`` if nothing refuses it."""
    name, chosen, stable = found.row.name, revision or wanted, found.stable
    if found.candidate is not None and found.row.phase != Phase.ROLLING_BACK:
        raise InvalidInput(
            f"{name}: a rollout of version {found.candidate.version} is under way; retry when it is over"
        )
    if found.row.phase == Phase.STABLE and stable is not None and stable.revision == chosen:
        raise InvalidInput(f"{name}: version {stable.version} serves already, so there is nothing to try again")
    return chosen
