"""The picture of the evidence: drawn as SVG or PNG, and refused before the long work if it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serin.analysis.simulate import Traffic
from serin.analysis.steps import run_steps, trace_steps
from serin.cli.plot import check_plot, draw_evidence
from serin.errors import InvalidInput
from tests.world import policy

POLICY = policy(analysis={"window": "15s"})
TRAFFIC = Traffic(stable_rps=190.0, candidate_rps=10.0, stable_bad=0.005, candidate_bad=0.05)


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_plot_is_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"o{suffix}"
    check_plot(path)
    draw_evidence(path, POLICY, TRAFFIC, 0.2, 1)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") if suffix == ".png" else b"roll back at" in data


STEPWISE = Traffic(stable_rps=400.0, candidate_rps=0.0, stable_bad=0.002, candidate_bad=0.002)


@pytest.mark.parametrize(
    ("traffic", "end"),
    [(STEPWISE, "availability: promoted"), (replace(STEPWISE, candidate_bad=0.2), "availability: rolled back")],
)
def test_a_plot_of_all_steps_marks_their_weights_and_says_how_it_ended(
    tmp_path: Path, traffic: Traffic, end: str
) -> None:
    draw_evidence(tmp_path / "o.svg", POLICY, traffic, 2, 1, stepwise=True)
    drawn = (tmp_path / "o.svg").read_text()
    assert end in drawn
    assert "100 to 1" in drawn
    weights = [f"{step.weight} %" for step in POLICY.steps]
    assert (weights if "promoted" in end else weights[:1]) == [weight for weight in weights if weight in drawn]


def test_a_trace_of_all_steps_is_the_rollout_that_is_counted() -> None:
    traced, counted = trace_steps(POLICY, STEPWISE, 2, 1), run_steps(POLICY, STEPWISE, 2, 1)
    assert traced[-1].judged.slos[0].candidate.total == counted.requests
    assert traced[-1].judged.decision is counted.decision


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("o.pdf", "--plot: o.pdf: the name must end in .svg or .png"),
        ("/nowhere/o.svg", "--plot: /nowhere/o.svg: No such file or directory"),
    ],
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_work(path: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_plot(Path(path))
    assert str(caught.value) == expected
