"""``serin simulate``: what would this policy do with such traffic? Simulates rollouts and counts how they end."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serin.analysis.preflight import FAULTS, Base, Forecast, forecasts
from serin.analysis.simulate import Outage, Run, RunStatistics, Traffic, run
from serin.analysis.steps import run_steps
from serin.api.files.load import LARGEST_DOCUMENT, policy_from_yaml
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.forecasts import as_fields, finite
from serin.cli.judge import read_text
from serin.cli.live.views import DOCUMENT_VERSION
from serin.cli.shell.layout import wrapped
from serin.errors import InvalidInput

MOST_WINDOWS = 2_000_000
"""Per run: 23 days of one-second windows."""
MOST_RUNS = 1_000_000
WIDTH = 80
"""Columns of a line for people."""


def policy_to_simulate(path: Path) -> tuple[PromotionPolicySpec, list[str]]:
    """The policy with the SLOs that count requests, and the fields that are not used; ``InvalidInput``."""
    policy, unknown = policy_from_yaml(read_text(path, LARGEST_DOCUMENT), str(path))
    counting = [slo for slo in policy.slos if slo.indicator.chosen.takes_objective]
    if not counting:
        raise InvalidInput(f"{path}: spec.slos: none of them counts requests, so there is nothing to simulate")
    left_out = [f"SLO {slo.name}" for slo in policy.slos if not slo.indicator.chosen.takes_objective]
    return policy.model_copy(update={"slos": counting}), unknown + left_out


def rates_of(rps: float | None, stable_rps: float | None, candidate_rps: float | None) -> tuple[float, float]:
    """Requests per second of stable (with ``rps``: of both arms) and of the candidate; ``InvalidInput``."""
    if rps is not None and stable_rps is None and candidate_rps is None:
        return rps, 0.0
    if rps is None and stable_rps is not None and candidate_rps is not None:
        return stable_rps, candidate_rps
    raise InvalidInput(
        "give --rps to play all steps at their weights, or --stable-rps and --candidate-rps for a constant weight"
    )


def parse_outage(text: str | None) -> Outage | None:
    """An outage from ``START,SECONDS,RATE``; ``InvalidInput``."""
    if text is None:
        return None
    try:
        start, seconds, rate = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput(f"--outage: {text!r} is not START,SECONDS,RATE such as 600,300,0.1") from None
    if not (0 <= start < math.inf and 0 < seconds < math.inf and 0 <= rate <= 1):
        raise InvalidInput(f"--outage: {text!r}: START and SECONDS are not negative, RATE is within 0 and 1")
    return Outage(start, seconds, rate)


def checked(policy: PromotionPolicySpec, traffic: Traffic, hours: float, runs: int) -> None:
    """Checks the options; ``InvalidInput``."""
    rules = (
        (0 < hours * 3600 / policy.analysis.window.total_seconds() <= MOST_WINDOWS, "--hours", "is out of range"),
        (1 <= runs <= MOST_RUNS, "--runs", f"is within 1 and {MOST_RUNS}"),
        (0 <= traffic.stable_rps <= 1e9, "--stable-rps", "is within 0 and 1e9"),  # noqa: PLR2004
        (0 <= traffic.candidate_rps <= 1e9, "--candidate-rps", "is within 0 and 1e9"),  # noqa: PLR2004
        (0 <= traffic.stable_bad <= 1, "--stable-bad", "is a share within 0 and 1"),
        (0 <= traffic.candidate_bad <= 1, "--candidate-bad", "is a share within 0 and 1"),
        (0 <= traffic.bursts <= 10, "--bursts", "is a coefficient of variation within 0 and 10"),  # noqa: PLR2004
        (0 <= traffic.fault_at <= hours * 3600, "--fault-at", "is within the simulated time, in seconds"),
    )
    for holds, option, rule in rules:
        if not holds:
            raise InvalidInput(f"{option}: {rule}")


def simulated(
    policy: PromotionPolicySpec, traffic: Traffic, hours: float, runs: int, seed: int, *, stepwise: bool
) -> Iterator[Run]:
    """Simulates the runs one by one; each has its own random seed. ``stepwise``: through all steps of the policy."""
    play = run_steps if stepwise else run
    for index in range(runs):
        yield play(policy, traffic, hours, (seed << 32) + index)


def predicted(policy: PromotionPolicySpec, traffic: Traffic) -> list[Forecast]:
    """The forecast of preflight for the same traffic, for comparison."""
    total = traffic.stable_rps + traffic.candidate_rps
    if not traffic.candidate_rps:
        bases = {slo.name: Base(total, traffic.stable_bad) for slo in policy.slos}
        return list(forecasts(policy, bases))
    weight = max(1, min(99, round(100 * traffic.candidate_rps / total))) if total else 1
    step = policy.steps[0].model_copy(update={"weight": weight})
    bases = {slo.name: Base(total, traffic.stable_bad) for slo in policy.slos}
    return list(forecasts(policy.model_copy(update={"steps": [step]}), bases))


def as_json(outcome: RunStatistics, forecast: list[Forecast], *, stepwise: bool) -> str:
    """The statistics and the forecasts as one JSON object; without ``stepwise`` no forecast is of a step."""
    foretold = [_forecast(f, number if stepwise else None) for number, f in _numbered(forecast)]
    document = {"apiVersion": DOCUMENT_VERSION, "kind": "SimulationResult", **_camel(asdict(outcome))}
    return json.dumps({**document, "predicted": foretold}, indent=2)


def _numbered(forecast: list[Forecast]) -> Iterator[tuple[int, Forecast]]:
    """Each forecast with the number of its step: those of an SLO are in the order of the steps."""
    seen = Counter[str]()
    for each in forecast:
        seen[each.slo] += 1
        yield seen[each.slo], each


def _camel(data: dict[str, Any]) -> dict[str, Any]:
    def name(key: str) -> str:
        head, *rest = key.split("_")
        return head + "".join(part.capitalize() for part in rest)

    return {name(key): round(value, 6) if isinstance(value, float) else value for key, value in data.items()}


def _forecast(forecast: Forecast, step: int | None) -> dict[str, Any]:
    problem = {"problem": forecast.problem} if forecast.problem else {}
    return {"slo": forecast.slo, "step": step, "weight": forecast.weight, **as_fields(forecast), **problem}


def as_rows(outcome: RunStatistics) -> list[tuple[str, str]]:
    """The statistics as labels and values."""
    return [
        ("rolled back", f"{outcome.rolled_back:.2%}"),
        ("promoted", f"{outcome.promoted:.2%}"),
        ("undecided", f"{outcome.undecided:.2%} (held at the end: {outcome.held:.2%})"),
        ("fault to decision, p50 / p95", f"{_s(outcome.detection_p50)} / {_s(outcome.detection_p95)}"),
        ("first weight to passing, p50", _s(outcome.passing_p50)),
        ("bad requests served, p50 / p95", f"{outcome.bad_requests_p50:g} / {outcome.bad_requests_p95:g}"),
    ]


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:g} s"


def forecast_lines(forecast: list[Forecast], *, stepwise: bool) -> Iterator[str]:
    """The forecasts as lines of text, one fact a line; without ``stepwise`` the weight is constant."""
    for number, each in _numbered(forecast):
        where = f"step {number} at {each.weight} %" if stepwise else f"a constant weight of {each.weight} %"
        yield f"predicted for {each.slo}, {where}:"
        for times, seconds in zip(FAULTS, each.detect, strict=True):
            share = "twice" if times == 2 else f"{times:g} times"  # noqa: PLR2004 - the word for it
            yield f"  bad requests at {share} the allowed share are {_when('found', seconds)}"
        yield f"  a candidate as good as stable {_when('passes', each.passing)}"
        if each.problem:
            yield from (f"  {line}" for line in wrapped(each.problem, WIDTH - 2))


def _when(what: str, seconds: float) -> str:
    known = finite(seconds)
    return f"never {what}" if known is None else f"{what} after {known:g} s"
