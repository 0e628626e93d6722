"""An InferenceService that was there before its ModelDeployment: whether it can be adopted, and as which arm.

Nothing is written to it. KServe copies its labels to every pod that it makes, so one more label would restart them all.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from serin.api import names
from serin.api.predictor.keys import AUTOSCALER_CLASS, KSERVE_ANNOTATIONS, KSERVE_KEYS, ONLY_ON_SERVICE
from serin.api.predictor.scaling import AUTOSCALER_CLASSES
from serin.api.revision import without_nulls, without_scaling
from serin.api.status import RevisionRef
from serin.cluster.client import Object
from serin.traffic.kserve.predictor import with_storage_uri
from serin.traffic.kserve.served_name import name_told, server_of, without_served_name

STANDARD = frozenset({"Standard", "RawDeployment"})
MODE = "serving.kserve.io/deploymentMode"
UNDERSTOOD = frozenset({MODE, "serving.kserve.io/disable-auto-update", "serving.kserve.io/stop"})
"""Orders to KServe that no later revision needs: Serin gives the first by itself, and sees what the others do."""
DEPLOY_ANEW = "or leave spec.adopt out: then Serin deploys the first revision anew, under a hostname of its own"
# A transformer is not adopted, since what is compared, and taken from KServe's own route, is the predictor alone.
PARTS = {
    "transformer": "it has a transformer, and only services without one can be adopted; take it out, or leave "
    "spec.adopt out: then Serin deploys the first revision anew, with spec.transformer, under a hostname of its own",
    "explainer": f"it has an explainer, to which Serin does not route; take it out, {DEPLOY_ANEW}",
    "canary": f"it has a canary of its own (spec.canary); end that rollout, and take the field out, {DEPLOY_ANEW}",
}
PREDICTOR_PARTS = {
    "workerSpec": "it runs on several nodes (workerSpec), which Serin does not support",
    "name": "its predictor has a name of its own (spec.predictor.name), which later revisions could not have",
    "canaryTrafficPercent": "spec.predictor.canaryTrafficPercent is set: remove it",
}


def obstacle(found: Mapping[str, Any]) -> str:
    """Why it cannot be adopted whatever spec says, and what would make it possible; empty if it can."""
    return next(_obstacles(found), "")


def _obstacles(found: Mapping[str, Any]) -> Iterator[str]:
    metadata, spec = found["metadata"], found.get("spec") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if "deletionTimestamp" in metadata:
        yield "it is being deleted"
    if labels.get(names.MANAGED_BY) == names.MANAGER:
        yield "it is Serin's already, made for another ModelDeployment; change that one"
    mode = (found.get("status") or {}).get("deploymentMode") or annotations.get(MODE) or ""
    if not mode:
        yield "KServe has not told yet in which mode it runs (status.deploymentMode)"
    elif mode not in STANDARD:
        yield f"it runs in KServe's mode {mode}, and only mode Standard can be adopted; {DEPLOY_ANEW}"
    for part, why in PARTS.items():
        if spec.get(part):
            yield why
    for part, why in PREDICTOR_PARTS.items():
        value = (spec.get("predictor") or {}).get(part)
        if value is not None and value != "":  # KServe stores some empty words
            yield f"{why}, {DEPLOY_ANEW}"
    known = {*UNDERSTOOD, *KSERVE_ANNOTATIONS}
    others = sorted(key for key in annotations if key.startswith(KSERVE_KEYS) and key not in known)
    if others:
        yield (
            f"its annotations give KServe orders that later revisions could not have ({', '.join(others)}); remove "
            f"them, {DEPLOY_ANEW}"
        )


def orders(inference_service: Mapping[str, Any]) -> dict[str, str]:
    """What its annotations tell KServe of those that a revision may have, wherever KServe reads them."""
    own = inference_service["metadata"].get("annotations") or {}
    of_pods = ((inference_service.get("spec") or {}).get("predictor") or {}).get("annotations") or {}
    read = own | {key: value for key, value in of_pods.items() if key not in ONLY_ON_SERVICE}
    told = {key: str(value) for key, value in read.items() if key in KSERVE_ANNOTATIONS and value is not None}
    if told.get(AUTOSCALER_CLASS) == AUTOSCALER_CLASSES[0]:  # it is the same without the annotation
        del told[AUTOSCALER_CLASS]
    return told


def other_orders(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first annotation by which KServe does other things for a service than for ``wanted``, and what to write."""
    theirs, ours = orders(found), orders(wanted)
    key = next((key for key in sorted({*theirs, *ours}) if theirs.get(key) != ours.get(key)), None)
    if key is None:
        return ""
    if key in theirs:
        return (
            f"its annotation {key}: {theirs[key]} tells KServe what later revisions would not tell it; write "
            f"{key}: {theirs[key]} in spec.predictor.annotations as well"
        )
    return (
        f"spec.predictor.annotations has {key}: {ours[key]}, and its own annotations have not; leave it out, and add "
        f"it in a later revision"
    )


def served_name(found: Mapping[str, Any]) -> str | None:
    """The name that the model has in its clients' URLs; None if the server takes it from elsewhere."""
    section = (found["spec"].get("predictor") or {}).get("model")
    if not section or not server_of(section).value:
        return None
    return name_told(section) or str(found["metadata"]["name"])


def content(model: Mapping[str, Any], predictor: Mapping[str, Any]) -> dict[str, Any]:
    """The predictor that serves ``model`` under the name that KServe gives it; to be compared after a dry run."""
    return with_storage_uri(copy.deepcopy(dict(predictor)), model)


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first field in which an InferenceService serves something else than ``wanted``; empty if it does not.

    Both as the API server stores them. The size does not count, nor does the argument of the served name, nor what
    ``orders`` tells of annotations. No value is told: it may be a secret.
    """
    return _different("spec.predictor", _comparable(found), _comparable(wanted))


def _comparable(inference_service: Mapping[str, Any]) -> dict[str, Any]:
    predictor = without_scaling(without_nulls((inference_service.get("spec") or {}).get("predictor") or {}))
    if isinstance(predictor.get("model"), Mapping):
        predictor["model"] = without_served_name(predictor["model"])
    annotations = (predictor.get("annotations") or {}).items()
    return {**predictor, "annotations": {key: value for key, value in annotations if key not in KSERVE_ANNOTATIONS}}


def _different(path: str, one: object, other: object) -> str:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        fields = sorted({*one, *other})
        return next((d for f in fields if (d := _different(f"{path}.{f}", one.get(f), other.get(f)))), "")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = _by_name(one), _by_name(other)
        pairs = enumerate(zip(one, other, strict=True))
        return next((d for n, (a, b) in pairs if (d := _different(f"{path}[{n}]", a, b))), "")
    # What is empty was left out.
    return "" if one == other or (not one and not other and one is not False and other is not False) else path


def _by_name(items: list[Any]) -> list[Any]:
    """Named items in the order of their names (variables); others as they are."""
    named = all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in items)
    return sorted(items, key=lambda item: str(item["name"])) if named else items


def as_arm(found: Object, ref: RevisionRef, model_deployment: str) -> Object:
    """The InferenceService as if it had the labels of a revision; a copy, for this process only."""
    metadata = found["metadata"]
    labels = {names.MODEL_DEPLOYMENT: model_deployment, names.REVISION: ref.revision, names.VERSION: ref.version}
    annotations = {names.CONTENT_HASH: ref.hash} if ref.hash else {}
    return {
        **found,
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), **labels},
            "annotations": {**(metadata.get("annotations") or {}), **annotations},
        },
    }
