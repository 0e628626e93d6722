"""Whole passes with a transformer: the route leads to it, and a rollout may bring the first one."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.revision import Source
from serin.cluster import resources
from tests.lab import Lab, spec

CONTAINERS = [{"name": "kserve-container", "image": "features:1"}]


def wants(version: str, **changes: Any) -> tuple[dict[str, Any], str]:
    """The spec of a version with a transformer, and the Service that its requests go to."""
    fields = {"transformer": {"containers": CONTAINERS, "minReplicas": 1}, **changes}
    return fields, f"fraud-{Source.of(spec(version, **fields)).revision}-transformer"


async def test_a_version_brings_the_first_transformer_and_the_next_one_keeps_it() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    fields, service = wants("2")
    lab.want("2", **fields)
    await lab.until(lab.stable("2"))
    assert lab.backends()[service] == 100
    assert lab.status["stable"]["workload"]["service"] == service
    assert lab.record(2)["spec"]["candidate"]["transformer"] == fields["transformer"]
    isvc = lab.obj(resources.INFERENCE_SERVICES, service.removesuffix("-transformer"))
    assert isvc["spec"]["transformer"]["containers"][0]["args"] == ["--model_name=fraud"]
    fields, newer = wants("3")
    lab.want("3", **fields)
    await lab.until(lab.stable("3"))
    assert lab.backends()[newer] == 100


async def test_a_candidate_whose_transformer_is_gone_loses_its_weight() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    fields, service = wants("2")
    lab.want("2", **fields)
    await lab.until(lambda: lab.backends().get(service, 0) == 40)
    lab.cluster.ready_transformers = lambda _: 0
    await lab.until(lambda: lab.backends().get(service, 0) == 0)
    assert max(lab.backends().values()) == 100


async def test_a_status_that_was_lost_finds_the_transformer_again() -> None:
    lab = Lab()
    fields, service = wants("1")
    lab.want("1", **fields)
    await lab.until(lab.stable("1"))
    obj = lab.obj()
    del obj["status"]
    lab.restart()
    await lab.until(lab.stable("1"))
    assert lab.backends() == {service: 100}
    assert lab.status["stable"]["workload"]["service"] == service


@pytest.mark.parametrize(
    ("transformer", "words"),
    [
        ({"containers": [{"args": ["--model_name=x"]}]}, "--model_name says x, and clients ask for fraud"),
        ({"containers": [{"args": ["--predictor_host", "old"]}]}, "--predictor_host is KServe's to set"),
        ({"containers": CONTAINERS, "labels": {"serin.dev/x": "y"}}, "spec.transformer.labels: key serin.dev/x"),
        ({"containers": [{"env": [{"name": "API_KEY", "value": "abc"}]}]}, "spec.transformer.containers[0].env"),
        ({"containers": "x"}, "spec.predictor or spec.transformer is not of KServe's form"),
    ],
)
async def test_what_is_refused_says_where(transformer: dict[str, Any], words: str) -> None:
    lab = Lab()
    lab.want("1", transformer=transformer)
    await lab.tick()
    await lab.tick()
    assert words in lab.condition("Ready")["message"]


async def test_mode_knative_says_what_to_do() -> None:
    lab = Lab()
    fields, _ = wants("1", mode="Knative")
    lab.want("1", **fields)
    await lab.tick()
    await lab.tick()
    message = lab.condition("Ready")["message"]
    assert "spec.transformer: in mode Knative" in message
    assert "mode Standard" in message
