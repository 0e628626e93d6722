"""Which objects of KServe, the Gateway API and Contour, as released, does the API server need before they can run?

The manifests are megabytes of YAML; the few documents wanted are picked by a look at their head, and the result
is kept as JSON beside them.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import yaml

from e2e.sandbox.errors import BuildError
from e2e.sandbox.state import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KSERVE_CRDS = frozenset(
    f"{plural}.serving.kserve.io"
    for plural in (
        "clusterservingruntimes",
        "clusterstoragecontainers",
        "inferencegraphs",
        "inferenceservices",
        "servingruntimes",
        "trainedmodels",
    )
)
# Webhooks of KServe's other managers (language models, local model cache) would point at nothing.
WEBHOOKS = frozenset(
    f"{kind}.serving.kserve.io"
    for kind in ("clusterservingruntime", "inferencegraph", "inferenceservice", "servingruntime", "trainedmodel")
)
CRD = "CustomResourceDefinition"
KINDS = frozenset(
    {CRD, "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ConfigMap", "ClusterStorageContainer"}
)
KIND = re.compile(r"^kind: *(\S+)", re.MULTILINE)
CACHED = "objects.json"
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Released:
    """Objects as released, as plain JSON."""

    kserve_crds: list[dict[str, Any]]
    gateway_crds: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    settings: dict[str, Any]
    storage: dict[str, Any]


def versions(crds: Sequence[dict[str, Any]]) -> dict[str, frozenset[str]]:
    """Per API group and version, the resources that definitions will make the API server serve."""
    served: dict[str, set[str]] = {}
    for crd in crds:
        spec = crd["spec"]
        for version in spec["versions"]:
            if version["served"]:
                served.setdefault(f"{spec['group']}/{version['name']}", set()).add(spec["names"]["plural"])
    return {version: frozenset(plurals) for version, plurals in served.items()}


def load(folder: Path) -> Released:
    """The objects from the manifests in ``folder``. BuildError if one that is needed is not there."""
    cached = folder / CACHED
    try:
        raw: dict[str, Any] = json.loads(cached.read_text("utf-8"))
        if raw.pop("format") == FORMAT:
            return Released(**raw)
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not converted yet, or by another version of this module: convert now
    released = _convert(folder)
    with suppress(OSError):  # a cache that belongs to somebody else is read-only: then it takes two seconds each time
        write_private(cached, json.dumps({"format": FORMAT, **asdict(released)}))
    return released


def _convert(folder: Path) -> Released:
    crds: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    webhooks: list[dict[str, Any]] = []
    settings: dict[str, Any] | None = None
    storage: dict[str, Any] | None = None
    for item in _documents(folder):
        name = item["metadata"]["name"]
        item["metadata"].pop("creationTimestamp", None)
        match item["kind"]:
            case "CustomResourceDefinition":
                item.pop("status", None)
                crds[name in KSERVE_CRDS].append(item)
            case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" if name in WEBHOOKS:
                webhooks.append(item)
            case "ConfigMap" if name == "inferenceservice-config":
                settings = item
            case "ClusterStorageContainer" if name == "default":
                storage = item
    if settings is None or storage is None or not all(crds.values()) or not webhooks:
        raise BuildError(f"The manifests in {folder} are not the ones of the pinned releases.")
    return Released(
        # The largest first: the server takes longest for it.
        kserve_crds=sorted(crds[True], key=lambda crd: -len(json.dumps(crd))),
        gateway_crds=crds[False],
        webhooks=webhooks,
        settings=settings,
        storage=storage,
    )


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.yaml")):
        for text in re.split(r"^---.*$", file.read_text("utf-8"), flags=re.MULTILINE):
            kind = KIND.search(text)
            if kind is None or kind[1] not in KINDS:
                continue
            if kind[1] == CRD and _is_foreign(text):
                continue
            yield yaml.load(text, Loader=yaml.CSafeLoader)


def _is_foreign(text: str) -> bool:
    """Whether a definition belongs to none of our three groups; the language models' are megabytes."""
    name = re.search(r"^  name: *(\S+)", text, re.MULTILINE)
    if name is None:
        return True
    return not (name[1] in KSERVE_CRDS or name[1].endswith((".gateway.networking.k8s.io", ".projectcontour.io")))
