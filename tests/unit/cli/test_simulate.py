"""``serin simulate``: what a policy does with drawn traffic, the same each time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serin.cli.main import app

TRAFFIC = {"--stable-rps": "190", "--candidate-rps": "10", "--stable-bad": "0.005", "--candidate-bad": "0.05"}


def run(tmp_path: Path, **options: str) -> Any:
    spec = {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "steps": [{"weight": 5, "for": "5m"}],
    }
    (tmp_path / "P.yaml").write_text(yaml.safe_dump({"kind": "PromotionPolicy", "spec": spec}))
    given = {**TRAFFIC, "--runs": "8", "--hours": "0.2", **{f"--{k.replace('_', '-')}": v for k, v in options.items()}}
    flat = [part for pair in given.items() for part in pair]
    return CliRunner().invoke(app, ["simulate", "--policy", str(tmp_path / "P.yaml"), *flat])


def simulated(tmp_path: Path, **options: str) -> dict[str, Any]:
    result = run(tmp_path, output="json", **options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_broken_candidate_is_found_in_time(tmp_path: Path) -> None:
    found = simulated(tmp_path)
    assert (found["rolledBack"], found["promoted"]) == (1.0, 0.0)
    assert found["detectionP50"] in {35.0, 50.0}
    assert found["badRequestsP50"] < 40
    predicted = found["predicted"][0]
    assert predicted["detectSeconds"]["5x"] == pytest.approx(found["detectionP50"], rel=0.5)


def test_a_healthy_candidate_is_promoted(tmp_path: Path) -> None:
    found = simulated(tmp_path, candidate_bad="0.002", hours="0.3")
    assert (found["rolledBack"], found["promoted"], found["passingP50"]) == (0.0, 1.0, 305.0)


def test_a_common_outage_holds(tmp_path: Path) -> None:
    found = simulated(tmp_path, candidate_bad="0.005", outage="60,300,0.1", hours="0.1")
    assert (found["rolledBack"], found["promoted"], found["held"]) == (0.0, 0.0, 1.0)


def test_a_late_fault_counts_from_its_beginning(tmp_path: Path) -> None:
    found = simulated(tmp_path, fault_at="420", hours="0.3")
    assert found["rolledBack"] == 1.0
    assert found["detectionP50"] <= 70


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    options = {"bursts": "0.8", "runs": "4", "output": "json"}
    first, again = run(tmp_path, **options).stdout, run(tmp_path, **options).stdout
    assert first == again
    assert first != run(tmp_path, **options, seed="2").stdout


def test_the_table_for_people(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 0
    assert "rolled back                     100.00%" in result.stdout
    said = result.stdout.splitlines()
    at = said.index("predicted for availability, a constant weight of 5 %:")
    assert re.fullmatch(r"  bad requests at twice the allowed share are found after [0-9.]+ s", said[at + 1])
    assert re.fullmatch(r"  a candidate as good as stable passes after [0-9.]+ s", said[at + 4])


def test_the_first_run_is_drawn(tmp_path: Path) -> None:
    assert run(tmp_path, runs="1", plot=str(tmp_path / "o.svg")).exit_code == 0
    assert b"roll back at" in (tmp_path / "o.svg").read_bytes()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"plot": "o.pdf"}, "--plot: o.pdf: the name must end in .svg or .png"),
        ({"outage": "1,2"}, "--outage: '1,2' is not START,SECONDS,RATE"),
        ({"outage": "1,2,nan"}, "--outage: '1,2,nan': START and SECONDS are not negative"),
        ({"stable_bad": "1.5"}, "--stable-bad: is a share within 0 and 1"),
        ({"candidate_bad": "nan"}, "--candidate-bad: is a share within 0 and 1"),
        ({"hours": "0"}, "--hours: is out of range"),
        ({"hours": "1e9"}, "--hours: is out of range"),
        ({"runs": "0"}, "--runs: is within 1 and 1000000"),
        ({"fault_at": "9999"}, "--fault-at: is within the simulated time"),
        ({"stable_rps": "-1"}, "--stable-rps: is within 0 and 1e9"),
    ],
)
def test_bad_options_are_told_in_one_line(tmp_path: Path, options: dict[str, str], expected: str) -> None:
    result = run(tmp_path, **{"runs": "1", **options})
    assert result.exit_code == 2
    assert expected in result.stderr


def test_all_steps_are_played_at_their_weights(tmp_path: Path) -> None:
    spec = {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "steps": [{"weight": 5, "for": "1m"}, {"weight": 50, "for": "1m"}],
    }
    (tmp_path / "P.yaml").write_text(yaml.safe_dump({"kind": "PromotionPolicy", "spec": spec}))
    head = ["simulate", "--policy", str(tmp_path / "P.yaml"), "--stable-bad", "0.005", "--runs", "5", "--hours", "0.5"]
    result = CliRunner().invoke(app, [*head, "--rps", "200", "--candidate-bad", "0.001", "--output", "json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["promoted"], found["rolledBack"]) == (1.0, 0.0)
    assert 120 <= found["passingP50"] <= 300
    assert [(each["step"], each["weight"]) for each in found["predicted"]] == [(1, 5), (2, 50)], "a forecast a step"
    told = CliRunner().invoke(app, [*head, "--rps", "2", "--candidate-bad", "0.001"]).stdout.splitlines()
    heads = [line for line in told if line.startswith("predicted")]
    assert heads == [f"predicted for availability, step {n} at {w} %:" for n, w in ((1, 5), (2, 50))]
    assert max(map(len, told)) <= 80
    for wrong in ([], ["--rps", "9", "--stable-rps", "9"], ["--stable-rps", "9"]):
        refused = CliRunner().invoke(app, [*head, "--candidate-bad", "0.1", *wrong])
        assert refused.exit_code == 2
        assert "give --rps" in refused.output
