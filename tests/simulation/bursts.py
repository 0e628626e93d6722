"""The table of bursts in docs/benchmarks.md: healthy candidates among them, and faults soon after one of stable's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from serin.analysis.replay import WindowDecision
from serin.analysis.simulate import Traffic, windows
from serin.evidence import Window
from tests.simulation.report import seconds, share, table
from tests.simulation.rules import Ending, policy, serin
from tests.simulation.tables import Each

BEFORE = timedelta(minutes=2)
"""How long before the candidate stable's burst is."""
HEALTHY = {
    "CV 1, both arms at 0.5 %": Traffic(190, 10, 0.005, 0.005, bursts=1.0),
    "CV 1, both arms at 0.9 %": Traffic(190, 10, 0.009, 0.009, bursts=1.0),
    "CV 2, both arms at 0.5 %": Traffic(190, 10, 0.005, 0.005, bursts=2.0),
    "CV 2, both arms at 0.9 %": Traffic(190, 10, 0.009, 0.009, bursts=2.0),
}
WEIGHTS = {"5 %": (190.0, 10.0), "50 %": (100.0, 100.0)}
SHARES = {"none": (0.0, 0.0), "2 s of 80 %": (2.0, 0.8), "60 s of 4 %": (60.0, 0.04)}
"""Seconds of stable's burst, and which share of its requests fails then."""


def table_bursts(each: Each) -> str:
    """Healthy hours with bursts, and a fault two minutes after one burst of a stable that has no other errors."""
    rows = []
    for label, traffic in HEALTHY.items():
        ends = each(label, 400, partial(_hour, traffic))
        wrong = sum(end.decision is WindowDecision.ROLLBACK for end in ends)
        rows.append((f"healthy, {label}: taken back in 1 h", share(wrong, len(ends))))
    for weight, (stable, candidate) in WEIGHTS.items():
        for bad in (0.05, 0.3):
            for name, burst in SHARES.items():
                one = partial(_fault, Traffic(stable, candidate, 0.0, bad), *burst)
                ends = each(f"{bad:.0%} at {weight}, burst of stable: {name}", 40, one)
                found = [end for end in ends if end.decision is WindowDecision.ROLLBACK]
                times = f"{seconds([end.at for end in found])}; bad {seconds([end.bad for end in found])}"
                rest = "" if len(found) == len(ends) else f" ({len(found)} of {len(ends)})"
                what = f"{bad:.0%} errors at a weight of {weight}, stable's burst: {name}"
                rows.append((what, times + rest))
    title = "J. Bursts, 200 requests/s: healthy hours (15 s windows), faults after one burst (1 s windows)"
    return table(title, ("what", "taken back (of 400), or found after (s) and bad requests, p50 / p95 (40 runs)"), rows)


def _hour(traffic: Traffic, seed: int) -> Ending:
    own = policy()
    return serin(own, [window for _, window in windows(own, traffic, 1.0, seed)])


def _fault(traffic: Traffic, length: float, bad: float, seed: int) -> Ending:
    own = policy(window=1.0)
    return serin(own, _with_burst([window for _, window in windows(own, traffic, 0.25, seed)], length, bad))


def _with_burst(drawn: Sequence[Window], length: float, bad: float) -> list[Window]:
    """The windows with so many seconds in which a share of stable's requests fails, before the candidate's first."""
    begin = next(w.start for w in drawn if w.candidate is not None) - BEFORE
    end = begin + timedelta(seconds=length)
    return [
        replace(w, stable=replace(w.stable, bad=w.stable.bad + round((w.stable.total - w.stable.bad) * bad)))
        if w.stable is not None and begin <= w.start < end
        else w
        for w in drawn
    ]


TABLES: dict[str, Callable[[Each], str]] = {"bursts": table_bursts}
