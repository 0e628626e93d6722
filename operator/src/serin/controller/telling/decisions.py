"""One line of the log for each decision, and the span that stands for it in the trace of its rollout."""

from __future__ import annotations

from typing import Any

import structlog

from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus
from serin.cluster.client import Object
from serin.tracing.recording import Recording, current, told
from serin.tracing.span import Attribute, Place, Span, of_rollout, within

log = structlog.get_logger()


def under_way(obj: Object, status: ModelDeploymentStatus) -> None:
    """Notes which rollout a pass is about: in each line of the log from here on, and in the trace."""
    try:
        if status.rollout is not None:
            _note(obj, status.rollout, status.candidate)
    except Exception:  # nothing that is only told may end a pass
        log.exception("rollout not noted")


def decided(obj: Object, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
    """Tells of a status that was written, unless it only counts on: one line, and one span if passes are traced."""
    try:
        if _gist(before) != _gist(after):
            _tell(obj, before, after)
    except Exception:  # the weight is written after this: nothing that is only told may stand before it
        log.exception("decision not told")


def _note(obj: Object, rollout: RolloutStatus, candidate: RevisionRef | None) -> dict[str, Any]:
    """What names the rollout in a line; its pass is linked to it and kept."""
    named: dict[str, Any] = {"rollout": rollout.record, "revision": candidate and candidate.revision}
    here = current()
    if here is not None:
        root = of_rollout(str(obj["metadata"].get("uid", "")), rollout.record)
        named["rollout_trace_id"] = root.trace_id
        _name(here, rollout, root, candidate)
    structlog.contextvars.bind_contextvars(**named)
    return named


def _tell(obj: Object, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
    rollout, here = after.rollout or before.rollout, current()
    candidate = after.candidate or before.candidate
    line: dict[str, Any] = {
        "phase": after.phase and after.phase.value,
        "reason": after.reason and after.reason.value,
        "weight": after.weights.desired if after.weights else 0,
        "stable": after.stable and after.stable.version,
        "message": after.message,
    }
    if rollout is not None:
        line |= _note(obj, rollout, candidate)
        line |= {
            "version": candidate and candidate.version,
            "step": rollout.step,
            "outcome": rollout.outcome and rollout.outcome.value,
        }
        if here is not None:
            _add_spans(here, obj, before, line)
    metadata = obj["metadata"]
    told_of = {key: value for key, value in line.items() if value is not None}
    log.info("decided", namespace=metadata["namespace"], name=metadata["name"], **told_of)


def _gist(status: ModelDeploymentStatus) -> tuple[object, ...]:
    """What a decision changes; counts, evidence and times change with each window."""
    rollout, weights = status.rollout, status.weights
    ready = next((condition.reason for condition in status.conditions if condition.type == "Ready"), None)
    step = (rollout.record, rollout.step, rollout.outcome) if rollout is not None else None
    return status.phase, status.reason, ready, weights.desired if weights is not None else 0, step


def _name(here: Recording, rollout: RolloutStatus, root: Place, candidate: RevisionRef | None) -> None:
    """Names the rollout in the span of the pass, and links that to the rollout's trace."""
    here.kept, whole = True, here.whole
    whole.links = (root,)
    whole.attributes |= {"serin.record": rollout.record, "serin.rollout.trace_id": root.trace_id}
    if candidate is not None:
        whole.attributes |= {"serin.revision": candidate.revision, "serin.version": candidate.version}


def _add_spans(here: Recording, obj: Object, before: ModelDeploymentStatus, line: dict[str, Any]) -> None:
    """The decision in the rollout's trace, linked to the pass; with the first one the span that all stand below."""
    root, started = here.whole.links[0], here.whole.started
    about: dict[str, Attribute] = {
        "serin.namespace": obj["metadata"]["namespace"],
        "serin.model_deployment": obj["metadata"]["name"],
        "deployment.name": obj["metadata"]["name"],
        "deployment.id": line["rollout"],
    }
    if before.rollout is None:
        here.add(Span("rollout", root, None, started, 0, dict(about)))
    values = ((f"serin.{key}", value) for key, value in line.items() if value is not None)
    own = {key: told(value) if isinstance(value, str) else value for key, value in values}
    span = Span(f"{line['phase']}: {line['reason']}", within(root), root, started, 0, {**about, **own})
    span.links = (here.whole.place,)
    here.add(span)
