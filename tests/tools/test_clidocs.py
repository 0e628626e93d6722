"""What commands print for programs is what the published schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from serin.analysis.preflight import Forecast
from serin.cli.evidence.export import line_of
from serin.cli.main import app
from serin.cli.preflight import as_json
from serin.prometheus.figures import ArmFigures, SloFigures
from tests.chain import chain
from tests.window_lines import BROKEN, GOOD, counted, spec
from tools.clidocs import DOCUMENTS
from tools.cliref import schema

PUBLISHED = schema()
SIMULATE = "simulate --policy policy.yaml --stable-bad 0.001 --candidate-bad 0.1 --hours 0.1 --runs 2"


def check(document: Any) -> str:
    """Exactly one of the published documents fits; its name."""
    jsonschema.validate(document, PUBLISHED)
    fits = [
        name
        for name in PUBLISHED["$defs"]
        if {"$ref": f"#/$defs/{name}"} in PUBLISHED["oneOf"]
        and jsonschema.Draft202012Validator({**PUBLISHED, "oneOf": [{"$ref": f"#/$defs/{name}"}]}).is_valid(document)
    ]
    [name] = fits
    known = PUBLISHED["$defs"][name]["properties"]
    assert set(document) <= set(known), "every field of the document is in the schema"
    return str(name)


def printed(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, [*arguments, "-o", "json"])
    assert result.stdout, result.stderr
    return [check(json.loads(text)) for text in documents(result.stdout)]


def documents(text: str) -> list[str]:
    """One document, or one a line."""
    try:
        json.loads(text)
    except ValueError:
        return text.splitlines()
    return [text]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(
        yaml.safe_dump({"apiVersion": "serin.dev/v1alpha1", "kind": "PromotionPolicy", "spec": spec()})
    )
    lines = [counted(n, GOOD) for n in range(3)] + [counted(n, BROKEN) for n in range(3, 9)]
    (tmp_path / "windows.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    (tmp_path / "export.jsonl").write_text("".join(f"{line_of(obj)}\n" for obj in chain()))
    (tmp_path / "cut.jsonl").write_text(line_of(chain()[-1]))
    (tmp_path / "record.json").write_text(json.dumps(chain()[-1]))
    return tmp_path


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("version", {"Version"}),
        (f"{SIMULATE} --rps 20", {"SimulationResult"}),
        (f"{SIMULATE} --stable-rps 2 --candidate-rps 1", {"SimulationResult"}),
        ("judge --policy policy.yaml --windows windows.jsonl", {"JudgedWindow", "JudgeSummary"}),
        ("replay record.json", {"JudgedWindow", "ReplayAnswer"}),
        ("replay export.jsonl", {"ReplayAnswer"}),
        ("verify export.jsonl", {"ChainReport"}),
        ("verify cut.jsonl", {"ChainReport"}),
        ("lint policy.yaml", {"LintReport"}),
    ],
)
def test_the_documents_are_those_of_the_schema(
    files: Path, monkeypatch: pytest.MonkeyPatch, line: str, names: set[str]
) -> None:
    monkeypatch.chdir(files)
    assert set(printed(*line.split())) == names


def test_the_document_of_preflight() -> None:
    forecast = Forecast("availability", 5, (400.0, 41.26, float("inf")), 300.0)
    arm = ArmFigures(201.0, 0.005, 30, 0.04)
    figures = SloFigures("availability", "Critical", "Contour", stable=arm, forecasts=[forecast])
    assert check(json.loads(as_json([figures]))) == "PreflightReport"


def test_every_document_of_a_dict_is_published() -> None:
    assert {document.__name__ for document in DOCUMENTS} <= set(PUBLISHED["$defs"])
