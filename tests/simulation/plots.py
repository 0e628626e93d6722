"""The plots beside docs/benchmarks.md; the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def _drawn(path: Path, figure: Figure, axes: Axes, words: tuple[str, str, str]) -> None:
    axes.set_title(words[0])
    axes.set_xlabel(words[1])
    axes.set_ylabel(words[2])
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    with mpl.rc_context({"svg.hashsalt": "serin", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def curve(path: Path, ratios: Sequence[float], promoted: Mapping[str, Sequence[float]]) -> None:
    """Chance to be promoted against the true ratio."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for mode, line in (("Ramp", "o-"), ("EveryStep", "s--")):
        axes.plot(ratios, promoted[mode], line, label=mode, linewidth=1.4, markersize=4)
    axes.axhline(0.05, color="black", linestyle=":", linewidth=1, label="beta, the bound from ratio 2 on")
    axes.axvline(2.0, color="grey", linestyle="-.", linewidth=1, label="the objective, and passRatio")
    words = (
        "Who is promoted within an hour",
        "candidate's share of bad requests / stable's (0.5 %)",
        "share of rollouts",
    )
    _drawn(path, figure, axes, words)


def ramp(path: Path, through: Mapping[str, Sequence[float]]) -> None:
    """How many healthy rollouts are through after so long."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for mode, values in through.items():
        ordered = sorted(values)
        parts = [(index + 1) / len(ordered) for index in range(len(ordered))]
        axes.step(ordered, parts, where="post", label=mode, linewidth=1.4)
    axes.set_xscale("log")
    words = "A healthy version: 0.5 % beside 0.5 %", "seconds after its first request", "share promoted by then"
    _drawn(path, figure, axes, words)
