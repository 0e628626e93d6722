"""The pictures of the page tell evidence as the messages do: odds against the candidate, percent for it."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from serin.cli.following.curves import Curve
from serin.cli.following.traces import Point
from serin.cli.page.markup import html
from serin.cli.page.plots import evidence_plot, span_of
from tests.clock import START

TWENTY = math.log10(20)


@pytest.mark.parametrize(
    ("passing", "pass_at", "good_enough", "passes_at"),
    [
        (0.66, TWENTY, "50 %", "100 % (20 to 1)"),
        (1.6, TWENTY, "100 %", "100 % (20 to 1)"),
        (-1.0, TWENTY, "0 %", "100 % (20 to 1)"),
        (1.56, None, "36 to 1", "–"),
        (None, TWENTY, "–", "100 % (20 to 1)"),
    ],
)
def test_what_speaks_for_the_candidate_is_told_in_percent(
    passing: float | None, pass_at: float | None, good_enough: str, passes_at: str
) -> None:
    points = tuple(Point(START + timedelta(seconds=n), 2.5, 0.18, passing, None, 2.0, pass_at, n) for n in (0, 15))
    curve = Curve("availability", points)
    span = span_of([], [curve])
    assert span is not None
    drawn = html(evidence_plot(curve, span))
    assert "worse than stable <b>316 to 1</b>" in drawn
    assert f"good enough <b>{good_enough}</b>" in drawn
    assert f"passes at <b>{passes_at}</b>" in drawn
    assert f"good enough {good_enough}, where {passes_at} passes." in drawn
