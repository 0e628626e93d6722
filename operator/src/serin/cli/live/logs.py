"""Where a version that was taken back says itself why it failed: the logs of its pods, while they are there."""

from __future__ import annotations

import re

from serin.cli.live.reading import Object, items, part
from serin.cli.live.session import Session
from serin.cluster.resources import PODS, PROMOTION_RECORDS
from serin.errors import ClusterError

LABELS = {"InferenceService": "serving.kserve.io/inferenceservice", "Revision": "serving.knative.dev/revision"}
"""By the kind of a workload, the label by which its pods are found."""
LINES = 50
NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
"""What may stand in a command that somebody pastes into a shell: a record says whatever wrote it wanted it to say."""


def logs_of_last(seen: Session, obj: Object) -> str | None:
    """Of the version that was just taken back; None of a ModelDeployment in any other phase."""
    last = next(iter(items(obj, "status", "rejected")), None)
    if last is None or part(obj, "status", "phase") not in {"RolledBack", "RollingBack"}:
        return None
    try:
        record = seen.api.get(PROMOTION_RECORDS, seen.namespace, str(last.get("record")))
    except ClusterError:
        return None
    return logs_of_record(seen, record)


def logs_of_record(seen: Session, record: Object | None) -> str | None:
    """Of the version that a record is about; None if it was not taken back."""
    if record is None or part(record, "status", "outcome") != "RolledBack":
        return None
    return logs_of(seen, part(record, "spec", "candidate"))


def logs_of(seen: Session, candidate: Object | None) -> str | None:
    """What to type to read why it failed, or that it is too late; None where its pods cannot be named."""
    workload = part(candidate or {}, "workload")
    kind = str(part(workload or {}, "kind") or "InferenceService")
    name = part(workload or {}, "name") or part(candidate or {}, "inferenceService")
    if kind not in LABELS or not isinstance(name, str) or NAME.fullmatch(name) is None:
        return None
    selector = f"{LABELS[kind]}={name}"
    command = f"kubectl logs -n {seen.namespace} -l {selector} --tail={LINES}"
    try:
        pods = seen.api.list(PODS, seen.namespace, selector)
    except ClusterError:  # who may read Serin's kinds need not be allowed to list pods
        return f"why it failed stands in its logs, while its pods are there: `{command}`"
    if pods:
        return f"why it failed stands in its logs: `{command}`"
    return f"its pods are gone: why it failed stands where the cluster keeps the logs of pods with {selector}"
