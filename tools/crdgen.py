"""Generates the CRDs from the pydantic models of ``serin.api``.

``python -m tools.crdgen`` writes ``crds/*.yaml``; with ``--check`` it compares them and exits with 1 if one differs.
pydantic's JSON schema becomes a structural schema: references are inlined, ``anyOf`` with null is reduced to the other
type (an absent field is the null), ``const``, ``title`` and ``additionalProperties: false`` are removed. A schema that
cannot be structural is an error here, not at the API server.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from serin.api import GROUP, VERSION
from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_action import PromotionAction
from serin.api.promotion_freeze import PromotionFreeze
from serin.api.promotion_policy import PromotionPolicy
from serin.api.promotion_record import PromotionRecord
from serin.schema.types import ApiModel, format_duration
from serin.schema.words import LISTED

WIDTH = 110
"""Characters of a line of YAML."""

NAME_RULES = [
    {
        "rule": "self.metadata.name.size() <= 63",
        "message": "metadata.name has at most 63 characters: it is the value of a label",
    },
    {
        "rule": "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "message": "metadata.name must start with a letter and hold only a-z, 0-9 and - (KServe's rule)",
    },
]

# This rule stands on the whole object: a rule on status is not evaluated when status is removed.
RECORD_RULES = [
    {
        "rule": "!has(oldSelf.status) || !has(oldSelf.status.finishedAt) || has(self.status)",
        "message": "a finished PromotionRecord never changes",
    },
]


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of ``kubectl get``."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0

    def to_api(self) -> dict[str, Any]:
        """The column as an entry of ``additionalPrinterColumns``."""
        out: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return out | ({"priority": self.priority} if self.priority else {})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of the API and what its CRD needs beside the model's schema."""

    model: type[ApiModel]
    kind: str
    short: str
    columns: tuple[Column, ...]
    has_status: bool = True
    rules: tuple[dict[str, str], ...] = ()

    @property
    def plural(self) -> str:
        """The plural name in lower case, as in URLs."""
        return f"{self.kind.lower()}s" if not self.kind.endswith("y") else f"{self.kind.lower()[:-1]}ies"


AGE = Column("Age", ".metadata.creationTimestamp", "date")
KINDS = (
    Kind(
        ModelDeployment,
        "ModelDeployment",
        "mdep",
        (
            Column("Phase", ".status.phase"),
            Column("Stable", ".status.stable.version"),
            Column("Candidate", ".status.candidate.version"),
            Column("Weight", ".status.weights.applied", "integer"),
            # In 120 columns the sentence has no room: the word, since when, and whether a person has to act.
            Column("Reason", ".status.reason"),
            Column("Since", ".status.since", "date"),
            Column("Stalled", '.status.conditions[?(@.type=="Stalled")].status'),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Wanted", ".spec.model.version", priority=1),
            Column("Step", ".status.rollout.step", "integer", priority=1),
            Column("Record", ".status.rollout.record", priority=1),
            Column("Message", ".status.summary", priority=1),
            AGE,
        ),
        rules=tuple(NAME_RULES),
    ),
    Kind(
        PromotionPolicy,
        "PromotionPolicy",
        "ppol",
        (
            Column("Arms", ".spec.arms"),
            Column("Window", ".spec.analysis.window"),
            Column("Bake", ".spec.bake.for"),
            AGE,
        ),
        has_status=False,
    ),
    Kind(
        PromotionRecord,
        "PromotionRecord",
        "prec",
        (
            Column("Model", ".spec.modelDeployment"),
            Column("Version", ".spec.candidate.version"),
            Column("Attempt", ".spec.attempt", "integer"),
            Column("Outcome", ".status.outcome"),
            Column("Reason", ".status.reason"),
            Column("Message", ".status.message", priority=1),
            # Later decisions need these of a finished record; the operator lists the columns, not whole records.
            Column("Revision", ".spec.candidate.revision", priority=1),
            Column("Stable", ".spec.stable.revision", priority=1),
            Column("Stable Version", ".spec.stable.version", priority=1),
            Column("Hash", ".spec.candidate.hash", priority=1),
            Column("Stable Hash", ".spec.stable.hash", priority=1),
            Column("Started", ".spec.startedAt", priority=1),
            Column("Decided", ".status.decidedAt", priority=1),
            Column("Finished", ".status.finishedAt", priority=1),
            Column("Record Hash", ".status.hash", priority=1),
            Column("Previous Hash", ".status.previousHash", priority=1),
            AGE,
        ),
        rules=tuple(RECORD_RULES),
    ),
    Kind(
        PromotionAction,
        "PromotionAction",
        "pact",
        (
            Column("Model", ".spec.modelDeployment"),
            Column("Action", ".spec.action"),
            Column("By", ".spec.requestedBy"),
            Column("Outcome", ".status.outcome"),
            Column("Message", ".status.message"),
            AGE,
        ),
    ),
    Kind(
        PromotionFreeze,
        "PromotionFreeze",
        "pfreeze",
        (
            # A date would be shown as its age, and one that is yet to come as <invalid>.
            Column("From", ".spec.from"),
            Column("Until", ".spec.until"),
            Column("Holds", ".status.holds"),
            Column("Reason", ".spec.reason"),
            AGE,
        ),
    ),
)


class _Schema(GenerateJsonSchema):
    """pydantic's JSON schema with defaults as users write them in YAML."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - whatever a field's default is
        """Durations become text such as ``15s``, decimals strings, models objects without the fields that are None."""
        if isinstance(dft, timedelta):
            return format_duration(dft)
        if isinstance(dft, Decimal):
            return str(dft)
        if isinstance(dft, ApiModel):
            return dft.to_api()
        return super().encode_default(dft)


def structural(node: Any, defs: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Converts a node of pydantic's JSON schema to a structural schema; ``ValueError`` if that is not possible."""
    if isinstance(node, list):
        return [structural(item, defs) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = defs[node["$ref"].rsplit("/", 1)[1]]
        return structural({**target, **{k: v for k, v in node.items() if k != "$ref"}}, defs)
    if "anyOf" in node:
        branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
        if len(branches) != 1:
            message = f"a union of {len(branches)} types is not structural: {node}"
            raise ValueError(message)
        rest = {k: v for k, v in node.items() if k not in {"anyOf", "default"} or (k == "default" and v is not None)}
        return structural({**branches[0], **rest}, defs)
    out = {k: _member(k, v, defs) for k, v in node.items() if k not in {"title", "const", "$defs"}}
    if out.get("additionalProperties") is False:
        del out["additionalProperties"]
    if out.get("type") == "array" and "x-kubernetes-list-type" not in out:
        out["x-kubernetes-list-type"] = "atomic"
    return {k: v for k, v in out.items() if not (k == "default" and v in ([], {}, None))}


def _member(key: str, value: Any, defs: dict[str, Any]) -> Any:  # noqa: ANN401
    if key == "properties":
        return {name: structural(prop, defs) for name, prop in value.items()}
    if key == "description":
        return plain_text(value)
    return value if key in {"default", "enum", "required", "x-kubernetes-validations"} else structural(value, defs)


_MARKED_UP = re.compile(r"(?::[a-z:]+:)?(?P<ticks>`{1,2})(?P<words>[^`]+)(?P=ticks)")


def plain_text(docstring: str) -> str:
    """A docstring as ``kubectl explain`` shows it: one paragraph, code in double quotes, no reStructuredText."""

    def words(match: re.Match[str]) -> str:
        found = match["words"].removeprefix("~")
        # Without quotes a field called "after" or "until" would read as a word of the sentence.
        return found if '"' in found else f'"{found}"'

    return _MARKED_UP.sub(words, " ".join(docstring.split()))


def schema_of(kind: Kind) -> dict[str, Any]:
    """Returns the ``openAPIV3Schema`` of a kind."""
    raw = kind.model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Schema)
    schema: dict[str, Any] = structural(raw, raw.get("$defs", {}))
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    if kind.rules:
        schema["x-kubernetes-validations"] = list(kind.rules)
    return schema


def crd(kind: Kind) -> dict[str, Any]:
    """Returns the CustomResourceDefinition of a kind."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema_of(kind)},
        **({"subresources": {"status": {}}} if kind.has_status else {}),
        "additionalPrinterColumns": [column.to_api() for column in kind.columns],
    }
    names = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "shortNames": [kind.short],
        "categories": ["serin"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


class _PlainDumper(yaml.SafeDumper):
    """Writes equal values in full each time, and each word of a list of words in a line of its own.

    A reader of the CRD has no YAML anchors to follow, and a word that is added changes one line.
    """

    def ignore_aliases(self, data: object) -> bool:
        """Returns True for all data."""
        del data
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A folded scalar for a description that lists words; any other text as it is."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=">" if LISTED in text else None)

    def write_folded(self, text: str) -> None:
        """The sentences before the words, then a line for each word: a reader folds the lines into one."""
        before, _, words = text.partition(LISTED)
        self.write_indicator(">-", need_whitespace=True)
        for line in (
            *textwrap.wrap(before + LISTED, WIDTH - (self.indent or 0)),
            *words.strip().replace(", ", ",\n").split("\n"),
        ):
            self.write_indent()
            self.write_plain(line, split=False)


_PlainDumper.add_representer(str, _PlainDumper.represent_text)


def rendered() -> dict[str, str]:
    """Returns the YAML of every CRD by file name."""
    header = "# Generated by `python -m tools.crdgen`; edit the models in operator/src/serin instead.\n"
    return {
        f"{kind.plural}.yaml": header + yaml.dump(crd(kind), Dumper=_PlainDumper, sort_keys=False, width=WIDTH)
        for kind in KINDS
    }


def main(argv: list[str] | None = None) -> int:
    """Writes the CRDs, or with ``--check`` names each file that differs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.crdgen")
    parser.add_argument("directory", nargs="?", type=Path, default=Path("crds"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    stale = []
    for name, text in rendered().items():
        path = args.directory / name
        if args.check:
            stale += [] if path.exists() and path.read_text() == text else [name]
        else:
            args.directory.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in stale:
        print(f"{args.directory / name} differs from the models; run `make crds`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
