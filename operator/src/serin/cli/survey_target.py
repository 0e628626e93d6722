"""What ``serin preflight`` surveys: a ModelDeployment's policy and arms, read from the cluster."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import InvalidInput, NotFound
from serin.prometheus.survey import SurveyTarget
from serin.traffic.registry import backend_of

NO_CANDIDATE = "no-candidate"
"""Revision and version of the candidate if there is none."""


async def survey_target(cluster: Cluster, namespace: str, name: str) -> SurveyTarget:
    """The policy and arms of a ModelDeployment; ``InvalidInput`` if one is missing."""
    deployment = await _deployment(cluster, namespace, name)
    status, policy_name = deployment.status, deployment.spec.policy_ref.name
    try:
        obj = await cluster.get(resources.PROMOTION_POLICIES, namespace, policy_name)
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except NotFound:
        raise InvalidInput(f"PromotionPolicy {policy_name} does not exist in namespace {namespace}") from None
    except ValidationError as error:
        raise InvalidInput(f"PromotionPolicy {policy_name}: {error.errors()[0]['msg']}") from None
    if status.stable is None:
        raise InvalidInput(f"{name} has no stable revision yet: there is nothing to compare a candidate with")
    backend = backend_of(deployment.spec)
    unsuitable = backend.unsuitable(policy)
    if unsuitable:
        raise InvalidInput(f"PromotionPolicy {policy_name}: spec.{unsuitable}")
    workload = backend.workload(namespace, name, NO_CANDIDATE)
    none = RevisionRef(revision=NO_CANDIDATE, version=NO_CANDIDATE, workload=workload)
    identity = backend.identity(namespace, status.candidate or none, status.stable)
    if status.candidate is None:
        identity = replace(identity, revision="", version="")
    return SurveyTarget(policy, identity, status.candidate is not None)


async def _deployment(cluster: Cluster, namespace: str, name: str) -> ModelDeployment:
    try:
        return ModelDeployment.model_validate(await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name))
    except NotFound:
        raise InvalidInput(f"ModelDeployment {name} does not exist in namespace {namespace}") from None
    except ValidationError as error:
        raise InvalidInput(f"ModelDeployment {name}: {error.errors()[0]['msg']}") from None
