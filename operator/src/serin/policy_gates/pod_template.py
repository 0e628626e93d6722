"""Which pods a gate's Job may have: those of the Pod Security Standard *restricted*, with nothing that Serin sets.

The API server asks the same when a policy is written (the chart's admission policy ``policies``). Here it is asked
again before a rollout starts, for policies that were written before, or where those policies are not installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from serin.schema.nesting import nested_deeper
from serin.schema.secret_names import has_credential, in_command_line, is_secret

LARGEST = 16 * 1024
"""Bytes of a template: it stands in the record, too."""
DEEPEST = 16
MOST_CONTAINERS = 8
VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
"""The kinds that *restricted* allows."""
OWN_VARIABLES = "SERIN_"
Object = Mapping[str, Any]


def template_problem(template: Object) -> str | None:
    """The first thing that keeps pods of this template from being made, with its path; None if nothing does."""
    if len(json.dumps(template)) > LARGEST or nested_deeper(template, DEEPEST):
        return f"it has more than {LARGEST // 1024} KiB or is nested deeper than {DEEPEST} levels"
    return next((problem for rule in RULES for problem in rule(template)), None)


def _shape(template: Object) -> Iterator[str]:
    spec = template.get("spec")
    if not isinstance(spec, Mapping) or not _mappings(spec.get("containers")):
        yield "spec: give a pod's spec with at least one container"
        return
    if len(containers(template)) > MOST_CONTAINERS:
        yield f"spec: more than {MOST_CONTAINERS} containers"
    metadata = template.get("metadata")
    if metadata is not None and (not isinstance(metadata, Mapping) or set(metadata) - {"annotations"}):
        yield "metadata: only annotations can be given; the labels of the pod are Serin's"
    if spec.get("restartPolicy", "Never") != "Never":
        yield "spec.restartPolicy: leave it out; what failed is tried again by the gate's retries"


def _host(template: Object) -> Iterator[str]:
    spec = template["spec"]
    for field in ("hostNetwork", "hostPID", "hostIPC", "nodeName", "shareProcessNamespace"):
        if spec.get(field):
            yield f"spec.{field} is not for a trial of a model; leave it out"
    for number, volume in enumerate(_mappings(spec.get("volumes"))):
        kinds = sorted(set(volume) - {"name"})
        wrong = next((kind for kind in kinds if kind not in VOLUMES), None)
        if wrong is not None:
            yield f"spec.volumes[{number}].{wrong[:40]}: take one of {', '.join(VOLUMES)}"
    for path, container in containers(template):
        for port in _mappings(container.get("ports")):
            if port.get("hostPort"):
                yield f"{path}.ports: hostPort is not for a trial of a model"


def _security(template: Object) -> Iterator[str]:
    of_pod = ("spec.securityContext", template["spec"].get("securityContext"))
    contexts = [of_pod, *((f"{path}.securityContext", c.get("securityContext")) for path, c in containers(template))]
    for path, context in contexts:
        if not isinstance(context, Mapping):
            continue
        for field, allowed in ALLOWED.items():
            if field in context and not allowed(context[field]):
                yield f"{path}.{field}: the Pod Security Standard restricted does not allow it"


def _seccomp(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type") in {"RuntimeDefault", "Localhost"}


def _capabilities(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return set(_list(value.get("add"))) <= {"NET_BIND_SERVICE"} and "ALL" in _list(value.get("drop") or ["ALL"])


ALLOWED: Mapping[str, Callable[[object], bool]] = {
    "privileged": lambda value: value is False,
    "allowPrivilegeEscalation": lambda value: value is False,
    "runAsNonRoot": lambda value: value is True,
    "runAsUser": lambda value: value != 0,
    "procMount": lambda value: value == "Default",
    "seccompProfile": _seccomp,
    "capabilities": _capabilities,
    "seLinuxOptions": lambda value: not value,
    "sysctls": lambda value: not value,
    "windowsOptions": lambda value: not value,
}
"""By field of a security context."""


def _variables(template: Object) -> Iterator[str]:
    for path, container in containers(template):
        for variable in _mappings(container.get("env")):
            name, value = str(variable.get("name", "")), str(variable.get("value") or "")
            if name.startswith(OWN_VARIABLES):
                yield f"{path}.env: {name[:60]}: names that begin with {OWN_VARIABLES} are Serin's"
            if is_secret(name, value) or has_credential(value):
                yield f"{path}.env: {name[:60]} has a secret in plain text, which records would keep; use secretKeyRef"
        for found in in_command_line(container):
            yield (
                f"{path}{found} in plain text, which records would keep; give it to a variable by secretKeyRef, and "
                "write $(VARIABLE)"
            )


RULES: tuple[Callable[[Object], Iterator[str]], ...] = (_shape, _host, _security, _variables)


def containers(template: Object) -> list[tuple[str, Object]]:
    """Its containers with their paths."""
    spec = template.get("spec")
    if not isinstance(spec, Mapping):
        return []
    return [
        (f"spec.{field}[{number}]", container)
        for field in ("containers", "initContainers")
        for number, container in enumerate(_mappings(spec.get(field)))
    ]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> list[Object]:
    """The objects of a list; what has another shape is the API server's to refuse."""
    return [item for item in _list(value) if isinstance(item, Mapping)]
