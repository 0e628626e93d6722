"""Counts a window from the server's own sums at both of its edges, where its raw samples are too many to read.

The difference of two sums is as exact as counting sample by sample, unless a counter began again, ended or appeared at
an unknown target meanwhile. The server says how many did, and then the window has no counts and the rollout holds.
(``increase`` would give a number, but it extrapolates, and loses a new series' first value.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from serin.evidence import Counts, Window
from serin.prometheus.boundaries import spellings
from serin.prometheus.presets import Term
from serin.prometheus.readers.arm_query import ArmPatterns, ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, silence_of, unseen_of
from serin.prometheus.readers.origins import ORIGIN_LABELS, several_origins_error
from serin.prometheus.readers.samples import REPLICA_LABELS
from serin.prometheus.readers.tally import CannotCount, count_of, tally
from serin.prometheus.readers.targets import Edges
from serin.prometheus.series import LEAST_FRESHNESS, Series
from serin.prometheus.variables import quoted
from serin.schema.types import format_duration

PART = "serin_part"
"""Label of each value in the answer: a key of ``SUMS`` and the number of the term."""
FRESH_SHARE = 0.5
"""Of the window, for how old a sample may be at its edges: a window spans four scrapes, and two may be missed."""
SUMS = {
    "end": "sum by ({arm}) ({now})",
    "start": "sum by ({arm}) ({then})",
    "newest": "max by ({arm}) (timestamp({now}))",
    "oldest": "max by ({arm}) (timestamp({then}))",
    "resets": "sum by ({arm}) (resets({selector}[{twice}]))",
    "ended": "count by ({arm}) ({then} unless {now})",
    "strange": "count by ({arm}) ({now} unless on (instance, pod) {then})",
    "copies": "count by ({arm}) (count by ({arm},{replica}) ({now}))",
    "origins": "group by ({arm},{origin}) ({now})",
}
DOUBTS = {
    "resets": "counters began again",
    "ended": "series ended",
    "strange": "new targets appeared",
}
"""Why the differences of the sums may be no counts. The next window may have counts again."""
Values = Mapping[str, float]


class Ask(Protocol):
    """``Metrics.counted``."""

    async def __call__(self, query: str, at: datetime, *, own: bool) -> list[Series]:
        """The values; ``MetricsError``."""
        ...


async def summed(
    ask: Ask, arm_query: ArmQuery, groups: Sequence[CounterGroup], unseen: frozenset[str] | None = None
) -> Window:
    """The first window of the query's grid; ``MetricsError`` if the server does not answer.

    ``unseen`` has the selectors that have matched nothing before; None: any of them.
    """
    arms, start, length = arm_query.patterns, arm_query.grid.start, arm_query.grid.length
    found = [
        (
            group.terms,
            await ask(query(group.terms, arm_query.matchers(group), arms, length), start + length, own=group.own),
        )
        for group in groups
    ]
    there = [(group, bool(series)) for group, (_, series) in zip(groups, found, strict=True)]
    absent = unseen_of(groups, unseen) - {group.selector for group, is_there in there if is_there}
    if absent:
        return Window(start, length, None, absent=absent, silence=silence_of(there, absent))
    edges = (start.timestamp(), (start + length).timestamp())
    origins = [[s for s in series if s.labels.get(PART, "").startswith("origins")] for _, series in found]
    doubt = several_origins_error(arms, origins, edges[0])
    if doubt:
        return Window(start, length, None, error=doubt)
    counts, errors = {}, []
    for pattern in arms.both:
        own = [(terms, _values(arms.of(pattern, series))) for terms, series in found]
        counts[pattern], error = _counts(own, edges)
        errors.append(error)
    return Window(start, length, counts[arms.candidate], counts[arms.stable], error=errors[0])


def query(terms: Sequence[Term], matchers: Sequence[str], arms: ArmPatterns, length: timedelta) -> str:
    """One expression for all terms. The outer range makes a matrix of a vector, evaluated at its end only."""
    parts = []
    for index, term in enumerate(terms):
        selector, back = _selector(term, matchers, arms), format_duration(length)
        words = {
            "arm": arms.label,
            "selector": selector,
            "now": selector,
            "then": f"{selector} offset {back}",
            "twice": format_duration(2 * length),
            "replica": ",".join(sorted(REPLICA_LABELS)),
            "origin": ",".join(ORIGIN_LABELS),
        }
        parts += [_named(form.format(**words), f"{name}{index}") for name, form in SUMS.items()]
    return f"({' or '.join(parts)})[1s:1s]"


def _named(expression: str, name: str) -> str:
    return f'label_replace({expression},"{PART}","{name}","","")'


def _selector(term: Term, matchers: Sequence[str], arms: ArmPatterns) -> str:
    both = f"{arms.label}=~{quoted('|'.join(arms.both))}"
    own = [
        f"le=~{quoted('|'.join(spellings(value)))}" if key == "le" else f"{key}={quoted(value)}"
        for key, value in term.labels.items()
    ]
    if term.pattern is not None:
        own.append(f"{term.pattern[0]}=~{quoted(term.pattern[1])}")
    return f"{term.metric}{{{','.join([both, *matchers, *own])}}}"


def _values(series: Sequence[Series]) -> dict[str, float]:
    """The server's values of one arm, by ``PART``; those of several pods are joined."""
    out: dict[str, float] = {}
    for own in series:
        part, value = own.labels.get(PART, ""), own.values[-1]
        several = max if part.startswith(("newest", "oldest", "copies")) else float.__add__
        out[part] = several(out[part], value) if part in out else value
    return out


def _counts(found: Sequence[tuple[tuple[Term, ...], Values]], edges: Edges) -> tuple[Counts | None, str]:
    """One arm's counts; none without fresh samples at both edges, or where the differences are no counts."""
    allowed = max(LEAST_FRESHNESS, FRESH_SHARE * (edges[1] - edges[0]))
    for name, edge in (("oldest", edges[0]), ("newest", edges[1])):
        if edge - _most(found, name) > allowed:
            return None, ""
    if _most(found, "copies") > 1:
        words = "told apart by a replica's label: ask one Prometheus, or one that deduplicates"
        return None, f"series are there twice, {words}"
    doubts = [words for name, words in DOUBTS.items() if _most(found, name) > 0]
    if doubts:
        return None, f"too many samples to read, and their sums are no counts here: {' and '.join(doubts)}"
    try:
        return tally((terms, _SumIncrements(terms, values)) for terms, values in found), ""
    except CannotCount as error:
        return None, str(error)


def _most(found: Sequence[tuple[tuple[Term, ...], Values]], name: str) -> float:
    """The largest value of that name over all terms."""
    of_name = (v for _, values in found for part, v in values.items() if part.rstrip("0123456789") == name)
    return max(of_name, default=0.0)


@dataclass(frozen=True, slots=True)
class _SumIncrements:
    """Implements ``Increments`` with the server's sums at both edges of the window."""

    terms: Sequence[Term]
    values: Values

    def lacks(self, term: Term) -> bool:
        """Of all targets together: the server's sums do not tell them apart."""
        count = count_of(term)
        measured = any(other.metric == count and self._at("end", other) is not None for other in self.terms)
        return measured and self._at("end", term) is None

    def of(self, term: Term) -> float:
        return (self._at("end", term) or 0.0) - (self._at("start", term) or 0.0)

    def _at(self, name: str, term: Term) -> float | None:
        return self.values.get(f"{name}{self.terms.index(term)}")
