"""Writes which fields KServe's InferenceService has, for ``serin lint``: ``python -m tools.kservefields``.

Read from the definition of the KServe that the sandbox runs. Names and types: limits and rules are the API server's.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from e2e.sandbox.cache import default_root
from serin.api.model_deployment import OLDER_SPELLINGS
from serin.cli.lint.definitions import ANY_NAME, KSERVE_FIELDS

DEFINITION = "inferenceservices.serving.kserve.io"
COMPONENTS = ("predictor", "transformer")
LEFT_OUT = frozenset((*OLDER_SPELLINGS, "workerSpec"))
"""Serin refuses them with another sentence."""
Json = dict[str, Any]


def fields(definition: Json) -> Json:
    """Per component the form of its fields, as ``serin.cli.lint.definitions.kserve_fields`` says it."""
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    found = {name: _form(schema[name]) for name in COMPONENTS}
    return {name: {k: v for k, v in tree.items() if k not in LEFT_OUT} for name, tree in found.items()}


def _form(schema: Json) -> Any:  # noqa: ANN401 - a JSON value
    if "items" in schema:
        return [_form(schema["items"])]
    if properties := schema.get("properties"):
        return {name: _form(part) for name, part in sorted(properties.items())}
    if isinstance(other := schema.get("additionalProperties"), dict):
        return {ANY_NAME: _form(other)}
    return None if schema.get("x-kubernetes-int-or-string") else schema.get("type")


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
