"""Writes the fields of each kind, ``docs/reference/kinds/*.md``, from the same schemas as the CRDs.

``python -m tools.kindref`` writes the pages; with ``--check`` it compares them and exits with 1 if one differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serin.api import GROUP, VERSION
from serin.schema.words import LISTED
from tools.crdgen import KINDS, Kind, schema_of

FOLDER = Path("docs/reference/kinds")
TOLD = {
    "ModelDeployment": "One model in one environment: what to serve, where, and by which policy.",
    "PromotionPolicy": "How to judge a new version, and how fast to go. Many ModelDeployments may use one.",
    "PromotionRecord": "The evidence of one rollout. Serin writes it; nobody changes it afterwards.",
    "PromotionAction": "What a person, a pipeline or an agent says to one rollout.",
    "PromotionFreeze": "While one is in force nothing starts or moves forward. Rollbacks go on.",
}
LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minimum": "at least {}",
    "maximum": "at most {}",
}
MANY_WORDS = 12


def page(kind: Kind) -> str:
    """The page of a kind."""
    schema = schema_of(kind)
    parts = [
        f"# {kind.kind}",
        "",
        "<!-- Made by `make crds` from the models of serin.api; a test compares it. -->",
        "",
        TOLD[kind.kind],
        "",
        f"`apiVersion: {GROUP}/{VERSION}`, `kind: {kind.kind}`;",
        f"`kubectl get {kind.short}`, `kubectl explain {kind.short}`.",
        "A field in **bold** is required where its parent is there.",
    ]
    for part in ("spec", "status"):
        node = schema["properties"].get(part)
        if node:
            parts += ["", f"## {part}", "", _sentence(node.get("description", "")), ""]
            parts += ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
            parts += [_row(*entry) for entry in _fields(node, part, required=False)][1:]
            rules = list(_rules(node, part))
            if rules:
                parts += [
                    "",
                    f"### Rules of {part}",
                    "",
                    "The API server refuses an object that breaks one of them:",
                    "",
                ]
                parts += [f"* `{path}`: {message}" for path, message in rules]
    return "\n".join([*parts, ""])


def _fields(node: dict[str, Any], path: str, *, required: bool) -> Iterator[tuple[str, dict[str, Any], bool]]:
    yield path, node, required
    for name, child in node.get("properties", {}).items():
        yield from _fields(child, f"{path}.{name}", required=name in node.get("required", ()))
    items = node.get("items")
    if isinstance(items, dict) and "properties" in items:
        for name, child in items["properties"].items():
            yield from _fields(child, f"{path}[].{name}", required=name in items.get("required", ()))


def _rules(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for rule in node.get("x-kubernetes-validations", ()):
        yield path, rule.get("message", rule["rule"])
    for name, child in node.get("properties", {}).items():
        yield from _rules(child, f"{path}.{name}")
    items = node.get("items")
    if isinstance(items, dict):
        yield from _rules(items, f"{path}[]")


def _row(path: str, node: dict[str, Any], required: bool) -> str:  # noqa: FBT001 - what _fields yields
    _, _, short = path.partition(".")
    name = f"**`{short}`**" if required else f"`{short}`"
    default = f"`{_text(node['default'])}`" if "default" in node else ""
    meaning = " ".join(part for part in (_sentence(node.get("description", "")), _bounds(node)) if part)
    return f"| {name} | {_type(node)} | {default} | {meaning} |"


def _type(node: dict[str, Any]) -> str:
    if node.get("x-kubernetes-int-or-string"):
        return "integer or string"
    kind = str(node.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(node.get('items', {}))}"
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}"
    return "time" if node.get("format") == "date-time" else kind


def _bounds(node: dict[str, Any]) -> str:
    items = node.get("items")
    words = node.get("enum") or (items.get("enum") if isinstance(items, dict) else None) or []
    said = [text.format(node[key]) for key, text in LIMITS.items() if node.get(key, 1) != 1]
    listed = f"One of {', '.join(f'`{word}`' for word in words)}." if 0 < len(words) <= MANY_WORDS else ""
    bounds = f"{', '.join(said).capitalize()}." if said else ""
    return " ".join(part for part in (listed, bounds) if part)


def _sentence(text: str) -> str:
    """Text that breaks neither a table nor HTML; the words that a field may hold stand in the page of the reasons."""
    return text.partition(LISTED)[0].strip().replace("|", "\\|").replace("<", "&lt;")


def _text(value: Any) -> str:  # noqa: ANN401 - a default is any JSON
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def rendered() -> dict[str, str]:
    """The pages by file name."""
    return {f"{kind.plural}.md": page(kind) for kind in KINDS}


def main(argv: list[str] | None = None) -> int:
    """Write the pages, or name those that differ; the exit code."""
    parser = argparse.ArgumentParser(prog="tools.kindref")
    parser.add_argument("directory", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    stale = []
    for name, text in rendered().items():
        path = args.directory / name
        if args.check:
            stale += [] if path.exists() and path.read_text("utf-8") == text else [name]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"{args.directory / name} differs from the models; run `make crds`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
