"""Compares an object with the form of its kind: fields, types, limits and rules, each with its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from serin.api.files.form import EXAMPLES
from serin.cli.lint import cel, metadata
from serin.cli.lint.findings import Finding
from serin.cli.lint.source import Document, Path

Schema = Mapping[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (Mapping,),
    "array": (list,),
}
LONGEST_SHOWN = 60
METADATA = "metadata"
REMEDIES = {pattern: f"write for example {example}" for pattern, example in EXAMPLES.items()} | metadata.REMEDIES
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]+)?")


def problems(document: Document, schema: Schema) -> Iterator[Finding]:
    """Everything that the API server would say of the object, in the order of its fields."""
    own_rules = any("self.metadata.name" in rule["rule"] for rule in schema.get("x-kubernetes-validations") or ())
    form = metadata.object_meta(own_rules and cel.evaluator() is not None)
    schema = {**schema, "properties": {**schema["properties"], METADATA: form}}
    stored = cel.with_defaults(schema, document.value)
    yield from _problems(document, schema, document.value, stored, ())
    yield from metadata.problems(document)


def _problems(doc: Document, schema: Schema, value: Any, stored: Any, path: Path) -> Iterator[Finding]:  # noqa: ANN401
    if value is None:
        return
    if (wrong := type_problem(schema, value, doc.written(path))) is not None:
        yield doc.finding("type", path, *wrong)
        return
    yield from _limits(doc, schema, value, path)
    if isinstance(value, Mapping):
        yield from _fields(doc, schema, value, stored, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _problems(doc, schema["items"], item, stored[index], (*path, index))
        yield from _twice(doc, schema, value, path)
    yield from _rules(doc, schema, stored, path)


def _fields(doc: Document, schema: Schema, value: Schema, stored: Any, path: Path) -> Iterator[Finding]:  # noqa: ANN401
    known, other = schema.get("properties") or {}, schema.get("additionalProperties")
    free = schema.get("x-kubernetes-preserve-unknown-fields") or other is True
    for name in schema.get("required") or ():
        if value.get(name) is None:
            about = known.get(name, {}).get("description", "")
            hint = f"add it: {about.split('. ')[0]}" if about else "add it"
            yield doc.finding("missing-field", (*path, name), f"{name} is missing", hint.rstrip(".")[:200])
    for name, part in value.items():
        own = known.get(name) or (other if isinstance(other, Mapping) else None)
        if own is not None:
            yield from _problems(doc, own, part, stored.get(name), (*path, name))
        elif not free:
            yield doc.finding("unknown-field", (*path, name), f"there is no field {name}", _similar(name, known))
    for pair in schema.get("oneOf") or ():
        if all(name in value for name in pair.get("required", ())):
            return
    if schema.get("oneOf"):
        pairs = " or ".join(" and ".join(pair["required"]) for pair in schema["oneOf"])
        yield doc.finding("value", path, "too few of its fields are given", f"give {pairs}")


def nearest(name: str, known: Iterable[str], cutoff: float) -> str | None:
    """The field that was probably meant: the same but for capitals, or as alike as ``cutoff`` (``difflib``)."""
    names = list(known)
    found = next((own for own in names if own.lower() == name.lower()), None)
    return found or next(iter(difflib.get_close_matches(name, names, 1, cutoff)), None)


def _similar(name: str, known: Schema) -> str:
    close = nearest(name, known, 0.6)
    if close is not None:
        return f"write {close}"
    return f"remove it; there are {', '.join(sorted(known)[:12])}" if known else "remove it"


def type_problem(schema: Schema, value: Any, written: str | None) -> tuple[str, str] | None:  # noqa: ANN401
    """What is wrong with the type, and the remedy; ``written``: how the file writes what is no text."""
    wanted = schema.get("type")
    if wanted is None or wanted not in TYPES:
        return None
    right = isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
    if right or (wanted == "integer" and isinstance(value, float) and value.is_integer()):
        return None
    found = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}.get(
        type(value), "an object"
    )
    own = str(value) if written is None else written
    return f"must be {_article(wanted)}, and {_shown(own)} is {found}", _type_remedy(schema, wanted, value, own)


def _article(wanted: str) -> str:
    return {"string": "a text", "integer": "a whole number", "array": "a list", "object": "an object"}.get(
        wanted, f"a {wanted}"
    )


def _type_remedy(schema: Schema, wanted: str, value: Any, written: str) -> str:  # noqa: ANN401
    pattern = str(schema.get("pattern", ""))
    if wanted == "string" and pattern in EXAMPLES:
        return f"write a duration such as {EXAMPLES[pattern]}"
    if wanted == "string" and isinstance(value, bool):
        return f'write "{written}" in quotes: kubectl reads y, yes, on, n, no and off as booleans'
    if wanted == "string" and isinstance(value, int | float):
        return f'write "{written}" in quotes'
    if wanted in {"integer", "number"} and isinstance(value, str) and NUMBER.fullmatch(value):
        return f"write {value} without quotes"
    if wanted == "boolean" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return f"write {value.lower()} without quotes"
    if wanted == "array":
        return "write a list: a dash and a blank before each item"
    return f"write {_article(wanted)}"


def _limits(doc: Document, schema: Schema, value: Any, path: Path) -> Iterator[Finding]:  # noqa: ANN401
    size = len(value) if isinstance(value, str | list | Mapping) else value
    match value:
        case str():
            unit, names = " characters", ("minLength", "maxLength")
        case list():
            unit, names = " items", ("minItems", "maxItems")
        case Mapping():
            unit, names = " fields", ("minProperties", "maxProperties")
        case _:
            unit, names = "", ("minimum", "maximum")
    least, most = (schema.get(name) for name in names)
    if least is not None and not isinstance(value, bool) and size < least:
        yield doc.finding("value", path, f"{_counted(size, unit)} is too little", f"at least {least}{unit}")
    if most is not None and not isinstance(value, bool) and size > most:
        yield doc.finding("value", path, f"{_counted(size, unit)} is too much", f"at most {most}{unit}")
    if (words := schema.get("enum")) and value not in words:
        close = difflib.get_close_matches(str(value), words, 1, 0.5) or [
            w for w in words if w.lower() == str(value).lower()
        ]
        yield doc.finding(
            "value",
            path,
            f"{_shown(value)} is none of {', '.join(words)}",
            f"write {close[0] if close else ' or '.join(words)}",
        )
    pattern = schema.get("pattern")
    if pattern and isinstance(value, str) and not re.search(pattern, value):
        remedy = REMEDIES.get(pattern) or f"it has to match {pattern}"
        yield doc.finding("value", path, f"{_shown(value)} has not the form that is asked for", remedy)
    if schema.get("format") == "date-time" and isinstance(value, str) and not _is_time(value):
        yield doc.finding("value", path, f"{_shown(value)} is no time", "write a time such as 2027-01-04T00:00:00Z")


def _is_time(text: str) -> bool:
    """Whether the API server takes it for the format ``date-time``."""
    try:
        return TIME.fullmatch(text) is not None and datetime.fromisoformat(text.upper()).tzinfo is not None
    except ValueError:
        return False


def _counted(size: float, unit: str) -> str:
    return f"{size}{unit}"


def _twice(doc: Document, schema: Schema, value: list[Any], path: Path) -> Iterator[Finding]:
    """Items of a map list with the same key."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    first: dict[tuple[object, ...], int] = {}
    for index, item in enumerate(value):
        if not keys or not isinstance(item, Mapping):
            continue
        key = tuple(str(item.get(k)) for k in keys)
        if key in first:
            at = (*path, index, keys[0])
            yield doc.finding(
                "value",
                at,
                f"{key[0]} is the name of item {first[key] + 1} already",
                "give each item a name of its own",
            )
        first.setdefault(key, index)


def _rules(doc: Document, schema: Schema, stored: Any, path: Path) -> Iterator[Finding]:  # noqa: ANN401
    evaluate = cel.evaluator()
    for rule in schema.get("x-kubernetes-validations") or ():
        if evaluate is not None and evaluate(rule["rule"], stored) is False:
            yield doc.finding("rule", path, str(rule.get("message", rule["rule"])))


def _shown(value: object) -> str:
    text = str(value)
    return f"{text[:LONGEST_SHOWN]}…" if len(text) > LONGEST_SHOWN else text or "an empty text"
