"""Writes the InferenceService: one create or one merge patch, and what the API server did not keep of it."""

from __future__ import annotations

from typing import Any

from serin.api.revision import Source, scaling_of, without_scaling
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import Conflict, NameTaken, Refused
from serin.traffic.backend import Route
from serin.traffic.dropped_fields import dropped_fields
from serin.traffic.knative.pauses import ENDS, next_end
from serin.traffic.knative.scaling import resized
from serin.traffic.knative.template import HEALING, inference_service, next_mark, owned, patch_of, template
from serin.traffic.knative.writes import Move, Target, Write


async def written(
    cluster: Cluster, route: Route, target: Target, write: Write, *, fought: bool = False
) -> tuple[str, ...]:
    """Carries the write out. Returns the fields of the template that the API server does not have; ``ClusterError``.

    ``fought``: it puts back what somebody else has written, which is counted.
    """
    owner, actual, kind = route.owner, route.actual, resources.INFERENCE_SERVICES
    predictor: dict[str, Any] | None = None
    if write.template is not None:
        judged = target.stable is not None and write.template is target.candidate
        predictor = await _rendered(route, write.template, judged=judged, end=_end(route, write.move, fought=fought))
    if actual is None:
        body = inference_service(owner, owner.name, predictor or {})
        try:
            stored = await cluster.create(kind, owner.namespace, body)
        except Conflict as error:
            message = "one of this name exists that is not as Serin made it; it gets no traffic and is not changed"
            raise NameTaken(message) from error
        return dropped_fields(body["spec"], stored.get("spec"))
    if write.move is Move.RESIZE:
        predictor = resized(actual, route.spec.predictor, _end(route, write.move, fought=fought))
    patch = patch_of(actual, predictor, write.percent)
    if not owner.owns(actual):  # the chart's admission policies let Serin write only what has its owner
        patch["metadata"] |= owned(actual, owner)["metadata"]
    stored = await cluster.merge(kind, owner.namespace, owner.name, patch)
    return dropped_fields({"predictor": predictor}, stored.get("spec")) if predictor is not None else ()


def _end(route: Route, move: Move, *, fought: bool) -> str:
    if move in ENDS and route.actual is not None:
        return next_end(route.actual, move, route.now) if fought else f".0{ENDS[move]}"
    return HEALING if move is Move.HEAL else ""


async def _rendered(route: Route, ref: RevisionRef, *, judged: bool, end: str) -> dict[str, Any]:
    """The template of ``ref``, with the scaling fields that spec has now."""
    source = await route.source_of(ref)
    if source is None:
        message = f"no record knows what was served as revision {ref.revision}"
        raise Refused(message)
    scaled = {**without_scaling(source.predictor), **scaling_of(route.spec.predictor)}
    mark = next_mark(route.actual, ref.revision, end=end)
    return template(route.owner, ref, Source(source.model, scaled), mark=mark, judged=judged)
