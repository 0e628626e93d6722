"""Rules on spec that the CRD schema cannot express. Each message says what is wrong, where, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.model_deployment import Mode
from serin.api.predictor.keys import KSERVE_ANNOTATIONS, KSERVE_KEYS, is_reserved
from serin.api.predictor.served_name import MODEL_NAME_FLAG, named_alike, named_by, served_name
from serin.api.revision import without_nulls
from serin.rollout.observation import Problem
from serin.rollout.spec.model_source import source_violations
from serin.rollout.spec.older_spelling import new_form
from serin.rollout.spec.scaling import scaling_violations
from serin.schema.nesting import nested_deeper
from serin.schema.reasons import Reason

DEEPEST = 50
"""Levels of a predictor; KServe's own types have about 15."""
COMPONENTS = ("predictor", "transformer")
"""The fields of spec that are KServe's own."""
PREDICTOR_HOST = "--predictor_host"
"""The argument by which a transformer would be led past its own revision."""


def problem_of(spec: Mapping[str, Any], name: str) -> Problem | None:
    """The first violated rule; None if all hold. ``spec`` and metadata.name as the API server stores them."""
    message = next(_violations(spec, name), None)
    return Problem(Reason.SPEC_INVALID, message) if message else None


def _violations(spec: Mapping[str, Any], name: str) -> Iterator[str]:
    for field in COMPONENTS:
        if nested_deeper(spec.get(field), DEEPEST):
            yield f"spec.{field}: lists and objects are nested more than {DEEPEST} levels deep; KServe knows no such"
            return
    model = without_nulls(spec["model"])
    predictor, transformer = (without_nulls(spec.get(field) or {}) for field in COMPONENTS)
    older = new_form(predictor)
    if older is not None:
        yield older
    yield from _reserved_keys({"predictor": predictor, "transformer": transformer})
    yield from source_violations(model, predictor)
    yield from _served_name(model, predictor)
    yield from _arguments(transformer, served_name(model, predictor, name))
    if spec.get("mode", Mode.STANDARD) == Mode.STANDARD:
        yield from scaling_violations(predictor, transformer)


def _reserved_keys(components: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """KServe's own keys are set on the predictor: it takes them for all components from the InferenceService."""
    for field, component in components.items():
        for section in ("labels", "annotations"):
            for key in component.get(section) or {}:
                if is_reserved(section, key):
                    yield f"spec.{field}.{section}: key {key} is reserved; remove it{_allowed(section, key)}"
                elif field != "predictor" and key.startswith(KSERVE_KEYS):
                    yield f"spec.{field}.{section}: key {key} counts for all components; set it in spec.predictor"


def _allowed(section: str, key: str) -> str:
    if section != "annotations" or not key.startswith(KSERVE_KEYS):
        return ""
    free = sorted(name.removeprefix(KSERVE_KEYS) for name in KSERVE_ANNOTATIONS)
    return f" (of KServe's own keys {', '.join(free)} may be set)"


def _served_name(model: Mapping[str, Any], predictor: Mapping[str, Any]) -> Iterator[str]:
    """Every revision answers to one name: it is written out, and once."""
    arguments = [str(argument) for argument in (predictor.get("model") or {}).get("args") or []]
    name = named_by(arguments, MODEL_NAME_FLAG)
    if name is None:
        return
    where = f"spec.predictor.model.args: {MODEL_NAME_FLAG}"
    if not name or "{{" in name or "$(" in name:
        yield (
            f"{where} is not a name that is the same for every revision; write the name itself, or remove the argument "
            f"and use spec.model.servedName"
        )
    elif model.get("servedName") not in {None, name}:
        yield f"{where} says {name}, and spec.model.servedName says {model['servedName']}; remove one of them"


def _arguments(transformer: Mapping[str, Any], served: str) -> Iterator[str]:
    """A transformer is of its own revision, and answers to the name that clients ask for."""
    arguments = [str(argument) for argument in (transformer.get("containers") or [{}])[0].get("args") or []]
    where = "spec.transformer.containers[0].args"
    if named_by(arguments, PREDICTOR_HOST) is not None:
        yield f"{where}: {PREDICTOR_HOST} is KServe's to set, to the predictor of the same revision; remove it"
    told = named_by(arguments, MODEL_NAME_FLAG)
    if told is not None and not named_alike(arguments, MODEL_NAME_FLAG, served):
        yield (
            f"{where}: {MODEL_NAME_FLAG} says {told or 'nothing'}, and clients ask for {served}; remove it, since "
            f"Serin tells the transformer that name, or set spec.model.servedName"
        )
