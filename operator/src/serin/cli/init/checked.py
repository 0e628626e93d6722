"""What lint says of the objects that ``serin init`` is about to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from serin.api.files.write import yaml_of
from serin.cli.lint.checking import Files, Traffic, findings_of
from serin.cli.lint.findings import Finding, Level
from serin.cli.lint.source import read
from serin.cluster.client import Object
from serin.errors import InvalidInput


def findings(documents: Sequence[Object], rps: float | None) -> list[str]:
    """Each finding as a sentence."""
    return [_told(each) for each in _found(documents, rps)]


def without_errors(documents: Sequence[Object], rps: float | None) -> list[str]:
    """The warnings; ``InvalidInput`` for what the API server or Serin would refuse."""
    found = _found(documents, rps)
    for each in found:
        # That nothing decides with so few requests is said already; the objects can be applied.
        if each.level is Level.ERROR and each.rule != "slow":
            raise InvalidInput(_told(each))
    return [_told(each) for each in found if each.rule != "slow"]


def _found(documents: Sequence[Object], rps: float | None) -> list[Finding]:
    source = read(yaml_of(documents), "init", None)
    return findings_of(Files(1, source.documents, source.findings, []), Traffic(rps), datetime.now(UTC))


def _told(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.field}: {finding.message}{remedy}"
