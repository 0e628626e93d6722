"""What each preset of arms counts."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serin.api.names import PREDICTOR_SUFFIX
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import Term, preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.schema.choices import Arms
from tests.clock import START


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_fills_in_the_threshold(arms: Arms) -> None:
    found = preset(arms)
    half_a_second = timedelta(milliseconds=500)
    boundaries = [(t, t.labels["le"]) for t in found.at_threshold(half_a_second) if "le" in t.labels]
    assert boundaries
    assert all(float(le) * (term.unit or found.latency_unit) == half_a_second for term, le in boundaries)
    assert all(term.required for term, _ in boundaries)
    for terms in (found.availability, found.latency):
        totals = [term.metric for term in terms if term.total]
        assert totals
        assert len(totals) == len(set(totals)), "each request is counted once"


@pytest.mark.parametrize(
    ("arms", "standard", "knative"),
    [
        (Arms.CONTOUR, "prod_fraud-5c0d9e1a-predictor_80", "prod_fraud-predictor-00002_80"),
        (Arms.ISTIO, "fraud-5c0d9e1a-predictor", "fraud-predictor-00002-deployment"),
        (
            Arms.ENVOY_GATEWAY,
            "service/prod/fraud-5c0d9e1a-predictor/80/http",
            "service/prod/fraud-predictor-00002/80/http2",
        ),
        (Arms.KOURIER, "prod/fraud-5c0d9e1a-predictor", "prod/fraud-predictor-00002"),
        (Arms.POD, "fraud-5c0d9e1a-predictor-7d9f-x2z4q", "fraud-predictor-00002-deployment-7d9f-x2z4q"),
        (Arms.KNATIVE, "fraud-5c0d9e1a", "fraud-predictor-00002"),
    ],
)
def test_every_preset_knows_an_arm_in_each_mode(arms: Arms, standard: str, knative: str) -> None:
    names = ("fraud-5c0d9e1a", "fraud-1b2c3d4e"), ("fraud-predictor-00002", "fraud-predictor-00001")
    for (candidate, stable), suffix, value in ((names[0], PREDICTOR_SUFFIX, standard), (names[1], "", knative)):
        identity = RolloutIdentity("prod", candidate, stable, service_suffix=suffix)
        patterns = ArmQuery(preset(arms), identity, Grid(START, timedelta(seconds=1), 1)).patterns
        assert re.fullmatch(patterns.candidate, value)
        assert not re.fullmatch(patterns.stable, value)


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_says_how_4xx_are_told_or_why_they_are_not(arms: Arms) -> None:
    found = preset(arms)
    assert found.tells_client_errors is not bool(found.client_errors_missing)
    if found.tells_client_errors:
        assert "4xx are client errors" in found.meaning
        asked = {term.metric for term in found.client_errors}
        assert asked == {term.metric for term in found.availability}, "they need no query of their own"
        assert {term.metric for term in found.client_errors if term.total} == asked


@pytest.mark.parametrize("arms", list(Arms))
def test_every_preset_says_what_it_means(arms: Arms) -> None:
    found = preset(arms)
    assert found.meaning
    assert found.counts_by_arms


def test_what_a_real_queue_proxy_of_the_names_before_opentelemetry_exports() -> None:
    exported = Path(__file__).with_name("queue_proxy_0_45.prom").read_text("utf-8")
    samples = [s for family in text_string_to_metric_families(exported) for s in family.samples]
    known = preset(Arms.KNATIVE)
    assert {s.labels[known.arm_label] for s in samples} == {"fraud-predictor-00002"}

    def counted(terms: tuple[Term, ...]) -> tuple[float, float]:
        found = [(t, s.value) for t in terms for s in samples if t.matches({**s.labels, "__name__": s.name})]
        return sum(t.bad * value for t, value in found), sum(t.total * value for t, value in found)

    assert counted(known.availability) == (48, 200)
    assert counted(known.client_errors) == (0, 200)
    assert counted(known.at_threshold(timedelta(milliseconds=500))) == (0, 200)
    assert counted(known.at_threshold(timedelta(milliseconds=5))) == (3, 200)
