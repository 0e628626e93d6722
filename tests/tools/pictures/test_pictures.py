"""Pictures of the shipped dashboards: each panel with what was answered, or with the words that nothing was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.pictures.board import Series, filled_in, read
from e2e.pictures.drawing import draw, formatted, pieces, stretches

ROOT = Path(__file__).parents[3]
DASHBOARDS = sorted((ROOT / "charts/serin/files/monitoring/dashboards").glob("*.json"))
VALUES = {"$namespace": "prod", "$model_deployment": "fraud", "$__rate_interval": "20s"}
SPAN = (1000.0, 1100.0)


def answered(expr: str, newest: bool) -> Sequence[Mapping[str, Any]]:  # noqa: FBT001 - as the port has it
    """Two series for each query."""
    assert "$" not in expr
    labels = {"phase": "Stable", "slo": "availability", "test": "e1", "arm": "stable", "kind": "applied"}
    values = {number: [[at, str(number * (at > 1040))] for at in range(1000, 1100)] for number in (1, 2)}
    found: list[dict[str, Any]] = []
    for number, points in values.items():
        told: dict[str, Any] = {"value": points[-1]} if newest else {"values": points}
        found.append({"metric": {**labels, "instance": str(number)}, **told})
    return found


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_is_there_with_its_series_and_its_marks(path: Path, tmp_path: Path) -> None:
    board = read(path, VALUES, SPAN, answered)
    shipped = json.loads(path.read_text())["panels"]
    assert [panel.title for panel in board.panels] == [panel["title"] for panel in shipped]
    for panel, each in zip(board.panels, shipped, strict=True):
        assert len(panel.series) == 2 * len(each.get("targets", []))
        assert "{{" not in "".join(series.name for series in panel.series)
    assert [mark.times for mark in board.marks] == [(1041.0, 1041.0)] * 2, "the first moment of each, no more"
    draw(board, tmp_path / "with.png")
    draw(read(path, VALUES, SPAN, lambda *_: []), tmp_path / "without.png")
    sizes = [(tmp_path / name).stat().st_size for name in ("with.png", "without.png")]
    assert sizes[0] > sizes[1] > 10_000


def series(*points: tuple[float, float]) -> Series:
    return Series("x", {}, points)


@pytest.mark.parametrize(
    ("points", "found"),
    [
        (((0, 1), (2, 1), (4, 1)), [(0, 4)]),
        (((0, 1), (2, 0), (4, 1), (6, 1)), [(0, 2), (4, 6)]),
        (((0, 0), (2, 0)), []),
        (((0, 1), (2, 1), (60, 1), (62, 1)), [(0, 2), (60, 62)]),
        (((0, 1),), [(0, 1)]),
    ],
)
def test_a_state_lasts_while_it_is_not_0_and_no_longer_than_it_is_known(
    points: tuple[tuple[float, float], ...], found: list[tuple[float, float]]
) -> None:
    assert list(stretches(series(*points))) == found


def test_a_line_is_not_drawn_across_a_time_without_values() -> None:
    assert [len(piece) for piece in pieces(series((0, 1), (2, 1), (60, 1)))] == [2, 1]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "percentunit", "1.23 %"),
        (25, "percent", "25 %"),
        (0.0042, "s", "4.2 ms"),
        (0, "s", "0 s"),
        (12.34, "s", "12.3 s"),
        (3725, "s", "1h 2m"),
        (90061, "dtdurations", "1d 1h"),
        (0.2, "dtdurations", "0s"),
        (12.5, "reqps", "12.5 req/s"),
        (1234, "short", "1,234"),
        (float("nan"), "short", "NaN"),
    ],
)
def test_values_have_their_units(value: float, unit: str, text: str) -> None:
    assert formatted(value, unit) == text


def test_each_unit_of_the_dashboards_can_be_written() -> None:
    units = {
        panel["fieldConfig"]["defaults"]["unit"]
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        if panel["type"] != "row"
    }
    assert all(formatted(1, unit) for unit in units)


def test_variables_are_filled_in() -> None:
    assert filled_in('x{namespace=~"$namespace"}[$__rate_interval]', VALUES) == 'x{namespace=~"prod"}[20s]'
