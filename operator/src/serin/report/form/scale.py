"""The frame of a chart: from seconds and evidence to places in the picture, and the whole times on its axis."""

from __future__ import annotations

import math
from collections.abc import Iterator

from serin.report.facts.judged import AGAINST
from serin.report.form.document import Chart

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP = 84, 12, 34
PLOT_BOTTOM, WEIGHT_TOP, WEIGHT_BOTTOM = 208, 224, 264
FLOOR = -3.0
"""Evidence below it is drawn at it: it speaks for the other side, and how much does not matter here."""
HEADROOM = 1.15
LEAST, SHOWN = 1.6, 3.0
"""Times the threshold up to which the axis reaches at least, and at most: what is far beyond is drawn at the top."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
MOST_TICKS, MINUTE = 8, 60
BEYOND = 1.25
"""Times the length of the curve that the picture has at most."""


class Scale:
    """From seconds and evidence to places in the picture."""

    def __init__(self, chart: Chart) -> None:
        curve = chart.curve
        end = max([*curve.seconds[-1:], 1.0])
        # A mark that is far behind the last window, by a clock that is wrong, does not press the curve together.
        self.seconds = max([end, *(min(mark.seconds, end * BEYOND) for mark in chart.marks)])
        threshold = max([*curve.roll_back_at, curve.pass_at, 1.0])
        lines = [v for test in AGAINST for v in curve.evidence.get(test, ()) if v is not None]
        self.top = max(min(max(lines, default=0.0) * HEADROOM, threshold * SHOWN), threshold * LEAST)

    def x(self, seconds: float) -> float:
        """The place of a time."""
        share = min(1.0, max(0.0, seconds / self.seconds))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, evidence: float) -> float:
        """The place of an evidence; one beyond the frame is at its edge."""
        share = (min(self.top, max(FLOOR, evidence)) - FLOOR) / (self.top - FLOOR)
        return round(PLOT_BOTTOM - share * (PLOT_BOTTOM - TOP), 1)

    @property
    def step(self) -> int:
        """Seconds between two times on the axis."""
        long = STEPS[-1] * math.ceil(self.seconds / STEPS[-1] / MOST_TICKS)
        return next((step for step in STEPS if self.seconds / step <= MOST_TICKS), long)

    @property
    def form(self) -> str:
        """How a time on the axis is written."""
        if self.step < MINUTE:
            return "%H:%M:%S"
        return "%H:%M" if self.seconds < STEPS[-1] else "%m-%d %H:%M"

    def ticks(self, past: float) -> Iterator[float]:
        """Whole times, none so near the edge that its label is cut; the curve began ``past`` seconds after one."""
        at = (self.step - past) % self.step
        while at <= self.seconds:
            if self.seconds * 0.03 <= at <= self.seconds * 0.97:
                yield at
            at += self.step
