"""A first PromotionPolicy: as much proof, and as small first steps, as the traffic can pay for."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from serin.analysis.preflight import assumed, forecasts
from serin.api.promotion_policy import PromotionPolicySpec
from serin.schema.types import format_duration


def _plan(
    objective: str,
    *steps: tuple[int, str, str],
    latency: str = "Required",
    more: tuple[dict[str, Any], ...] = (),
    **analysis: Any,
) -> dict[str, Any]:
    availability = {"name": "availability", "objective": objective, "indicator": {"availability": {}}}
    slow = {"name": "latency", "severity": latency, "objective": "95.0", "indicator": {"latency": {}}}
    return {
        "slos": [availability, slow, *more],
        **({"analysis": analysis} if analysis else {}),
        "steps": [{"weight": weight, "for": lasts, "timeout": timeout} for weight, lasts, timeout in steps],
    }


CLIENT_ERRORS = {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}}
USUAL = _plan("99.0", (5, "5m", "1h"), (25, "5m", "1h"), (50, "10m", "1h"), more=(CLIENT_ERRORS,))
FINE = USUAL | {"steps": [{"weight": 1, "for": "5m", "timeout": "1h"}, *USUAL["steps"]]}
"""A bad version has a fifth of the bad answers in the time in which it is found."""
FINE_FROM = 100.0
"""Requests per second: one percent of them is one a second."""
PLANS = (
    USUAL,
    _plan("99.0", (10, "10m", "4h"), (50, "30m", "4h"), more=(CLIENT_ERRORS,)),
    _plan("99.0", (50, "1h", "12h"), latency="Advisory", window="1m"),
    _plan("95.0", (50, "1h", "24h"), latency="Advisory", window="5m", onNoData={"action": "Hold"}),
)
"""From many requests to few. A version costs a fixed number of bad answers before it is found, whatever its share, so
few requests ask for one large step; the last one promises what some 90 requests can prove."""
ADVISORY = "; latency is told and not waited for, since so few requests prove one objective only"


def first_policy(rps: float | None, threshold: timedelta | None) -> tuple[dict[str, Any], str]:
    """The spec, and what its reader should know; ``rps`` of both arms, ``threshold`` of an answer that is slow."""
    if rps is None:
        return _with_threshold(USUAL, threshold), "its steps are for 1 request/s or more; tell the traffic with --rps"
    traffic = f"{rps:.12g} requests/s"
    for plan in (FINE, *PLANS) if rps >= FINE_FROM else PLANS:
        spec = _with_threshold(plan, threshold)
        if not _undecided(spec, rps):
            return spec, f"its steps are for {traffic}; see serin simulate{_advice(spec)}"
    spec = _with_threshold(PLANS[-1], threshold)
    return spec, f"no steps decide with {traffic} within a day, and a person decides; see examples/low-traffic"


def _advice(spec: dict[str, Any]) -> str:
    return ADVISORY if any(slo.get("severity") == "Advisory" for slo in spec["slos"]) else ""


def _with_threshold(plan: dict[str, Any], threshold: timedelta | None) -> dict[str, Any]:
    spec = copy.deepcopy(plan)
    if threshold is None:
        spec["slos"] = [slo for slo in spec["slos"] if slo["name"] != "latency"]
    else:
        spec["slos"][1]["indicator"]["latency"]["threshold"] = format_duration(threshold)
    return spec


def _undecided(spec: dict[str, Any], rps: float) -> str:
    """Why a step of it would not decide in its time; empty if each does."""
    policy = PromotionPolicySpec.model_validate(spec)
    return next((forecast.problem for forecast in forecasts(policy, assumed(policy, rps)) if forecast.problem), "")
