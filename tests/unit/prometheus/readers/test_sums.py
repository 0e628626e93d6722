"""Too much to read: smaller parts first, then the server's own sums at both edges of a window, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import AnswerTooLarge
from serin.evidence import Counts, Interval, Window
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.sums import PART, query
from serin.prometheus.reading import read
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.schema.choices import Arms

T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)
WINDOW = timedelta(seconds=15)
IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a")
ARM = {"b": "prod_fraud-b-predictor_80", "a": "prod_fraud-a-predictor_80"}
LATENCY: dict[str, Any] = {"latency": {"threshold": "500ms"}}
FRESH = {(arm, f"{name}0"): at for arm in "ab" for name, at in (("newest", 1014.0), ("oldest", 999.0))}


class Crowded:
    """A server where requests that reach further than ``most`` are too large."""

    def __init__(self, values: dict[tuple[str, str], float], most: timedelta = timedelta()) -> None:
        self.values_by_term, self.most = values, most
        self.reaches: list[float] = []
        self.asked: list[tuple[str, datetime]] = []
        self.own: list[bool] = []

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        return {"job": "envoy"} if arms is Arms.CONTOUR else {}

    origins: tuple[tuple[str, str, str], ...] = ()
    """Arm, job and namespace of the series behind the sums."""

    async def series(self, request: SeriesRequest) -> list[Series]:
        self.reaches.append((request.end - request.start).total_seconds())
        if request.end - request.start > self.most:
            raise AnswerTooLarge("larger than 1 bytes", server="http://p")
        return []

    async def samples(self, query: str, at: datetime) -> list[Series]:
        raise NotImplementedError

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        promql_parser.parse(query)
        self.asked.append((query, at))
        self.own.append(own)
        moved = (at - T0 - WINDOW).total_seconds()
        return [
            Series(
                {"envoy_cluster_name": ARM[arm], PART: part},
                [at.timestamp()],
                [value + moved if part.startswith(("newest", "oldest")) else value],
            )
            for (arm, part), value in self.values_by_term.items()
        ] + [
            Series(
                {"envoy_cluster_name": ARM[arm], PART: "origins1", "job": job, "namespace": namespace},
                [at.timestamp()],
                [1.0],
            )
            for arm, job, namespace in self.origins
        ]

    async def values(self, query: str, at: datetime) -> list[float]:
        raise NotImplementedError


def policy(indicator: dict[str, Any]) -> PromotionPolicySpec:
    counts = "query" not in indicator
    slo = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
    return PromotionPolicySpec.model_validate({"slos": [slo], "steps": [{"weight": 5, "for": "1m"}]})


async def asked(server: Crowded, indicator: dict[str, Any], count: int = 1, *, raw: bool = False) -> list[Interval]:
    spec = policy(indicator)
    return await read(server, spec, spec.slos[0], IDENTITY, Grid(T0, WINDOW, count), raw=raw)


EDGES = ("start", "end")


def sums(arm: str, *edges: tuple[float, float]) -> dict[tuple[str, str], float]:
    """Per term its sums at the start and at the end of the window."""
    return {
        (arm, f"{name}{i}"): v for i, pair in enumerate(edges) for name, v in zip(("start", "end"), pair, strict=True)
    }


async def test_counts_are_the_differences_of_the_sums_at_the_edges() -> None:
    server = Crowded(sums("b", (1000, 1100), (50, 54)) | sums("a", (9000, 9900), (7, 7)) | FRESH)
    assert await asked(server, {"availability": {}}) == [Window(T0, WINDOW, Counts(4, 100), Counts(0, 900))]
    [(text, at)] = server.asked
    assert at == T0 + WINDOW
    assert 'envoy_response_code_class="5"} offset 15s' in text
    assert text.endswith("[1s:1s]")


@pytest.mark.parametrize(
    ("indicator", "own"),
    [
        ({"availability": {}}, [False]),
        (LATENCY, [False]),
        ({"ratio": {"bad": "a_total", "total": "b_total"}}, [True, True]),
        ({"histogram": {"selector": "h", "threshold": "1s"}}, [True]),
    ],
)
async def test_sums_over_a_policys_own_selector_are_that_policys_trouble(
    indicator: dict[str, Any], own: list[bool]
) -> None:
    server = Crowded({})
    await asked(server, indicator)
    assert server.own == own


async def test_a_series_that_is_born_in_the_window_counts_from_nothing() -> None:
    """Every bad request a series of its own, as where labels name requests: ``increase`` saw none of them."""
    values = sums("b", (1000, 1060), (0, 60)) | sums("a", (0, 900)) | FRESH
    del values["b", "start1"]
    [window] = await asked(Crowded(values), {"availability": {}})
    assert isinstance(window, Window)
    assert window.candidate == Counts(60, 60)


async def test_latency_is_what_is_not_in_the_bucket() -> None:
    server = Crowded(sums("b", (0, 100), (0, 90), (0, 1)) | sums("a", (0, 9), (0, 10)) | FRESH)
    [window] = await asked(server, LATENCY)
    assert isinstance(window, Window)
    assert (window.candidate, window.stable) == (Counts(11, 101), Counts(0, 9))
    assert 'le=~"500|500\\\\.0"' in server.asked[0][0]


async def test_smaller_parts_come_first() -> None:
    """Windows of 15 s look back 60 s: four of them are too much, two are not, and one is not tried."""
    server = Crowded(FRESH, most=timedelta(seconds=90))
    found = await asked(server, {"availability": {}}, 4)
    assert server.reaches == [120, 90]
    assert [w.start for w in found] == [T0, T0 + WINDOW], "the others are read next, from where these end"
    assert not server.asked


async def test_where_one_window_is_too_much_its_sums_are_asked_for() -> None:
    server = Crowded(sums("b", (0, 10)) | FRESH)
    [window] = await asked(server, {"availability": {}}, 3)
    assert [at for _, at in server.asked] == [T0 + WINDOW]
    assert window.measured


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        pytest.param({("b", "newest0"): 1007.4}, None, "", id="stale at the end"),
        pytest.param({("b", "oldest0"): 992.4}, None, "", id="stale at the start"),
        pytest.param({("b", "end0"): 15, ("b", "end1"): 19}, Counts(5, 5), "", id="more bad than total"),
        pytest.param({("b", "resets1"): 1}, None, "counters began again", id="a reset"),
        pytest.param({("b", "ended0"): 3}, None, "series ended", id="series that ended"),
        pytest.param({("b", "strange0"): 2}, None, "new targets appeared", id="a target with a history, perhaps"),
        pytest.param({("b", "copies0"): 2}, None, "one that deduplicates", id="copies"),
        pytest.param({("b", "copies0"): 1, ("b", "resets0"): 0}, Counts(0, 5), "", id="nothing of the kind"),
    ],
)
async def test_what_is_not_known_is_not_zero(
    values: dict[tuple[str, str], float], expected: Counts | None, words: str
) -> None:
    base = sums("b", (10, 15), (10, 10)) | sums("a", (0, 7)) | FRESH
    [window] = await asked(Crowded(base | values), {"availability": {}})
    assert isinstance(window, Window)
    assert (window.candidate, window.stable) == (expected, Counts(0, 7))
    assert words in window.error
    assert bool(words) == bool(window.error)


async def test_a_missing_bucket_is_an_error_and_time_outs_alone_are_none() -> None:
    [window] = await asked(Crowded({**sums("b", (0, 10)), ("b", "end2"): 1, **FRESH}), LATENCY)
    assert "no bucket with le=500" in window.error
    [window] = await asked(Crowded({("b", "end2"): 20, ("b", "start2"): 0, **FRESH}), LATENCY)
    assert isinstance(window, Window)
    assert (window.error, window.candidate) == ("", Counts(20, 20))


async def test_a_gap_is_no_data_and_the_next_window_has_its_chance() -> None:
    [window] = await asked(Crowded({}), {"availability": {}})
    assert isinstance(window, Window)
    assert (window.candidate, window.stable, window.error) == (None, None, "")


@pytest.mark.parametrize(
    ("indicator", "raw"),
    [({"availability": {}}, True), ({"query": {"sum": "s", "count": "c", "maxShift": "1"}}, False)],
)
async def test_what_is_of_use_only_as_samples_stays_an_error(indicator: dict[str, Any], raw: bool) -> None:  # noqa: FBT001
    server = Crowded(sums("b", (0, 10)) | FRESH)
    with pytest.raises(AnswerTooLarge, match="larger than"):
        await asked(server, indicator, 4, raw=raw)
    assert server.asked == []


@pytest.mark.parametrize(
    ("origins", "words"),
    [
        pytest.param((("b", "envoy", "gateways"), ("a", "envoy", "gateways")), "", id="one origin"),
        pytest.param((("b", "envoy", ""), ("b", "pods", "evil")), "2 jobs (envoy, pods)", id="one arm has two"),
        pytest.param((("b", "envoy", ""), ("a", "pods", "")), "2 jobs (envoy, pods)", id="each arm has its own"),
        pytest.param((("b", "e", "a"), ("a", "e", "b")), "2 namespaces (a, b)", id="two namespaces"),
    ],
)
async def test_sums_over_what_several_have_exported_are_no_counts(
    origins: tuple[tuple[str, str, str], ...], words: str
) -> None:
    server = Crowded(sums("b", (1000, 1100), (50, 54)) | sums("a", (9000, 9900), (7, 7)) | FRESH)
    server.origins = origins
    [window] = await asked(server, {"availability": {}})
    [(text, _)] = server.asked
    assert "group by (envoy_cluster_name,job,namespace)" in text
    assert text.count("job=") == text.count("{"), "every selector has the operator's matcher"
    assert isinstance(window, Window)
    assert words in window.error
    assert (window.candidate is None) is (window.stable is None) is bool(window.error) is bool(words)


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
def test_every_preset_can_be_summed(arms: Arms) -> None:
    known = preset(arms)
    for terms in (known.availability, known.at_threshold(timedelta(milliseconds=500))):
        promql_parser.parse(query(terms, ('namespace="x"',), ArmPatterns(known.arm_label, "a", "b"), WINDOW))
