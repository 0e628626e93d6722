"""The InferenceServices in the files of a directory: YAML, and the fenced blocks of Markdown.

A block may be YAML, or a shell command that feeds YAML to kubectl (``<<EOF``).
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

KSERVE_API = "serving.kserve.io/v1beta1"
KIND = re.compile(r"""kind:\s*["']?InferenceService["']?\s*$""", re.MULTILINE)
FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>```+|~~~+)[^\n]*\n(?P<body>.*?)^[ \t]*(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)
HERE_DOCUMENT = re.compile(
    r"<<-?\s*['\"]?(?P<word>[A-Z]+)['\"]?[^\n]*\n(?P<body>.*?)^\s*(?P=word)\s*$", re.MULTILINE | re.DOTALL
)
PLACEHOLDER = re.compile(r"(?<=[\s/])\{([A-Za-z][\w-]*)\}(?=[/:])")
"""Something that the reader of a document is to fill in, like the user in ``{username}/server:1``."""
SUFFIXES = frozenset({".yaml", ".yml", ".md", ".mdx"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """One InferenceService, and where it stands."""

    place: str
    body: dict[str, Any]


@dataclass(slots=True)
class Collection:
    """What was found in a directory, each manifest once."""

    manifests: list[Manifest] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Places that speak of an InferenceService and are no YAML, or only a piece of one."""
    older: list[str] = field(default_factory=list)
    """Places with an API version that KServe does not serve any more."""


def collect(*folders: Path) -> Collection:
    """All InferenceServices under the folders; one that stands in several places counts where it is found first."""
    found, seen = Collection(), set[str]()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
            for number, text in enumerate(_texts(file)):
                _read(f"{file.relative_to(folder)}#{number}", text, found, seen)
    return found


def _read(place: str, text: str, found: Collection, seen: set[str]) -> None:
    if not KIND.search(text):
        return
    try:
        filled = PLACEHOLDER.sub(r"\1", text)
        documents = [item for document in yaml.safe_load_all(filled) for item in _items(document)]
    except yaml.YAMLError:
        found.unreadable.append(place)
        return
    for item in documents:
        key = json.dumps(item, sort_keys=True, default=str)
        if item.get("kind") != "InferenceService" or key in seen:
            continue
        seen.add(key)
        if "name" not in (item.get("metadata") or {}) or "spec" not in item:
            found.unreadable.append(place)
        elif item.get("apiVersion") != KSERVE_API:
            found.older.append(place)
        else:
            found.manifests.append(Manifest(place, json.loads(key)))


def _texts(file: Path) -> Iterator[str]:
    text = file.read_text(errors="replace")
    if file.suffix in {".yaml", ".yml"}:
        yield text
        return
    for block in FENCE.finditer(text):
        body = textwrap.dedent(block["body"])
        documents = [match["body"] for match in HERE_DOCUMENT.finditer(body)]
        yield from map(textwrap.dedent, documents or [body])


def _items(document: object) -> Iterator[dict[str, Any]]:
    """The objects of a document, those of a List one by one."""
    if not isinstance(document, Mapping):
        return
    if document.get("kind") == "List":
        yield from (item for item in document.get("items") or [] if isinstance(item, dict))
    else:
        yield dict(document)
