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
    rollout, here = status.rollout, current()
    if rollout is None:
        return
    bound: dict[str, Any] = {"rollout": rollout.record, "revision": status.candidate and status.candidate.revision}
    if here is not None:
        root = _root(obj, rollout)
        bound["rollout_trace_id"] = root.trace_id
        _name(here, rollout, root, status.candidate)
    structlog.contextvars.bind_contextvars(**bound)


def decided(obj: Object, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> None:
    """Tells of a status that was written, unless it only counts on: one line, and one span if passes are traced."""
    if _gist(before) == _gist(after):
        return
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
        line |= {
            "rollout": rollout.record,
            "revision": candidate and candidate.revision,
            "version": candidate and candidate.version,
            "step": rollout.step,
            "outcome": rollout.outcome and rollout.outcome.value,
        }
    if here is not None and rollout is not None:
        root = _root(obj, rollout)
        line["rollout_trace_id"] = root.trace_id
        _name(here, rollout, root, candidate)
        _add_spans(here, obj, before, line, root)
    metadata = obj["metadata"]
    told_of = {key: value for key, value in line.items() if value is not None}
    log.info("decided", namespace=metadata["namespace"], name=metadata["name"], **told_of)


def _gist(status: ModelDeploymentStatus) -> tuple[object, ...]:
    """What a decision changes; counts, evidence and times change with each window."""
    rollout, weights = status.rollout, status.weights
    ready = next((condition.reason for condition in status.conditions if condition.type == "Ready"), None)
    step = (rollout.record, rollout.step, rollout.outcome) if rollout is not None else None
    return status.phase, status.reason, ready, weights.desired if weights is not None else 0, step


def _root(obj: Object, rollout: RolloutStatus) -> Place:
    return of_rollout(str(obj["metadata"].get("uid", "")), rollout.record)


def _name(here: Recording, rollout: RolloutStatus, root: Place, candidate: RevisionRef | None) -> None:
    """Names the rollout in the span of the pass, and links that to the rollout's trace."""
    here.kept, whole = True, here.whole
    whole.links = (root,)
    whole.attributes |= {"serin.record": rollout.record, "serin.rollout.trace_id": root.trace_id}
    if candidate is not None:
        whole.attributes |= {"serin.revision": candidate.revision, "serin.version": candidate.version}


def _add_spans(here: Recording, obj: Object, before: ModelDeploymentStatus, line: dict[str, Any], root: Place) -> None:
    """The decision in the rollout's trace, linked to the pass; with the first one the span that all stand below."""
    started = here.whole.started
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
