"""The first ModelDeployment of a model that does not run yet, and a PromotionPolicy for its traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from serin.api.files.load import validated
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.predictor.naming import unnameable
from serin.cli.init.answers import LONGEST_SHOWN, Answers
from serin.cli.init.written import with_policy
from serin.cluster.client import Object
from serin.errors import InvalidInput
from serin.rollout.spec.literal_secrets import literal_secret
from serin.rollout.spec.model_source import SERVER
from serin.rollout.spec.rules import problem_of
from serin.schema.printable import shortened
from serin.schema.types import format_duration

PORT = 8080
"""Where KServe's own servers listen, and where it looks for a server that says nothing else."""
USUAL_TIMEOUT, LATE = timedelta(seconds=60), 2
"""A route ends a request after a minute unless it says otherwise: answers that are slow have to come within it."""
REPLICAS = 2
"""With one, the loss of a node is an outage."""


def manifests(answers: Answers, namespace: str) -> tuple[list[Object], list[str]]:
    """The PromotionPolicy and the ModelDeployment, and what the reader should know; ``InvalidInput``."""
    spec = _spec(answers)
    validated(ModelDeploymentSpec, spec, "these answers", "spec")
    problem = problem_of(spec, answers.name) or literal_secret(spec["model"], spec["predictor"])
    told = problem.message if problem is not None else unnameable(namespace, answers.name)
    if told is not None:
        raise InvalidInput(told)
    own = {"name": answers.name, "namespace": namespace}
    documents, beginning = with_policy(own, spec, answers.rps, answers.threshold)
    return documents, [beginning, *_notes(answers)]


def _spec(answers: Answers) -> dict[str, Any]:
    namespace, gateway = answers.gateway
    route: dict[str, Any] = {
        "hostnames": list(answers.hostnames),
        "parentRef": {"name": gateway, "namespace": namespace},
    }
    if answers.threshold is not None and LATE * answers.threshold > USUAL_TIMEOUT:
        route["timeout"] = format_duration(LATE * answers.threshold)
    return {
        "model": {"version": answers.version, **({} if answers.is_image else {"uri": answers.source})},
        "predictor": _predictor(answers) | {"minReplicas": REPLICAS},
        "route": route,
        "policyRef": {"name": answers.name},
    }


def _predictor(answers: Answers) -> dict[str, Any]:
    if not answers.is_image:
        return {"model": {"modelFormat": {"name": answers.model_format}}}
    server = {
        "name": SERVER,
        "image": answers.source,
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        # Without a probe it counts as ready before the model is loaded. An open port is what every server has.
        "readinessProbe": {"tcpSocket": {"port": PORT}},
    }
    return {"containers": [server]}


def _notes(answers: Answers) -> list[str]:
    if not answers.is_image:
        return []
    notes = [
        f"{shortened(answers.source, LONGEST_SHOWN)} is taken for an image: a URI has a scheme",
        f"the server is taken to listen on port {PORT}; give readinessProbe a path that loads the model",
    ]
    if "@sha" not in answers.source:
        notes.append("the image has no digest: what its tag names may change under a version that was judged")
    return notes
