"""The objects in a file with the line of each field; what stands twice is found, and sizes are bounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from serin.api.files.form import path_of
from serin.api.files.load import BROKEN, LARGEST_DOCUMENT, LONGEST_NUMBER
from serin.api.files.scalars import FLOAT, INTEGER, KubectlLoader
from serin.cli.lint.findings import Finding, Level
from serin.errors import InvalidInput

Path = tuple[str | int, ...]
DEEPEST = 100
MOST_NODES = 200_000
NUMBERS = frozenset((INTEGER, FLOAT))


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the fields of a document stand, and how they are written."""

    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    """What stands in the file for a value that is no text: ``1.10``, ``042`` and ``on`` are not what they become."""

    def below(self, *path: str | int) -> Marks:
        """The same, seen from one of the fields."""
        size = len(path)
        lines = {own[size:]: line for own, line in self.lines.items() if own[:size] == path}
        return Marks(lines, {own[size:]: text for own, text in self.texts.items() if own[:size] == path})


@dataclass(frozen=True, slots=True)
class Document:
    """An object of a file."""

    file: str
    value: Mapping[str, Any]
    marks: Marks
    first: int
    """The line in which it begins."""
    given_namespace: str | None = None
    """The one that a kustomization gives to all objects beside it."""

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.value.get("kind"))

    @property
    def name(self) -> str:
        """Its name; what ``generateName`` begins with, if it has none."""
        metadata = self.value.get("metadata")
        found = metadata if isinstance(metadata, Mapping) else {}
        return str(found.get("name") or found.get("generateName") or "")

    @property
    def namespace(self) -> str:
        """Its namespace; ``default`` if nothing names one."""
        metadata = self.value.get("metadata")
        own = (metadata if isinstance(metadata, Mapping) else {}).get("namespace")
        return self.given_namespace or str(own or "default")

    @property
    def about(self) -> str:
        """Kind and name, as messages show them."""
        return f"{self.kind}/{self.name}"

    def line(self, *path: str | int) -> int:
        """The line of a field, or of the nearest one around it that is there."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.marks.lines:
                return self.marks.lines[path[:length]]
        return self.first

    def written(self, path: Path) -> str | None:
        """How the file writes a value that is no text; None for a text, an object or a list."""
        return self.marks.texts.get(path)

    def finding(self, rule: str, path: Path, message: str, remedy: str = "", level: Level = Level.ERROR) -> Finding:
        """A finding about a field of it."""
        return Finding(rule, level, self.file, self.line(*path), self.about, path_of(*path), message, remedy)


@dataclass(slots=True)
class Source:
    """What a file has."""

    documents: list[Document] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    is_whole: bool = True
    """Whether kubectl takes the text: it can be read to its end, no field stands twice, each number is one of JSON."""


class _Reader:
    """Reads the nodes of one document into values and lines."""

    def __init__(self, file: str, loader: KubectlLoader, found: Source) -> None:
        self._file, self._loader, self._found, self._nodes = file, loader, found, 0

    def value(self, node: yaml.Node, path: Path, marks: Marks) -> Any:  # noqa: ANN401 - any YAML value
        """The value of a node."""
        self._count(node, path)
        marks.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, marks)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index), marks) for index, item in enumerate(node.value)]
        if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise InvalidInput(f"{self._file}:{_line(node)}: a number of more than {LONGEST_NUMBER} characters")
        found = self._loader.construct_object(node)
        if isinstance(found, float) and not math.isfinite(found):
            what, remedy = f"{node.value} is a number that JSON does not have", f'write "{node.value}" in quotes'
            self._tell("yaml", node, path, f"{what}: kubectl refuses the file", remedy)
            return node.value
        if not isinstance(found, str):
            marks.texts[path] = node.value
        return found

    def _count(self, node: yaml.Node, path: Path) -> None:
        """Counts what is unfolded: a few lines of aliases can stand for more than fits."""
        self._nodes += 1
        if self._nodes > MOST_NODES or len(path) > DEEPEST:
            raise InvalidInput(f"{self._file}:{_line(node)}: too large, or nested too deeply")

    def _mapping(self, node: yaml.MappingNode, path: Path, marks: Marks) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name == "<<" and isinstance(item, yaml.MappingNode):
                self._count(item, path)
                found = {**self._mapping(item, path, Marks()), **found}
                continue
            own = (*path, name)
            if name in found and own in marks.lines:
                what = f"{name} is there twice, first in line {marks.lines[own]}"
                self._tell("duplicate-key", key, own, what, "remove one of the two: kubectl refuses the file")
                continue
            marks.lines[own] = _line(key)
            found[name] = self.value(item, own, marks)
        return found

    def _tell(self, rule: str, node: yaml.Node, path: Path, message: str, remedy: str) -> None:
        self._found.is_whole = False
        told = Finding(rule, Level.ERROR, self._file, _line(node), "", path_of(*path), message, remedy)
        self._found.findings.append(told)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def read(text: str, file: str, namespace: str | None = None) -> Source:
    """The objects of a text, lists unfolded, and what is wrong with the text itself; ``namespace``: see Document."""
    found = Source()
    if len(text) > LARGEST_DOCUMENT:
        found.findings.append(_broken(file, 1, f"more than {LARGEST_DOCUMENT} characters", "split the file"))
        found.is_whole = False
        return found
    try:
        loader = KubectlLoader(text)
        reader = _Reader(file, loader, found)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            marks = Marks()
            value = reader.value(node, (), marks)
            if value is not None:
                unfolded = _unfolded(value, marks, file, _line(node), found)
                found.documents += [replace(document, given_namespace=namespace) for document in unfolded]
    except InvalidInput as error:
        found.is_whole = False
        found.findings.append(_broken(file, 1, str(error), "split the file, or write it without aliases"))
    except BROKEN as error:
        found.is_whole = False
        mark = getattr(error, "problem_mark", None)
        why = str(getattr(error, "problem", None) or error).splitlines()[0][:200]
        remedy = "look at the indentation, quotes and brackets of this line and the one before"
        found.findings.append(_broken(file, mark.line + 1 if mark is not None else 1, f"not YAML: {why}", remedy))
    return found


def _unfolded(value: object, marks: Marks, file: str, first: int, found: Source) -> Iterator[Document]:
    if not isinstance(value, Mapping):
        what = f"expected an object, found {type(value).__name__}"
        found.findings.append(_broken(file, first, what, "write apiVersion, kind, metadata and spec"))
        return
    nested = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(nested, list):
        for index, item in enumerate(nested):
            if isinstance(item, Mapping):
                own = marks.below("items", index)
                yield Document(file, item, own, own.lines.get((), first))
        return
    yield Document(file, value, marks, first)


def _broken(file: str, line: int, message: str, remedy: str) -> Finding:
    return Finding("yaml", Level.ERROR, file, line, "", "", message, remedy)
