"""``serin simulate``: what a policy does with drawn traffic, the same each time."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serin.analysis.draws import Draws
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
    assert "predicted for availability" in result.stdout


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_plot_is_drawn(tmp_path: Path, suffix: str) -> None:
    assert run(tmp_path, runs="1", plot=str(tmp_path / f"o{suffix}")).exit_code == 0
    data = (tmp_path / f"o{suffix}").read_bytes()
    assert data.startswith(b"\x89PNG") if suffix == ".png" else b"roll back at" in data


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"plot": "o.pdf"}, "--plot: o.pdf: the name must end in .svg or .png"),
        ({"plot": "/nowhere/o.svg"}, "--plot: /nowhere/o.svg: No such file or directory"),
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


# --- draws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.05, 0.7, 4.0, 9.99, 10.0, 57.0, 2850.0])
def test_poisson_counts_have_the_mean_and_the_variance_of_the_law(mean: float) -> None:
    draws, n = Draws(3), 4000
    values = [draws.poisson(mean) for _ in range(n)]
    found = sum(values) / n
    variance = sum((v - found) ** 2 for v in values) / (n - 1)
    assert found == pytest.approx(mean, abs=4.5 * math.sqrt(mean / n))
    # The variance of the sample variance of a Poisson count is about (2 mean^2 + mean) / n.
    assert variance == pytest.approx(mean, abs=4.5 * math.sqrt((2 * mean**2 + mean) / n))


@pytest.mark.parametrize("variation", [0.3, 1.0, 2.0])
def test_bursts_have_mean_one_and_the_variation_that_is_asked_for(variation: float) -> None:
    draws, n = Draws(5), 20_000
    values = [draws.burst(variation) for _ in range(n)]
    assert sum(values) / n == pytest.approx(1.0, abs=4.5 * variation / math.sqrt(n))
    spread = math.sqrt(sum((v - 1) ** 2 for v in values) / n)
    assert spread == pytest.approx(variation, rel=0.1)


def test_the_sequence_is_written_down() -> None:
    draws = Draws(1)
    assert [draws.poisson(m) for m in (0.5, 5.0, 50.0, 5000.0)] == SEQUENCE


SEQUENCE = [0, 7, 56, 4999]
