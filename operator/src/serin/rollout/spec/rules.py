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
DEEPEST = 50
"""Levels of a predictor; KServe's own types have about 15."""
RESERVED_LABELS = frozenset({"app", "component"})


def problem_of(name: str, namespace: str, predictor: Mapping[str, Any]) -> Problem | None:
    """The first violated rule; None if all hold."""
    message = next(_violations(name, namespace, predictor), None)
    return Problem(Reason.SPEC_INVALID, message) if message else None


def _violations(name: str, namespace: str, predictor: Mapping[str, Any]) -> Iterator[str]:
    if nested_deeper(predictor, DEEPEST):
        yield f"spec.predictor: lists and objects are nested more than {DEEPEST} levels deep; KServe knows no such"
        return
    predictor = without_nulls(predictor)
    if len(name) + len(namespace) > LONGEST_NAMES:
        yield (
            f"metadata.name and metadata.namespace have {len(name) + len(namespace)} characters together, at most "
            f"{LONGEST_NAMES} fit into the names that KServe derives; choose shorter ones"
        )
    for section in ("labels", "annotations"):
        for key in predictor.get(section) or {}:
            if key.startswith(RESERVED_KEYS) or key in RESERVED_LABELS:
                yield f"spec.predictor.{section}: key {key} is reserved; remove it"
    if "model" in predictor and any("--model_name" in arg for arg in predictor["model"].get("args") or []):
        yield "spec.predictor.model.args: --model_name is Serin's to set; use spec.model.servedName or remove it"
