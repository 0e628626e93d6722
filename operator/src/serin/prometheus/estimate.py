"""What does a window count where its raw samples are too many to read? ``increase`` per arm, rounded: an estimate.

``increase`` extrapolates and loses the first value of a new series, so exact counts are always tried first, and what is
counted here says so. One query per part and window, at the window's own end, with one value per arm and term.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from serin.api.evidence import Counts, Window
from serin.api.types import format_duration
from serin.errors import AnswerTooLarge
from serin.prometheus.counts import ArmPatterns, Grid, missing
from serin.prometheus.presets import Term
from serin.prometheus.promql import quoted
from serin.prometheus.series import LEAST_FRESHNESS, Series
from serin.prometheus.wants import spellings

TERM = "serin_term"
"""The label that says of which term a value is."""
NEWEST = "newest"
"""Stands in it for the time of the newest sample."""
FRESH_SHARE = 0.5
"""Of the window: it has to span four scrapes, and two of them may be missed."""
Ask = Callable[[str, datetime], Awaitable[list[Series]]]
Request = tuple[tuple[Term, ...], tuple[str, ...]]
"""Terms that are asked for together, and the label matchers that hold for all of them."""


async def estimated(ask: Ask, arms: ArmPatterns, grid: Grid, requests: Sequence[Request]) -> list[Window]:
    """One window per grid cell, one after the other; ``MetricsError``."""
    return [await _window(ask, arms, grid.start + i * grid.length, grid.length, requests) for i in range(grid.count)]


async def _window(
    ask: Ask, arms: ArmPatterns, start: datetime, length: timedelta, requests: Sequence[Request]
) -> Window:
    end = start + length
    found = [(terms, await ask(query(terms, matchers, arms, length), end)) for terms, matchers in requests]
    candidate, error = _counts([(terms, arms.of(arms.candidate, series)) for terms, series in found], end, length)
    stable, _ = _counts([(terms, arms.of(arms.stable, series)) for terms, series in found], end, length)
    if candidate is None and stable is None and not error:
        wanted = " and ".join(sorted({term.metric for terms, _ in requests for term in terms if term.total}))
        raise AnswerTooLarge(f"too many samples to count, and increase() finds nothing of {wanted} to estimate from")
    return Window(start, length, candidate, stable, error=error, estimated=True)


def query(terms: Sequence[Term], matchers: Sequence[str], arms: ArmPatterns, length: timedelta) -> str:
    """One expression for all terms. The outer range makes a matrix of a vector, evaluated at its end only."""
    selectors = [_selector(term, matchers, arms) for term in terms]
    reach = format_duration(length)
    parts = [f"sum by ({arms.label}) (increase({selector}[{reach}]))" for selector in selectors]
    named = [_named(part, str(index)) for index, part in enumerate(parts)]
    times = [_named(f"max by ({arms.label}) (timestamp({s}))", f"{NEWEST}{i}") for i, s in enumerate(selectors)]
    return f"({' or '.join([*named, *times])})[1s:1s]"


def _named(expression: str, name: str) -> str:
    return f'label_replace({expression},"{TERM}","{name}","","")'


def _selector(term: Term, matchers: Sequence[str], arms: ArmPatterns) -> str:
    both = f"{arms.label}=~{quoted('|'.join(arms.both))}"
    own = [
        f"le=~{quoted('|'.join(spellings(value)))}" if key == "le" else f"{key}={quoted(value)}"
        for key, value in term.labels.items()
    ]
    if term.pattern is not None:
        own.append(f"{term.pattern[0]}=~{quoted(term.pattern[1])}")
    return f"{term.metric}{{{','.join([both, *matchers, *own])}}}"


def _counts(
    found: Sequence[tuple[tuple[Term, ...], Sequence[Series]]], end: datetime, length: timedelta
) -> tuple[Counts | None, str]:
    """One arm's counts; none without a fresh sample, or without what all requests are counted from."""
    oldest = end.timestamp() - max(LEAST_FRESHNESS, FRESH_SHARE * length.total_seconds())
    newest = max((s.values[-1] for _, series in found for s in series if _is(s, f"{NEWEST}[0-9]+")), default=0.0)
    if newest < oldest:
        return None, ""
    bad = total = 0.0
    has_total = False
    for terms, series in found:
        for index, term in enumerate(terms):
            own = [s.values[-1] for s in series if _is(s, str(index))]
            if term.required and not own and any(_is(s, "[0-9]+") for s in series):
                return None, missing(term)
            has_total = has_total or bool(own and term.total)
            bad, total = bad + term.bad * sum(own), total + term.total * sum(own)
    return (Counts(max(0, round(bad)), max(0, round(total))), "") if has_total else (None, "")


def _is(series: Series, name: str) -> bool:
    return bool(re.fullmatch(name, series.labels.get(TERM, "")))
