"""What a gate's Job is told of the rollout: environment variables, documented in docs/concepts/gates.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from serin.api import names
from serin.api.model_deployment import Mode
from serin.api.model_digest import known_digest
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.controller.snapshot.gate_facts.reader import FactRequest
from serin.policy_gates.answer import Before
from serin.records.build import source_of, sources_of
from serin.schema.types import without_control_characters

SLICE_LABEL = "kubernetes.io/service-name"


async def variables(request: FactRequest) -> dict[str, str]:
    """The variables by name; one whose value is not known is left out. ``ClusterError``."""
    snapshot, status = request.snapshot, request.snapshot.status
    found = {"SERIN_NAMESPACE": snapshot.owner.namespace, "SERIN_MODEL_DEPLOYMENT": snapshot.owner.name}
    spec = snapshot.model_deployment.spec
    if spec.mode is Mode.STANDARD:
        found["SERIN_HOSTNAME"] = spec.route.hostnames[0]
    if request.policy.preview is not None:
        header = request.policy.preview.header
        found["SERIN_PREVIEW_HEADER"] = f"{header.name}: {header.value}"
    if status.candidate is not None:
        found |= await _of_model("SERIN", request, status.candidate)
        if request.before is not Before.START:
            found |= await _address("SERIN_CANDIDATE_URL", request, status.candidate)
    if status.stable is not None:
        found |= await _of_model("SERIN_STABLE", request, status.stable)
        found |= await _address("SERIN_STABLE_URL", request, status.stable)
    # A `$(NAME)` in a value would be read as a reference.
    return {name: without_control_characters(value).replace("$", "$$") for name, value in found.items() if value}


async def _of_model(prefix: str, request: FactRequest, ref: RevisionRef) -> dict[str, str]:
    """The model of a revision, as its author wrote it."""
    source = request.snapshot.source_of(ref) or await _recorded(request, ref)
    model: Mapping[str, Any] = source.model if source is not None else {}
    return {
        f"{prefix}_REVISION": ref.revision,
        f"{prefix}_VERSION": ref.version,
        f"{prefix}_MODEL_URI": str(model.get("uri") or ""),
        f"{prefix}_MODEL_DIGEST": known_digest(model, source.predictor if source is not None else None) or "",
        f"{prefix}_MODEL_NAME": str(model.get("servedName") or request.snapshot.owner.name),
    }


async def _recorded(request: FactRequest, ref: RevisionRef) -> Source | None:
    """What was written for a revision that was stable before this rollout, from the record of its own."""
    owner = request.snapshot.owner
    selector = f"{names.MODEL_DEPLOYMENT}={owner.name},{names.REVISION}={ref.revision}"
    found = await request.cluster.list(resources.PROMOTION_RECORDS, owner.namespace, selector)
    return source_of(ref.revision, ref.hash, sources_of(found))


async def _address(name: str, request: FactRequest, ref: RevisionRef) -> dict[str, str]:
    """The address of one ready pod, which needs neither DNS nor a port that a headless Service lacks."""
    snapshot = request.snapshot
    selector = f"{SLICE_LABEL}={snapshot.backend.service(ref)}"
    slices = await request.cluster.list(resources.ENDPOINT_SLICES, snapshot.owner.namespace, selector)
    url = first_ready(slices)
    return {name: url} if url else {}


def first_ready(slices: Iterable[Mapping[str, Any]]) -> str:
    """``http://address:port`` of the first ready endpoint; empty if there is none."""
    for piece in slices:
        ports = [port["port"] for port in piece.get("ports") or [] if port.get("port")]
        for endpoint in piece.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            if ports and conditions.get("ready", True) and endpoint.get("addresses"):
                address = str(endpoint["addresses"][0])
                host = f"[{address}]" if ":" in address else address
                return f"http://{host}:{ports[0]}"
    return ""
