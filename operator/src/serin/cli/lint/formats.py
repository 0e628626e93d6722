"""Findings for people, for programs, and as SARIF for code scanning."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from serin import __version__
from serin.cli.lint.findings import RULES, Finding, Level
from serin.cli.shell.layout import paint

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
COLOURS = {Level.ERROR: "bad", Level.WARNING: "wait"}


def lines(found: list[Finding], files: int) -> Iterator[str]:
    """A finding in two lines: where and what, then how to mend it, unless the message says that."""
    for each in found:
        level = paint(each.level.value, COLOURS[each.level])
        about = f"{each.about}: " if each.about else ""
        field = f"{each.field}: " if each.field else ""
        told = _printable(f"{about}{field}{each.message} [{each.rule}]")
        yield f"{_printable(each.file)}:{each.line}: {level}: {told}"
        if each.remedy:
            yield _printable(f"    {each.remedy}")
    errors = sum(each.level is Level.ERROR for each in found)
    counts = ((files, "file"), (errors, "error"), (len(found) - errors, "warning"))
    yield ", ".join(f"{count} {word}" if count == 1 else f"{count} {word}s" for count, word in counts)


def _printable(text: str) -> str:
    """Names of files and words in them are anybody's: none is an order to the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def document(found: list[Finding]) -> dict[str, Any]:
    """One document for programs."""
    items = [dataclasses.asdict(each) | {"level": each.level.value} for each in found]
    return {"apiVersion": "cli.serin.dev/v1", "kind": "LintReport", "items": items}


def sarif(found: list[Finding]) -> dict[str, Any]:
    """SARIF 2.1.0."""
    driver = {
        "name": "serin lint",
        "version": __version__,
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()],
    }
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(map(_result, found))}],
    }


def _result(each: Finding) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": PurePath(each.file).as_posix()},
        "region": {"startLine": each.line},
    }
    field, remedy = f"{each.field}: " if each.field else "", f". {each.remedy}" if each.remedy else ""
    logical = {"fullyQualifiedName": f"{each.about} {each.field}".strip() or "file"}
    return {
        "ruleId": each.rule,
        "level": each.level.value,
        "message": {"text": f"{field}{each.message}{remedy}"},
        "locations": [{"physicalLocation": place, "logicalLocations": [logical]}],
    }
