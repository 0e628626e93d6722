"""Secrets in plain text in a spec: every reader of the ModelDeployment sees them, and its records keep them for ever.

They are recognised by the names of variables, options and storage parameters, and by the form of URIs
(``schema/secret_names.py``). The chart's admission policy ``modeldeployments`` has the same rule; this one also holds
where the policy is not installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.model_deployment import OLDER_SPELLINGS
from serin.rollout.observation import Problem
from serin.schema.reasons import Reason
from serin.schema.secret_names import has_credential, in_command_line, is_secret, shown

SECTIONS = ("model", *OLDER_SPELLINGS)
"""The fields of KServe's predictor that are containers."""
SEEN = "in plain text, for every reader of this object and of its PromotionRecords"
LIFTED = "the operator's setting SERIN_LITERAL_SECRETS=Allow lifts this rule"


def literal_secret(
    model: Mapping[str, Any], predictor: Mapping[str, Any], transformer: Mapping[str, Any] | None = None
) -> Problem | None:
    """The first secret in plain text; None if none is recognised. The message has no value of any kind."""
    components = {"spec.predictor": predictor, "spec.transformer": transformer or {}}
    found = next(_found(model, components), None)
    return Problem(Reason.SPEC_INVALID, f"{found} ({LIFTED})") if found is not None else None


def _found(model: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for where, uri in _uris(model, components):
        if has_credential(uri):
            yield (
                f"{where} has a password or a signature {SEEN}; take it out, and give KServe the credentials in a "
                "storage Secret (storage-config, or one of the service account)"
            )
    for where, container in _containers(components):
        for variable in _mappings(container.get("env")):
            name, value = str(variable.get("name", "")), variable.get("value")
            if isinstance(value, str) and (is_secret(name, value) or has_credential(value)):
                yield (
                    f"{where}.env: {shown(name)} has a secret {SEEN}; put it into a Secret and name that by "
                    "valueFrom.secretKeyRef"
                )
        for name, value in _parameters(container):
            if is_secret(name, value) or has_credential(value):
                yield (
                    f"{where}.storage.parameters: {shown(name)} has a secret {SEEN}; put it into KServe's "
                    "storage Secret (storage-config) and name its entry by storage.key"
                )
        for found in in_command_line(container):
            yield (
                f"{where}{found} {SEEN}; put it into a Secret, give it to a variable by "
                "valueFrom.secretKeyRef, and write $(VARIABLE) here"
            )


def _uris(model: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What KServe fetches, with its path in spec."""
    yield "spec.model.uri", str(model.get("uri", ""))
    for path, component in components.items():
        for number, item in enumerate(_list(component.get("storageUris"))):
            if isinstance(item, Mapping):
                yield f"{path}.storageUris[{number}].uri", str(item.get("uri", ""))


def _containers(components: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The containers with their path in spec."""
    for path, component in components.items():
        for section in SECTIONS:
            if isinstance(component.get(section), Mapping):
                yield f"{path}.{section}", component[section]
        for field in ("containers", "initContainers"):
            for number, container in enumerate(_mappings(component.get(field))):
                yield f"{path}.{field}[{number}]", container


def _parameters(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a model overrides of KServe's storage Secret."""
    storage = container.get("storage")
    parameters = storage.get("parameters") if isinstance(storage, Mapping) else None
    for name, value in parameters.items() if isinstance(parameters, Mapping) else ():
        if isinstance(value, str):
            yield str(name), value


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; what has another shape is the dry run's to refuse."""
    return (item for item in _list(value) if isinstance(item, Mapping))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
