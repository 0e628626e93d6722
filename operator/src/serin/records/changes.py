"""In which fields a candidate differs from stable: names only, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.model_deployment import SCALING_FIELDS

PARTS = ("model", "predictor", "transformer")
MOST, DEEPEST, LONGEST = 12, 8, 253
UNTOLD = frozenset({"version", *SCALING_FIELDS})
"""The version is told anyway, and scaling is no part of a revision."""


def changed_fields(
    record: Mapping[str, Any], candidate: Mapping[str, Any] | None, stable: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """The first fields that differ, by what the PromotionRecord has of both, otherwise by the workloads of both.

    None where there is nothing to compare: a record does not repeat what an earlier one has of stable.
    """
    spec = record.get("spec") or {}
    new, old = spec.get("candidate"), spec.get("stable")
    if not (isinstance(new, Mapping) and isinstance(old, Mapping) and old.get("predictor")):
        new, old = ((workload or {}).get("spec") for workload in (candidate, stable))
    if not isinstance(new, Mapping) or not isinstance(old, Mapping) or not old:
        return ()
    found = [name for part in PARTS for name in _different(new.get(part), old.get(part), f"spec.{part}", DEEPEST)]
    return tuple(found[:MOST])


def _different(new: object, old: object, where: str, depth: int) -> Iterator[str]:
    if new == old:
        return
    if not (isinstance(new, Mapping) and isinstance(old, Mapping)) or not depth:
        yield where[:LONGEST]
        return
    for key in sorted({*new, *old} - UNTOLD, key=str):
        yield from _different(new.get(key), old.get(key), f"{where}.{key}", depth - 1)
