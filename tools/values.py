"""Writes the table of the chart's values, ``docs/reference/chart-values.md``, from values.yaml and its schema.

What a value means is the comment beside it, or the lines above it. ``--check`` compares the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART, PAGE = Path("charts/serin"), Path("docs/reference/chart-values.md")
HEAD = """# Values of the chart

<!-- Made by `make crds` from charts/serin/values.yaml; a test compares it. -->

Every value is checked by the chart's schema: an unknown or wrong one is refused by name before anything is installed.
[Install](../operations/install.md) has the few that are needed.

| value | type | default | |
| --- | --- | --- | --- |
"""


def rows(text: str, schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Path, type, default and meaning of each value, in the order of the file."""
    lines = text.splitlines()
    node = yaml.compose(text)
    if not isinstance(node, yaml.MappingNode):
        raise TypeError("values.yaml is no mapping")
    yield from _rows(node, lines, schema, "")


def _rows(
    node: yaml.MappingNode, lines: list[str], schema: dict[str, Any], path: str
) -> Iterator[tuple[str, str, str, str]]:
    for key, value in node.value:
        inner = schema.get("properties", {}).get(key.value, {})
        name, comment = f"{path}{key.value}", _comment(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value and "properties" in inner and not value.flow_style:
            if comment:
                yield name, "", "", comment
            yield from _rows(value, lines, inner, f"{name}.")
            continue
        default = json.dumps(yaml.safe_load(yaml.serialize(value)), ensure_ascii=False)
        yield name, _kind(inner), default, comment


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return "object"
    return str(schema.get("type", ""))


def _comment(lines: list[str], number: int) -> str:
    """The comment behind the value, with the lines that continue it; else the lines above."""
    _, mark, behind = lines[number].partition("  # ")
    if not mark:
        _, mark, behind = lines[number].partition(" # ")
    if mark:
        found, column = [behind], lines[number].index("# ")
        for line in lines[number + 1 :]:
            if line.strip().startswith("#") and line.index("#") == column:
                found.append(line.strip()[1:])
            else:
                break
        return _joined(found)
    above: list[str] = []
    for line in reversed(lines[:number]):
        if not line.strip().startswith("#") or line.index("#") > len(lines[number]) - len(lines[number].lstrip()):
            break
        above.insert(0, line.strip()[1:])
    return _joined(above)


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines).replace("|", "\\|")


def page() -> str:
    """The page with the table."""
    text = (CHART / "values.yaml").read_text("utf-8")
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    made = [f"| `{name}` | {kind} | {_code(default)} | {words} |" for name, kind, default, words in rows(text, schema)]
    return HEAD + "\n".join([*made, ""])


def _code(default: str) -> str:
    return f"`{default}`".replace("|", "\\|") if default else ""


def main(argv: list[str] | None = None) -> int:
    """Writes the page, or with ``--check`` compares it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.values", description=__doc__)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    if not args.check:
        PAGE.write_text(page(), "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == page():
        return 0
    print(f"{PAGE} differs from the chart; run `make crds`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
