"""Derives the wanted revision from spec, or says what is wrong with spec."""

from __future__ import annotations

from collections.abc import Mapping

from serin.api.model_deployment import ModelDeployment
from serin.api.revision import revision_of
from serin.api.status import RevisionRef
from serin.cluster.client import Cluster, Object
from serin.controller.reconciliation.refusals import refusal
from serin.errors import Conflict, Refused, Unavailable
from serin.rollout.literal_secrets import literal_secret
from serin.rollout.observation import Arm, Problem
from serin.rollout.spec_rules import problem_of
from serin.schema.reasons import Reason
from serin.traffic.backend import Backend, Source
from serin.traffic.owner import owner_of
from serin.traffic.registry import backend_of


async def wanted_revision(
    cluster: Cluster,
    obj: Object,
    parsed: ModelDeployment,
    arms: Mapping[str, Arm],
    *,
    refuses_literal_secrets: bool,
) -> tuple[RevisionRef | None, Problem | None]:
    """The revision that spec asks for, or the first problem that its author has to fix.

    A new revision is checked by a dry run before anything is created. During a rollout there is no dry run: only a
    forward move needs it, and the breach watch must not depend on it. Secrets in plain text are refused in what is new
    only: what serves, or has served, goes on.
    """
    backend, source = backend_of(parsed.spec), Source(obj["spec"]["model"], obj["spec"]["predictor"])
    problem = _malformed(obj, parsed)
    if problem is not None:
        return None, problem
    metadata, revision = obj["metadata"], revision_of(source.model, source.predictor)
    workload = backend.workload(metadata["name"], revision)
    ref = RevisionRef(revision=revision, version=parsed.spec.model.version, workload=workload)
    try:
        body = backend.render(owner_of(obj), ref, source)
    except (TypeError, AttributeError, LookupError) as error:
        return None, Problem(Reason.SPEC_INVALID, f"spec.predictor is not a PredictorSpec of KServe: {error}")
    known = {r.revision for r in (parsed.status.stable, parsed.status.candidate, *parsed.status.rejected) if r}
    if revision in arms or revision in known:
        return ref, None
    previous = parsed.status.previous
    if refuses_literal_secrets and (previous is None or previous.revision != revision):
        problem = literal_secret(source.model, source.predictor)
    if problem is None and parsed.status.rollout is None:
        problem = await _refused(cluster, backend, metadata["namespace"], body)
    return (ref, None) if problem is None else (None, problem)


def _malformed(obj: Object, parsed: ModelDeployment) -> Problem | None:
    """A problem that shows without a request to the API server."""
    metadata, predictor = obj["metadata"], obj["spec"]["predictor"]
    unsupported = backend_of(parsed.spec).unsupported(parsed.spec)
    if unsupported is not None:
        return Problem(Reason.SPEC_INVALID, unsupported)
    try:
        return problem_of(metadata["name"], metadata["namespace"], predictor)
    except (TypeError, AttributeError, LookupError) as error:
        return Problem(Reason.SPEC_INVALID, f"spec.predictor is not a PredictorSpec of KServe: {error}")


async def _refused(cluster: Cluster, backend: Backend, namespace: str, body: Object) -> Problem | None:
    """Why the API server refuses the object, found by a dry run; None if it accepts the object."""
    what = f"the {backend.kind.kind} for spec.predictor"
    try:
        await cluster.create(backend.kind, namespace, body, dry_run=True)
    except Conflict:
        return None
    except Refused as error:
        reason = refusal(str(error))
        outside = reason in {Reason.QUOTA_EXCEEDED, Reason.PERMISSION_MISSING}
        return Problem(reason if outside else Reason.RENDER_REFUSED, f"{what} is refused: {error}")
    except Unavailable as error:
        return Problem(Reason.WRITE_UNAVAILABLE, f"whether {what} would be taken is not known: {error}")
    return None
