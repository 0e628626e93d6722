"""The first ModelDeployment of a model that does not run yet, and a PromotionPolicy for its traffic."""

from __future__ import annotations

from typing import Any

from serin.api.files.load import validated
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.predictor.naming import unnameable
from serin.cli.init.answers import Answers
from serin.cli.init.policy import first_policy
from serin.cli.init.written import item
from serin.cluster.client import Object
from serin.errors import InvalidInput
from serin.rollout.spec.model_source import SERVER
from serin.rollout.spec.rules import problem_of

PORT = 8080
"""Where KServe's own servers listen, and where it looks for a server that says nothing else."""
REPLICAS = 2
"""With one, the loss of a node is an outage."""


def manifests(answers: Answers, namespace: str) -> tuple[list[Object], list[str]]:
    """The PromotionPolicy and the ModelDeployment, and what the reader should know; ``InvalidInput``."""
    spec = _spec(answers)
    validated(ModelDeploymentSpec, spec, "these answers", "spec")
    problem = problem_of(spec, answers.name)
    told = problem.message if problem is not None else unnameable(namespace, answers.name)
    if told is not None:
        raise InvalidInput(told)
    policy, about = first_policy(answers.rps, answers.threshold)
    documents = [
        item("PromotionPolicy", answers.name, namespace, policy),
        item("ModelDeployment", answers.name, namespace, spec),
    ]
    return documents, list(_notes(answers, about))


def _spec(answers: Answers) -> dict[str, Any]:
    namespace, gateway = answers.gateway
    return {
        "model": {"version": answers.version, **({} if answers.is_image else {"uri": answers.source})},
        "predictor": _predictor(answers) | {"minReplicas": REPLICAS},
        "route": {"hostnames": list(answers.hostnames), "parentRef": {"name": gateway, "namespace": namespace}},
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


def _notes(answers: Answers, about: str) -> list[str]:
    notes = [f"PromotionPolicy {answers.name} is a beginning: {about}"]
    if answers.is_image:
        notes.append(f"the server is taken to listen on port {PORT}; give readinessProbe a path that loads the model")
        if "@sha256:" not in answers.source:
            notes.append("the image has no digest: what its tag names may change under a version that was judged")
    return notes
