"""What is wrong between objects: names that lead nowhere, objects that are there twice, gates that nobody may open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.names import REQUESTED_BY
from serin.cli.lint.findings import Finding, Level
from serin.cli.lint.source import Document
from serin.policy_gates.approval import NotBy

APPROVER = "-approver"
"""How the chart's role for approvers ends."""
Place = tuple[str, str]
"""Namespace and name of a ModelDeployment."""
APPROVE = frozenset(("promotionactions/approve", "promotionactions/*", "*"))


def problems(documents: list[Document]) -> Iterator[Finding]:
    """Of all files together."""
    yield from _twice(documents)
    yield from _policies(documents)
    yield from _hostnames(documents)
    yield from _approvers(documents)
    yield from _circles(documents)


def _of(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document.kind == kind]


def _twice(documents: list[Document]) -> Iterator[Finding]:
    first: dict[tuple[str, str, str], Document] = {}
    for document in documents:
        if not document.kind.startswith(("ModelDeployment", "Promotion")) or "generateName" in _part(
            document, "metadata"
        ):
            continue
        known = first.setdefault((document.kind, document.namespace, document.name), document)
        if known is not document:
            yield document.finding(
                "together",
                ("metadata", "name"),
                f"{document.about} in namespace {document.namespace} is in {known.file}:{known.first} already",
                "remove one: the last one that is applied counts",
            )


def _policies(documents: list[Document]) -> Iterator[Finding]:
    """Policies that no model uses, and models whose policy is not among those of their namespace."""
    models, policies = _of(documents, "ModelDeployment"), _of(documents, "PromotionPolicy")
    named = {(model.namespace, _part(model, "spec", "policyRef").get("name")) for model in models}
    there = {(policy.namespace, policy.name) for policy in policies}
    used = {space for space, _ in named}  # where no model is among the files, they lie elsewhere
    for policy in policies:
        if policy.namespace in used and (policy.namespace, policy.name) not in named:
            yield policy.finding(
                "together",
                ("metadata", "name"),
                f"no ModelDeployment of namespace {policy.namespace} in these files names this policy",
                "name it in a spec.policyRef, or remove it",
                Level.WARNING,
            )
    for model in models:
        name = _part(model, "spec", "policyRef").get("name")
        if name and (model.namespace, name) not in there and any(space == model.namespace for space, _ in there):
            yield model.finding(
                "together",
                ("spec", "policyRef", "name"),
                f"PromotionPolicy {name} is not among those of namespace {model.namespace} in these files",
                f"write one of {', '.join(sorted(n for s, n in there if s == model.namespace))}, or add it",
                Level.WARNING,
            )


def _hostnames(documents: list[Document]) -> Iterator[Finding]:
    """Two models that ask for one hostname of one gateway."""
    first: dict[tuple[str, str, str], Document] = {}
    for model in _of(documents, "ModelDeployment"):
        route = _part(model, "spec", "route")
        parent = _part(model, "spec", "route", "parentRef")
        hostnames = route.get("hostnames")
        for index, hostname in enumerate(hostnames if isinstance(hostnames, list) else ()):
            gateway = (str(parent.get("namespace") or model.namespace), str(parent.get("name")))
            known = first.setdefault((*gateway, str(hostname)), model)
            if known is not model and (known.namespace, known.name) != (model.namespace, model.name):
                yield model.finding(
                    "together",
                    ("spec", "route", "hostnames", index),
                    f"{known.about} of namespace {known.namespace} has {hostname} on the same gateway",
                    "give each model a hostname of its own",
                )


def _approvers(documents: list[Document]) -> Iterator[Finding]:
    """Gates for groups of which none may approve, by the roles in these files."""
    roles = {role.name for role in documents if role.kind in {"Role", "ClusterRole"} and _grants(role)}
    bindings = [
        binding
        for binding in documents
        if binding.kind in {"RoleBinding", "ClusterRoleBinding"}
        and ((name := str(_part(binding, "roleRef").get("name"))) in roles or name.endswith(APPROVER))
    ]
    for policy in _of(documents, "PromotionPolicy"):
        may = {
            str(subject.get("name"))
            for binding in bindings
            if binding.kind == "ClusterRoleBinding" or binding.namespace == policy.namespace
            for subject in _items(binding.value.get("subjects"))
            if subject.get("kind") == "Group"
        }
        for index, gate in enumerate(_items(_part(policy, "spec").get("gates"))):
            approval = gate.get("approval")
            groups = approval.get("groups") if isinstance(approval, Mapping) else None
            if may and isinstance(groups, list) and groups and not may & set(map(str, groups)):
                yield policy.finding(
                    "gate",
                    ("spec", "gates", index, "approval", "groups"),
                    f"gate {gate.get('name')} waits for nobody: no group of {', '.join(map(str, groups))} may approve "
                    "by the roles in these files",
                    f"name one of {', '.join(sorted(may))}, or bind the group to the role for approvers",
                    Level.WARNING,
                )


def _circles(documents: list[Document]) -> Iterator[Finding]:
    """Gates that wait for their own ModelDeployment, at once or by way of others: they hold for ever."""
    policies = {(policy.namespace, policy.name): policy for policy in _of(documents, "PromotionPolicy")}
    waits: dict[Place, list[tuple[Place, Finding]]] = {}
    for model in _of(documents, "ModelDeployment"):
        policy = policies.get((model.namespace, str(_part(model, "spec", "policyRef").get("name"))))
        for index, gate in enumerate(_items(_part(policy, "spec").get("gates")) if policy is not None else ()):
            upstream = gate.get("upstream")
            if policy is None or not isinstance(upstream, Mapping) or "attestation" in upstream:
                continue  # an attestation comes from another cluster, where the names may be the same
            there = (str(upstream.get("namespace")), str(upstream.get("name")))
            told = policy.finding(
                "gate",
                ("spec", "gates", index, "upstream"),
                f"gate {gate.get('name')} makes {model.about} wait for itself: it holds for ever",
                "name the ModelDeployment that has the version first, or give one of them another policy",
            )
            waits.setdefault((model.namespace, model.name), []).append((there, told))
    for own, gates in waits.items():
        yield from (told for there, told in gates if own in _reached(there, waits))


def _reached(start: Place, waits: Mapping[Place, list[tuple[Place, Finding]]]) -> set[Place]:
    """The ModelDeployments that one waits for, itself included."""
    found, open_ends = {start}, [start]
    while open_ends:
        new = {there for there, _ in waits.get(open_ends.pop(), ())} - found
        found |= new
        open_ends += new
    return found


def unproven_eyes(documents: list[Document]) -> list[str]:
    """Gates with four eyes of models whose files do not say who asks: no mistake, for the cluster may say it."""
    told = []
    policies = {(policy.namespace, policy.name): policy for policy in _of(documents, "PromotionPolicy")}
    for model in _of(documents, "ModelDeployment"):
        policy = policies.get((model.namespace, str(_part(model, "spec", "policyRef").get("name"))))
        if policy is None or _part(model, "metadata", "annotations").get(REQUESTED_BY):
            continue
        gates = [
            str(gate.get("name"))
            for gate in _items(_part(policy, "spec").get("gates"))
            if isinstance(approval := gate.get("approval"), Mapping) and approval.get("notBy") != NotBy.NOBODY
        ]
        if gates:
            told.append(
                f"{model.about}: rule gate: {', '.join(gates)} of {policy.about}: that nobody approves what they asked "
                f"for (notBy: Requester) needs the annotation {REQUESTED_BY}, which these files do not have: set "
                "admission.requestedBy: Required or admission.stampRequester of the chart"
            )
    return told


def _grants(role: Document) -> bool:
    return any(
        APPROVE & set(map(str, rule.get("resources") or ()))
        and {"create", "*"} & set(map(str, rule.get("verbs") or ()))
        for rule in _items(role.value.get("rules"))
    )


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _part(document: Document, *path: str) -> Mapping[str, Any]:
    found: object = document.value
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
