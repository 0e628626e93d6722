"""Plots evidence over time: each test in odds, with its threshold."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from serin.analysis.replay import Judged, WindowDecision
from serin.analysis.simulate import Traffic, trace
from serin.analysis.steps import trace_steps
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput
from serin.schema.odds import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "e1": "E1 worse than stable",
    "e2": "E2 breaks the objective",
    "e3": "E3 not worse than stable",
    "e4": "E4 keeps the objective",
}
ENDS = {
    WindowDecision.ROLLBACK: "rolled back",
    WindowDecision.ADVANCE: "passed",
    WindowDecision.HOLD: "held",
    WindowDecision.CONTINUE: "not decided yet",
}


def check_plot(path: Path) -> None:
    """Checks, before the simulation, that the plot can be written; ``InvalidInput``."""
    if path.suffix not in {".svg", ".png"}:
        raise InvalidInput(f"--plot: {path}: the name must end in .svg or .png")
    if importlib.util.find_spec("matplotlib") is None:
        raise InvalidInput(
            "--plot: matplotlib is not installed: python -m pip install '.[plot]' in Serin's checkout has it"
        )
    if not path.absolute().parent.is_dir():
        raise InvalidInput(f"--plot: {path}: No such file or directory")


def draw_evidence(
    path: Path, policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int, *, stepwise: bool = False
) -> None:
    """Plots the first SLO of one simulated rollout to an ``.svg`` or ``.png``; ``InvalidInput``.

    ``stepwise``: through all steps of the policy, each of whose weights is marked where it begins.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    looks = trace_steps(policy, traffic, hours, seed) if stepwise else []
    judged = [look.judged for look in looks] if stepwise else trace(policy, traffic, hours, seed)
    with mpl.rc_context({"svg.hashsalt": "serin", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, judged)
        end = "promoted" if stepwise and judged[-1].decision is WindowDecision.ADVANCE else ENDS[judged[-1].decision]
        axes.set_title(f"{judged[-1].slos[0].name}: {end}")
        for look, before in zip(looks, [None, *looks], strict=False):
            if before is None or look.weight != before.weight:
                at = _minutes(look.judged.start, judged)
                axes.axvline(at, color="grey", linestyle=":", linewidth=1)
                axes.annotate(f"{look.weight} %", (at, 0.01), xycoords=("data", "axes fraction"), fontsize="small")
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)
        except OSError as error:
            raise InvalidInput(f"--plot: {path}: {error.strerror}") from None


def _minutes(at: datetime, judged: Sequence[Judged]) -> float:
    return (at - judged[0].start).total_seconds() / 60


def _draw(axes: Axes, judged: Sequence[Judged]) -> None:
    """The first SLO's four tests and what they have to reach."""
    from matplotlib.ticker import MaxNLocator

    minutes = [_minutes(window.end, judged) for window in judged]
    reports = [window.slos[0] for window in judged]
    for test, name in NAMES.items():
        axes.plot(minutes, [report.evidence[test] for report in reports], label=name, linewidth=1.4)
    axes.step(minutes, [report.threshold for report in reports], color="black", where="post", label="roll back at")
    axes.axhline(reports[0].pass_threshold, color="black", linestyle="--", linewidth=1, label="pass at")
    bottom = min(-2.0, *(report.evidence[test] for report in reports for test in ("e1", "e2")))
    axes.set_ylim(max(-6.0, bottom) - 0.3, max(4.0, reports[0].threshold * 2.5))
    axes.set_xlabel("minutes after the candidate's first request")
    axes.set_ylabel("evidence, in odds")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda log10, _: level(log10))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="best", fontsize="small")
