"""The table of the chart's values is made from the chart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.values import PAGE, main, page, rows

ROOT = Path(__file__).parents[2]
VALUES = """\
# Above all.

image:
  tag: ""          # default: the chart's
  # What is above, over
  # two lines.
  pull: Always
list: [1, 2]       # behind,
                   # and on
plain: 5
"""
SCHEMA = {
    "properties": {
        "image": {"type": "object", "properties": {"tag": {"type": "string"}, "pull": {"enum": ["Always", "Never"]}}},
        "list": {"type": "array"},
        "plain": {"type": "integer"},
    }
}


def test_each_value_has_its_type_default_and_meaning() -> None:
    assert list(rows(VALUES, SCHEMA)) == [
        ("image.tag", "string", '""', "default: the chart's"),
        ("image.pull", "Always or Never", '"Always"', "What is above, over two lines."),
        ("list", "array", "[1, 2]", "behind, and on"),
        ("plain", "integer", "5", ""),
    ]


def test_the_page_shows_the_chart_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert PAGE.read_text() == page(), "run `python -m tools.values`"
    assert main(["--check"]) == 0


def test_every_value_of_the_schema_is_in_the_page() -> None:
    schema = json.loads((ROOT / "charts/serin/values.schema.json").read_text())
    text = (ROOT / PAGE).read_text()
    names = set(schema["properties"]) - {"global"}
    assert all(f"| `{name}" in text for name in names)
