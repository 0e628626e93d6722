"""The picture of the rooms is that of the code, and it has no circle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.architecture import BEGIN, END, PAGE, picture, reduced, rooms, with_picture

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_rooms_as_they_are() -> None:
    page = (ROOT / PAGE).read_text()
    assert page == with_picture(page, ROOT / "operator/src/serin")


def test_every_room_has_a_row() -> None:
    page = (ROOT / PAGE).read_text()
    for room in rooms(ROOT / "operator/src/serin"):
        assert f"| `{room}` |" in page


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": ["b"], "b": ["c"], "c": []}


def test_the_picture_is_made_of_imports(tmp_path: Path) -> None:
    for room, text in (("low", ""), ("high", "from serin.low.x import y\nfrom serin.errors import E\n")):
        (tmp_path / room).mkdir()
        (tmp_path / room / "x.py").write_text(text)
    assert picture(tmp_path).splitlines() == [
        "```mermaid",
        "graph TD",
        "    high --> low",
        "```",
    ]


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=BEGIN):
        with_picture(f"no marks {END}")
