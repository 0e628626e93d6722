"""What the full screen shows, without a terminal: the list and a rollout at every width, as text."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from serin.cli.following.board import Reach
from serin.cli.following.course import Seen
from serin.cli.following.curves import Curve
from serin.cli.following.entries import entry_of
from serin.cli.following.records import Found
from serin.cli.following.traces import Point, Trace
from serin.cli.live.reading import details_of
from serin.cli.screen import plots, view
from serin.cli.shell.layout import columns_of
from tests.clock import START
from tests.page_world import SLOW, World, other

WIDTHS = (60, 80, 120)


@functools.cache
def world(*, back: bool = False) -> World:
    """Made once: nothing here changes it."""
    made = World(SLOW)
    made.phase("Stable")
    made.lab.prometheus.candidate_bad = 12 if back else 0
    made.lab.want("2")
    made.phase("RolledBack") if back else made.weight(40)
    return made


def seen(made: World) -> Seen:
    attempts = made.records.attempts("prod", "fraud")
    evidence = made.records.evidence("prod", made.record)
    return Seen(details_of(made.lab.obj()), evidence, attempts, made.board.trace(("prod", "fraud"), made.record))


def texts(panels: Any) -> dict[str, str]:
    return {panel.name: panel.text.plain for panel in panels}


def point(second: int, worse: float | None, *, good: float = 0.1) -> Point:
    return Point(START + timedelta(seconds=second), worse, 0.2, good, None, 2.0, 1.0, second)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("back", [False, True], ids=["on-trial", "taken-back"])
def test_a_rollout_fits_its_width_and_reads_as_it_did(
    width: int,
    back: bool,  # noqa: FBT001 - a parameter
    same_as: Callable[[str, str], None],
) -> None:
    made = world(back=back)
    panels = list(view.panels(seen(made), made.now(), width))
    assert [panel.name for panel in panels] == ["now", "time", "events", "rollouts"]
    for panel in panels:
        assert max(map(columns_of, panel.text.plain.splitlines())) <= width, panel.name
    text = "\n".join(f"[{panel.title}]\n{panel.text.plain}\n" for panel in panels)
    same_as(f"{'taken-back' if back else 'on-trial'}-{width}", text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_list_fits_its_width_and_reads_as_it_did(width: int, same_as: Callable[[str, str], None]) -> None:
    entries = [entry_of(other(number, START)) for number in range(12)]
    found = view.listing(entries, "", "", START + timedelta(minutes=3), width)
    lines = [found.head, *(text for _, text in found.lines)]
    assert max(columns_of(line.plain) for line in lines) <= width
    same_as(f"list-{width}", "\n".join([found.told, *(line.plain for line in lines)]))


def test_who_needs_somebody_comes_first_and_then_what_is_on_trial() -> None:
    entries = [entry_of(other(number, START)) for number in range(12)]
    found = view.listing(entries, "", "", START, 120)
    marks = [text.plain.split()[0] == "!" for _, text in found.lines]
    assert marks == sorted(marks, reverse=True)
    assert found.told == "12 models, 2 need somebody (!), 4 on trial"


@pytest.mark.parametrize(
    ("count", "asked", "where", "told"),
    [
        (0, "", "prod", "there is no ModelDeployment in namespace prod: -A shows all"),
        (0, "", "", "no ModelDeployment yet"),
        (1, "", "", "1 model"),
        (4, "", "", "4 models, 1 needs somebody (!), 2 on trial"),
        (3, "nix", "", "none of 3 has nix in its name: Esc shows all"),
        (3, "CHURN", "", "1 of 3 models, by CHURN, 1 on trial"),
        (600, "", "", "600 models, 100 need somebody (!), 200 on trial; 100 are not shown: / finds them"),
    ],
)
def test_how_many_there_are_is_told(count: int, asked: str, where: str, told: str) -> None:
    found = view.listing([entry_of(other(n, START)) for n in range(count)], asked, where, START, 100)
    assert found.told == told
    assert len(found.lines) <= view.MOST_LINES


def test_a_list_of_one_namespace_leaves_it_out() -> None:
    [(key, line)] = view.listing([entry_of(other(0, START))], "", "payments", START, 100).lines
    assert key == ("payments", "fraud-cards")
    assert "payments" not in line.plain


@pytest.mark.parametrize(
    ("reach", "known", "told"),
    [
        ([], False, "asking the cluster …"),
        ([Reach("", START)], True, "7 models"),
        ([Reach("", START, "no answer in time", "Is it the right cluster?")], False, "nothing is known yet"),
        (
            [Reach("", START, "no answer in time", "Is it the right cluster?")],
            True,
            "What the cluster does is not known since 2026-11-18 10:00:00Z (0s ago): no answer in time",
        ),
        ([Reach("prod", START, "403", "The right to list is missing")], True, "The right to list is missing"),
        ([Reach("", START, left_out=5)], True, "5 further ModelDeployments are too many to be kept: give -n"),
    ],
)
def test_whether_the_cluster_answers_is_told(reach: list[Reach], known: bool, told: str) -> None:  # noqa: FBT001
    assert told in view.reached(reach, START, "7 models", known=known).plain


def test_a_record_that_cannot_be_read_leaves_what_was_seen() -> None:
    made = world()
    found = details_of(made.lab.obj())
    trace = made.board.trace(("prod", "fraud"), made.record)
    lost: Found[Any] = Found(None, "the right to get promotionrecords is missing")
    parts = texts(view.panels(Seen(found, lost, lost, trace), made.now(), 80))
    assert "The record could not be read: the right to get promotionrecords is missing." in parts["time"]
    assert "evidence: availability" in parts["time"]
    assert "events" not in parts
    assert "The records could not be listed" in parts["rollouts"]


def test_a_model_without_a_rollout_has_nothing_but_what_get_says() -> None:
    found = details_of(other(0, START))
    parts = texts(view.panels(Seen(found, Found(None), Found([]), Trace("")), START, 80))
    assert list(parts) == ["now"]


def test_what_takes_a_candidate_back_is_drawn_over_the_rest_and_its_gaps_are_filled() -> None:
    curve = Curve("availability", (point(0, 0.1), point(30, 2.5, good=2.5), point(60, 2.5, good=2.5)))
    span = plots.span_of([], [curve], 80)
    assert span is not None
    lines = plots.evidence(curve, span).plain.splitlines()
    top = next(line for line in lines[3:] if "●" in line)
    assert top.count("●") == 36, "from the middle to the end, in each column"
    assert "+" not in top
    assert lines[1:4] == ["● worse than stable 316 to 1", "x breaks the objective 1.5 to 1", "+ good enough 100 %"]
    assert lines[4] == "taken back at 100 to 1, passes at 100 % (10 to 1)"
    assert [line.split()[0] for line in lines if " --" in line] == ["100:1", "10:1"]


@pytest.mark.parametrize(
    ("limit", "label", "told"),
    [
        (2.22, "166:1", "taken back at 166 to 1"),
        (5.27, "180,000:1", "taken back at 180,000 to 1"),
        (6.5, "3.1M:1", "taken back at 3.1 million to 1"),
        (300.0, "10^300:1", "taken back at over a trillion to 1"),
    ],
)
def test_the_axis_of_the_evidence_is_labelled_with_odds(limit: float, label: str, told: str) -> None:
    last = dataclasses.replace(point(9, -0.44, good=0.35), roll_back_at=limit)
    curve = Curve("availability", (point(0, None), last))
    span = plots.span_of([], [curve], 80)
    assert span is not None
    lines = plots.evidence(curve, span).plain.splitlines()
    assert lines[1] == "● worse than stable none   x breaks the objective 1.5 to 1   + good enough 35 %"
    assert lines[2].startswith(told)
    assert next(line.split()[0] for line in lines if " --" in line) == label
    assert max(map(columns_of, lines)) <= 80


@pytest.mark.parametrize("bad", [float("inf"), 1e9, -1e9])
def test_evidence_beyond_the_picture_runs_along_its_edge(bad: float) -> None:
    curve = Curve("availability", (point(0, None), point(9, min(bad, 1e300))))
    span = plots.span_of([], [curve], 60)
    assert span is not None
    lines = plots.evidence(curve, span).plain.splitlines()
    assert sum("●" in line for line in lines[-plots.HEIGHT :]) == 1
    assert max(map(columns_of, lines)) <= 60


def test_weights_are_named_where_they_change() -> None:
    weights = [(START + timedelta(seconds=s), w) for s, w in ((0, 0), (10, 5), (20, 50), (20, 50), (30, 0), (40, 0))]
    span = plots.span_of(weights, [], 50)
    assert span is not None
    bars, words = plots.weight(weights, span).plain.splitlines()
    assert bars == "   weight ____________________"[:20] + "▁▁▁▁▁▁▁▁▁▁▄▄▄▄▄▄▄▄▄" + "___________"
    assert words.split() == ["0%", "5%", "50%", "0%"]
    assert span.axis.endswith(" UTC")
