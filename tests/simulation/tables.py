"""The tables of docs/benchmarks.md: which traffic, how many runs, which figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from serin.analysis.assessment import judges_of
from serin.analysis.preflight import bernoulli_divergence
from serin.analysis.replay import WindowDecision
from serin.analysis.simulate import Outage, Traffic, quantile, windows
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Window
from tests.simulation import latency
from tests.simulation.report import beside, seconds, share
from tests.simulation.rules import PEERS, Ending, live, policy, serin, without_data

T = TypeVar("T")
HEALTHY, FAULTY = Traffic(190, 10, 0.005, 0.005), Traffic(190, 10, 0.005, 0.05)
DAY = 86_400.0
Ends = Mapping[str, tuple[float | None, float]]
"""Per rule the second of its rollback, and the bad requests served until then."""


class Each(Protocol):
    """Runs one function for many seeds."""

    def __call__(self, what: str, count: int, one: Callable[[int], T]) -> list[T]:
        """``one(seed)`` for every seed, in order."""
        ...


# --- one run ---------------------------------------------------------------------------------------------------------


def everybody(traffic: Traffic, hours: float, away: tuple[float, float] | None, seed: int) -> Ends:
    """Serin and the peers on the same windows."""
    own = policy()
    drawn = [window for _, window in windows(own, traffic, hours, seed)]
    if away is not None:
        drawn = without_data(drawn, *away)
    ending, seen = serin(own, drawn), live(drawn)
    found = {"Serin": ending.at if ending.decision is WindowDecision.ROLLBACK else None}
    found.update({name: rule(seen) for name, rule in PEERS.items()})
    return {name: (at, _bad_until(seen, at)) for name, at in found.items()}


def _bad_until(seen: Sequence[Window], at: float | None) -> float:
    if at is None:
        return 0.0
    step = seen[0].length.total_seconds()
    return sum(w.candidate.bad for i, w in enumerate(seen) if w.candidate and i * step < at)


def alone(analysis: dict[str, Any], traffic: Traffic, hours: float, options: dict[str, Any], seed: int) -> Ending:
    """Serin only."""
    own = policy(**analysis)
    return serin(own, [window for _, window in windows(own, traffic, hours, seed)], **options)


def aged(analysis: dict[str, Any], healthy: float, seed: int) -> float | None:
    """Seconds from a fault to the decision, after so many seconds of health; None if it was not found."""
    hours = (healthy + 1200) / 3600
    traffic = Traffic(190, 10, 0.005, 0.05, fault_at=healthy)
    ending = alone(analysis, traffic, hours, {}, seed)
    return ending.at - healthy if ending.decision is WindowDecision.ROLLBACK else None


# --- tables ----------------------------------------------------------------------------------------------------------


def table_0(each: Each) -> str:
    """The question asked."""
    faulty = each("5 % errors", 400, partial(everybody, FAULTY, 1.0, None))
    healthy = each("healthy hour", 1000, partial(everybody, HEALTHY, 1.0, None))
    rows = []
    for name in ("Serin", *PEERS):
        found = [run[name] for run in faulty if run[name][0] is not None]
        wrong = sum(run[name][0] is not None for run in healthy)
        bad = sorted(served for _, served in found)
        times = seconds([at for at, _ in found if at is not None])
        rows.append((name, times, f"{quantile(bad, 0.5) or 0:.0f}", share(wrong, len(healthy))))
    columns = ("rule", "found after, p50 / p95 (s)", "bad requests served, p50", "healthy candidate rolled back in 1 h")
    return beside("0", "0. 0.5 % against 5 % errors, 5 % of 200 requests/s, 15 s windows", columns, rows)


def targets(each: Each) -> str:
    """DESIGN's targets for the judge."""
    rows, day_hours, early = [], {15: 0.0, 1: 0.0}, {15: 0, 1: 0}
    for window, runs, day_runs in ((15, 400, 120), (1, 200, 60)):
        analysis = {"window": float(window)}
        fresh = [e for e in each(f"{window} s fresh", runs, partial(aged, analysis, 0.0)) if e is not None]
        rows.append((f"fault at once, {window} s windows: found after, p50 / p95", seconds(fresh)))
        for label, after in (("24 h", DAY), ("24 h and half a block", DAY + 10 * window)):
            late = each(f"{window} s after {label}", day_runs, partial(aged, analysis, after))
            known = [e for e in late if e is not None and e > 0]
            early[window] += sum(e is not None and e <= 0 for e in late)
            day_hours[window] += len(late) * after / 3600
            rows.append((f"fault after {label} of health, {window} s windows", f"{seconds(known)} ({len(known)} runs)"))
    for window, runs in ((15, 4000), (1, 400)):
        ends = each(f"{window} s healthy hour", runs, partial(alone, {"window": float(window)}, HEALTHY, 1.0, {}))
        wrong = sum(end.decision is WindowDecision.ROLLBACK for end in ends)
        rows.append((f"healthy hour, {window} s windows: rolled back", share(wrong, len(ends))))
        every = share(wrong + early[window], len(ends) + round(day_hours[window]))
        rows.append((f"… and every hour of the healthy days above, {window} s windows", every))
    return beside("targets", "Targets", ("what", "measured"), rows)


def table_away(each: Each) -> str:
    """Prometheus away, and a common outage."""
    outage = Traffic(190, 10, 0.005, 0.005, outage=Outage(600, 300, 0.1))
    away = each("Prometheus away for 60 s", 300, partial(everybody, HEALTHY, 0.25, (300.0, 60.0)))
    longer = each("Prometheus away for 300 s", 300, partial(everybody, HEALTHY, 0.25, (300.0, 300.0)))
    common = each("common outage", 300, partial(everybody, outage, 0.5, None))
    rows = []
    for name in ("Serin", *PEERS):
        counts = [sum(run[name][0] is not None for run in runs) for runs in (away, longer, common)]
        rows.append((name, *(share(c, len(away)) for c in counts)))
    columns = ("rule", "Prometheus away 60 s", "away 5 min", "both arms at 10 % for 5 min")
    return beside("trouble", "Healthy candidate rolled back in trouble that is not its own", columns, rows)


def table_a(each: Each) -> str:
    """Healthy at different traffic."""
    rows = []
    for rps in (0.1, 0.5, 1, 5, 10, 50):
        traffic = Traffic(19 * rps, rps, 0.005, 0.005)
        runs = each(f"{rps:g} requests/s", 300, partial(everybody, traffic, 1.0, None))
        cells = []
        for name in ("Serin", "Flagger 1m, threshold 3", "Argo 1m, failureLimit 3", "Argo 5m, failureLimit 3"):
            ten = sum(run[name][0] is not None and (run[name][0] or 0) <= 600 for run in runs)
            hour = sum(run[name][0] is not None for run in runs)
            cells.append(f"{100 * ten / len(runs):.3g} % / {100 * hour / len(runs):.3g} %")
        rows.append((f"{rps:g}", *cells))
    columns = ("candidate requests/s", "Serin", "Flagger, threshold 3", "Argo 1m, fl 3", "Argo 5m, fl 3")
    return beside("A", "A. A healthy 0.5 % candidate rolled back within 10 min / 1 h (300 runs a row)", columns, rows)


SCENARIOS: dict[str, Traffic] = {
    "healthy, both at 0.9 %": Traffic(190, 10, 0.009, 0.009),
    "healthy, bursts CV 0.5": Traffic(190, 10, 0.005, 0.005, bursts=0.5),
    "healthy, bursts CV 1": Traffic(190, 10, 0.005, 0.005, bursts=1.0),
    "healthy, both at 0.9 %, bursts CV 1": Traffic(190, 10, 0.009, 0.009, bursts=1.0),
    "healthy, common outage 10 % for 5 min": Traffic(190, 10, 0.005, 0.005, outage=Outage(1200, 300, 0.1)),
    "2 % from the start": Traffic(190, 10, 0.005, 0.02),
    "1 % (twice stable's, at the objective)": Traffic(190, 10, 0.005, 0.01),
    "5 % from minute 20": Traffic(190, 10, 0.005, 0.05, fault_at=1200),
    "5 %, bursts CV 1": Traffic(190, 10, 0.005, 0.05, bursts=1.0),
}


def table_b(each: Each) -> str:
    """Harder cases."""
    rows = []
    names = ("Serin", "z-test, every look", "Flagger 1m, threshold 3", "Kayenta every 10m")
    for label, traffic in SCENARIOS.items():
        runs = each(label, 300, partial(everybody, traffic, 1.0, None))
        cells = []
        for name in names:
            ends = [at for run in runs if (at := run[name][0]) is not None]
            late = [at - traffic.fault_at for at in ends if at >= traffic.fault_at]
            early = f", {len(ends) - len(late)} before" if len(late) < len(ends) else ""
            cells.append(f"{100 * len(ends) / len(runs):.3g} % ({seconds(late)}{early})")
        rows.append((label, *cells))
    title = "B. Harder cases, 10 candidate requests/s, 1 h: rolled back (after s, p50 / p95; 300 runs a row)"
    return beside("B", title, ("case", *names), rows)


def table_c(each: Each) -> str:
    """Detection and passing by traffic."""
    rows = []
    for rps in (0.1, 0.5, 1, 5, 10, 50):
        cells = []
        for bad in (0.02, 0.05, 0.2, 1.0):
            one = partial(alone, {}, Traffic(19 * rps, rps, 0.005, bad), 1.0, {})
            ends = each(f"{rps:g} requests/s, {bad:.0%}", 100, one)
            found = [e.at for e in ends if e.decision is WindowDecision.ROLLBACK]
            all_found = "" if len(found) == len(ends) else f" ({100 * len(found) / len(ends):.0f} % found)"
            cells.append(seconds(found) + all_found)
        for bad in (0.005, 0.001):
            traffic = Traffic(19 * rps, rps, 0.005, bad)
            analysis = {"window": 15.0}
            shown = each(f"{rps:g} requests/s passes, {bad:.1%}", 60, partial(_passing, analysis, traffic, 4.0))
            passed = [at for at in shown if at is not None]
            cells.append(seconds(passed) + ("" if len(passed) == len(shown) else f" ({len(passed)} of {len(shown)})"))
        rows.append((f"{rps:g}", *cells))
    columns = ("candidate requests/s", "2 % errors", "5 %", "20 %", "100 %", "pass, true 0.5 %", "pass, true 0.1 %")
    return beside("C", "C. Found after, and evidence for passing after (s, p50 / p95)", columns, rows)


def _passing(analysis: dict[str, Any], traffic: Traffic, hours: float, seed: int) -> float | None:
    """Seconds to the evidence for passing alone, without the step's time."""
    own = policy(**analysis)
    judge = judges_of(own)["slo"]
    first = None
    for is_live, window in windows(own, traffic, hours, seed):
        judge.add(window)
        first = window.start if is_live and first is None else first
        if judge.passed_at is not None and first is not None:
            return (judge.passed_at - first).total_seconds() + 5
    return None


def table_d(each: Each) -> str:
    """Latency."""
    rows = []
    for factor in (1.0, 1.1, 1.25, 1.5, 2.0):
        runs = each(f"{factor:g} times slower", 200, partial(_latency, factor))
        over = f"{100 * latency.slower_than(0.5, factor):.2f} %"
        cells = []
        for name in ("rollback", "hold", "e1 threshold", "e1 ladder", "flagger p99"):
            found = [run[name] for run in runs if run[name] is not None]
            cells.append(f"{100 * len(found) / len(runs):.3g} % ({seconds([f for f in found if f is not None])})")
        rows.append((f"x{factor:g}", over, *cells))
    columns = (
        "slow-down",
        "over 500 ms",
        "Serin rolls back",
        "Serin first holds",
        "E1 at the threshold only",
        "E1 with the ladder",
        "Flagger p99 > 500 ms, threshold 3",
    )
    title = "D. Latency, 10 candidate requests/s, at most 1 % over 500 ms, 1 h: share of runs (after s, p50 / p95)"
    return beside("D", title, columns, rows)


def _latency(factor: float, seed: int) -> dict[str, float | None]:
    own = policy(latency=True)
    drawn = list(latency.windows(own, (10, 190), factor, 1.0, seed))
    seen = live(drawn)
    found: dict[str, float | None] = {"flagger p99": _flagger_p99(seen)}
    ending = serin(own, drawn, rungs=len(latency.LADDER))
    found["rollback"] = ending.at if ending.decision is WindowDecision.ROLLBACK else None
    for name, rungs in (("e1 threshold", 0), ("e1 ladder", len(latency.LADDER))):
        judge = judges_of(own, {"slo": rungs})["slo"]
        found[name] = None
        for window in drawn:
            plain = window if rungs else _without_ladder(window)
            judge.add(plain)
            report = judge.report(None) if window.candidate is not None else None
            if report is not None and report.evidence["e1"] >= report.threshold:
                found[name] = (window.end - seen[0].start).total_seconds() + 5
                break
    found["hold"] = found["e1 ladder"] if found["rollback"] is None else None
    return found


def _without_ladder(window: Window) -> Window:
    arms = [Counts(c.bad, c.total) if c is not None else None for c in (window.candidate, window.stable)]
    return Window(window.start, window.length, arms[0], arms[1])


def _flagger_p99(seen: Sequence[Window]) -> float | None:
    failed = 0
    for minute in range(4, len(seen) + 1, 4):
        if failed >= 3:
            return minute * 15.0
        estimate = latency.p99([w.candidate for w in seen[minute - 4 : minute] if w.candidate is not None])
        failed += estimate is None or estimate > 0.5
    return None


CHARACTERISTICS: tuple[tuple[float, float, float, float], ...] = (
    (10, 0.005, 0.005, 0.0),
    (10, 0.005, 0.01, 0.0),
    (10, 0.005, 0.015, 0.0),
    (10, 0.005, 0.02, 0.0),
    (10, 0.005, 0.05, 0.0),
    (10, 0.001, 0.001, 0.0),
    (10, 0.001, 0.01, 0.0),
    (1, 0.005, 0.005, 0.0),
    (1, 0.005, 0.02, 0.0),
    (1, 0.005, 0.05, 0.0),
    (10, 0.005, 0.005, 1.0),
)


def table_f(each: Each) -> str:
    """Operating characteristics of the whole rule."""
    rows = []
    for rps, base, bad, bursts in CHARACTERISTICS:
        traffic = Traffic(19 * rps, rps, base, bad, bursts=bursts)
        label = f"{rps:g} requests/s, {base:.1%}" + (f", bursts CV {bursts:g}" if bursts else "")
        ends = each(f"{label}: {bad:.1%}", 200, partial(alone, {}, traffic, 1.0, {"first": True, "holds": True}))
        back = [e.at for e in ends if e.decision is WindowDecision.ROLLBACK]
        passed = [e.at for e in ends if e.decision is WindowDecision.ADVANCE]
        held = sum(e.ever_held for e in ends)
        open_ = len(ends) - len(back) - len(passed)
        cells = [f"{100 * len(x) / len(ends):.3g} % ({seconds(x)})" for x in (back, passed)]
        rows.append((label, f"{bad:.1%}", *cells, *(f"{100 * n / len(ends):.3g} %" for n in (open_, held))))
    columns = ("traffic, stable", "true share", "fail (s)", "pass (s)", "undecided", "hold seen")
    return beside("F", "F. First decision within 1 h, step of 5 min (200 runs a row)", columns, rows, keys=2)


def _processor_time(own: PromotionPolicySpec, drawn: Sequence[Window]) -> float:
    """Seconds of processor time to judge these windows: other work on the machine counts only by the way."""
    judge, begun = judges_of(own)["slo"], time.process_time()
    for window in drawn:
        judge.add(window)
    return time.process_time() - begun


def cost(each: Each) -> str:
    """Microseconds, and requests against the information bound."""
    own = policy()
    drawn = [w for _, w in windows(own, HEALTHY, 12.0, 1)]
    per_window = min(_processor_time(own, drawn) for _ in range(5)) / len(drawn) * 1e6
    judge = judges_of(own)["slo"]
    for window in drawn:
        judge.add(window)
    begun = time.process_time()
    for _ in range(200):
        judge.report(None)
    per_report = (time.process_time() - begun) / 200 * 1e6
    long = [w for _, w in windows(policy(1.0), HEALTHY, 100_000 / 3600, 1)][-100_000:]
    rows = [
        ("one window, one SLO", f"{per_window:.0f} µs"),
        ("one hour of 15 s windows replayed", f"{240 * per_window / 1000:.1f} ms"),
        ("100,000 windows of 1 s", f"{_processor_time(own, long):.1f} s"),
        ("one report", f"{per_report:.0f} µs"),
    ]
    for bad in (0.02, 0.05, 0.2):
        ends = each(f"bound {bad:.0%}", 100, partial(alone, {"window": 1.0}, Traffic(190, 10, 0.005, bad), 1.0, {}))
        used = sorted((e.at - 1) * 10 for e in ends if e.decision is WindowDecision.ROLLBACK)
        bound = 4.60517 / bernoulli_divergence(bad, 0.01)
        median = quantile(used, 0.5) or 0.0
        ratio = f"{median:.0f} / {bound:.0f} = {median / bound:.1f}"
        rows.append((f"requests to find {bad:.0%} / the bound ln(1/alpha)/KL(p, p0)", ratio))
    return beside("cost", "Cost", ("what", "measured"), rows)


TABLES: dict[str, Callable[[Each], str]] = {
    "targets": targets,
    "0": table_0,
    "trouble": table_away,
    "A": table_a,
    "B": table_b,
    "C": table_c,
    "D": table_d,
    "F": table_f,
}
