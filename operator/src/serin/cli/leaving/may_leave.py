"""Whether a ModelDeployment can leave now, and which InferenceService stays."""

from __future__ import annotations

import re
from typing import Any

from serin.api.model_deployment import Mode, ModelDeployment
from serin.api.names import PREDICTOR_SUFFIX
from serin.api.predictor.naming import LABEL, is_adopted
from serin.api.routing.route import Protocol
from serin.cli.shell.telling import kubectl
from serin.cluster.client import Object
from serin.errors import InvalidInput
from serin.schema.types import DNS_LABEL
from serin.traffic.knative.template import PERCENT


def target(obj: Object, deployment: ModelDeployment, asked: str | None, own: Object | None) -> str:
    """The name of the InferenceService that stays; ``InvalidInput`` if the ModelDeployment cannot leave now.

    ``own``: the InferenceService of its name, which has all revisions in mode Knative. Whatever can be left in the
    middle of a rollout is left with the split that it has, so that comes first.
    """
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    status, spec = deployment.status, deployment.spec
    orphaning = kubectl("delete mdep --cascade=orphan", name, namespace)
    if status.rollout is not None or status.candidate is not None:
        version = status.candidate.version if status.candidate else "?"
        raise InvalidInput(
            f"{name}: version {version} is being rolled out; wait for the end, or create a PromotionAction "
            f"Abort, then call this again"
        )
    if spec.mode is not Mode.STANDARD:
        percent = _percent(own)
        if percent is not None:
            raise InvalidInput(
                f"{name}: InferenceService {name} has {PERCENT}: {percent} still, and would keep it; Serin takes the "
                f"field out when KServe has the end of the rollout: wait for that, with Serin running, then call this "
                f"again"
            )
        raise InvalidInput(
            f"{name} is of mode {spec.mode}: its InferenceService is one as KServe makes it already; "
            f"`{orphaning}` leaves it, with all traffic"
        )
    if spec.transformer is not None or spec.route.protocol is Protocol.GRPC:
        raise InvalidInput(
            f"{name} has a transformer or serves gRPC, and only predictors behind an HTTPRoute can leave; "
            f"`{orphaning}` leaves its InferenceService and route as they are"
        )
    if status.stable is None:
        raise InvalidInput(f"{name} has no stable revision: there is nothing to leave; delete it")
    adopted = status.stable.workload.name if is_adopted(status.stable, namespace, name) else None
    return _servable(asked or adopted or (spec.adopt.inference_service if spec.adopt else name), namespace)


def _servable(to: str, namespace: str) -> str:
    """The name, if KServe takes it for an InferenceService: asked before anything is deleted; ``InvalidInput``."""
    if not re.fullmatch(DNS_LABEL, to) or len(f"{to}{PREDICTOR_SUFFIX}-{namespace}") > LABEL:
        raise InvalidInput(
            f"{to[:LABEL]} cannot be the name of the InferenceService that stays: KServe makes one DNS label "
            f"(a-z, 0-9 and -, {LABEL} characters) of it, {PREDICTOR_SUFFIX.removeprefix('-')} and the namespace; give "
            f"another with --as"
        )
    return to


def _percent(inference_service: Object | None) -> Any:  # noqa: ANN401 - as the API server has it
    return ((inference_service or {}).get("spec") or {}).get("predictor", {}).get(PERCENT)
