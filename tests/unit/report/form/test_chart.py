"""The evidence as a picture: every number within the frame, and a text for whoever does not see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.report.facts.bundle import Curve
from serin.report.facts.case import case_of
from serin.report.facts.gathering import bundle_of
from serin.report.form.chart import drawn
from serin.report.form.document import Chart, Mark
from serin.report.form.scale import HEIGHT, WIDTH
from serin.report.incident.report import incident as reported
from tests.clock import START
from tests.fuzz import fuzzed
from tests.incidents import incident, items

EVIDENCE = st.one_of(st.none(), st.floats(-400, 400))


def charts() -> list[Chart]:
    found = items(incident())
    document = reported(bundle_of(case_of(found, found[-1].name)))
    section = next(s for s in document.sections if s.heading == "Evidence")
    return [block for block in section.blocks if isinstance(block, Chart)]


def numbers(svg: Element) -> Iterator[tuple[str, float]]:
    """Every coordinate of the picture, with its axis."""
    for element in svg.iter():
        for axis, names in (("x", ("x", "x1", "x2")), ("y", ("y", "y1", "y2"))):
            yield from ((axis, float(element.attrib[name])) for name in names if name in element.attrib)
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.attrib.get("d", "")):
            yield from (("x", float(x)), ("y", float(y)))


def curve(values: list[float | None], threshold: float = 2.2, step: float = 15.0) -> Curve:
    count = len(values)
    return Curve(
        slo="availability",
        start=START,
        windows=count,
        windows_per_point=1,
        seconds=[step * (n + 1) for n in range(count)],
        candidate_bad=[0] * count,
        candidate_total=[1] * count,
        stable_bad=[0] * count,
        stable_total=[1] * count,
        values=[],
        evidence={"e1": values, "e2": values},
        passing=values,
        roll_back_at=[threshold] * count,
        pass_at=1.3,
    )


def chart(found: Curve, marks: tuple[Mark, ...] = ()) -> Chart:
    return Chart("Evidence of availability", "in words", found, ((0.0, 5), (60.0, 25)), marks)


def test_the_incident_has_a_chart_for_each_slo_the_broken_one_first() -> None:
    found = charts()
    assert [chart.title for chart in found] == ["Evidence of availability", "Evidence of latency"]
    assert [mark.label for mark in found[0].marks] == ["breach proven", "decided"]
    assert [weight for _, weight in found[0].weights] == [0, 5, 25, 0]
    assert "worse than stable (290 million to 1)" in found[0].summary
    assert "proof begins at 164 to 1" in found[0].summary


def test_a_picture_says_in_words_what_it_shows() -> None:
    svg = drawn(charts()[0], 3)
    assert svg.attrib["role"] == "img"
    named = svg.attrib["aria-labelledby"].split()
    assert [svg.find(tag).attrib["id"] for tag in ("title", "desc")] == named  # type: ignore[union-attr]
    texts = [element.text for element in svg.iter("text")]
    assert {"breach proven", "decided", "25 %", "time (UTC)", "proof at 164 to 1"} <= set(texts)


def test_a_breach_lies_above_the_threshold() -> None:
    svg = drawn(chart(curve([0.1, 1.0, 3.0])), 1)
    line = next(e for e in svg.iter("path") if e.attrib["class"] == "line e1")
    threshold = next(e for e in svg.iter("path") if e.attrib["class"] == "threshold")
    [*_, end] = re.findall(r"[ML][\d.]+ ([\d.]+)", line.attrib["d"])
    [at, *_] = re.findall(r"[ML][\d.]+ ([\d.]+)", threshold.attrib["d"])
    assert float(end) < float(at), "y grows downwards"


@pytest.mark.parametrize(
    ("values", "pens"),
    [([None, None], None), ([1.0], "M"), ([1.0, None, 2.0], "MM"), ([1.0, 2.0, None, 2.0, 3.0], "MLML")],
)
def test_what_is_not_known_interrupts_a_line(values: list[float | None], pens: str | None) -> None:
    found = [e for e in drawn(chart(curve(values)), 1).iter("path") if e.attrib["class"] == "line e1"]
    assert (re.sub(r"[^ML]", "", found[0].attrib["d"]) if found else None) == pens


@pytest.mark.parametrize(
    ("step", "count", "labels"),
    [
        (1.0, 20, ["10:00:05", "10:00:10", "10:00:15"]),
        (15.0, 40, ["10:02", "10:04", "10:06", "10:08"]),
        (86_400.0, 40, ["11-23 00:00", "11-28 00:00", "12-03 00:00"]),
    ],
)
def test_the_axis_has_whole_times(step: float, count: int, labels: list[str]) -> None:
    texts = [element.text or "" for element in drawn(chart(curve([0.0] * count, step=step)), 1).iter("text")]
    assert [text for text in texts if re.search(r"\d:\d\d", text)][: len(labels)] == labels


def test_a_mark_of_a_clock_that_is_wrong_does_not_press_the_curve_together() -> None:
    far = drawn(chart(curve([0.0] * 10), (Mark(1e9, "decided"),)), 1)
    [line] = [e for e in far.iter("path") if e.attrib["class"] == "line e1"]
    assert max(float(x) for x in re.findall(r"[ML]([\d.]+) ", line.attrib["d"])) > WIDTH / 2
    assert len(list(far.iter("text"))) < 30


@fuzzed(150)
@given(
    st.lists(EVIDENCE, min_size=1, max_size=12),
    st.floats(0, 300),
    st.sampled_from([0.001, 1.0, 15.0, 4000.0, 90_000.0]),
    st.lists(st.floats(-1e6, 1e7), max_size=2),
)
def test_any_curve_stays_within_the_frame(
    values: list[float | None], threshold: float, step: float, marks: list[float]
) -> None:
    svg = drawn(chart(curve(values, threshold, step), tuple(Mark(at, "decided") for at in marks)), 1)
    assert all(0 <= number <= (WIDTH if axis == "x" else HEIGHT) for axis, number in numbers(svg))
    assert tostring(svg)
