"""Checks files: each object on its own, then all together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from serin.api import API_VERSION, GROUP
from serin.cli.judge import read_text
from serin.cli.lint import deployment_rules, policy_rules, structure, together
from serin.cli.lint.definitions import forms
from serin.cli.lint.findings import Finding
from serin.cli.lint.kustomize import NONE, kustomizations
from serin.cli.lint.source import Document, read
from serin.cli.live.files import files_in

MOST_KINDS = 8


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the command line says of the traffic."""

    rps: float | None = None
    bad_share: float | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """What the files have."""

    count: int
    documents: list[Document]
    findings: list[Finding]
    """What is wrong with their text."""
    patches: list[Path]
    """Patches of a kustomization, which are not looked at: what they make of an object is in no file."""

    @property
    def without_objects(self) -> str | None:
        """Why nothing was checked; None if there is an object of Serin."""
        if any(map(_is_ours, self.documents)):
            return None
        kinds = sorted({document.kind for document in self.documents})
        among = f"only {', '.join(kinds[:MOST_KINDS])}{' …' if len(kinds) > MOST_KINDS else ''}" if kinds else "none"
        return (
            f"no object of Serin was looked at: of the files' objects ({among}) none has its apiVersion "
            f"({API_VERSION}); look at the path, and at apiVersion and kind"
        )


def files_of(paths: list[Path]) -> Files:
    """Reads files; ``InvalidInput`` for one that cannot be read."""
    found = Files(len(files := list(files_in(paths))), [], [], [])
    folders = kustomizations(files)
    for path in files:
        around = folders.get(path.parent, NONE)
        if path.resolve() in around.patches:
            found.patches.append(path)
            continue
        source = read(read_text(path), str(path), around.namespace)
        found.findings.extend(source.findings)
        found.documents.extend(source.documents)
    return found


def checked(paths: list[Path], traffic: Traffic, now: datetime) -> list[Finding]:
    """The findings of all files, by file and line; ``InvalidInput`` for a file that cannot be read."""
    return findings_of(files_of(paths), traffic, now)


def findings_of(files: Files, traffic: Traffic, now: datetime) -> list[Finding]:
    """The same of files that have been read."""
    found = list(files.findings)
    for document in files.documents:
        found += _of(document, traffic, now)
    found += together.problems(files.documents)
    return sorted(set(found), key=lambda each: (each.file, each.line, each.field, each.rule, each.message))


def _is_ours(document: Document) -> bool:
    return document.kind in forms() and document.value.get("apiVersion") == API_VERSION


def _of(document: Document, traffic: Traffic, now: datetime) -> list[Finding]:
    """The findings of one object; an object of somebody else's kind has none."""
    wrong = list(_identity(document))
    if wrong or not _is_ours(document):
        return wrong
    found = list(structure.problems(document, forms()[document.kind]))
    match document.kind:
        case "ModelDeployment":
            found += deployment_rules.deployment(document)
        case "PromotionFreeze":
            found += deployment_rules.freeze(document, now)
        case "PromotionPolicy":
            found += _policy(document, traffic, already=bool(found))
    return found


def _policy(document: Document, traffic: Traffic, *, already: bool) -> Iterator[Finding]:
    policy = policy_rules.policy_of(document)
    if isinstance(policy, ValidationError):
        if not already:  # else it is the same in other words
            yield from policy_rules.invalid(document, policy)
    elif policy is not None:
        yield from policy_rules.problems(document, policy, traffic.rps, traffic.bad_share)


def _identity(document: Document) -> Iterator[Finding]:
    """apiVersion, kind and metadata of what is, or is meant to be, Serin's."""
    version, kinds = str(document.value.get("apiVersion", "")), list(forms())
    ours = version.startswith(f"{GROUP}/")
    if document.kind in forms() and version != API_VERSION:
        told = f"apiVersion is {version}" if version else "apiVersion is missing"
        yield document.finding("kind", ("apiVersion",), told, f"write {API_VERSION}")
    elif ours and document.kind not in forms():
        close = difflib.get_close_matches(document.kind, kinds, 1, 0.5)
        remedy = f"write {close[0]}" if close else f"there are {', '.join(kinds)}"
        yield document.finding("kind", ("kind",), f"{GROUP} has no kind {document.kind}", remedy)
    elif ours and not document.name:
        yield document.finding("kind", ("metadata", "name"), "metadata.name is missing", "give the object a name")
