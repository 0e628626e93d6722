"""A finding: what is wrong, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. SARIF has the same words."""

    ERROR = "error"
    """The API server or Serin refuses it, or nothing could ever be decided."""
    WARNING = "warning"
    """It is taken, and will probably not do what is meant."""


RULES = {
    "yaml": "The file is YAML that can be read.",
    "duplicate-key": "A field stands once in an object.",
    "kind": "apiVersion, kind and metadata name an object of Serin.",
    "unknown-field": "Every field is one that the kind has.",
    "missing-field": "Every required field is there.",
    "type": "A value has the type of its field.",
    "value": "A value is within the limits of its field.",
    "rule": "The rules (CEL) of the kind hold.",
    "names": "Names and what is derived from them fit together.",
    "predictor": "The predictor leaves out what is Serin's to set.",
    "secret": "No secret stands in plain text.",
    "promql": "Every query is PromQL that Serin can use.",
    "policy": "What a policy says can be used.",
    "bucket": "A threshold is a bucket boundary of its server.",
    "slow": "Steps can decide in their time with the given traffic.",
    "time": "Times fit each other.",
    "gate": "Every gate is asked, and somebody may open it.",
    "together": "Objects name each other, and none is there twice.",
}
"""Every rule by its name; docs/reference/lint.md and SARIF show them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    rule: str
    level: Level
    file: str
    line: int
    about: str
    """Kind and name of the object; empty if it is of no object."""
    field: str
    message: str
    remedy: str
    """How to mend it; empty where the message says that."""
