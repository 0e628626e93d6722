"""The form of ``metadata``: the API server knows it of every kind, so it stands in no CustomResourceDefinition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from serin.cli.lint.findings import Finding
from serin.cli.lint.source import Document
from serin.schema.types import DNS_LABEL, OBJECT_NAME

Schema = Mapping[str, Any]
NAME = "name"
LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
NAME_PREFIX = r"^[a-z0-9][-a-z0-9.]*$"
REMEDIES = {
    OBJECT_NAME: "use a-z, 0-9, - and . only, with a letter or digit first and last",
    DNS_LABEL: "use a-z, 0-9 and - only, with a letter or digit first and last",
    LABEL_VALUE: "use letters, digits, -, _ and . only, with a letter or digit first and last",
    NAME_PREFIX: "use a-z, 0-9, - and . only, with a letter or digit first",
}
"""How to mend a value, by the pattern that it does not match."""
LARGEST_ANNOTATIONS = 256 * 1024
LONGEST_KEY_NAME, LONGEST_KEY_PREFIX = 63, 253
_KEY_NAME, _KEY_PREFIX = re.compile(LABEL_VALUE.replace(")?$", ")$")), re.compile(OBJECT_NAME)

_TEXT, _WHOLE, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_TIME = {"type": "string", "format": "date-time"}
_OWNER = {
    "type": "object",
    "properties": dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT)
    | dict.fromkeys(("controller", "blockOwnerDeletion"), _FLAG),
}
_FIELDS: dict[str, Schema] = {
    NAME: {"type": "string", "pattern": OBJECT_NAME, "maxLength": 253},
    "generateName": {"type": "string", "pattern": NAME_PREFIX},
    "namespace": {"type": "string", "pattern": DNS_LABEL, "maxLength": 63},
    "labels": {
        "type": "object",
        "additionalProperties": {"type": "string", "pattern": LABEL_VALUE, "maxLength": LONGEST_KEY_NAME},
    },
    "annotations": {"type": "object", "additionalProperties": _TEXT},
    "finalizers": {"type": "array", "items": _TEXT},
    "ownerReferences": {"type": "array", "items": _OWNER},
    # The API server fills these in; they stand in files that kubectl get wrote.
    "managedFields": {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    "creationTimestamp": _TIME,
    "deletionTimestamp": _TIME,
    "deletionGracePeriodSeconds": _WHOLE,
    "generation": _WHOLE,
    "resourceVersion": _TEXT,
    "selfLink": _TEXT,
    "uid": _TEXT,
}


def object_meta(own_rules: bool) -> Schema:  # noqa: FBT001 - what it is about stands in the name
    """The form of metadata; ``own_rules``: the kind has rules for its name that say more than the pattern."""
    fields = _FIELDS | {NAME: _TEXT} if own_rules else _FIELDS
    return {"type": "object", "properties": fields}


def problems(document: Document) -> Iterator[Finding]:
    """The keys of labels and annotations, and their size: no form says that."""
    metadata = document.value.get("metadata")
    for field in ("labels", "annotations"):
        given = metadata.get(field) if isinstance(metadata, Mapping) else None
        pairs = given if isinstance(given, Mapping) else {}
        for key in pairs:
            if not _is_key(str(key)):
                yield document.finding(
                    "value",
                    ("metadata", field, key),
                    f"{key} is no key of {field}",
                    "write name or prefix/name: up to 63 letters, digits, -, _ and . after for example example.com/",
                )
        size = sum(len(f"{key}{value}".encode()) for key, value in pairs.items())
        if field == "annotations" and size > LARGEST_ANNOTATIONS:
            message = f"{size} bytes are too much"
            yield document.finding("value", ("metadata", field), message, f"at most {LARGEST_ANNOTATIONS} bytes")


def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > LONGEST_KEY_PREFIX or not _KEY_PREFIX.fullmatch(prefix)):
        return False
    return len(name) <= LONGEST_KEY_NAME and _KEY_NAME.fullmatch(name) is not None
