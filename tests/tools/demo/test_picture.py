from xml.etree import ElementTree as ET

import pytest

from e2e.demo.picture import COLOURS, Mark, marks, picture
from e2e.demo.snapshot import Record, TimelineEntry
from e2e.load.answer import Answer

START = 1_000_000.0
SVG = "{http://www.w3.org/2000/svg}"


def record(version: str, *timeline: tuple[float, int]) -> Record:
    entries = tuple(TimelineEntry(START + at, weight, "") for at, weight in timeline)
    return Record(f"fraud-{version}", version, 1, "Promoted", "", "", None, finished=True, timeline=entries)


def answers(seconds: int, version: str, first: int = 0, status: int = 200) -> list[Answer]:
    return [Answer(START + first + second, 0.001, status, version) for second in range(seconds)]


def elements(text: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter(f"{SVG}{name}"))  # noqa: S314 - our own


def test_every_weight_and_every_way_back_is_a_mark_in_order_of_time() -> None:
    kept = [record("3", (50, 5), (60, 0)), record("2", (0, 0), (10, 5), (20, 25), (30, 25), (40, 100))]
    assert marks(kept) == [
        Mark(START + 10, "5 %"),
        Mark(START + 20, "25 %"),
        Mark(START + 40, "100 %"),
        Mark(START + 50, "5 %"),
        Mark(START + 60, "taken back"),
    ]


def test_each_version_has_an_area_and_a_name_and_the_failures_are_bars() -> None:
    sent = [
        *answers(30, "1"),
        *answers(30, "2", first=30),
        *answers(5, "3", first=40),
        *answers(1, "3", 45, status=500),
    ]
    text = picture(sent, [record("1", (-5, 100)), record("2", (30, 100))], bad="3")
    assert [area.get("fill") for area in elements(text, "polygon")] == list(COLOURS)
    words = [element.text for element in elements(text, "text")]
    assert {"version 1", "version 2", "version 3", "100 %"} <= set(words)
    assert len(elements(text, "line")) == 3, "two axes, and what was decided since the first request"
    assert words[-1] == "Failed requests that version 3 did not answer itself: 0. Seconds since the first request."
    assert len(elements(text, "rect")) == 1


def test_the_shares_of_a_second_fill_the_panel() -> None:
    text = picture([*answers(2, "1"), *answers(2, "2")], [], bad="3")
    first, second = (area.get("points", "").split() for area in elements(text, "polygon"))
    assert {point.split(",")[1] for point in first} == {"258.0", "161.0"}
    assert {point.split(",")[1] for point in second} == {"161.0", "64.0"}


def test_a_failure_that_the_bad_version_did_not_answer_is_counted() -> None:
    text = picture([*answers(3, "1"), *answers(1, "", 1, status=0)], [], bad="3")
    assert "did not answer itself: 1." in text


def test_text_of_others_is_text_in_the_picture() -> None:
    assert "version &lt;b&gt;" in picture(answers(3, "<b>"), [], bad="3")


def test_without_an_answer_there_is_no_picture() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        picture([], [], bad="3")
