"""The new form of a predictor that is written in KServe's older spelling, with a field for each format of models.

KServe's webhook rewrites the older spelling when an InferenceService is created. Serin does not: what stands in spec is
what was reviewed, and its hash is the revision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from serin.api.model_deployment import OLDER_SPELLINGS
from serin.rollout.spec.literal_secrets import literal_secret
from serin.schema.masking import masked

PROTOCOL_V2 = frozenset({"huggingface", "onnx", "triton"})
"""Formats for which KServe sets protocol v2 if the older spelling names none."""
LONGEST = 1800
"""Characters of the block; the URI beside it has up to 2,048, and a message 4,096."""
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
NO_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader of YAML takes for something else."""


def new_form(predictor: Mapping[str, Any]) -> str | None:
    """What to write in place of the older spelling; None if the predictor has none.

    A block is described where it is too long for a message, or holds a secret: messages go into logs and Events.
    """
    found = next((field for field in OLDER_SPELLINGS if field in predictor), None)
    if found is None:
        return None
    section = predictor[found] if isinstance(predictor[found], Mapping) else {}
    start = f"spec.predictor.{found} is KServe's older spelling; "
    block = masked(f"model: {_flow(_model(found, section))}")
    if len(block) > LONGEST or literal_secret({}, predictor) is not None:
        block = f"model: {{modelFormat: {{name: {found}}}, …}} with the other fields of {found} as they are"
    uri = section.get("storageUri")
    moved = f", and under spec.model write uri: {masked(str(uri))}" if uri is not None else ""
    return f"{start}under spec.predictor write {block}{moved}"


def _model(name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``predictor.model``; the storage URI moves to ``spec.model.uri``."""
    # KServe refuses a name of the container here.
    kept = {key: value for key, value in section.items() if key not in {"storageUri", "name"}}
    if name in PROTOCOL_V2 and "protocolVersion" not in kept:
        kept = {"protocolVersion": "v2", **kept}
    return {"modelFormat": {"name": name}, **kept}


def _flow(value: object) -> str:
    """YAML on one line, as one can paste it; what is no plain word is JSON, which is YAML, too."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in NO_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
