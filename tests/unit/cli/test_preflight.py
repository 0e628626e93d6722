"""``serin preflight``: the figures as JSON and as tables, and whether a rollout could be judged."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import CliRunner

from serin.analysis.preflight import Forecast
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli import preflight as command
from serin.cli.main import app
from serin.cli.preflight import as_json, ready, show
from serin.cli.where import Where
from serin.prometheus.figures import ArmFigures, Doubt, SloFigures
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.survey import TOO_YOUNG, SurveyTarget
from tests.lab import POLICY

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


def shown(figures: list[SloFigures], width: int = 200) -> str:
    text = StringIO()
    show(figures, Console(file=text, width=width))
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


def test_no_traffic_is_one_sentence_and_nothing_is_foretold() -> None:
    told = "there is no traffic, so the step at 5 % proves nothing"
    still = [Forecast("x", 5, (math.inf,) * 3, math.inf, told)]
    young: dict[str, Any] = {
        "stable": QUIET,
        "candidate": None,
        "forecasts": still,
        "problem": TOO_YOUNG,
        "doubt": Doubt.UNKNOWN,
    }
    text = shown([replace(FIGURES, **young), replace(FIGURES, name="latency", **young)])
    assert text.count("ask again") == 1
    assert "availability, latency: no request is counted yet" in text
    assert "never" not in text
    assert told not in text
    assert "is it still scraped" in shown([replace(FIGURES, **(young | {"problem": "is it still scraped?"}))])


def test_on_80_columns_no_word_is_cut() -> None:
    text = shown([FIGURES], 80)
    for word in ("availability", "Critical", "Contour", "candidate", "bursts", "sample age", "201.0", "0.500%"):
        assert word in text, text
    assert "…" not in text


@pytest.mark.parametrize(
    ("own", "option", "asked", "told"),
    [
        (None, None, "http://here:9090", True),
        (None, "http://there:9090", "http://there:9090", False),
        ("http://policy:9090", None, "http://policy:9090", False),
    ],
)
def test_the_environments_prometheus_is_asked_where_nothing_else_names_one(
    own: str | None, option: str | None, asked: str, monkeypatch: pytest.MonkeyPatch, *, told: bool
) -> None:
    servers: list[str] = []

    @contextlib.asynccontextmanager
    async def connected(_: str | None) -> AsyncIterator[tuple[None, None]]:
        yield None, None

    async def target(*_: object) -> SurveyTarget:
        named = {"prometheus": {"address": own}} if own else {}
        return SurveyTarget(PromotionPolicySpec.model_validate(POLICY | named), cast("Any", None), has_candidate=False)

    async def nothing(*_: object) -> list[SloFigures]:
        return [FIGURES]

    def client(server: Server) -> Prometheus:
        servers.append(server.url)
        return Prometheus(server)

    monkeypatch.setenv("PROMETHEUS_URL", "http://here:9090")
    for name, made in (("connect", connected), ("survey_target", target), ("survey", nothing), ("Prometheus", client)):
        monkeypatch.setattr(command, name, made)
    notes: list[str] = []
    command.gathered("fraud", Where("prod"), command.Source(option, None, None), notes.append)
    assert servers == [asked]
    assert notes == (
        ["the policy names no Prometheus: that of PROMETHEUS_URL in the environment is asked"] if told else []
    )


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
    assert line.startswith("serin: the cluster: ")
    assert words in line


@pytest.mark.parametrize(
    "command", [["preflight", "mdep/fraud"], ["export", "mdep/fraud"], ["verify", "mdep/fraud"], ["attest", "prec/a-1"]]
)
def test_a_cluster_that_does_not_answer_is_one_sentence_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig("server: 'http://127.0.0.1:1'"), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    done = CliRunner().invoke(app, command)
    [line] = done.output.splitlines()
    assert done.exit_code == 2
    assert line.endswith(
        ": cannot connect to 127.0.0.1:1: Connection refused "
        "(is it the right cluster? kubectl config current-context, or --context)"
    )
