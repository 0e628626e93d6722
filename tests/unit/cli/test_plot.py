"""The picture of the evidence: drawn as SVG or PNG, and refused before the long work if it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.analysis.simulate import Traffic
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
