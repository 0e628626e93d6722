"""Too much to count: smaller parts first, then an estimate per window that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.evidence import Counts, Interval, Window
from serin.api.indicator import Arms
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import AnswerTooLarge
from serin.prometheus.counts import ArmPatterns, Grid
from serin.prometheus.estimate import TERM, query
from serin.prometheus.large import BELIEVED_SECONDS, LargeAnswers
from serin.prometheus.presets import preset
from serin.prometheus.reading import Names, read
from serin.prometheus.series import Series
from serin.prometheus.wants import Shape, Want

T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)
WINDOW = timedelta(seconds=15)
NAMES = Names("prod", "fraud-b", "fraud-a")
ARM = {"b": "prod_fraud-b-predictor_80", "a": "prod_fraud-a-predictor_80"}
LATENCY: dict[str, Any] = {"latency": {"threshold": "500ms"}}
FRESH = {("b", "newest0"): 1014.0, ("a", "newest0"): 1014.0}


class Crowded:
    """A server where wants that reach further than ``most`` are too large."""

    def __init__(self, values: dict[tuple[str, str], float], most: timedelta = timedelta()) -> None:
        self.values_by_term, self.most = values, most
        self.reaches: list[float] = []
        self.asked: list[tuple[str, datetime]] = []

    async def series(self, want: Want) -> list[Series]:
        self.reaches.append((want.end - want.start).total_seconds())
        if want.end - want.start > self.most:
            raise AnswerTooLarge("larger than 1 bytes", server="http://p")
        return []

    async def samples(self, query: str, at: datetime) -> list[Series]:
        promql_parser.parse(query)
        self.asked.append((query, at))
        moved = (at - T0 - WINDOW).total_seconds()
        return [
            Series(
                {"envoy_cluster_name": ARM[arm], TERM: term},
                [at.timestamp()],
                [value + moved if term.startswith("newest") else value],
            )
            for (arm, term), value in self.values_by_term.items()
        ]

    async def values(self, query: str, at: datetime) -> list[float]:
        raise NotImplementedError


def policy(indicator: dict[str, Any]) -> PromotionPolicySpec:
    counts = "query" not in indicator
    slo = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
    return PromotionPolicySpec.model_validate({"slos": [slo], "steps": [{"weight": 5, "for": "1m"}]})


async def asked(server: Crowded, indicator: dict[str, Any], count: int = 1, *, exact: bool = False) -> list[Interval]:
    spec = policy(indicator)
    return await read(server, spec, spec.slos[0], NAMES, Grid(T0, WINDOW, count), exact=exact)


async def test_an_estimate_is_rounded_and_says_what_it_is() -> None:
    server = Crowded({("b", "0"): 100.4, ("b", "1"): 3.6, ("a", "0"): 900.2, **FRESH})
    assert await asked(server, {"availability": {}}) == [
        Window(T0, WINDOW, Counts(4, 100), Counts(0, 900), estimated=True)
    ]
    [(text, at)] = server.asked
    assert at == T0 + WINDOW
    assert 'increase(envoy_cluster_upstream_rq_xx{envoy_cluster_name=~"prod_fraud-b-predictor_80|' in text
    assert 'envoy_response_code_class="5"}[15s]' in text
    assert text.endswith("[1s:1s]")


async def test_latency_is_what_is_not_in_the_bucket() -> None:
    server = Crowded({("b", "0"): 99.7, ("b", "1"): 90.1, ("b", "2"): 1.0, ("a", "0"): 9, ("a", "1"): 10, **FRESH})
    [window] = await asked(server, LATENCY)
    assert isinstance(window, Window)
    assert (window.candidate, window.stable) == (Counts(11, 101), Counts(0, 9))
    assert 'le=~"500|500\\\\.0"' in server.asked[0][0]


async def test_smaller_parts_come_first_and_are_exact() -> None:
    """Windows of 15 s look back 60 s: four of them are too much, two are not, and one is not tried."""
    server = Crowded(FRESH, most=timedelta(seconds=90))
    found = await asked(server, {"availability": {}}, 4)
    assert server.reaches == [120, 90, 90]
    assert [w.start for w in found] == [T0 + i * WINDOW for i in range(4)]
    assert not server.asked


async def test_every_window_is_estimated_at_its_own_end() -> None:
    server = Crowded({("b", "0"): 10, **FRESH})
    found = await asked(server, {"availability": {}}, 3)
    assert [at for _, at in server.asked] == [T0 + i * WINDOW for i in (1, 2, 3)]
    assert [w.measured for w in found] == [True] * 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({("b", "0"): 5, **FRESH, ("b", "newest0"): 1007.4}, (None, Counts(0, 7)), id="stale"),
        pytest.param({("b", "1"): 5, **FRESH}, (None, Counts(0, 7)), id="bad ones without a total"),
        pytest.param({("b", "0"): 5, ("b", "1"): 9, **FRESH}, (Counts(5, 5), Counts(0, 7)), id="more bad than total"),
        pytest.param({("b", "0"): 0.2, **FRESH}, (Counts(0, 0), Counts(0, 7)), id="next to nothing"),
    ],
)
async def test_no_data_is_not_zero(values: dict[tuple[str, str], float], expected: object) -> None:
    [window] = await asked(Crowded({("a", "0"): 7, **values}), {"availability": {}})
    assert isinstance(window, Window)
    assert (window.candidate, window.stable) == expected


async def test_a_missing_bucket_is_an_error() -> None:
    [window] = await asked(Crowded({("b", "0"): 10, ("b", "2"): 1, **FRESH}), LATENCY)
    assert "no bucket with le=500" in window.error


async def test_nothing_to_estimate_from_stays_an_error() -> None:
    with pytest.raises(AnswerTooLarge, match="finds nothing of envoy_cluster_upstream_rq_xx"):
        await asked(Crowded({}), {"availability": {}})


@pytest.mark.parametrize(
    ("indicator", "exact"),
    [({"availability": {}}, True), ({"query": {"sum": "s", "count": "c", "maxShift": "1"}}, False)],
)
async def test_what_is_of_use_only_exactly_is_not_estimated(indicator: dict[str, Any], exact: bool) -> None:  # noqa: FBT001
    server = Crowded({("b", "0"): 10, **FRESH})
    with pytest.raises(AnswerTooLarge, match="larger than"):
        await asked(server, indicator, 4, exact=exact)
    assert server.asked == []


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
def test_every_preset_can_be_estimated(arms: Arms) -> None:
    known = preset(arms)
    for terms in (known.availability, known.at_threshold(timedelta(milliseconds=500))):
        promql_parser.parse(query(terms, ('namespace="x"',), ArmPatterns(known.arm_label, "a", "b"), WINDOW))


def test_what_was_too_large_is_believed_for_a_while() -> None:
    now = 0.0
    memory = LargeAnswers(lambda: now)

    def want(seconds: int, arm: str = "b") -> Want:
        return Want(Shape((), "pod"), frozenset({"m"}), frozenset(), (arm,), T0 - seconds * SECOND, T0)

    memory.check(want(60))
    memory.note(want(60), AnswerTooLarge("too large"))
    for reach in (60, 61):
        with pytest.raises(AnswerTooLarge):
            memory.check(want(reach))
    memory.check(want(59))
    memory.check(want(60, arm="other"))
    now = BELIEVED_SECONDS
    memory.check(want(60))
