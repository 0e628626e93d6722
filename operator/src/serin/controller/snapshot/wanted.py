"""Derives the wanted revision from spec, or says what is wrong with spec."""

from __future__ import annotations

from collections.abc import Mapping

from serin.api.model_deployment import ModelDeployment
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.refusals import refusal
from serin.errors import Conflict, Refused, Unavailable
from serin.rollout.observation import Arm, Problem
from serin.rollout.spec.literal_secrets import literal_secret
from serin.rollout.spec.rules import problem_of
from serin.schema.reasons import Reason
from serin.traffic.owner import owner_of
from serin.traffic.registry import backend_of


async def wanted_revision(
    cluster: Cluster,
    obj: Object,
    parsed: ModelDeployment,
    arms: Mapping[str, Arm],
    *,
    arms_known: bool,
    refuses_literal_secrets: bool,
) -> tuple[RevisionRef | None, Problem | None]:
    """The revision that spec asks for, or the first problem that its author has to fix.

    A new revision is checked by a dry run before anything is created. During a rollout there is no dry run: only a
    forward move needs it, and the breach watch must not depend on it. Secrets in plain text are refused in what is new
    only: what serves, or has served, goes on. ``arms_known``: the workloads could be read.
    """
    backend, source = backend_of(parsed.spec), Source.of(obj["spec"])
    problem = _malformed(obj, parsed)
    if problem is not None:
        return None, problem
    metadata, revision = obj["metadata"], source.revision
    workload = backend.workload(metadata["namespace"], metadata["name"], revision, source)
    ref = RevisionRef(revision=revision, version=parsed.spec.model.version, hash=source.hash, workload=workload)
    try:
        body = backend.render(owner_of(obj), ref, source)
    except (TypeError, AttributeError, LookupError) as error:
        return None, Problem(Reason.SPEC_INVALID, f"{_components(source)} of KServe's form: {error}")
    served = arms.get(ref.revision)
    if served is not None and served.adopted and ref.is_same(served.ref):
        ref = ref.model_copy(update={"workload": served.ref.workload})
    if _is_known(ref, parsed, arms):
        return ref, None
    previous = parsed.status.previous
    if refuses_literal_secrets and (previous is None or not ref.is_same(previous)):
        problem = literal_secret(source.model, source.predictor, source.transformer)
    if problem is None and parsed.status.rollout is None:
        # An arm of this name has another content: that is told as such.
        stranger = arms_known and ref.revision not in arms
        problem = await _refused(cluster, metadata["namespace"], body, stranger=stranger)
    return (ref, None) if problem is None else (None, problem)


def _components(source: Source) -> str:
    return "spec.predictor is not" if source.transformer is None else "spec.predictor or spec.transformer is not"


def _is_known(ref: RevisionRef, parsed: ModelDeployment, arms: Mapping[str, Arm]) -> bool:
    """Whether the API server has taken the revision before; another content of the same name is not the revision.

    One that is to be adopted is checked as any new one: it is Serin that keeps it in records and serves it again.
    """
    arm, status = arms.get(ref.revision), parsed.status
    made = arm.ref if arm is not None and not arm.adopted else None
    known = [r for r in (status.stable, status.candidate, made) if r is not None]
    rejected = any(r.revision == ref.revision and r.hash in {None, ref.hash} for r in status.rejected)
    return rejected or any(ref.is_same(r) for r in known)


def _malformed(obj: Object, parsed: ModelDeployment) -> Problem | None:
    """A problem that shows without a request to the API server."""
    metadata, backend, source = obj["metadata"], backend_of(parsed.spec), Source.of(obj["spec"])
    key = (metadata["namespace"], metadata["name"])
    unsupported = backend.unsupported(parsed.spec) or backend.unnameable(*key, parsed.spec)
    if unsupported is not None:
        return Problem(Reason.SPEC_INVALID, unsupported)
    try:
        return problem_of(obj["spec"], metadata["name"])
    except (TypeError, AttributeError, LookupError) as error:
        return Problem(Reason.SPEC_INVALID, f"{_components(source)} of KServe's form: {error}")


async def _refused(cluster: Cluster, namespace: str, body: Object, *, stranger: bool) -> Problem | None:
    """Why the API server refuses the object, found by a dry run; None if it accepts the object.

    ``stranger``: an object that has the name already is not Serin's.
    """
    what = f"the {resources.INFERENCE_SERVICES.kind} for spec.predictor"
    try:
        await cluster.create(resources.INFERENCE_SERVICES, namespace, body, dry_run=True)
    except Conflict:
        return _taken(body["metadata"]["name"]) if stranger else None
    except Refused as error:
        reason = refusal(str(error))
        outside = reason in {Reason.QUOTA_EXCEEDED, Reason.PERMISSION_MISSING}
        return Problem(reason if outside else Reason.RENDER_REFUSED, f"{what} is refused: {error}")
    except Unavailable as error:
        return Problem(Reason.WRITE_UNAVAILABLE, f"whether {what} would be taken is not known: {error}")
    return None


def _taken(name: str) -> Problem:
    """The workload of that name is none of the arms."""
    message = (
        f"InferenceService {name} exists and is not what Serin makes for spec; it gets no traffic and is not "
        f"changed; delete it, or change anything in spec.model or spec.predictor: another revision has another name"
    )
    return Problem(Reason.NAME_TAKEN, message)
