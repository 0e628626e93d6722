"""Writes which fields KServe's InferenceService has, for ``serin lint``: ``python -m tools.kservefields``.

Read from the definition of the KServe that the sandbox runs. Only names: types and rules are the API server's.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from e2e.sandbox.cache import default_root
from serin.api.model_deployment import OLDER_SPELLINGS
from serin.cli.lint.definitions import KSERVE_FIELDS

DEFINITION = "inferenceservices.serving.kserve.io"
COMPONENTS = ("predictor", "transformer")
LEFT_OUT = frozenset((*OLDER_SPELLINGS, "workerSpec"))
"""Serin refuses them with another sentence."""
Json = dict[str, Any]


def fields(definition: Json) -> Json:
    """Per component the names of its fields, nested; null where a field may be anything, or has no fields."""
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    found = {name: _names(schema[name]) or {} for name in COMPONENTS}
    return {name: {k: v for k, v in tree.items() if k not in LEFT_OUT} for name, tree in found.items()}


def _names(schema: Json) -> Json | None:
    if "items" in schema:
        return _names(schema["items"])
    properties = schema.get("properties")
    return {name: _names(part) for name, part in sorted(properties.items())} if properties else None


def main() -> None:
    """Read the sandbox's manifest, write the table."""
    newest = max(default_root().glob("manifests-*/kserve-kserve.yaml"), key=lambda path: path.stat().st_mtime)
    documents = yaml.load_all(newest.read_text("utf-8"), Loader=yaml.CSafeLoader)
    definition = next(
        d for d in documents if d and d["kind"] == "CustomResourceDefinition" and d["metadata"]["name"] == DEFINITION
    )
    text = json.dumps(fields(definition), separators=(",", ":"))
    KSERVE_FIELDS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
