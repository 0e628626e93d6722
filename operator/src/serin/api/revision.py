"""Which revision does a spec ask for? The content hash of what the user wrote, without the scaling fields.

The whole hash is the revision's identity; its first eight digits are the revision's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api.model_deployment import SCALING_FIELDS

REVISION_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Source:
    """What the user wrote for one revision: ``spec.model``, ``spec.predictor`` and ``spec.transformer``."""

    model: Mapping[str, Any]
    predictor: Mapping[str, Any]
    transformer: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Source:
        """The source in a spec, as the API server stores it."""
        return cls(spec["model"], spec["predictor"], spec.get("transformer"))

    @property
    def hash(self) -> str:
        """The whole hash."""
        return hash_of(self.model, self.predictor, self.transformer)

    @property
    def revision(self) -> str:
        """The revision's name."""
        return self.hash[:REVISION_LENGTH]


@dataclass(frozen=True, slots=True)
class Replicas:
    """A number of replicas of each component of an InferenceService."""

    predictor: int = 0
    transformer: int = 0


def canonical_json(value: object) -> bytes:
    """One spelling per value: sorted keys, no blanks, UTF-8 (the part of RFC 8785 that JSON from the API needs)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(value: object) -> str:
    """sha256 of the canonical JSON, as hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The object without fields that are null, at any depth: a field that is null is one that was left out.

    Templates render an empty value as null; the API server keeps it in free-form objects, and KServe's drops it.
    """
    return {key: _without_nulls(value) for key, value in fields.items() if value is not None}


def _without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        return without_nulls(value)
    # An item of a list that is null has a place: leaving it out would make another list of it.
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def without_scaling(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """The predictor without the fields that apply in place."""
    return {key: value for key, value in predictor.items() if key not in SCALING_FIELDS}


def scaling_of(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that apply in place, as far as they are given."""
    return without_nulls({key: predictor[key] for key in SCALING_FIELDS if key in predictor})


def replica_bounds(predictor: Mapping[str, Any]) -> tuple[int, int]:
    """The fewest and the most replicas that a predictor asks for; equal where no autoscaler may choose.

    As KServe reads them in Standard mode: never fewer than one, and ``maxReplicas`` below ``minReplicas`` is
    ``minReplicas``. What is no number counts as left out: KServe's dry run refuses it.
    """
    fewest = max(_count(predictor.get("minReplicas")), 1)
    return fewest, max(_count(predictor.get("maxReplicas")), fewest)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def hash_of(
    model: Mapping[str, Any], predictor: Mapping[str, Any], transformer: Mapping[str, Any] | None = None
) -> str:
    """The whole hash; all as the API server stores them, never rendered or defaulted.

    Without a transformer the hash is that of an earlier Serin, which knew none.
    """
    components = {"predictor": predictor} | ({"transformer": transformer} if transformer is not None else {})
    content = {name: without_nulls(without_scaling(fields)) for name, fields in components.items()}
    return content_hash({"model": without_nulls(model), **content})


def workload_name(model_deployment: str, revision: str) -> str:
    """``<mdep>-<revision>``."""
    return f"{model_deployment}-{revision}"
