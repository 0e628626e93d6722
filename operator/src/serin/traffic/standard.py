"""Which objects serve a split in Standard mode? Pure builders: one InferenceService per revision, one HTTPRoute.

``spec.predictor`` of an InferenceService is written once, at creation; later only its scaling fields (DESIGN, rule 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import API_VERSION, names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import Exposure
from serin.api.revision import replica_bounds, scaling_of, without_nulls
from serin.api.status import RevisionRef
from serin.rollout.decision import RoutePlan
from serin.schema.types import format_duration
from serin.traffic.served_name import told_name

KSERVE_API = "serving.kserve.io/v1beta1"
GATEWAY_API = "gateway.networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that owns what is built."""

    name: str
    namespace: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """The controller ownerReference: deleting the ModelDeployment collects its children."""
        return {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def metadata(self, name: str) -> dict[str, Any]:
        """Metadata of a child."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": {names.MANAGED_BY: names.MANAGER, names.MODEL_DEPLOYMENT: self.name},
            "ownerReferences": [self.reference()],
        }


def inference_service(
    owner: Owner, ref: RevisionRef, *, model: Mapping[str, Any], predictor: Mapping[str, Any]
) -> dict[str, Any]:
    """The InferenceService of one revision; ``model`` and ``predictor`` as the user wrote them."""
    metadata = owner.metadata(ref.inference_service)
    metadata["labels"] |= {
        names.REVISION: ref.revision,
        names.VERSION: ref.version,
        "networking.kserve.io/visibility": "cluster-local",
    }
    metadata["annotations"] = {"serving.kserve.io/deploymentMode": "Standard"}
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": served(predictor, model, owner.name)},
    }


def served(predictor: Mapping[str, Any], model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The predictor with the artefact and the served name, so that clients' URLs are the same for every revision."""
    predictor = without_nulls(predictor)
    if "model" not in predictor:
        container = predictor["containers"][0]
        container["env"] = [*container.get("env", []), {"name": "STORAGE_URI", "value": model["uri"]}]
        return predictor
    section = predictor["model"]
    section["storageUri"] = model["uri"]
    section.update(told_name(section, name, model.get("servedName")))
    return predictor


def scaling_patch(
    existing: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int = 0
) -> dict[str, Any] | None:
    """The merge patch that brings an InferenceService's scaling fields to what spec says; None if they agree.

    Where spec lets an autoscaler choose, it chooses from ``at_least`` on; a size that spec fixes is never another.
    """
    now, wanted = scaling_of(existing.get("spec", {}).get("predictor", {})), scaling_of(predictor)
    fewest, most = replica_bounds(wanted)
    if fewest < at_least and fewest < most:
        wanted["minReplicas"] = min(at_least, most)
    different = _merge_patch(now, wanted)
    return {"spec": {"predictor": different}} if different else None


def _merge_patch(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What makes ``wanted`` of ``now`` (RFC 7386): what is not wanted any more is null, at any depth."""
    patch: dict[str, Any] = {}
    for key in {*now, *wanted}:
        before, after = now.get(key), wanted.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and before != after:
            patch[key] = _merge_patch(before, after)
        elif before != after:
            patch[key] = after
    return patch


def http_route(owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan) -> dict[str, Any]:
    """The HTTPRoute that shows ``plan``; what it means is also written in annotations, for a status that got lost."""
    metadata = owner.metadata(owner.name)
    metadata["annotations"] = {
        names.STABLE_REVISION: plan.stable.revision,
        names.CANDIDATE_WEIGHT: str(plan.weight),
        **({names.CANDIDATE_REVISION: plan.candidate.revision} if plan.candidate else {}),
        **_exposure(plan),
        **({names.ROLLBACK: plan.rollback} if plan.rollback else {}),
    }
    backends = [_backend(plan.stable, 100 - plan.weight)]
    if plan.candidate:
        backends.append(_backend(plan.candidate, plan.weight))
    backends += [_backend(ref, 0) for ref in plan.idle]
    main = _rule(spec, [{}], backends)
    if plan.candidate and plan.mirror:
        main["filters"] = [{"type": "RequestMirror", "requestMirror": {"backendRef": _reference(plan.candidate)}}]
    rules = [main]
    if plan.candidate and plan.preview:
        header = {"type": "Exact", "name": plan.preview.name, "value": plan.preview.value}
        rules.append(_rule(spec, [{"headers": [header]}], [_backend(plan.candidate, 1)]))
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [spec.route.parent_ref.to_api()],
            "hostnames": list(spec.route.hostnames),
            "rules": rules,
        },
    }


def _exposure(plan: RoutePlan) -> dict[str, str]:
    """How the candidate is reached besides its weight, for the annotation."""
    ways = {Exposure.MIRROR: plan.mirror, Exposure.PREVIEW: plan.preview is not None}
    shown = sorted(way.value for way, wanted in ways.items() if wanted and plan.candidate)
    return {names.CANDIDATE_EXPOSURE: ",".join(shown)} if shown else {}


def _rule(spec: ModelDeploymentSpec, matches: list[dict[str, Any]], backends: list[dict[str, Any]]) -> dict[str, Any]:
    """One rule for all paths. A match with a header wins over one without, whatever their order."""
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}, **match} for match in matches],
        "filters": [],
        "backendRefs": backends,
        "timeouts": {"request": format_duration(spec.route.timeout)},
    }


def _reference(ref: RevisionRef) -> dict[str, Any]:
    return {"name": names.service_name(ref.inference_service), "port": names.PREDICTOR_PORT}


def _backend(ref: RevisionRef, weight: int) -> dict[str, Any]:
    return {**_reference(ref), "weight": weight}


def shows(actual: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether ``actual`` holds everything in ``wanted``; what the server defaulted besides does not matter.

    An empty list is nothing: the server may keep it or leave it out.
    """
    if wanted == [] and actual is None:
        return True
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(shows(actual.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(shows(a, w) for a, w in zip(actual, wanted, strict=True))
        )
    return bool(actual == wanted)
