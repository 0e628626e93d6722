"""Writes objects as people do: YAML, a document each, fields in the order that they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def yaml_of(documents: Sequence[Mapping[str, Any]]) -> str:
    """The documents, each with the line before it that separates them."""
    return "".join(f"---\n{yaml.safe_dump(dict(document), sort_keys=False)}" for document in documents)
