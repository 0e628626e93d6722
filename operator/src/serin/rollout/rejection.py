"""Which ends of a rollout are held against its revision? Only what the revision did itself, or what somebody wanted.

DESIGN, rule 15: a quota, a missing node, an eviction, a webhook, Serin's own rights and a broken stable reject nothing.
The rollout then ends ``Aborted`` and is tried again, with a pause that grows.
"""

from __future__ import annotations

from serin.schema.reasons import Outcome, Reason

OUTCOMES: dict[Reason, Outcome] = {
    Reason.SLO_BREACHED: Outcome.ROLLED_BACK,
    Reason.ALL_REQUESTS_BAD: Outcome.ROLLED_BACK,
    Reason.CANDIDATE_NOT_READY: Outcome.ROLLED_BACK,
    Reason.CANDIDATE_CRASHED: Outcome.ROLLED_BACK,
    Reason.MODEL_LOAD_FAILED: Outcome.ROLLED_BACK,
    Reason.PREPARE_TIMEOUT: Outcome.ROLLED_BACK,
    Reason.ABORTED_BY_HAND: Outcome.ABORTED,
    Reason.ABORTED_BY_ACTION: Outcome.ABORTED,
    Reason.NO_DATA_TOO_LONG: Outcome.ABORTED,
    Reason.INCONCLUSIVE: Outcome.ABORTED,
    Reason.SUPERSEDED: Outcome.SUPERSEDED,
}
"""How a rollout ends by its cause; a cause that is not listed is outside the revision: ``Aborted``."""
_REJECTING = frozenset(OUTCOMES) - {Reason.SUPERSEDED}


def rejects(cause: Reason) -> bool:
    """Whether a rollout that ended for ``cause`` is held against its revision."""
    return cause in _REJECTING


def outcome_of(cause: Reason) -> Outcome:
    """How a rollout that is taken back for ``cause`` ends."""
    return OUTCOMES.get(cause, Outcome.ABORTED)
