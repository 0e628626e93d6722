"""``serin preflight``: the figures as JSON and as tables, and whether a rollout could be judged."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from serin.analysis.preflight import Forecast
from serin.cli.main import app
from serin.cli.preflight import as_json, ready, show
from serin.prometheus.figures import ArmFigures, Doubt, SloFigures

MEANING = "5xx are bad"
FIGURES = SloFigures(
    "availability",
    "Critical",
    "Contour",
    meaning=MEANING,
    stable=ArmFigures(201.0, 0.005, 30, 0.04),
    candidate=ArmFigures(10.0, 0.0, 2, None),
    forecasts=[Forecast("availability", 5, (400.0, 41.26, math.inf), 300.0)],
)
LATE = Forecast("availability", 5, (math.inf,) * 3, math.inf, "availability: use a timeout of 40 min", hopeless=True)
QUIET = ArmFigures(0.0, 0.0, 30, 1.0)


def shown(figures: list[SloFigures]) -> str:
    text = StringIO()
    show(figures, Console(file=text, width=200))
    return text.getvalue()


def test_the_output_for_programs() -> None:
    document = json.loads(as_json([FIGURES]))
    [slo] = document["slos"]
    assert document["ready"] is True
    assert slo["stable"] == {"rps": 201.0, "badShare": 0.005, "minutes": 30, "sampleAgeSeconds": 0.0}
    assert slo["candidate"]["sampleAgeSeconds"] is None
    assert slo["steps"] == [
        {"weight": 5, "detectSeconds": {"2x": 400.0, "5x": 41.3, "20x": None}, "passSeconds": 300.0, "problem": ""}
    ]


def test_the_output_for_people() -> None:
    text = shown([FIGURES])
    assert "candidate" in text
    assert "41 s" in text
    assert f"arms Contour: {MEANING}" in text
    assert text.splitlines()[-1] == "ready"


@pytest.mark.parametrize(
    "change",
    [
        {"problem": "there is no x", "doubt": Doubt.OBSTACLE},
        {"problem": "ask again", "doubt": Doubt.UNKNOWN},
        {"problem": "no connection", "doubt": Doubt.UNAVAILABLE},
        {"forecasts": [LATE]},
        {"stable": QUIET, "candidate": None},
    ],
)
@pytest.mark.parametrize(("severity", "is_ready"), [("Critical", False), ("Required", False), ("Advisory", True)])
def test_an_slo_that_acts_and_cannot_be_judged_is_not_ready(
    change: dict[str, Any],
    severity: str,
    is_ready: bool,  # noqa: FBT001 - a column
) -> None:
    figures = [replace(FIGURES, severity=severity, **change)]
    assert ready(figures) is is_ready
    assert shown(figures).splitlines()[-1] == ("ready" if is_ready else "not ready")


def test_a_step_that_is_never_decided_says_so_and_what_would_mend_it() -> None:
    text = shown([replace(FIGURES, forecasts=[LATE])])
    assert "never" in text
    assert "availability: use a timeout of 40 min" in text


def test_a_warning_is_told_once_and_is_no_problem() -> None:
    figures = [replace(FIGURES, warning="anybody could"), replace(FIGURES, name="latency", warning="anybody could")]
    text = shown(figures)
    assert text.count("arms Contour: anybody could") == 1
    assert text.splitlines()[-1] == "ready"
    assert json.loads(as_json(figures))["slos"][0]["warning"] == "anybody could"


def test_a_servers_words_are_no_markup() -> None:
    words = 'http://p: status 400: unexpected "[/red]" in x[5m]'
    assert f"availability: {words}" in shown([SloFigures("availability", "Critical", "Contour", problem=words)])


def kubeconfig(cluster: str = "server: 'https://127.0.0.1:1'", user: str = "{}") -> str:
    return (
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no kubeconfig"),
        ("\x00", "cannot be used"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: x\n", "has no context 'x'"),
        ("", "has no current context"),
        ("- a", "has no current context"),
        ("a: [b", "cannot be used"),
        ("current-context: x\ncontexts: null\n", "has no context 'x'"),
        (kubeconfig("server: 5"), "cannot be used"),
        (kubeconfig("server: 'https://127.0.0.1:1', certificate-authority: /nonexistent"), "/nonexistent"),
        (kubeconfig("server: 'https://127.0.0.1:1', certificate-authority-data: 'aGVsbG8='"), "cannot be used"),
    ],
)
def test_a_missing_or_broken_kubeconfig_is_one_line_and_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, words: str
) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content, "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    done = CliRunner().invoke(app, ["preflight", "mdep/fraud"])
    assert done.exit_code == 2, done.output
    [line] = done.output.splitlines()
    assert line.startswith("serin: the cluster cannot be read: ")
    assert words in line
