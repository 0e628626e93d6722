"""The indicators of an SLO: a module for each kind, and a line for it in ``INDICATORS``."""

from __future__ import annotations

from serin.indicators.availability import Availability
from serin.indicators.client_errors import ClientErrors
from serin.indicators.gauge import Gauge
from serin.indicators.histogram import Histogram
from serin.indicators.kind import IndicatorKind
from serin.indicators.latency import Latency
from serin.indicators.query import MeanQuery
from serin.indicators.ratio import Ratio

INDICATORS: tuple[type[IndicatorKind], ...] = (
    Availability,
    Latency,
    Ratio,
    Histogram,
    Gauge,
    MeanQuery,
    ClientErrors,
)
"""Every kind that a policy may name, in the order of the CRD."""
