"""Which revision does a spec ask for? The content hash of what the user wrote, without the scaling fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from serin.api.model_deployment import SCALING_FIELDS

REVISION_LENGTH = 8


def canonical_json(value: object) -> bytes:
    """One spelling per value: sorted keys, no blanks, UTF-8 (the part of RFC 8785 that JSON from the API needs)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(value: object) -> str:
    """sha256 of the canonical JSON, as hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def without_scaling(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """The predictor without the fields that apply in place."""
    return {key: value for key, value in predictor.items() if key not in SCALING_FIELDS}


def scaling_of(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that apply in place."""
    return {key: predictor[key] for key in SCALING_FIELDS if key in predictor}


def revision_of(model: Mapping[str, Any], predictor: Mapping[str, Any]) -> str:
    """Eight hex digits; ``model`` and ``predictor`` as the API server stores them, never rendered or defaulted."""
    return content_hash({"model": dict(model), "predictor": without_scaling(predictor)})[:REVISION_LENGTH]


def inference_service_name(model_deployment: str, revision: str) -> str:
    """``<mdep>-<revision>``."""
    return f"{model_deployment}-{revision}"


def replica_bounds(predictor: Mapping[str, Any]) -> tuple[int, int]:
    """The fewest and the most replicas that a predictor asks for, each at least 1; equal where it fixes the size.

    A null is as absent, as KServe's API takes it; so is what is no number, which KServe refuses anyway.
    """
    fewest, most = (_count(predictor.get(key)) for key in ("minReplicas", "maxReplicas"))
    return max(1, fewest), max(1, fewest, most)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
