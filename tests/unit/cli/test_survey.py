"""The figures of a model before its rollout: what Prometheus has of it, or what was found instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.preflight import ready
from serin.cli.survey import SloFigures, SurveyTarget, survey, survey_target
from serin.cluster import resources
from serin.errors import AnswerTooLarge, InvalidInput, MetricsUnavailable
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.readers.sums import PART
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import SeriesRequest
from serin.schema.choices import Arms
from tests.clock import START
from tests.fakes import FakeCluster, satisfies

IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a")
XX, COUNT, BUCKET = (
    "envoy_cluster_upstream_rq_xx",
    "envoy_cluster_upstream_rq_time_count",
    "envoy_cluster_upstream_rq_time_bucket",
)


class Store:
    """Series, asked for by requests and by preflight's questions after label values."""

    def __init__(self, *series: Series) -> None:
        self.all = list(series)
        self.away = False
        self.required: Mapping[Arms, Mapping[str, str]] = {Arms.CONTOUR: {"job": "envoy"}}

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        return self.required.get(arms, {})

    async def series(self, request: SeriesRequest) -> list[Series]:
        if self.away:
            raise MetricsUnavailable("http://prometheus: status 503")
        own = [s for s in self.all if request.matches(s) and satisfies(s.labels, request.shape.matchers)]
        found = [s.between(request.start.timestamp(), request.end.timestamp()) for s in own]
        return [s for s in found if s.times]

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        del at, own
        promql_parser.parse(query)
        label = query.split("(", 3)[2].split(")", maxsplit=1)[0]
        metrics = query.split('__name__=~"')[1].split('"', maxsplit=1)[0].split("|")
        cluster = re.search('envoy_cluster_name=~"([^"]*)"', query)
        kept = [s for s in self.all if s.labels["__name__"] in metrics]
        kept = [s for s in kept if cluster is None or s.labels["envoy_cluster_name"] == cluster[1]]
        job = re.search('job="([^"]*)"', query)
        kept = [s for s in kept if job is None or s.labels["job"] == job[1]]
        return [Series({label: s.labels.get(label, "")}, s.times, s.values) for s in kept]

    async def samples(self, query: str, at: datetime) -> list[Series]:
        raise AssertionError(f"{query} at {at}")

    async def values(self, query: str, at: datetime) -> list[float]:
        raise AssertionError(f"{query} at {at}")


def counter(name: str, isvc: str, rate: float, *, until: float = 0, **labels: str) -> Series:
    times = [START.timestamp() + t for t in range(-2400, int(until) + 1, 15)]
    own = {"__name__": name, "envoy_cluster_name": f"prod_{isvc}-predictor_80", "job": "envoy", **labels}
    return Series(own, times, [rate * (t - times[0]) for t in times])


def policy(*kinds: str, arms: str = "Contour", **step: Any) -> PromotionPolicySpec:
    indicators: dict[str, dict[str, Any]] = {"availability": {}, "latency": {"threshold": "500ms"}}
    slos = [{"name": kind, "objective": "99.0", "indicator": {kind: indicators[kind]}} for kind in kinds]
    steps = [{"weight": 5, "for": "1m", "timeout": "10m"} | step]
    return PromotionPolicySpec.model_validate({"arms": arms, "slos": slos, "steps": steps})


async def surveyed(store: Store, spec: PromotionPolicySpec, *, candidate: bool = False) -> list[SloFigures]:
    return await survey(store, SurveyTarget(spec, IDENTITY, candidate), START)


HEALTHY = (
    counter(XX, "fraud-a", 200, envoy_response_code_class="2"),
    counter(XX, "fraud-a", 1, envoy_response_code_class="5"),
)


async def test_figures_of_a_healthy_model() -> None:
    [found] = await surveyed(Store(*HEALTHY), policy("availability"))
    assert found.stable is not None
    assert found.stable.rps == pytest.approx(201, rel=0.01)
    assert found.stable.bad_share == pytest.approx(1 / 201, rel=0.01)
    assert found.stable.minutes == 30
    assert found.stable.sample_age == 0
    assert (found.problem, found.candidate, found.excess) == ("", None, 0.0)
    [forecast] = found.forecasts
    assert 20 < forecast.detect[1] < 60
    assert ready([found])


async def test_too_little_traffic_for_the_steps_timeout_is_named() -> None:
    quiet = [Series(s.labels, s.times, [v / 200 for v in s.values]) for s in HEALTHY]
    [found] = await surveyed(Store(*quiet), policy("availability"))
    assert "needs" in found.forecasts[0].problem
    assert not ready([found])


LATENCY = (
    counter(COUNT, "fraud-a", 100),
    counter(BUCKET, "fraud-a", 99, le="250"),
    counter(BUCKET, "fraud-a", 100, le="1000"),
)


def native(lower: float, upper: float) -> Series:
    line = counter(COUNT.removesuffix("_count"), "fraud-a", 100)
    return Series(line.labels, line.times, line.values, [NativeHistogram(v, ((lower, upper, v),)) for v in line.values])


async def test_a_native_histogram_is_ready_like_a_classic_one() -> None:
    [found] = await surveyed(Store(native(250, 500)), policy("latency"))
    assert found.problem == ""
    assert found.stable is not None
    assert found.stable.rps == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize(
    ("series", "kind", "words"),
    [
        ((), "availability", f"there is no {XX}: is what exports it scraped?"),
        (
            (counter(XX, "other-1", 5, envoy_response_code_class="2"),),
            "availability",
            f"no envoy_cluster_name is prod_fraud-a-predictor_80; {XX} has 1 values of it: prod_other-1",
        ),
        (LATENCY, "latency", "le=500 is no bucket boundary; there are 250, 1000"),
        (
            (*LATENCY, counter(BUCKET, "fraud-a", 1, le="abc")),
            "latency",
            "le=500 is no bucket boundary; there are 250, 1000",
        ),
        (
            tuple(Series(s.labels, s.times[-3:], s.values[-3:]) for s in HEALTHY),
            "availability",
            "has been there for less than a minute: ask again",
        ),
        ((native(250, 1000),), "latency", "no bucket boundary at 500, the nearest are 250 and 1000"),
        (
            tuple(Series(s.labels, s.times[:-40], s.values[:-40]) for s in HEALTHY),
            "availability",
            "the newest sample of stable is 600 s old",
        ),
    ],
)
async def test_what_was_found_instead(series: tuple[Series, ...], kind: str, words: str) -> None:
    [found] = await surveyed(Store(*series), policy(kind))
    assert words in found.problem
    assert not ready([found])


async def test_an_unreadable_policy_and_an_absent_prometheus_are_told() -> None:
    [found] = await surveyed(Store(), policy("availability", arms="EnvoyGateway"))
    assert "Envoy Gateway counts all backends" in found.problem
    store = Store(*HEALTHY)
    store.away = True
    [found] = await surveyed(store, policy("availability"))
    assert found.problem == "http://prometheus: status 503"


FORGED = counter(XX, "fraud-a", 5, envoy_response_code_class="5", job="pods")


@pytest.mark.parametrize(
    ("arms", "required", "series", "warned", "words"),
    [
        pytest.param("Contour", {"job": "envoy"}, (*HEALTHY, FORGED), False, "", id="forged ones are not asked for"),
        pytest.param("Contour", {}, HEALTHY, True, "", id="they could be"),
        pytest.param("Contour", {}, (*HEALTHY, FORGED), True, "come from 2 jobs (envoy, pods): ", id="they are there"),
        pytest.param(
            "Contour",
            {"job": "gateway"},
            HEALTHY,
            False,
            f'{XX} exist, but none with job="gateway"',
            id="the operator demands what nobody has",
        ),
        pytest.param("Pod", {}, (), False, "is what exports it scraped?", id="pods are no gateway"),
    ],
)
async def test_whose_counts_they_are(
    arms: str, required: Mapping[str, str], series: tuple[Series, ...], warned: object, words: str
) -> None:
    store = Store(*series)
    store.required = {Arms.CONTOUR: required}
    [found] = await surveyed(store, policy("availability", arms=arms))
    assert bool(found.warning) == warned
    assert words in found.problem
    assert bool(words) == bool(found.problem)


class Crowded(Store):
    """Too much to count; expressions have a value all the same."""

    async def series(self, request: SeriesRequest) -> list[Series]:
        del request
        raise AnswerTooLarge("larger than 16777216 bytes")

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        assert "resets(" in query
        assert not own
        cluster, end = {"envoy_cluster_name": "prod_fraud-a-predictor_80"}, at.timestamp()
        parts = {"start0": 0.0, "end0": 1200.0, "start1": 0.0, "end1": 6.0, "newest0": end, "oldest0": end - 60}
        return [Series({**cluster, PART: part}, [end], [value]) for part, value in parts.items()]


async def test_what_is_summed_by_the_server_is_figures_as_well() -> None:
    [found] = await surveyed(Crowded(), policy("availability"))
    assert found.stable is not None
    assert (found.stable.rps, found.stable.minutes, found.problem) == (20.0, 30, "")


def deployment(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "prod", "name": "fraud"},
        "spec": {
            "model": {"version": "1", "uri": "s3://m"},
            "predictor": {"model": {"modelFormat": {"name": "sklearn"}}},
            "route": {"hostnames": ["h.example.com"], "parentRef": {"name": "models"}},
            "policyRef": {"name": "careful"},
        },
        "status": status,
    }


async def test_the_subject_and_what_may_be_missing_of_it() -> None:
    cluster = FakeCluster()
    with pytest.raises(InvalidInput, match="ModelDeployment fraud does not exist"):
        await survey_target(cluster, "prod", "fraud")
    cluster.put(resources.MODEL_DEPLOYMENTS, deployment())
    with pytest.raises(InvalidInput, match="PromotionPolicy careful does not exist"):
        await survey_target(cluster, "prod", "fraud")
    cluster.put(
        resources.PROMOTION_POLICIES,
        {"metadata": {"namespace": "prod", "name": "careful"}, "spec": policy("availability").to_api()},
    )
    with pytest.raises(InvalidInput, match="no stable revision yet"):
        await survey_target(cluster, "prod", "fraud")
    stable = {"revision": "a", "version": "1", "inferenceService": "fraud-a"}
    cluster.put(resources.MODEL_DEPLOYMENTS, deployment(stable=stable))
    target = await survey_target(cluster, "prod", "fraud")
    assert (target.identity.stable, target.has_candidate) == ("fraud-a", False)
    assert timedelta(seconds=15) == target.policy.analysis.window
