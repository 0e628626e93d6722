"""What each kind of indicator measures."""

from __future__ import annotations

from serin.api.indicator import Gauge, Indicator
from serin.prometheus.measurements import (
    Counters,
    Mean,
    Measurement,
    PresetCounters,
    Selection,
    Value,
    counter,
    observations_above,
)
from serin.schema.choices import Arms


def measurement_of(indicator: Indicator, arms: Arms) -> Measurement:
    """What is read for an indicator. ``arms`` tells the arms' series apart; a gauge has none."""
    if indicator.gauge is not None:
        return _value(indicator.gauge)
    if indicator.query is not None:
        return Mean(arms, indicator.query.sum, indicator.query.count)
    return Counters(arms, _groups(indicator))


def _groups(indicator: Indicator) -> tuple[PresetCounters | Selection, ...]:
    if indicator.ratio is not None:
        return counter(indicator.ratio.bad, bad=1, total=0), counter(indicator.ratio.total)
    if indicator.histogram is not None:
        own = indicator.histogram
        return (observations_above(own.selector, own.threshold / own.unit),)
    return (PresetCounters(slower_than=indicator.latency.threshold if indicator.latency is not None else None),)


def _value(gauge: Gauge) -> Value:
    own = gauge.stability
    sizes = (own.candidate_size, own.reference_size) if own is not None else ()
    return Value(gauge.query, gauge.max_age, tuple(size for size in sizes if size is not None))
