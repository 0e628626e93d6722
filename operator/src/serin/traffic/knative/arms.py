"""The arms of a ModelDeployment in Knative mode: the Knative revisions of one InferenceService."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from serin.api import names
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.resources import KNATIVE_REVISIONS
from serin.rollout.observation import Arm, Failure, Part, Problem
from serin.schema.masking import masked
from serin.schema.phase import Phase
from serin.schema.printable import printable
from serin.schema.reasons import Reason
from serin.traffic.knative.edits import Edit
from serin.traffic.knative.limits import DISABLE_AUTO_UPDATE, obstacle
from serin.traffic.knative.pauses import words
from serin.traffic.knative.scaling import not_taken
from serin.traffic.knative.split import Split, read_split
from serin.traffic.knative.template import REPAIRED, RESIZED
from serin.traffic.kserve.failure import pod_failure, refusal_of, stopped, with_kserve_status
from serin.traffic.kserve.ready import ready_endpoints
from serin.traffic.owner import stated_hash
from serin.traffic.reader import Reader

POD_LABEL = "serving.knative.dev/revision"
SLICE_LABEL = "kubernetes.io/service-name"
CONTROLLERS = "the controllers of KServe and Knative"
USUAL = timedelta(seconds=10)
"""KServe and Knative take a template within about a second."""
PRIVATE = "-private"
"""What Knative adds to a Knative revision's name to name the Service of its pods; the other may be the activator's."""


def workload_of(name: str) -> Workload:
    """The reference to a Knative revision."""
    return Workload(api_version=KNATIVE_REVISIONS.api_version, kind=KNATIVE_REVISIONS.kind, name=name)


async def observe_arms(
    cluster: Cluster,
    reader: Reader,
    key: tuple[str, str],
    status: ModelDeploymentStatus,
    workloads: Sequence[Object] | None,
    *,
    inference_service: Object,
    edit: Edit | None = None,
) -> dict[str, Arm]:
    """The arms by revision; what has neither traffic nor a place in the status is none.

    ``edit``: what somebody has made of the template. A candidate of which that is known before its first request is no
    arm until it is put back.
    """
    split = read_split(inference_service, workloads, status)
    serving = chosen(split, status)
    if not serving:
        return {}
    services = ",".join(f"{name}{PRIVATE}" for name in serving.values())
    slices, pods = await asyncio.gather(
        reader.read(Part.ENDPOINTS, cluster.list(resources.ENDPOINT_SLICES, key[0], f"{SLICE_LABEL} in ({services})")),
        reader.read(Part.PODS, cluster.list(resources.PODS, key[0], f"{POD_LABEL} in ({','.join(serving.values())})")),
    )
    by_service = reader.parse(Part.ENDPOINTS, partial(_grouped, slices or [], SLICE_LABEL)) or {}
    by_name = reader.parse(Part.PODS, partial(_grouped, pods or [], POD_LABEL)) or {}
    objs = {workload["metadata"]["name"]: workload for workload in workloads or []}
    known = {ref.revision: ref for ref in _refs(status)}
    arms = {}
    for revision, name in serving.items():
        its_slices, its_pods = by_service.get(f"{name}{PRIVATE}", []), by_name.get(name, [])
        if reader.parse(Part.ENDPOINTS, partial(ready_endpoints, its_slices)) is None:
            its_slices = []
        if reader.parse(Part.PODS, partial(lambda pods: (pod_failure(pods), True), its_pods)) is None:
            its_pods = []
        ref = _ref(revision, name, objs.get(name), known.get(revision))
        is_template = revision == split.revision
        if is_template and edit is not None and _not_exposed(ref, status):
            continue
        arm = _arm(ref, inference_service, objs.get(name), (its_slices, its_pods), is_template=is_template)
        doubt = _edited(edit, split, ref, status) or _passed_by(split, ref, status) or _unfinished(split, name, objs)
        doubt = doubt or _not_scaled(inference_service, split, ref, status)
        arms[revision] = replace(arm, doubt=doubt) if is_template else arm
    untaken = _untaken(inference_service, split, status, edit)
    return {untaken.ref.revision: untaken, **arms} if untaken is not None else arms


def _untaken(
    inference_service: Mapping[str, Any], split: Split, status: ModelDeploymentStatus, edit: Edit | None
) -> Arm | None:
    """A candidate of which KServe and Knative have made no Knative revision yet: that is not its own doing."""
    candidate = status.candidate
    if candidate is None or status.stable is None or status.phase is not Phase.PREPARING:
        return None
    if candidate.revision == split.revision and edit is not None:
        again = words(split.mark, REPAIRED)
        why = (
            f"{edit.by} has changed {edit.field} in the template of version {candidate.version}; it is put back{again}"
        )
    elif candidate.revision == split.revision:
        latest = f"the latest Knative revision is {split.created or 'none'}"
        why = f"KServe has not taken the template of version {candidate.version} ({latest}); look at {CONTROLLERS}"
    else:
        held = f"KServe holds {split.rolled_out or 'nothing'} for stable"
        why = f"the template of version {candidate.version} is not written before stable's is whole ({held})"
    arm = _arm(candidate, inference_service, None, ([], []), is_template=False)
    failure = arm.failure or Failure(Reason.DEPENDENCY_UNAVAILABLE, why, own=False, usual_for=USUAL)
    return replace(arm, failure=failure, template="")


def _not_exposed(ref: RevisionRef, status: ModelDeploymentStatus) -> bool:
    """Whether it is a candidate that has had no request yet."""
    is_candidate = status.candidate is not None and status.candidate.revision == ref.revision
    return is_candidate and status.rollout is not None and not status.rollout.exposed


def _edited(edit: Edit | None, split: Split, ref: RevisionRef, status: ModelDeploymentStatus) -> Problem | None:
    """That stable's template was edited, or that what serves is still what somebody made of it."""
    if status.stable is None or status.stable.revision != ref.revision:
        return None
    if edit is not None:
        again = words(split.mark, REPAIRED)
        what = f"was edited by {edit.by}: {edit.field} is not that of version {ref.version}, and is put back{again}"
        return Problem(Reason.TEMPLATE_DRIFT, f"the template of its InferenceService {what}")
    if split.serves_an_edit and split.rolled_out == ref.workload.name:
        message = (
            f"its template was edited and is put back; Knative revision {ref.workload.name}, from before, serves until "
            f"that is ready"
        )
        return Problem(Reason.TEMPLATE_DRIFT, message)
    return None


def _passed_by(split: Split, ref: RevisionRef, status: ModelDeploymentStatus) -> Problem | None:
    """That KServe has taken another revision for stable, and stable's template is not up to take its place."""
    stable, other = status.stable, split.stable
    if status.rollout is not None or stable is None or stable.revision != ref.revision or split.is_up:
        return None
    if other in {None, ref.revision} or split.rolled_out == split.created or split.share_of(ref.revision):
        return None
    message = (
        f"{split.rolled_out}, of revision {other}, gets the requests, since KServe has taken it for stable; they go "
        f"back to version {ref.version} when {split.created or 'its template'} is ready: mend what keeps it from that"
    )
    return Problem(Reason.STABLE_NOT_READY, message)


def _not_scaled(
    inference_service: Mapping[str, Any], split: Split, ref: RevisionRef, status: ModelDeploymentStatus
) -> Problem | None:
    """That what Serin wrote into the scaling fields is not there."""
    is_stable = status.stable is not None and status.stable.revision == ref.revision
    message = not_taken(inference_service) if is_stable and status.rollout is None else ""
    return Problem(Reason.WRITE_REFUSED, f"{message}{words(split.mark, RESIZED)}") if message else None


def _unfinished(split: Split, name: str, objs: Mapping[str, Object]) -> Problem | None:
    """That the template of what serves does not come up: the Knative revision before it goes on to serve."""
    newest = objs.get(split.created)
    if split.served.get(split.created) != split.revision or split.created == name or newest is None:
        return None
    failure = revision_failure(newest)
    if failure is None:
        return None
    message = (
        f"Knative revision {name} serves; {split.created}, of the same version, does not come up: {failure.message}"
    )
    return Problem(Reason.WAITING_FOR_CAPACITY, message)


def chosen(split: Split, status: ModelDeploymentStatus) -> dict[str, str]:
    """By revision, the Knative revision that serves it: the one with the most traffic, of those without the newest."""
    routed = {share.name: share.percent for share in split.shares if share.percent}
    found = {split.created, split.ready, split.rolled_out, *routed}
    found |= {ref.workload.name for ref in _refs(status) if ref.workload.kind == KNATIVE_REVISIONS.kind}
    serving: dict[str, str] = {}
    for name in sorted(found & split.served.keys(), key=lambda name: (routed.get(name, 0), name)):
        # A candidate that is exposed is judged by what it has been, whatever its template is made to be.
        counts = name in routed or status.phase is not Phase.PREPARING or not _is_of_an_older_template(split, name)
        if split.served[name] and counts:
            serving[split.served[name]] = name
    return serving


def _is_of_an_older_template(split: Split, name: str) -> bool:
    """Whether it serves the template's revision and was made before the template was last written."""
    mark = split.marks.get(name)
    return split.served[name] == split.revision and None not in {mark, split.mark or None} and mark != split.mark


def is_asleep(workload: Mapping[str, Any]) -> bool:
    """Whether Knative has scaled it to zero for want of requests: the activator wakes it up for the next one."""
    conditions = _conditions(workload)
    active, ready = conditions.get("Active", {}), conditions.get("Ready", {})
    return (active.get("status"), active.get("reason"), ready.get("status")) == ("False", "NoTraffic", "True")


def revision_failure(workload: Mapping[str, Any]) -> Failure | None:
    """What Knative says of a Knative revision that does not come up; pods say more, if there are any."""
    ready = _conditions(workload).get("Ready", {})
    if ready.get("status") != "False":
        return None
    message = str(ready.get("message") or "")
    if "exceeded quota" in message or "admission webhook" in message:
        return refusal_of(ready)
    words = f"Knative says {ready.get('reason', 'nothing more')}: {printable(masked(message))[:300]}"
    return Failure(Reason.CANDIDATE_NOT_READY, words)


def _conditions(workload: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {c["type"]: c for c in (workload.get("status") or {}).get("conditions") or []}


def is_elastic(inference_service: Mapping[str, Any]) -> bool:
    """Whether Knative's autoscaler chooses the size; KServe asks for one replica where spec says nothing."""
    fewest, most = _bounds(inference_service)
    return most is None or most > max(fewest, 1)


def _bounds(inference_service: Mapping[str, Any]) -> tuple[int, int | None]:
    predictor = inference_service["spec"].get("predictor") or {}
    fewest, most = predictor.get("minReplicas"), predictor.get("maxReplicas")
    return fewest if isinstance(fewest, int) else 1, most if isinstance(most, int) and most > 0 else None


def _arm(
    ref: RevisionRef,
    inference_service: Mapping[str, Any],
    workload: Mapping[str, Any] | None,
    parts: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]],
    *,
    is_template: bool,
) -> Arm:
    slices, pods = parts
    ready = ready_endpoints(slices)
    asleep = not ready and workload is not None and is_asleep(workload)
    if asleep:
        ready = 1
    failure = stopped(inference_service) or pod_failure(pods)
    if failure is None and workload is not None and not ready:
        failure = revision_failure(workload)
    if is_template and failure is not None:  # KServe tells of the template only
        failure = with_kserve_status(failure, inference_service)
    return Arm(
        ref,
        ready,
        failure,
        deleting="deletionTimestamp" in inference_service["metadata"],
        template=ref.workload.name,
        size=_bounds(inference_service)[1],
        unheeded=obstacle(inference_service, DISABLE_AUTO_UPDATE),
        elastic=is_elastic(inference_service),
        asleep=asleep,
    )


def _ref(revision: str, name: str, workload: Mapping[str, Any] | None, known: RevisionRef | None) -> RevisionRef:
    version = known.version if known is not None else "?"
    whole = known.hash if known is not None else None
    if workload is not None:
        version = str((workload["metadata"].get("labels") or {}).get(names.VERSION, version))
        whole = stated_hash(workload)
    return RevisionRef(revision=revision, version=version, hash=whole, workload=workload_of(name))


def _refs(status: ModelDeploymentStatus) -> list[RevisionRef]:
    return [ref for ref in (status.stable, status.candidate) if ref is not None]


def _grouped(objs: list[Object], label: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for obj in objs:
        groups.setdefault(obj["metadata"]["labels"][label], []).append(obj)
    return groups
