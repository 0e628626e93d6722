"""Plots evidence over time: log10 E of each test with its threshold."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from serin.analysis.simulate import Traffic, trace
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput

NAMES = {
    "e1": "E1 worse than stable",
    "e2": "E2 breaks the objective",
    "e3": "E3 not worse than stable",
    "e4": "E4 keeps the objective",
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


def draw_evidence(path: Path, policy: PromotionPolicySpec, traffic: Traffic, hours: float, seed: int) -> None:
    """Plots the first SLO of one simulated rollout to an ``.svg`` or ``.png``; ``InvalidInput``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    judged = trace(policy, traffic, hours, seed)
    minutes = [(window.end - judged[0].start).total_seconds() / 60 for window in judged]
    reports = [window.slos[0] for window in judged]
    with mpl.rc_context({"svg.hashsalt": "serin", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        for test, name in NAMES.items():
            axes.plot(minutes, [report.evidence[test] for report in reports], label=name, linewidth=1.4)
        axes.step(minutes, [report.threshold for report in reports], color="black", where="post", label="roll back at")
        axes.axhline(reports[0].pass_threshold, color="black", linestyle="--", linewidth=1, label="pass at")
        bottom = min(-2.0, *(report.evidence[test] for report in reports for test in ("e1", "e2")))
        axes.set_ylim(max(-6.0, bottom) - 0.3, max(4.0, reports[0].threshold * 2.5))
        axes.set_xlabel("minutes after the candidate's first request")
        axes.set_ylabel("evidence, log10 E")
        axes.set_title(f"{reports[0].name}: {judged[-1].decision} ({judged[-1].reason})")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="best", fontsize="small")
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)
        except OSError as error:
            raise InvalidInput(f"--plot: {path}: {error.strerror}") from None
