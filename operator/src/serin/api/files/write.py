"""Writes objects as people do: YAML, a document each, fields in the order that they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from serin.api.files.scalars import TEXT, tag_of


class _Dumper(yaml.SafeDumper):
    """Puts quotes around a text that kubectl would read as a number or a boolean, where PyYAML sees a text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if tag_of(text) == TEXT else "'"
    return dumper.represent_scalar(TEXT, text, style=style)


_Dumper.add_representer(str, _text)


def yaml_of(documents: Sequence[Mapping[str, Any]]) -> str:
    """The documents, each with the line before it that separates them."""
    return "".join(f"---\n{yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False)}" for document in documents)
