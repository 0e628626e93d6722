"""Compares a document with the form of a kind, as the API server would before it takes the object.

pydantic reads ``"5"`` for a number and ``5`` for a text; the API server does neither. So what a command takes from a
file, and the API server would refuse, is refused here, in the same words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from serin.schema.types import DURATION_PATTERN, FINE_DURATION_PATTERN

EARLIEST_YEAR, LATEST_YEAR = 1970, 9000
EXAMPLES = {DURATION_PATTERN: "15s, 5m, 1h30m or 500ms", FINE_DURATION_PATTERN: "2s, 500ms or 250us"}
LONGEST_SHOWN = 60
_NUMBER = re.compile(r"-?[0-9]{1,18}")
Schema = Mapping[str, Any]


def time_of(value: object) -> datetime:
    """The time that a text stands for, in UTC; ``ValueError`` for one without a zone, or out of range."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{_shown(value)} is not a time with a zone such as 2026-11-22T03:00:00Z")
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise ValueError(f"{_shown(value)} is not within the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return at.astimezone(UTC)


def form_problem(model: type[BaseModel], document: object, where: str) -> str | None:
    """The first value below ``where`` that has another type than the kind's, with its field; None if there is none.

    Missing and unknown fields, and limits, are the model's to tell.
    """
    schema = _schema(model)
    return next(_problems(schema, document, where, schema.get("$defs", {})), None)


def path_of(*parts: object) -> str:
    """A field as the API server writes it: ``spec.slos[0].name``."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return written.removeprefix(".")


@lru_cache(maxsize=32)
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(by_alias=True)


def _problems(schema: Schema, value: object, where: str, defs: Schema) -> Iterator[str]:
    schema = _resolved(schema, defs)
    if value is None:
        return  # the model says whether it may be absent
    if problem := _own_problem(schema, value):
        yield f"{where}: {problem}"
        return
    if isinstance(value, Mapping):
        known, other = schema.get("properties", {}), schema.get("additionalProperties")
        for key, part in value.items():
            own = known.get(key, other)
            if isinstance(own, Mapping):
                yield from _problems(own, part, f"{where}.{key}" if where else str(key), defs)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, part in enumerate(value):
            yield from _problems(schema["items"], part, f"{where}[{index}]", defs)


def _resolved(schema: Schema, defs: Schema) -> Schema:
    """The schema itself, of a field that may be absent that of its value."""
    while True:
        if "$ref" in schema:
            schema = defs[schema["$ref"].rsplit("/", 1)[1]]
            continue
        branches = [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]
        if len(branches) != 1:
            return schema
        schema = branches[0]


def _own_problem(schema: Schema, value: object) -> str:
    """What is wrong with the value itself; empty if nothing is."""
    wanted, found = schema.get("type"), _type_of(value)
    if isinstance(wanted, str) and wanted != found and not (wanted == "number" and found == "integer"):
        return f"must be of type {wanted}, found {found} {_shown(value)}{_remedy(schema, wanted, value)}"
    if schema.get("format") == "date-time":
        try:
            time_of(value)
        except ValueError as error:
            return str(error)
    return ""


def _type_of(value: object) -> str:
    """The name that a JSON schema has for the type."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if math.isfinite(value) and value.is_integer() else "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list():
            return "array"
    return type(value).__name__


def _remedy(schema: Schema, wanted: str, value: object) -> str:
    pattern = str(schema.get("pattern", ""))
    if wanted == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        if pattern in EXAMPLES:
            return f": it is not a duration such as {EXAMPLES[pattern]}"
        return f': write "{value}" in quotes' if re.search(pattern, str(value)) else ""
    if wanted == "string" and isinstance(value, bool):
        return ": put the word into quotes"
    if wanted in {"integer", "number"} and isinstance(value, str) and _NUMBER.fullmatch(value):
        return f": write {value} without quotes"
    if wanted == "boolean" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return f": write {value.lower()} without quotes"
    return ""


def _shown(value: object) -> str:
    if isinstance(value, Mapping | list):
        return f"of {len(value)}"
    text = repr(value[: LONGEST_SHOWN + 1]) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
