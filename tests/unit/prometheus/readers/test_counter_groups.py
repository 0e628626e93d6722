"""Hostile selectors: nothing that users write leaves its arm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import promql_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.errors import QueryRejected
from serin.indicators.measurements import Selection, counter, observations_above
from serin.prometheus import series_request
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers import sums
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, groups_of
from serin.prometheus.variables import quoted
from serin.schema.choices import Arms

T0 = datetime.fromtimestamp(1000, tz=UTC)
WINDOW = timedelta(seconds=15)
GRID = Grid(T0, WINDOW, 2)
IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a")
ARM_QUERY = ArmQuery(preset(Arms.POD), IDENTITY, GRID)
PATTERNS = "|".join(sorted(ARM_QUERY.patterns.both))

hostile = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['"} or vector(1) or x{a="', ".*", "|.*|", "$(namespace)", '\\"', "`", "fraud-c-predictor-1-2", "}[1d]"]
)
matcher = st.tuples(
    st.sampled_from(["pod", "namespace", "le", "a", "__name__", "up"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    hostile,
)
selector = st.lists(matcher, max_size=4).map(lambda own: f"x{{{','.join(f'{n}{op}{quoted(v)}' for n, op, v in own)}}}")
texts = selector | hostile | hostile.map(lambda text: f"x{{{text}}}")


def selectors(text: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(text), note)
    return found


def valid_groups(*wanted: Selection) -> list[CounterGroup]:
    try:
        return groups_of(ARM_QUERY.source, wanted, IDENTITY.namespace)
    except QueryRejected:
        return []


@settings(max_examples=100)
@given(texts, texts)
def test_no_selector_of_a_user_reaches_beyond_its_arm(one: str, other: str) -> None:
    """Every selector of every query, of samples or sums, still has the arms and the namespace: matchers only narrow."""
    sums_of = (counter(f"{one} + {other}", may_add=True), counter(one, may_add=True))
    for wanted in ((counter(one, bad=1, total=0), counter(other)), (observations_above(one, 1.0, [2.0]),), sums_of):
        for group in valid_groups(*wanted):
            request = ARM_QUERY.request(group)
            exact, _ = series_request.query([request])
            summed = sums.query(group.terms, request.shape.matchers, ARM_QUERY.patterns, WINDOW)
            for text, least in ((exact, 1), (summed, len(sums.SUMS) * len(group.terms))):
                found = selectors(text)
                assert len(found) >= least
                for own in found:
                    assert not own.matchers.or_matchers
                    pairs = {(m.name, str(m.op), m.value) for m in own.matchers.matchers}
                    assert ("namespace", "MatchOp.Equal", "prod") in pairs
                    assert ("pod", "MatchOp.Re", PATTERNS) in {
                        (name, op, "|".join(sorted(value.split("|")))) for name, op, value in pairs if name == "pod"
                    }
