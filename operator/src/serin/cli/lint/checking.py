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


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the command line says of the traffic."""

    rps: float | None = None
    bad_share: float | None = None


def checked(paths: list[Path], traffic: Traffic, now: datetime) -> list[Finding]:
    """The findings of all files, by file and line; ``InvalidInput`` for a file that cannot be read."""
    found, documents = _read(paths)
    for document in documents:
        found += _of(document, traffic, now)
    found += together.problems(documents)
    return sorted(set(found), key=lambda each: (each.file, each.line, each.field, each.rule, each.message))


def unproven_eyes(paths: list[Path]) -> list[str]:
    """The gates of which files alone cannot tell whether somebody else than the author opens them; ``InvalidInput``."""
    return together.unproven_eyes(_read(paths)[1])


def _read(paths: list[Path]) -> tuple[list[Finding], list[Document]]:
    found: list[Finding] = []
    documents: list[Document] = []
    files = list(files_in(paths))
    folders = kustomizations(files)
    for path in files:
        around = folders.get(path.parent, NONE)
        if path.resolve() in around.patches:
            continue
        source = read(read_text(path), str(path), around.namespace)
        found += source.findings
        documents += source.documents
    return found, documents


def passed_over(paths: list[Path]) -> list[Path]:
    """The files that are patches of a kustomization: what they make of an object is in no file."""
    files = list(files_in(paths))
    folders = kustomizations(files)
    return [path for path in files if path.resolve() in folders.get(path.parent, NONE).patches]


def _of(document: Document, traffic: Traffic, now: datetime) -> list[Finding]:
    """The findings of one object; an object of somebody else's kind has none."""
    wrong = list(_identity(document))
    if wrong or document.kind not in forms() or document.value.get("apiVersion") != API_VERSION:
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
