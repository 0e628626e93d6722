"""Every move that any story makes is in the table of phases."""

from __future__ import annotations

from serin.rollout.phases import PHASE_TRANSITIONS

KNOWN = {phase.value: {after.value for after in targets} for phase, targets in PHASE_TRANSITIONS.items()}


def check_move(before: str | None, after: str | None) -> None:
    """A status that is lost begins anew, and phases of a newer Serin are its own."""
    known = before in KNOWN and after in KNOWN and before != after
    assert not known or after in KNOWN[before or ""], f"{before} is followed by {after}"
