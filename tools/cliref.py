"""Writes the reference of the command line and the schema of its documents, from the code.

``python -m tools.cliref`` writes ``docs/reference/cli.md``, ``cli-schema.json`` and beside it the schemas of the
reports; with ``--check`` it compares them and exits with 1 if one differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import typer
from typer.main import get_command

from serin.cli.evidence.attest import AttestationCheck
from serin.cli.leaving.leave import Leave
from serin.cli.live import views
from serin.cli.live.diffs.answers import Changes
from serin.cli.main import app
from serin.report.facts.bundle import Bundle
from serin.report.weekly.figures import Review
from serin.schema.types import ApiModel
from tools import clidocs

REFERENCE = Path("docs/reference")
PAGE, SCHEMA = REFERENCE / "cli.md", REFERENCE / "cli-schema.json"
REPORTS: dict[Path, type[ApiModel]] = {
    REFERENCE / "incident-bundle-schema.json": Bundle,
    REFERENCE / "rollout-review-schema.json": Review,
}
DOCUMENTS = (
    *(views.Rows, views.Details, views.History, views.Explanation, views.Result),
    *(Changes, views.Asked, Leave, AttestationCheck),
    *clidocs.DOCUMENTS,
)
"""Everything that a command prints as one document."""
SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
TICKS = re.compile(r"``([^`]+)``")
HEAD = """# The command line

`serin`, also as `kubectl serin`. This page is made from the code by `python -m tools.cliref`.

Every command takes `--help`. Those that read a cluster take `--context` (of the kubeconfig) and `-n`/`--namespace`;
those with `-o`/`--output` print `table`, `json` or `yaml`. `export`, `bundle`, `attest` and `report` write a file of
one format each: JSON lines, JSON, in-toto, and what `--format` says. The documents of `json` and `yaml` have a
[schema](cli-schema.json); so have those of [`bundle`](incident-bundle-schema.json) and of
[`report --since --format json`](rollout-review-schema.json): fields are added to them and never taken away. Colour
needs a terminal and no `NO_COLOR`; tables have the width of the terminal.

Completion that knows the objects of the cluster: `serin --install-completion`; as `kubectl serin` kubectl finds
`kubectl_complete-serin` by itself.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done, or as was asked for |
| 1 | the answer is no: refused, rolled back, a finding, not whole, not ready, a rollout would start (`diff`) |
| 2 | bad input, or the cluster cannot be read; one sentence on standard error says why |
| 3 | the time is over (`wait`), or Serin did not answer in time (an action) |
| 4 | `wait`: another revision took its place, or the ModelDeployment is gone |
| 130 | Ctrl-C |
"""


def page() -> str:
    """Returns the reference in Markdown."""
    group: Any = get_command(app)
    parts = [HEAD, "## Commands\n"]
    for name, command in group.commands.items():
        parts += [*_command(name, command), ""]
    return "\n".join(parts).rstrip() + "\n"


def _command(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own class
    context = typer.Context(command, info_name=f"serin {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### serin {name}\n"
    yield f"`serin {name} {usage}`\n"
    yield TICKS.sub(r"`\1`", inspect.cleandoc(command.help or "")) + "\n"
    yield "| option | meaning | default |"
    yield "| --- | --- | --- |"
    for param in command.params:
        if param.name == "help":
            continue
        named = [str(param.metavar or param.name.upper()).strip("[]")]  # an argument, as the usage names it
        names = ", ".join(f"`{opt}`" for opt in (param.opts if param.param_type_name == "option" else named))
        yield f"| {names} | {_cell(getattr(param, 'help', '') or '')} | {_default(param)} |"


def _default(param: Any) -> str:  # noqa: ANN401 - typer's own class
    if param.required:
        return "required"
    value = param.default
    return "" if value in (None, False, "", (), []) else f"`{getattr(value, 'value', value)}`"


def _cell(text: str) -> str:
    return TICKS.sub(r"`\1`", " ".join(text.split())).replace("|", "\\|")


def schema() -> dict[str, Any]:
    """Returns the JSON schema of every document that a command prints."""
    defs: dict[str, Any] = {}
    for document in DOCUMENTS:
        _defined(document, defs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the commands of serin print with -o json and -o yaml",
        "oneOf": [{"$ref": f"#/$defs/{document.__name__}"} for document in DOCUMENTS],
        "$defs": defs,
    }


def _defined(view: type, defs: dict[str, Any]) -> None:
    if view.__name__ in defs:
        return
    defs[view.__name__] = {}
    hints, told = typing.get_type_hints(view), _field_docs(view)
    properties: dict[str, Any] = {}
    absent = set[str]()
    for each in dataclasses.fields(view):
        of = _typed(hints[each.name], defs)
        if each.name in {"kind", "api_version"} and each.default is not dataclasses.MISSING:
            of = {"const": each.default}
        name = each.metadata.get("name") or views.camel(each.name)
        properties[name] = of | ({"description": told[each.name]} if each.name in told else {})
        absent |= {name} if each.metadata.get("optional") else set()
    defs[view.__name__] = {
        "type": "object",
        "description": TICKS.sub(r"\1", " ".join((view.__doc__ or "").split())),
        "properties": properties,
        "required": [name for name in properties if name not in absent],
    }


def _typed(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    if get_origin(hint) in {Union, types.UnionType}:
        [inner] = [each for each in get_args(hint) if each is not type(None)]
        return {"anyOf": [_typed(inner, defs), {"type": "null"}]}
    if get_origin(hint) is list:
        return {"type": "array", "items": _typed(get_args(hint)[0], defs)}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _typed(get_args(hint)[1], defs)}
    if dataclasses.is_dataclass(hint):
        _defined(hint, defs)  # type: ignore[arg-type]
        return {"$ref": f"#/$defs/{hint.__name__}"}  # type: ignore[union-attr]
    if issubclass(hint, StrEnum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {"type": SCALARS[hint]}


def _field_docs(view: type) -> dict[str, str]:
    """The text that stands below each field, also where a class above has it."""
    classes = [each for each in reversed(view.__mro__) if dataclasses.is_dataclass(each)]
    source = "\n".join(inspect.getsource(each) for each in classes)
    found = re.findall(r'^    (\w+):[^\n]*\n    """(.*?)"""', source, re.DOTALL | re.MULTILINE)
    return {name: TICKS.sub(r"\1", " ".join(text.split())) for name, text in found}


def report_schema(model: type[ApiModel]) -> dict[str, Any]:
    """Returns the JSON schema of a report, as it is written."""
    found = model.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(found)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a JSON schema
    """A schema without the marks of code in its descriptions."""
    if isinstance(value, dict):
        return {
            key: TICKS.sub(r"\1", " ".join(part.split()))
            if key == "description" and isinstance(part, str)
            else _plain(part)
            for key, part in value.items()
        }
    return [_plain(part) for part in value] if isinstance(value, list) else value


def rendered() -> dict[Path, str]:
    """Returns the text of each file."""
    schemas = {SCHEMA: schema(), **{path: report_schema(model) for path, model in REPORTS.items()}}
    return {PAGE: page(), **{path: json.dumps(found, indent=2) + "\n" for path, found in schemas.items()}}


def main(argv: list[str] | None = None) -> int:
    """Writes the files, or with ``--check`` names each that differs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.cliref")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    stale = [path for path, text in rendered().items() if not path.exists() or path.read_text() != text]
    if not args.check:
        for path, text in rendered().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    for path in stale:
        print(f"{path} differs from the commands; run `python -m tools.cliref`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
