"""What is to be counted for an indicator? Terms and matchers, for both arms alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serin.api.indicator import Histogram, Indicator, Ratio
from serin.errors import QueryRejected
from serin.prometheus import promql
from serin.prometheus.presets import Preset, Term


@dataclass(frozen=True, slots=True)
class Part:
    """Counters that are asked for together."""

    terms: tuple[Term, ...]
    matchers: tuple[str, ...] = ()


def parts_of(source: Preset, indicator: Indicator, namespace: str) -> list[Part]:
    """What is to be counted. Raw selectors apply to both arms: of the variables only the namespace has a meaning."""
    both = {"namespace": namespace}
    if indicator.availability is not None or indicator.latency is not None:
        if not source.counts_by_arms:
            raise QueryRejected("these arms have raw indicators only")
        latency = indicator.latency
        return [Part(source.at_threshold(latency.threshold) if latency else source.availability)]
    if indicator.ratio is not None:
        return _ratio(indicator.ratio, both)
    if indicator.histogram is not None:
        return [_histogram(indicator.histogram, both)]
    if indicator.query is not None:
        return [_raw(indicator.query.sum, both), _raw(indicator.query.count, both)]
    return []


def _raw(text: str, variables: Mapping[str, str], *, bad: int = 0, total: int = 1) -> Part:
    selector = promql.selector(text, variables)
    return Part((Term(selector.metric, bad, total),), selector.matchers)


def _ratio(ratio: Ratio, variables: Mapping[str, str]) -> list[Part]:
    return [_raw(ratio.bad, variables, bad=1, total=0), _raw(ratio.total, variables)]


def _histogram(histogram: Histogram, variables: Mapping[str, str]) -> Part:
    """As latency of a preset: all observations, less those in the bucket at the threshold."""
    selector = promql.selector(histogram.selector, variables)
    boundary = f"{histogram.threshold / histogram.unit:g}"
    terms = (
        Term(f"{selector.metric}_count", bad=1, total=1),
        Term(f"{selector.metric}_bucket", bad=-1, total=0, labels={"le": boundary}, required=True),
    )
    return Part(terms, selector.matchers)
