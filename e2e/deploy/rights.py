"""Which rights does the operator run with? The chart's, from its own file, so that a trial proves what is shipped.

The objects are those that ``helm template`` makes of the default values (a test compares); Helm is not needed for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2e.deploy.cluster import Json

FILES = Path(__file__).resolve().parents[2] / "charts" / "serin" / "files"
RULES = FILES / "rbac.yaml"
ADMISSION = FILES / "admission"
ADMISSION_API = "admissionregistration.k8s.io/v1"
NAMESPACE, NAME = "serin-system", "serin"
TRIALS = (
    "admin",
    "system:serviceaccount:kube-system:serin-e2e-admin",
    f"system:serviceaccount:{NAMESPACE}:serin-listed",
)
"""Who plays a part in trials: a second operator, and the administrators of the sandbox and of kind.

They write a status or an InferenceService to see what comes of it. In the sandbox, KServe's controller and the garbage
collector run as the administrator, too."""
RBAC_API = "rbac.authorization.k8s.io"


def rules() -> dict[str, list[Json]]:
    """The chart's rules: ``watched``, ``clusterWide``, ``own`` and ``lease`` (without its name)."""
    loaded: dict[str, list[Json]] = yaml.safe_load(RULES.read_text("utf-8"))
    return loaded


def objects() -> list[Json]:
    """Namespace, service account, roles and bindings of an installation that watches the whole cluster."""
    chart = rules()
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}},
        _role("ClusterRole", chart["watched"] + chart["clusterWide"]),
        _binding("ClusterRole"),
        _role("Role", [*chart["own"], *({**rule, "resourceNames": [NAME]} for rule in chart["lease"])]),
        _binding("Role"),
    ]


def may_read(namespace: str, resource: str, name: str) -> list[Json]:
    """What the chart's ``attestations`` adds for one ConfigMap or Secret, in one namespace."""
    metadata = {"name": f"{NAME}-{resource}-{name}", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": [resource], "resourceNames": [name], "verbs": ["get"]}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    reference = {"apiGroup": RBAC_API, "kind": "Role", "name": metadata["name"]}
    api_version = f"{RBAC_API}/v1"
    return [
        {"apiVersion": api_version, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": api_version,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [account],
        },
    ]


def admission(restorers: Sequence[str] = ()) -> list[Json]:
    """The policies, each with its binding, in force everywhere; ``restorers`` may write what Serin writes."""
    items: list[Json] = []
    for path in sorted(ADMISSION.glob("*.yaml")):
        name, spec = f"{NAME}-{path.stem}", yaml.safe_load(path.read_text("utf-8"))
        for variable in spec.get("variables", []):
            if variable["name"] == "restoreAccounts":
                variable["expression"] = json.dumps(list(restorers))
        items += [
            {
                "apiVersion": ADMISSION_API,
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": spec,
            },
            {
                "apiVersion": ADMISSION_API,
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            },
        ]
    return items


def _metadata(kind: str) -> Json:
    return {"name": NAME} if kind == "ClusterRole" else {"name": NAME, "namespace": NAMESPACE}


def _role(kind: str, granted: list[Json]) -> Json:
    return {"apiVersion": f"{RBAC_API}/v1", "kind": kind, "metadata": _metadata(kind), "rules": granted}


def _binding(kind: str) -> Json:
    return {
        "apiVersion": f"{RBAC_API}/v1",
        "kind": f"{kind}Binding",
        "metadata": _metadata(kind),
        "roleRef": {"apiGroup": RBAC_API, "kind": kind, "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
