"""What somebody else had changed of an InferenceService, in words: for the Event that tells that it is put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.api.managed_fields import is_overruled, writers_of
from serin.api.status import RevisionRef, Weights
from serin.rollout.decision import Decision
from serin.traffic.backend import Route
from serin.traffic.knative.edits import Edit
from serin.traffic.knative.scaling import Resize
from serin.traffic.knative.split import Split
from serin.traffic.knative.template import PERCENT
from serin.traffic.knative.writes import Move, Write, passes_stable_by


@dataclass(frozen=True, slots=True)
class Foreign:
    """What somebody else has made of the template."""

    edit: Edit | None = None
    resize: Resize | None = None

    def is_cause_of(self, write: Write) -> bool:
        """Whether the write puts that back."""
        if write.move is Move.RESIZE:
            return self.resize is not None and bool(self.resize.by)
        return write.move is Move.REPAIR


def repaired(route: Route, split: Split | None, decision: Decision, write: Write, foreign: Foreign) -> str:
    """What somebody else had changed; empty if the write follows from Serin's own decision."""
    status, seen, name, edit, resize = decision.status, route.view, route.owner.name, foreign.edit, foreign.resize
    if resize is not None and resize.by and write.move is Move.RESIZE:
        what = f"field manager {resize.by} had changed {', '.join(resize.fields)} in InferenceService {name}"
        return f"{what}; the scaling of spec is put back"
    if edit is not None and write.move is Move.REPAIR and write.template is not None:
        what = f"{edit.by} had changed {edit.field} in the template of InferenceService {name}"
        return f"{what}; version {write.template.version} is put back"
    if split is None or seen is None or status.stable is None:
        return ""
    if write.move is Move.HEAL:
        held = f"revision {split.stable} ({split.rolled_out})" if split.rolled_out else "nothing"
        return (
            f"KServe held {held} for the stable revision of InferenceService {name}, which is version "
            f"{status.stable.version}; that is put back"
        )
    known = {ref.revision for ref in (status.stable, status.candidate, status.previous, *status.draining) if ref}
    known |= {rejection.revision for rejection in status.rejected}
    if write.move is Move.RESTORE and split.revision not in known:
        version = status.stable.version
        return f"{seen.edited_by} had changed the template of InferenceService {name}; version {version} is put back"
    by_hand = _percent_by_hand(route, split, status.stable, write)
    if by_hand:
        return by_hand
    before = route.before.weights or Weights()
    had = max(before.desired, before.applied)  # what Serin itself has not lowered yet is not told
    if write.move is Move.LOWER and seen.editor and write.percent is not None and had <= write.percent:
        return f"{seen.edited_by} had raised the percent of InferenceService {name}; it is {write.percent} % again"
    return ""


def _percent_by_hand(route: Route, split: Split, stable: RevisionRef, write: Write) -> str:
    """That somebody has set or removed the percent while the template is stable's."""
    if route.actual is None or split.revision != stable.revision:
        return ""
    name, writer = route.owner.name, percent_writer(route.actual)
    by = f"field manager {writer}" if writer else route.view.edited_by if route.view is not None else "somebody"
    if write.move is Move.LOWER and passes_stable_by(split, stable):
        what = "had removed the percent" if split.percent is None else f"had set the percent to {split.percent}"
        return (
            f"{by} {what} of InferenceService {name} before the template of version {stable.version} is up, which "
            f"gives the requests to {split.ready}; it is 0 % again"
        )
    if write.move is Move.SETTLE and is_set_by_hand(route.actual, split, stable):
        return (
            f"{by} had set canaryTrafficPercent of InferenceService {name} to {split.percent}; it is removed, and "
            f"version {stable.version} gets everything again"
        )
    return ""


def is_set_by_hand(inference_service: Mapping[str, Any], split: Split, stable: RevisionRef) -> bool:
    """Whether the percent beside stable's template is somebody's, and no rest of a rollout.

    A rollback that somebody began by a percent of 0 leaves that beside the template that Serin puts back: then KServe
    holds an older Knative revision of stable.
    """
    if split.percent is None or not is_overruled(inference_service, names.MANAGER, "spec", "predictor", PERCENT):
        return False
    return split.percent > 0 or split.stable != stable.revision or split.rolled_out == split.created


def percent_writer(inference_service: Mapping[str, Any]) -> str:
    """The field manager that has set the percent, if it is not Serin; empty without one."""
    writers = [w for w in writers_of(inference_service, "spec", "predictor") if f"f:{PERCENT}" in w.fields]
    if any(writer.manager == names.MANAGER for writer in writers):
        return ""
    return max(writers, key=lambda writer: writer.time).manager if writers else ""
