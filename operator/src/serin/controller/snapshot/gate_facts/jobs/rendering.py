"""The Job of a gate as an object: the policy's template, in the limits of *restricted*, with what it is told."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.cluster.client import Object
from serin.policy_gates.job import Job
from serin.traffic.owner import Owner

KEPT_SECONDS = 7 * 24 * 3600
"""How long a Job stays after its end, to be looked at."""
RESULT_FILE = "/dev/termination-log"
LONGEST_BEGINNING = 40
OF_POD: Mapping[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
OF_CONTAINER: Mapping[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True, slots=True)
class Trial:
    """Which Job is meant: of one rollout, one gate and one move."""

    owner: Owner
    record: str
    gate: str
    step: int

    @property
    def labels(self) -> dict[str, str]:
        """By which its Jobs are found again."""
        return {
            names.MANAGED_BY: names.MANAGER,
            names.MODEL_DEPLOYMENT: self.owner.name,
            names.RECORD: self.record,
            names.GATE: self.gate,
            names.STEP: str(self.step),
        }

    @property
    def selector(self) -> str:
        """The labels as a selector."""
        return ",".join(f"{key}={value}" for key, value in self.labels.items())

    def name(self, attempt: int) -> str:
        """The name of one try: the same for everybody who would make it."""
        identity = "\n".join((self.owner.uid, self.record, self.gate, str(self.step)))
        beginning = self.owner.name[:LONGEST_BEGINNING].rstrip("-.")
        return f"{beginning}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}-{attempt}"


def job_object(trial: Trial, gate: Job, attempt: int, variables: Mapping[str, str]) -> Object:
    """The Job of one try. It has no retries of its own, ends in time, and goes with its ModelDeployment."""
    labels = {**trial.labels, names.ATTEMPT: str(attempt)}
    metadata = trial.owner.metadata(trial.name(attempt))
    annotations = dict((gate.template.get("metadata") or {}).get("annotations") or {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": int(gate.timeout.total_seconds()),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels, **({"annotations": annotations} if annotations else {})},
                "spec": _pod_spec(gate, variables),
            },
        },
    }


def _pod_spec(gate: Job, variables: Mapping[str, str]) -> Object:
    template = copy.deepcopy(dict(gate.template))
    spec: Object = template["spec"]
    spec.setdefault("automountServiceAccountToken", False)
    spec["restartPolicy"] = "Never"
    spec["enableServiceLinks"] = False
    spec["securityContext"] = {**OF_POD, **(spec.get("securityContext") or {})}
    for field in ("containers", "initContainers"):
        if spec.get(field):
            spec[field] = [_container(container, variables) for container in spec[field]]
    return spec


def _container(container: Object, variables: Mapping[str, str]) -> Object:
    context = {**OF_CONTAINER, **(container.get("securityContext") or {})}
    context["capabilities"] = {**OF_CONTAINER["capabilities"], **(context["capabilities"] or {})}
    told = {**variables, "SERIN_RESULT": container.get("terminationMessagePath") or RESULT_FILE}
    environment = [{"name": name, "value": value} for name, value in told.items()]
    return {**container, "securityContext": context, "env": [*environment, *(container.get("env") or [])]}
