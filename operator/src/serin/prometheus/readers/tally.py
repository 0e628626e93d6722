"""Adds up the counters of one arm in one window, whoever made the differences: Serin from samples, or the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from serin.evidence import Counts
from serin.prometheus.presets import Term
from serin.prometheus.series_request import BUCKET

COUNT = "_count"
MUST_BE_BOUNDARY = "the threshold must be a bucket boundary"


class CannotCount(Exception):
    """Why an arm has no counts in a window."""


class Increments(Protocol):
    """One arm's counters in one window."""

    def lacks(self, term: Term) -> bool:
        """Whether a histogram is there, but not the bucket that the term counts."""
        ...

    def of(self, term: Term) -> float:
        """How much the term's counters grew; ``CannotCount``."""
        ...


def tally(groups: Iterable[tuple[Sequence[Term], Increments]]) -> Counts:
    """The counts of all terms together; ``CannotCount``."""
    bad = total = of_all = client_errors = 0.0
    ladder: dict[int, float] = {}
    is_whole = True
    for terms, increments in groups:
        for term in terms:
            if term.required and increments.lacks(term):
                if term.rung is None:
                    raise CannotCount(
                        f"{term.metric} has no bucket with le={term.labels.get('le')}: {MUST_BE_BOUNDARY}"
                    )
                is_whole = False  # the threshold is judged all the same
                continue
            grown = increments.of(term)
            if term.rung is not None:
                ladder[term.rung] = ladder.get(term.rung, 0.0) + term.bad * grown
                continue
            bad, total = bad + term.bad * grown, total + term.total * grown
            of_all += 0.0 if "le" in term.labels else term.bad * grown
            client_errors += term.client_errors * grown
    slower = tuple(max(0, round(of_all + ladder[rung])) for rung in sorted(ladder)) if is_whole else ()
    return Counts(max(0, round(bad)), max(0, round(total)), slower, client_errors=max(0, round(client_errors)))


def count_of(bucket: Term) -> str:
    """The metric that a histogram has beside its buckets."""
    return f"{bucket.metric.removesuffix(BUCKET)}{COUNT}"
