"""The figures of a model before its rollout: what Prometheus has of it, or what was found instead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.preflight import ready
from serin.cli.survey_target import survey_target
from serin.cluster import resources
from serin.errors import AnswerTooLarge, InvalidInput, MetricsUnavailable
from serin.prometheus.figures import Doubt, SloFigures, readiness_of
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers.sums import PART
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import SeriesRequest
from serin.prometheus.survey import SurveyTarget, survey
from serin.schema.choices import Arms, Severity
from tests.clock import START
from tests.fakes import FakeCluster, satisfies

IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a")
TOTAL = "envoy_cluster_upstream_rq_total"
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
        space = re.search(',namespace="([^"]*)"', query)
        kept = [s for s in self.all if s.labels["__name__"] in metrics]
        kept = [s for s in kept if cluster is None or s.labels.get("envoy_cluster_name") == cluster[1]]
        kept = [s for s in kept if space is None or s.labels.get("namespace") == space[1]]
        kept = [s for s in kept if s.times[-1] > START.timestamp() - 300]
        job = re.search('job="([^"]*)"', query)
        kept = [s for s in kept if job is None or s.labels.get("job") == job[1]]
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
        (
            (counter(XX, "x", 5, envoy_cluster_name="risk_hush_80"),),
            "availability",
            f"no envoy_cluster_name is prod_fraud-a-predictor_80; {XX} has 1 values of it, none of namespace prod",
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


TOTAL = "envoy_cluster_upstream_rq_total"


@pytest.mark.parametrize(
    ("series", "kinds", "doubts"),
    [
        pytest.param((), ["availability"], [Doubt.OBSTACLE], id="the gateway is not scraped at all"),
        pytest.param(
            (counter(TOTAL, "other-1", 5), counter(XX, "other-1", 5)),
            ["availability"],
            [Doubt.OBSTACLE],
            id="the gateway knows others, and not stable",
        ),
        pytest.param(
            (counter(TOTAL, "fraud-a", 0), counter(XX, "other-1", 5)),
            ["availability"],
            [Doubt.ABSENT],
            id="the gateway knows stable, which had no request",
        ),
        pytest.param(
            (counter(XX, "other-1", 5),),
            ["availability"],
            [Doubt.ABSENT],
            id="what the gateway knows is not kept, so nobody can tell",
        ),
        pytest.param(
            (*HEALTHY, counter(TOTAL, "fraud-a", 200)),
            ["availability", "latency"],
            [Doubt.NONE, Doubt.OBSTACLE],
            id="stable has requests, and what another SLO counts is not there",
        ),
        pytest.param(LATENCY, ["latency"], [Doubt.OBSTACLE], id="a threshold that is no boundary"),
        pytest.param(
            tuple(Series(s.labels, s.times[-3:], s.values[-3:]) for s in HEALTHY),
            ["availability"],
            [Doubt.UNKNOWN],
            id="too young",
        ),
        pytest.param(
            (*(Series(s.labels, s.times[:-40], s.values[:-40]) for s in HEALTHY), counter(TOTAL, "other-1", 5)),
            ["availability"],
            [Doubt.OBSTACLE],
            id="stable is not scraped any more",
        ),
    ],
)
async def test_what_a_problem_means(series: tuple[Series, ...], kinds: list[str], doubts: list[Doubt]) -> None:
    found = await surveyed(Store(*series), policy(*kinds))
    assert [f.doubt for f in found] == doubts
    assert all(bool(f.problem) is (f.doubt is not Doubt.NONE) for f in found)


def pod_line(name: str, isvc: str, rate: float = 0.0, *, until: float = 0) -> Series:
    line = counter(name, isvc, rate, until=until)
    return Series({"__name__": name, "pod": f"{isvc}-predictor-7f-x1", "namespace": "prod"}, line.times, line.values)


PREDICT = "request_predict_seconds_count"
STABLE_POD = (pod_line("up", "fraud-a"), pod_line(PREDICT, "fraud-a", 50))


@pytest.mark.parametrize(
    ("series", "ready_now", "doubt"),
    [
        pytest.param((pod_line("up", "fraud-a"),), False, Doubt.ABSENT, id="stable is scraped, and had no request"),
        pytest.param((pod_line("up", "other-1"),), False, Doubt.OBSTACLE, id="stable is not scraped"),
        pytest.param((), False, Doubt.ABSENT, id="whoever pushes has no targets"),
        pytest.param(STABLE_POD, False, Doubt.NONE, id="the candidate is not up yet"),
        pytest.param(STABLE_POD, True, Doubt.OBSTACLE, id="the candidate is up, and not scraped yet"),
        pytest.param((*STABLE_POD, pod_line("up", "fraud-b")), True, Doubt.NONE, id="both are scraped"),
        pytest.param(
            (pod_line(PREDICT, "fraud-a", 50),), True, Doubt.NONE, id="whoever pushes says nothing of targets"
        ),
    ],
)
async def test_pods_are_scraped_before_they_have_requests(
    series: tuple[Series, ...],
    ready_now: bool,  # noqa: FBT001 - a column
    doubt: Doubt,
) -> None:
    target = SurveyTarget(policy("availability", arms="Pod"), IDENTITY, has_candidate=False, candidate_ready=ready_now)
    [found] = await survey(Store(*series), target, START)
    assert found.doubt is doubt, found.problem


@pytest.mark.parametrize(
    ("arms", "series", "doubt"),
    [
        pytest.param("Pod", (pod_line("up", "other-1"),), Doubt.UNKNOWN, id="other pods are scraped"),
        pytest.param("Pod", (pod_line(PREDICT, "fraud-a", 50, until=-400),), Doubt.UNKNOWN, id="it had requests"),
        pytest.param("Pod", STABLE_POD, Doubt.NONE, id="it has just woken up"),
        pytest.param("Contour", (counter(TOTAL, "other", 1),), Doubt.OBSTACLE, id="a gateway does not sleep"),
    ],
)
async def test_a_stable_that_sleeps_has_nothing_to_scrape_and_holds_nobody(
    arms: str, series: tuple[Series, ...], doubt: Doubt
) -> None:
    target = SurveyTarget(policy("availability", arms=arms), IDENTITY, has_candidate=False, stable_asleep=True)
    figures = await survey(Store(*series), target, START)
    assert figures[0].doubt is doubt, figures[0].problem
    assert readiness_of(figures, START).ready is (doubt is not Doubt.OBSTACLE)


async def test_a_server_that_is_too_slow_for_half_an_hour_is_asked_for_minutes() -> None:
    class Slow(Store):
        async def series(self, request: SeriesRequest) -> list[Series]:
            if request.end - request.start > timedelta(minutes=20):
                raise MetricsUnavailable("no whole answer within 5.0 s")
            return await super().series(request)

    [found] = await surveyed(Slow(*HEALTHY), policy("availability"))
    assert found.stable is not None
    assert (found.stable.minutes, found.doubt) == (3, Doubt.NONE)


@pytest.mark.parametrize("severity", ["Critical", "Advisory"])
async def test_an_slo_that_gets_no_answer_keeps_nobody_waiting_for_ever(
    severity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Store):
        async def series(self, request: SeriesRequest) -> list[Series]:
            await asyncio.Event().wait()
            return await super().series(request)

    monkeypatch.setattr("serin.prometheus.survey.LONGEST", 0.01)
    spec = policy("availability")
    slos = [spec.slos[0].model_copy(update={"severity": Severity(severity)})]
    [found] = await surveyed(Silent(*HEALTHY), spec.model_copy(update={"slos": slos}))
    assert found.doubt is Doubt.UNAVAILABLE
    assert ready([found]) is (severity == "Advisory")


async def test_traffic_that_has_just_begun_counts_as_it_is_now() -> None:
    quiet = [Series(s.labels, s.times, [max(0.0, v - s.values[-9]) for v in s.values]) for s in HEALTHY]
    [found] = await surveyed(Store(*quiet), policy("availability"))
    assert found.total_rps == pytest.approx(201, rel=0.01)
    assert ready([found])


@pytest.mark.parametrize(
    ("cluster", "there"),
    [
        ("httproute/prod/fraud/rule/0", ": httproute/prod/fraud/rule/0 (Envoy Gateway has one cluster for all"),
        ("httproute/risk/prod/rule/0", ", none of namespace prod (Envoy Gateway has one cluster for all"),
    ],
)
async def test_a_gateway_that_does_not_tell_the_arms_apart_is_told_with_what_to_set(cluster: str, there: str) -> None:
    both = counter(XX, "x", 5, envoy_cluster_name=cluster)
    [found] = await surveyed(Store(both), policy("availability", arms="EnvoyGateway"))
    wanted = "no envoy_cluster_name is service/prod/fraud-a-predictor/80/"
    assert found.problem.startswith(wanted)
    assert f"{XX} has 1 values of it{there} backends of a rule, unless the EnvoyProxy says" in found.problem
    assert not ready([found])


async def test_an_unreadable_policy_and_an_absent_prometheus_are_told() -> None:
    spec = policy("availability", arms="EnvoyGateway")
    shadow = PromotionPolicySpec.model_validate(
        spec.model_dump(mode="json", by_alias=True) | {"shadow": {"for": "5m"}, "shadowSafe": True}
    )
    [found] = await surveyed(Store(), shadow)
    assert "Envoy Gateway counts what is mirrored" in found.problem
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
        pytest.param(
            "Knative", {}, (), False, "request-metrics-protocol: prometheus", id="what Knative's default lacks"
        ),
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


def of_pod(name: str, arm: str, rate: float, **labels: str) -> Series:
    times = [START.timestamp() + t for t in range(-2400, 1, 15)]
    own = {"__name__": name, "pod": f"fraud-{arm}-predictor-1-2", "namespace": "prod", "job": "pods", **labels}
    return Series(own, times, [rate * (t - times[0]) for t in times])


class Pods(Store):
    """Knows no label but those of the series, and which of them start with 5."""

    async def series(self, request: SeriesRequest) -> list[Series]:
        found = await super().series(request)
        of_bad = any(matcher.startswith("status=~") for matcher in request.shape.matchers)
        return [s for s in found if not of_bad or s.labels.get("status", "").startswith("5")]

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        del at, own
        promql_parser.parse(query)
        if "status=~" in query:
            return []
        if "topk" in query:
            return self.all[:3]
        label = query.split("(", 3)[2].split(")", maxsplit=1)[0]
        return [Series({label: s.labels.get(label, "")}, s.times, s.values) for s in self.all]


MISSPELT = {"bad": 'http_requests_total{status=~"5.."}', "total": "http_requests_total"}


@pytest.mark.parametrize(("more", "is_ready"), [({}, False), ({"mayBeAbsent": True}, True)])
async def test_a_misspelt_selector_is_told_and_is_not_ready(more: dict[str, Any], is_ready: bool) -> None:  # noqa: FBT001
    store = Pods(*(of_pod("http_requests_total", "a", 90, code=code) for code in ("200", "500")))
    slos = [{"name": "x", "objective": "99.0", "indicator": {"ratio": MISSPELT | more}}]
    steps = [{"weight": 50, "for": "1m", "timeout": "1h"}]
    spec = PromotionPolicySpec.model_validate({"arms": "Pod", "slos": slos, "steps": steps})
    [found] = await surveyed(store, spec)
    assert ready([found]) is is_ready
    assert is_ready or found.problem == (
        'nothing has matched bad http_requests_total{status=~"5.."} in either arm yet, which may be misspelt '
        "(mayBeAbsent: true says that there may be none); http_requests_total is there, and has no label status, "
        "its labels are code, job, namespace, pod"
    )


@pytest.mark.parametrize(
    ("ladder", "problem"),
    [
        (["250ms"], ""),
        (["250ms", "2s"], "ladder: le=2000 is no bucket boundary; there are 250, 1000; without it the threshold alone"),
    ],
)
async def test_the_boundaries_of_a_ladder_are_found(ladder: list[str], problem: str) -> None:
    slos = [{"name": "l", "objective": "99.0", "indicator": {"latency": {"threshold": "1s", "ladder": ladder}}}]
    spec = PromotionPolicySpec.model_validate({"slos": slos, "steps": [{"weight": 50, "for": "1m", "timeout": "1h"}]})
    [found] = await surveyed(Store(*LATENCY), spec)
    assert found.boundaries == ["250", "1000"]
    assert found.problem.startswith(problem) if problem else not found.problem


def test_gateways_say_that_errors_of_grpc_are_not_seen() -> None:
    """An error of gRPC is an HTTP 200 with a trailer: Envoy's classes of answers do not show it."""
    for arms in Arms:
        known = preset(arms)
        if known.of_gateway:
            unseen = "errors of gRPC, which are HTTP 200, are not seen"
            wanted = unseen if known.grpc is None else "with route.protocol GRPC calls by their grpc-status"
            assert wanted in known.meaning


async def test_values_of_labels_are_words_of_whoever_exposes_them() -> None:
    values = ("\x1b[2Jtoken=hush", "x" * 5000)
    theirs = [counter(XX, "x", 5, envoy_cluster_name=f"prod_{value}") for value in values]
    [found] = await surveyed(Store(*theirs), policy("availability"))
    assert "2 values of it: prod_" in found.problem
    assert found.problem.isprintable()
    assert "hush" not in found.problem
    assert len(found.problem) < 600
