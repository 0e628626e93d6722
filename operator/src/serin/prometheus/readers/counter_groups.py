"""Counters that are asked for with one query: the terms of a preset, or those of a selector of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serin.errors import QueryRejected
from serin.indicators.measurements import PresetCounters, SelectedCounter, Selection
from serin.prometheus import promql
from serin.prometheus.boundaries import written
from serin.prometheus.presets import Preset, Term


@dataclass(frozen=True, slots=True)
class CounterGroup:
    """Counters that are asked for together, of both arms alike."""

    terms: tuple[Term, ...]
    matchers: tuple[str, ...] = ()
    """Label matchers of the user's own."""
    own: bool = False
    """Whether they are a policy's own selector's, or the model's, which exports as many series as it likes."""


def groups_of(source: Preset, wanted: Sequence[PresetCounters | Selection], namespace: str) -> list[CounterGroup]:
    """The groups with their metrics and labels; ``QueryRejected`` if a selector is wrong."""
    return [_preset(source, one) if isinstance(one, PresetCounters) else _selected(one, namespace) for one in wanted]


def _preset(source: Preset, wanted: PresetCounters) -> CounterGroup:
    if not source.counts_by_arms:
        raise QueryRejected("these arms have raw indicators only")
    slow = wanted.slower_than
    terms = source.availability if slow is None else source.at_threshold(slow)
    return CounterGroup(terms, own=not source.of_gateway)


def _selected(selection: Selection, namespace: str) -> CounterGroup:
    # One selector is for both arms, so of the variables only the namespace has a meaning.
    selector = promql.selector(selection.selector, {"namespace": namespace})
    return CounterGroup(tuple(_term(selector.metric, own) for own in selection.counters), selector.matchers, own=True)


def _term(metric: str, own: SelectedCounter) -> Term:
    labels = {} if own.boundary is None else {"le": written(own.boundary)}
    return Term(f"{metric}{own.suffix}", own.bad, own.total, labels=labels, required=own.required)
