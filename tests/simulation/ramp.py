"""Whole rollouts, step by step: how soon a healthy version is through, what a bad one costs, who is promoted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

from serin.analysis.replay import WindowDecision
from serin.analysis.simulate import Run, Traffic
from serin.analysis.steps import run_steps
from serin.api.promotion_policy import PromotionPolicySpec
from tests.simulation import plots
from tests.simulation.report import REPORT, seconds, table
from tests.simulation.tables import Each

MODES = ("Ramp", "EveryStep")
RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0)
"""True share of the candidate, in shares of stable: 0.5 %, where the objective allows 1 %."""
STORY = {
    "0.5 %": (0.005, "253 / 669"),
    "0.1 %": (0.001, "64 / 113"),
    "2 %": (0.02, "165 / 623, 94 % of the runs; 38 / 207"),
    "5 %": (0.05, "20 / 46; 11 / 17"),
    "20 %": (0.2, "4 / 6; 8 / 12"),
    "100 %": (1.0, "not run"),
}
"""Candidate's errors beside 0.5 %, and judge 3 with ``EveryStep`` as told in docs/adr/0016 (0.1 %: issue 20)."""


def steps_policy(mode: str, window: int, objective: str = "99.0") -> PromotionPolicySpec:
    """The default policy with steps of 5, 25 and 50 %."""
    return PromotionPolicySpec.model_validate(
        {
            "slos": [{"name": "slo", "objective": objective, "indicator": {"availability": {}}}],
            "analysis": {"window": f"{window}s", "pass": mode},
            "steps": [{"weight": w, "for": f"{max(5, window)}s", "timeout": "4h"} for w in (5, 25, 50)],
        }
    )


def rollout(mode: str, traffic: Traffic, hours: float, options: dict[str, Any], seed: int) -> Run:
    """One rollout; ``traffic.stable_rps`` are the requests of both arms."""
    return run_steps(steps_policy(mode, **options), traffic, hours, seed)


def _of(runs: Sequence[Run], decision: WindowDecision) -> list[Run]:
    return [run for run in runs if run.decision is decision]


def _ends(runs: Sequence[Run]) -> str:
    """Time of the more frequent end, its part of the runs, and for rollbacks the bad requests."""
    back, through = _of(runs, WindowDecision.ROLLBACK), _of(runs, WindowDecision.ADVANCE)
    ended = back if len(back) > len(through) else through
    if not ended:
        return f"none of {len(runs)}"
    some = "" if len(ended) == len(runs) else f", {100 * len(ended) / len(runs):.3g} % of the runs"
    bad = f"; {seconds([run.bad_requests for run in back])}" if ended is back else ""
    return seconds([run.decided_after for run in ended]) + some + bad


def story(each: Each) -> str:
    """The usual one."""
    rows, found = [], {}
    for label, (bad, stored) in STORY.items():
        cells = []
        for mode in MODES:
            one = partial(rollout, mode, Traffic(200, 0, 0.005, bad), 0.4, {"window": 1})
            found[mode, label] = each(f"{mode}, {label}", 200, one)
            cells.append(_ends(found[mode, label]))
        rows.append((label, *cells, stored))
    through = {mode: [r.decided_after for r in _of(found[mode, "0.5 %"], WindowDecision.ADVANCE)] for mode in MODES}
    plots.ramp(REPORT.with_name("ramp.svg"), through)
    title = "G. 200 requests/s, steps of 5, 25, 50 % for 5 s, windows of 1 s, stable 0.5 %, objective 99 %"
    columns = ("candidate's errors", *MODES, "EveryStep, judge 3")
    what = (
        "Promoted or taken back after (s, p50 / p95), and the bad requests of those that were taken back; 200 runs a "
        "row, 24 minutes at most."
    )
    return f"{table(title, columns, rows)}\n{what}\n\n![How soon a healthy version is through](ramp.svg)\n"


def curve(each: Each) -> str:
    """Chance to be promoted and to be taken back against the true ratio."""
    rows, promoted = [], {mode: list[float]() for mode in MODES}
    for ratio in RATIOS:
        cells = []
        for mode in MODES:
            one = partial(rollout, mode, Traffic(200, 0, 0.005, 0.005 * ratio), 1.0, {"window": 15})
            runs = each(f"{mode}, ratio {ratio:g}", 400, one)
            parts = [len(_of(runs, end)) / len(runs) for end in (WindowDecision.ADVANCE, WindowDecision.ROLLBACK)]
            promoted[mode].append(parts[0])
            times = seconds([run.decided_after for run in _of(runs, WindowDecision.ADVANCE)])
            cells.append(f"{100 * parts[0]:.3g} % ({times}); {100 * parts[1]:.3g} %")
        rows.append((f"{ratio:g}", *cells))
    plots.curve(REPORT.with_name("operating-curve.svg"), RATIOS, promoted)
    title = "H. The operating curve: promoted (after s, p50 / p95) and taken back within an hour"
    what = (
        "The story of table G with windows of 15 s, 400 runs a row. From a ratio of 2 on, which is also "
        "the objective, the guarantee is at most 5 %. What is neither promoted nor taken back waits, with `Ramp` at a "
        "higher weight."
    )
    text = table(title, ("true ratio to stable's 0.5 %", *MODES), rows)
    return f"{text}\n{what}\n\n![Chance to be promoted](operating-curve.svg)\n"


def wide(each: Each) -> str:
    """Other traffic, objectives, bursts."""
    rows = []
    for rps, objective, bursts in product((0.5, 1, 5, 10, 50), ("99.0", "99.9", "99.95"), (0.0, 1.0)):
        allowed = 1 - float(objective) / 100
        cells = []
        for mode, times in product(MODES, (0.5, 1.0, 5.0)):
            traffic = Traffic(20 * rps, 0, allowed / 2, allowed * times, bursts=bursts)
            one = partial(rollout, mode, traffic, 4.0, {"window": 15, "objective": objective})
            runs = each(f"{rps:g} requests/s, {objective} %, bursts {bursts:g}, {mode}, {times:g}", 40, one)
            through = _of(runs, WindowDecision.ADVANCE)
            cells.append(f"{100 * len(through) / len(runs):.3g} %" if times == 1 else _ends(runs))
        name = f"{rps:g}, {objective.removesuffix('.0')} %" + (", bursts" if bursts else "")
        rows.append((name, *(cells[i] + " \\| " + cells[i + 3] for i in range(3))))
    title = "I. Candidate requests/s at 5 %, objective, bursts of CV 1: Ramp | EveryStep"
    columns = ("", "half of what is allowed, as stable", "what is allowed: promoted", "five times that")
    what = (
        "Steps of 5, 25, 50 %, windows of 15 s, 4 hours at most, 40 runs a cell: the more frequent end (s, p50 / p95), "
        "and for rollbacks the bad requests."
    )
    return f"{table(title, columns, rows)}\n{what}\n"


TABLES: dict[str, Callable[[Each], str]] = {"story": story, "curve": curve, "wide": wide}
