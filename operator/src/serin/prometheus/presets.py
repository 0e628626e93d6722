"""What do availability and latency mean with a given gateway, and which series tell the arms apart? Data, no logic.

A preset's counts are sums of increments of counters: each term adds its coefficients times its increment to the bad
and to the total count of its arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from serin.api.indicator import KINDS, Arms, Indicator
from serin.api.promotion_policy import PromotionPolicySpec


@dataclass(frozen=True, slots=True)
class Term:
    """One counter's part in the counts."""

    metric: str
    bad: int
    total: int
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only series with these labels; ``le`` is compared as a number."""
    required: bool = False
    """Without such a series the counts would be wrong, e.g. a threshold that is no bucket boundary."""


@dataclass(frozen=True, slots=True)
class Preset:
    """How one way of telling the arms apart names things."""

    arm_label: str
    arm_pattern: str
    """Value of ``arm_label``, as a regular expression with ``{namespace}`` and ``{service}``."""
    matchers: Mapping[str, str]
    """Further label matchers, with ``{namespace}``."""
    availability: tuple[Term, ...]
    latency: tuple[Term, ...]
    """``le`` in the term with an empty ``le`` label is the threshold."""
    latency_unit: timedelta
    """Unit of the histogram's boundaries."""

    def terms(self, indicator: Indicator) -> tuple[Term, ...]:
        """The terms of an indicator, with the threshold filled in."""
        if indicator.latency is None:
            return self.availability
        boundary = f"{indicator.latency.threshold / self.latency_unit:g}"
        return tuple(
            Term(t.metric, t.bad, t.total, {**t.labels, "le": boundary}, t.required) if "le" in t.labels else t
            for t in self.latency
        )


CONTOUR = Preset(
    arm_label="envoy_cluster_name",
    arm_pattern="{namespace}_{service}_80",
    matchers={},
    # rq_xx of all classes: requests that reach no backend (no endpoints, connection refused) are in rq_xx and not in
    # rq_total, and retries inflate rq_total (measured on Envoy 1.40).
    availability=(
        Term("envoy_cluster_upstream_rq_xx", bad=0, total=1),
        Term("envoy_cluster_upstream_rq_xx", bad=1, total=0, labels={"envoy_response_code_class": "5"}),
    ),
    # Timeouts are not in rq_time: they are slow and answered, so they count on both sides.
    latency=(
        Term("envoy_cluster_upstream_rq_time_count", bad=1, total=1),
        Term("envoy_cluster_upstream_rq_time_bucket", bad=-1, total=0, labels={"le": ""}, required=True),
        Term("envoy_cluster_upstream_rq_timeout", bad=1, total=1),
    ),
    latency_unit=timedelta(milliseconds=1),
)
POD = Preset(
    arm_label="pod",
    arm_pattern="{service}-[a-z0-9]+-[a-z0-9]+",
    matchers={"namespace": "{namespace}"},
    # KServe's Python server has no error counter: a failing predict is timed, its postprocess is not.
    availability=(
        Term("request_predict_seconds_count", bad=1, total=1),
        Term("request_postprocess_seconds_count", bad=-1, total=0),
    ),
    latency=(
        Term("request_predict_seconds_count", bad=1, total=1),
        Term("request_predict_seconds_bucket", bad=-1, total=0, labels={"le": ""}, required=True),
    ),
    latency_unit=timedelta(seconds=1),
)
PRESETS: dict[Arms, Preset] = {Arms.CONTOUR: CONTOUR, Arms.POD: POD}


def unreadable(policy: PromotionPolicySpec) -> str | None:
    """The first thing in a policy that cannot be read from Prometheus by this version; None if all can."""
    for slo in policy.slos:
        arms = policy.arms_of(slo)
        if arms not in PRESETS:
            return f"slos: {slo.name}: arms {arms} are judged offline only so far; use {' or '.join(PRESETS)}"
        if slo.indicator.availability is None and slo.indicator.latency is None:
            kind = next(kind for kind in KINDS if getattr(slo.indicator, kind) is not None)
            return f"slos: {slo.name}: {kind} is judged offline only so far; use availability or latency"
    return None
