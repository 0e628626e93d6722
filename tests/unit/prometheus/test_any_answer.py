"""Whatever a Prometheus answers, an SLO has windows or one error, and no label of a series is told.

The real client, breaker and readers, over a transport that gives what Hypothesis makes up: whole answers with parts
replaced, answers that are cut, and anything at all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import MetricsError
from serin.evidence import Interval
from serin.prometheus.grid import Grid
from serin.prometheus.reading import read
from serin.prometheus.server import answer
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.question import Question
from serin.prometheus.server.redaction import Redactor
from serin.prometheus.sharing.shared import Shared
from tests.fuzz import TREES, changed, fuzzed
from tests.metrics_world import IDENTITY, PODS, T0

LABEL = "kube-secret-4711"
"""A value of a label that nobody may be told."""
WINDOW = timedelta(seconds=15)
LONGEST = 1500
INDICATORS: dict[str, dict[str, Any]] = {
    "Contour availability": {"availability": {}},
    "Contour latency": {"latency": {"threshold": "500ms"}},
    "Pod availability": {"availability": {}},
    "Pod ratio": {"ratio": {"bad": "bad_total", "total": "all_total"}},
    "Pod histogram": {"histogram": {"selector": "seconds", "threshold": "500ms"}},
    "Pod query": {"query": {"sum": "score_sum", "count": "score_count", "maxShift": "0.1"}},
    "Pod gauge": {"gauge": {"query": "drift", "max": "0.2"}},
    "Pod expression": {
        "gauge": {
            "query": "max(drift)",
            "max": "0.2",
            "stability": {"candidateSize": "sum(n)", "referenceSize": "sum(m)"},
        }
    },
}
ARMS = [
    *({"envoy_cluster_name": f"prod_{isvc}-predictor_80"} for isvc in ("fraud-a", "fraud-b")),
    *({"pod": pod, "namespace": "prod"} for pod in PODS.values()),
]
NAMES = [
    *("envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_upstream_rq_time_count"),
    *("bad_total", "all_total", "seconds_bucket", "seconds_count", "seconds", "score_sum", "score_count", "drift"),
    *("request_predict_seconds_count", "revision_app_request_count"),
]
EXTREMES = ["NaN", "+Inf", "-Inf", "1e308", "-1e308", "5e-324", "-1", "0", "1", "9" * 400, "0x10", "", "1_0"]
numbers = st.sampled_from(EXTREMES) | st.floats(0, 1e6).map(repr)


@st.composite
def series(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    metric = {"__name__": draw(st.sampled_from(NAMES)), **draw(st.sampled_from(ARMS)), "tenant": LABEL}
    metric |= {"envoy_response_code_class": draw(st.sampled_from(["2", "5", "", "x"]))}
    if metric["__name__"].endswith("_bucket"):
        metric["le"] = draw(st.sampled_from(["500", "0.5", "+Inf", "5e-1", "NaN", "", "x"]))
    end = T0.timestamp() + WINDOW.total_seconds()
    if kind == "vector":
        return {"metric": metric, "value": [end, draw(numbers)]}
    count, pace = draw(st.integers(0, 8)), draw(st.sampled_from([1.0, 5.0, 15.0, 0.25]))
    first, growth = end - pace * count, draw(st.integers(0, 50))
    values = [[first + pace * n, str(growth * n)] for n in range(count + 1)]
    if draw(st.integers(0, 3)) == 0:
        values[draw(st.integers(0, count))][1] = draw(numbers)
    found: dict[str, Any] = {"metric": metric, "values": values}
    if draw(st.integers(0, 3)) == 0:
        bucket = [0, "0", draw(numbers), draw(numbers)]
        histogram = {"count": draw(numbers), "sum": "1", "buckets": [bucket, [0, "0.5", "1", "3"]]}
        found["histograms"] = [[at, histogram] for at, _ in values]
    return found


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60) | TREES.map(lambda value: json.dumps(value).encode()))
    kind = draw(st.sampled_from(["matrix", "matrix", "matrix", "vector", "scalar"]))
    result: Any = draw(st.lists(series(kind), max_size=6)) if kind != "scalar" else [1.0, draw(numbers)]
    whole: Any = {"status": "success", "data": {"resultType": kind, "result": result}}
    match draw(st.integers(0, 9)):
        case 0:
            words = f'many-to-many matching: duplicate series {{secret="{LABEL}"}}, {{secret="{LABEL}"}}'
            whole = {"status": "error", "errorType": draw(st.sampled_from(["execution", "timeout"])), "error": words}
        case 1:
            whole["warnings"] = [f'PromQL warning: {{secret="{LABEL}"}}']
        case 2 | 3 | 4:
            whole = changed(whole, draw)
        case _:
            pass
    text = json.dumps(whole).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


class Transport:
    """Gives one answer after the other, again from the first where there are no more."""

    def __init__(self, answers: list[tuple[int, bytes]]) -> None:
        self._answers, self._asked = answers, 0

    def ask(
        self, decode: Callable[[Answer], Any], question: Question, seconds: float, on_answer: Callable[[int], None]
    ) -> Any:
        del question, seconds
        status, sent = self._answers[self._asked % len(self._answers)]
        self._asked += 1
        on_answer(len(sent))
        return decode(Answer(status, sent, Redactor()))

    def close(self) -> None:
        """Nothing is open."""


async def asked(slo: str, answers: list[tuple[int, bytes]]) -> list[Interval]:
    arms, indicator = slo.split(maxsplit=1)[0], INDICATORS[slo]
    counts = not {"gauge", "query"} & indicator.keys()
    body = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
    spec = PromotionPolicySpec.model_validate({"arms": arms, "slos": [body], "steps": [{"weight": 5, "for": "1m"}]})
    server = Server(url="http://prometheus:9090")
    prometheus = Prometheus(server, deadline=0.3)  # so short that there is no second try, after a pause
    prometheus._transport.close()
    prometheus._transport = Transport(answers)  # type: ignore[assignment]
    try:
        metrics = Shared(prometheus, server, pause=lambda _: asyncio.sleep(0)).of("prod")
        return await read(metrics, spec, spec.slos[0], IDENTITY, Grid(T0, WINDOW, 2))
    finally:
        prometheus.close()


@fuzzed()
@given(
    st.sampled_from(sorted(INDICATORS)),
    st.lists(st.tuples(st.sampled_from([200, 200, 200, 200, 422, 503]), bodies()), min_size=1, max_size=3),
)
def test_any_answer_is_windows_or_one_error(slo: str, answers: list[tuple[int, bytes]]) -> None:
    told = []
    try:
        found = asyncio.run(asked(slo, answers))
    except MetricsError as error:
        told = [str(error)]
    else:
        assert found
        told = [interval.error for interval in found]
    for words in told:
        assert LABEL not in words
        assert words.isprintable()
        assert len(words) < LONGEST


@fuzzed()
@given(st.sampled_from(sorted(INDICATORS)), st.lists(series("matrix"), max_size=8), st.booleans())
def test_an_answer_that_is_whole_is_read_in_any_order(slo: str, found: list[dict[str, Any]], same: bool) -> None:  # noqa: FBT001
    """Prometheus gives series in no order that means anything."""

    def body(result: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
        envelope = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return [(200, json.dumps(envelope).encode())]

    def outcome(result: list[dict[str, Any]]) -> object:
        try:
            return asyncio.run(asked(slo, body(result)))
        except MetricsError as error:
            return type(error)

    assert outcome(found) == outcome(found if same else found[::-1])


def test_the_answers_are_not_all_refused() -> None:
    """The property would hold for a reader that knows nothing."""
    end = T0.timestamp() + 2 * WINDOW.total_seconds()
    result = [
        {
            "metric": {"__name__": name, "pod": pod, "namespace": "prod"},
            "values": [[end - 90 + n, str(n)] for n in range(91)],
        }
        for name in ("bad_total", "all_total")
        for pod in PODS.values()
    ]
    sent = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
    assert answer.matrix(Answer(200, sent, Redactor()))
    found = asyncio.run(asked("Pod ratio", [(200, sent)]))
    assert [interval.error for interval in found] == ["", ""]
