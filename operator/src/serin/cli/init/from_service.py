"""``serin init --from``: the manifests with which a running InferenceService is adopted, from what it is."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from serin.api.files.load import validated, yaml_document
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.predictor.keys import KSERVE_ANNOTATIONS
from serin.api.predictor.naming import unnameable
from serin.api.predictor.scaling import INFERENCE_SERVICE, autoscaler_class, renamed, with_queries
from serin.api.revision import without_nulls
from serin.cli.init.written import with_policy
from serin.cli.judge import read_text
from serin.cli.where import Where
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.connection import connect
from serin.errors import ClusterError, InvalidInput, NotFound
from serin.rollout.spec.literal_secrets import literal_secret
from serin.rollout.spec.model_source import STORAGE_URI
from serin.rollout.spec.rules import problem_of
from serin.traffic.kserve.served_name import without_served_name
from serin.traffic.standard.adoption import MODE, obstacle, orders, served_name
from serin.traffic.standard.service import predictor_of

ISVC = ("isvc", "inferenceservice", "inferenceservices")


@dataclass(frozen=True, slots=True)
class Running:
    """An InferenceService and KServe's own route to it; None without one."""

    service: Object
    route: Object | None = None
    of_cluster: bool = True
    """Whether a cluster was asked for the route."""

    @property
    def no_route(self) -> str:
        """Why nothing is known of its route."""
        if self.of_cluster:
            return "KServe has no HTTPRoute for it"
        return "a file has no HTTPRoute, and no cluster is asked"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller gave in place of a default."""

    name: str | None = None
    version: str = "1"
    hostnames: tuple[str, ...] = ()
    gateway: tuple[str, str] | None = None
    """Its namespace and name."""
    rps: float | None = None
    """Requests per second that it gets."""
    threshold: timedelta | None = None
    """A slower answer is a bad one; None: latency is not judged."""


def read(source: str, where: Where) -> Running:
    """The InferenceService ``isvc/NAME`` of the cluster, or that of a file; ``InvalidInput``."""
    kind, slash, name = source.rpartition("/")
    if slash and name and kind.split(".")[0].lower() in ISVC:
        return asyncio.run(_of_cluster(where, name))
    return of_text(read_text(Path(source)), source, where.given)


def of_text(text: str, source: str, given: str | None) -> Running:
    """The InferenceService in YAML or JSON; its namespace is its own, or the given one. ``InvalidInput``."""
    found = yaml_document(text, source)
    metadata = found.get("metadata") if isinstance(found, Mapping) and found.get("kind") == "InferenceService" else None
    if not isinstance(found, Mapping) or not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise InvalidInput(f"{source}: is no InferenceService with a name; give a file with one, or isvc/NAME")
    stated = metadata.get("annotations") or {}
    if not isinstance(stated, Mapping):
        raise InvalidInput(f"{source}: metadata.annotations is no object")
    own = metadata.get("namespace", given)
    if given is not None and own != given:
        raise InvalidInput(f"{source}: the service is of namespace {own}, and -n says {given}; leave -n out")
    namespace = given or "default"
    annotations = {MODE: "Standard", **stated}  # a file may leave the mode to KServe
    whole = {**found, "metadata": {"namespace": namespace, **metadata, "annotations": annotations}}
    return Running(whole, of_cluster=False)


async def _of_cluster(where: Where, name: str) -> Running:
    namespace = where.namespace
    try:
        async with connect(where.context) as (cluster, _):
            service = await cluster.get(resources.INFERENCE_SERVICES, namespace, name)
            return Running(service, await _route(cluster, namespace, name))
    except NotFound:
        raise InvalidInput(f"InferenceService {name} does not exist in namespace {namespace}") from None
    except ClusterError as error:
        raise InvalidInput(f"the cluster refuses, or cannot be read: {error}") from None


async def _route(cluster: Cluster, namespace: str, name: str) -> Object | None:
    try:
        return await cluster.get(resources.HTTP_ROUTES, namespace, name)
    except NotFound:
        return None


def manifests(found: Running, wishes: Wishes) -> tuple[list[Object], list[str]]:
    """The ModelDeployment and a PromotionPolicy, and what the reader should know; ``InvalidInput``."""
    try:
        return _manifests(found, wishes)
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        raise InvalidInput(f"the InferenceService is not of the form that KServe takes: {error}") from None


def _manifests(found: Running, wishes: Wishes) -> tuple[list[Object], list[str]]:
    service = found.service
    metadata = service["metadata"]
    where, namespace = f"InferenceService {metadata['name']}", metadata["namespace"]
    why = obstacle(service)
    if why:
        raise InvalidInput(f"{where} cannot be adopted: {why}")
    model, predictor = _source(service, wishes.version)
    name, asked = wishes.name or f"{metadata['name']}-live", served_name(service)
    if name in {metadata["name"], predictor_of(metadata["name"])}:
        raise InvalidInput(f"--name {name}: KServe has, or may make, a route of this name; give another name")
    problem = problem_of({"model": model, "predictor": predictor}, name)
    if problem is not None:
        raise InvalidInput(f"{where}: {problem.message}")
    too_long = unnameable(namespace, name)
    if too_long is not None:
        raise InvalidInput(f"--name {name}: {too_long}")
    if asked not in {None, name}:
        model["servedName"] = asked
    spec = {
        "adopt": {"inferenceService": metadata["name"]},
        "model": model,
        "predictor": predictor,
        "route": _route_of(found, wishes),
        "policyRef": {"name": name},  # of its own name: another one may be somebody's already
    }
    validated(ModelDeploymentSpec, spec, where, "spec")
    own = {"name": name, "namespace": namespace}
    documents, beginning = with_policy(own, spec, wishes.rps, wishes.threshold)
    return documents, [beginning, *_notes(service, model, predictor)]


def _source(service: Object, version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """``spec.model`` and ``spec.predictor`` that say what the service serves; ``InvalidInput``."""
    predictor = _without_empty(copy.deepcopy(without_nulls(service["spec"]["predictor"])))
    section = predictor.get("model")
    if section is not None:
        uri = section.pop("storageUri", "")
        predictor["model"] = _without_empty(without_served_name(section))
    elif predictor.get("containers"):
        container = predictor["containers"][0]
        variables = container.get("env") or []
        uri = next((v.get("value", "") for v in reversed(variables) if v.get("name") == STORAGE_URI), "")
        if uri:
            container["env"] = [v for v in variables if v.get("name") != STORAGE_URI]
        predictor["containers"][0] = _without_empty(container)
    else:
        raise InvalidInput(
            "spec.predictor has neither model nor containers: the older spelling (sklearn:, xgboost: …) is rewritten "
            "by KServe when it is applied; give isvc/NAME of the running service"
        )
    # Without a URI the model is part of an image, or something else in the predictor says where it is.
    return {"version": version} | ({"uri": uri} if uri else {}), _as_for_revisions(service, predictor)


def _as_for_revisions(service: Object, predictor: dict[str, Any]) -> dict[str, Any]:
    """The predictor with the annotations that KServe reads, and with queries for any revision; ``InvalidInput``."""
    given = (predictor.get("annotations") or {}).items()
    told = {key: value for key, value in given if key not in KSERVE_ANNOTATIONS} | orders(service)
    if told:
        predictor["annotations"] = told
    else:
        predictor.pop("annotations", None)
    if autoscaler_class(predictor) != "keda":
        return predictor
    name = service["metadata"]["name"]
    predictor = with_queries(predictor, lambda query: renamed(query, name, INFERENCE_SERVICE))
    for number, metric in enumerate((predictor.get("autoScaling") or {}).get("metrics") or []):
        query = ((metric.get("external") or {}).get("metric") or {}).get("query")
        if query and INFERENCE_SERVICE not in query:
            raise InvalidInput(
                f"InferenceService {name}: the query of spec.predictor.autoScaling.metrics[{number}] does not name "
                f"it, and would scale each revision for all requests; restrict it to the InferenceService's own pods, "
                f'for example by {{pod=~"{name}-predictor-.*"}} (that restarts none), and call this again'
            )
    return predictor


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    """KServe stores some fields that nobody gave, as an empty word, list or object."""
    return {key: value for key, value in fields.items() if value not in ("", [], {})}


def _route_of(found: Running, wishes: Wishes) -> dict[str, Any]:
    """``spec.route``: KServe's own hostnames and Gateway, unless others are given."""
    spec = found.route["spec"] if found.route is not None else {}
    hostnames = list(wishes.hostnames or spec.get("hostnames") or [])
    if not hostnames:
        raise InvalidInput(f"{found.no_route} that would say its hostnames; give them with --hostname")
    if wishes.gateway is not None:
        namespace, name = wishes.gateway
        parent = {"name": name, "namespace": namespace}
    elif spec.get("parentRefs"):
        first = spec["parentRefs"][0]
        parent = {key: first[key] for key in ("name", "namespace", "sectionName") if first.get(key)}
    else:
        raise InvalidInput(f"{found.no_route} that would say its Gateway; give it with --gateway")
    timeout = ((spec.get("rules") or [{}])[0].get("timeouts") or {}).get("request")
    return {"hostnames": hostnames, "parentRef": parent, **({"timeout": timeout} if timeout else {})}


def _notes(service: Object, model: Mapping[str, Any], predictor: Mapping[str, Any]) -> list[str]:
    labels = sorted(service["metadata"].get("labels") or {})
    notes = []
    if labels:
        notes.append(
            f"labels {', '.join(labels)} of the InferenceService reach its pods; later revisions get what stands in "
            "spec.predictor.labels: write them there with the next version"
        )
    secret = literal_secret(model, predictor)
    return [*notes, secret.message] if secret is not None else notes
