"""Counters that are asked for with one query: the terms of a preset, or those of a selector of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serin.errors import QueryRejected
from serin.indicators.measurements import PresetCounters, SelectedCounter, Selection
from serin.prometheus import promql
from serin.prometheus.boundaries import written
from serin.prometheus.presets import Preset, Term
from serin.prometheus.series_request import BUCKET
from serin.schema.printable import shortened

MOST_GROUPS = 10
"""Selectors of an SLO: each is a query in every window."""
MOST_NAMED, LONGEST_NAMED = 2, 200
"""Selectors in a message, and characters of each."""
NOT_YET = ", which may be misspelt (mayBeAbsent: true says that there may be none)"


@dataclass(frozen=True, slots=True)
class CounterGroup:
    """Counters that are asked for together, of both arms alike."""

    terms: tuple[Term, ...]
    matchers: tuple[str, ...] = ()
    """Label matchers of the user's own."""
    selector: str = ""
    """The selector in the user's words; empty for counters of a preset."""
    field: str = ""
    """The field of the indicator in which the selector stands."""
    must_be_seen: bool = False
    """Whether there are no counts until the selector has matched a series."""
    own: bool = False
    """Whether they are a policy's own selector's, or the model's, which exports as many series as it likes."""


def groups_of(source: Preset, wanted: Sequence[PresetCounters | Selection], namespace: str) -> list[CounterGroup]:
    """The groups with their metrics and labels; ``QueryRejected`` if a selector is wrong."""
    groups = [
        group
        for one in wanted
        for group in ([_preset(source, one)] if isinstance(one, PresetCounters) else _selected(one, namespace))
    ]
    if len(groups) > MOST_GROUPS:
        raise QueryRejected(f"{len(groups)} selectors, more than {MOST_GROUPS}: record their sums as metrics")
    return groups


def unseen_of(groups: Sequence[CounterGroup], unseen: frozenset[str] | None) -> frozenset[str]:
    """The selectors that have matched nothing so far, of those that must be seen before anything is counted."""
    must = frozenset(group.selector for group in groups if group.must_be_seen)
    return must if unseen is None else must & unseen


def silence_of(groups: Sequence[tuple[CounterGroup, bool]], absent: frozenset[str]) -> str:
    """Why nothing is counted, from which groups have matched a series; empty if that says nothing about it."""
    told = [group for group, is_there in groups if group.selector in absent and not is_there]
    if not told:
        of_total = [(group, is_there) for group, is_there in groups if any(term.total for term in group.terms)]
        told = [group for group, is_there in of_total if group.selector and not is_there]
        if not told or len(told) < len(of_total):  # one of several may well be silent
            return ""
    named = ", ".join(
        f"{group.field} {shortened(group.selector, LONGEST_NAMED)}".strip() for group in told[:MOST_NAMED]
    )
    return f"nothing has matched {named} in either arm yet{NOT_YET if absent else ''}"


def _preset(source: Preset, wanted: PresetCounters) -> CounterGroup:
    if not source.counts_by_arms:
        raise QueryRejected("these arms have raw indicators only")
    if wanted.client_errors:
        if not source.tells_client_errors:
            raise QueryRejected(f"these arms do not tell which answers are 4xx: {source.client_errors_missing}")
        return CounterGroup(source.client_errors, own=not source.of_gateway)
    slow = wanted.slower_than
    terms = source.availability if slow is None else source.at_threshold(slow, wanted.ladder)
    return CounterGroup(terms, own=not source.of_gateway)


def _selected(selection: Selection, namespace: str) -> list[CounterGroup]:
    # One selector is for both arms, so of the variables only the namespace has a meaning.
    text, variables = selection.selector, {"namespace": namespace}
    found = promql.selectors(text, variables) if selection.may_add else ((text, promql.selector(text, variables)),)
    is_histogram = any(own.suffix for own in selection.counters)
    return [
        CounterGroup(
            tuple(_term(_histogram(words, own) if is_histogram else own.metric, one) for one in selection.counters),
            own.matchers,
            words,
            selection.field,
            selection.must_be_seen,
            own=True,
        )
        for words, own in found
    ]


def _histogram(text: str, selector: promql.Selector) -> str:
    """The name of a histogram, of which people also write that of its buckets; ``QueryRejected``."""
    if any(matcher.startswith(("le=", "le!", "le~")) for matcher in selector.matchers):
        raise QueryRejected(f"{text}: leave le out: threshold says which bucket is counted")
    return selector.metric.removesuffix(BUCKET)


def _term(metric: str, own: SelectedCounter) -> Term:
    labels = {} if own.boundary is None else {"le": written(own.boundary)}
    return Term(f"{metric}{own.suffix}", own.bad, own.total, labels=labels, required=own.required, rung=own.rung)
