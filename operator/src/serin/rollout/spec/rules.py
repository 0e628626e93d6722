"""Rules on spec that the CRD schema cannot express. Each message says what is wrong, where, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.model_deployment import RESERVED_KEYS
from serin.api.revision import without_nulls
from serin.rollout.observation import Problem
from serin.schema.nesting import nested_deeper
from serin.schema.reasons import Reason

LONGEST_NAMES = 43
"""Name and namespace together: ``<name>-<revision>-predictor-<namespace>`` is one DNS label of 63 characters."""
LONGER_SUFFIX = len("-transformer") - len("-predictor")
DEEPEST = 50
"""Levels of a predictor; KServe's own types have about 15."""
RESERVED_LABELS = frozenset({"app", "component"})
COMPONENTS = ("predictor", "transformer")
"""The fields of spec that are KServe's own."""
SET_BY = {
    "--model_name": "is Serin's to set; use spec.model.servedName or remove it",
    "--predictor_host": "is KServe's to set, to the predictor of the same revision; remove it",
}
"""Arguments of a transformer that would lead past its own revision."""


def problem_of(
    name: str, namespace: str, predictor: Mapping[str, Any], transformer: Mapping[str, Any] | None = None
) -> Problem | None:
    """The first violated rule; None if all hold."""
    message = next(_violations(name, namespace, predictor, transformer), None)
    return Problem(Reason.SPEC_INVALID, message) if message else None


def _violations(
    name: str, namespace: str, predictor: Mapping[str, Any], transformer: Mapping[str, Any] | None
) -> Iterator[str]:
    components = {"predictor": predictor} | ({"transformer": transformer} if transformer is not None else {})
    for field, component in components.items():
        if nested_deeper(component, DEEPEST):
            yield f"spec.{field}: lists and objects are nested more than {DEEPEST} levels deep; KServe knows no such"
            return
    predictor, transformer = without_nulls(predictor), without_nulls(transformer or {})
    longest = LONGEST_NAMES - (LONGER_SUFFIX if transformer else 0)
    if len(name) + len(namespace) > longest:
        yield (
            f"metadata.name and metadata.namespace have {len(name) + len(namespace)} characters together, at most "
            f"{longest} fit into the names that KServe derives; choose shorter ones"
        )
    yield from _reserved_keys({"predictor": predictor, "transformer": transformer})
    if "model" in predictor and any("--model_name" in arg for arg in predictor["model"].get("args") or []):
        yield "spec.predictor.model.args: --model_name is Serin's to set; use spec.model.servedName or remove it"
    yield from _arguments(transformer)


def _reserved_keys(components: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for field, component in components.items():
        for section in ("labels", "annotations"):
            for key in component.get(section) or {}:
                if key.startswith(RESERVED_KEYS) or key in RESERVED_LABELS:
                    yield f"spec.{field}.{section}: key {key} is reserved; remove it"


def _arguments(transformer: Mapping[str, Any]) -> Iterator[str]:
    for argument in (transformer.get("containers") or [{}])[0].get("args") or []:
        for option, why in SET_BY.items():
            if str(argument).partition("=")[0] == option:
                yield f"spec.transformer.containers[0].args: {option} {why}"
